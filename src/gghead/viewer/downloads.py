"""What a visitor takes away: files as bytes, and the command line that shows the same view again."""

import shlex
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import torch

from gghead.exports.files import encode
from gghead.inference.paths import loop
from gghead.inversion.person import Person
from gghead.inversion.person_file import save_person
from gghead.media.images import encode_png, to_unit
from gghead.media.video import encode_video
from gghead.viewer.drawing.heads import Head
from gghead.viewer.heads_service import HeadsService
from gghead.viewer.library import BUNDLED
from gghead.viewer.state import Renderer, View, format_view
from gghead.viewer.viewpoints import Motion, advance

PERSON_FILE = "person.safetensors"
FRAMES = 96
"""Frames of an orbit, and of a morph from one seed to the next: four seconds."""


@dataclass(frozen=True)
class Download:
    """A file to take away; its name has no folder in it."""

    name: str
    content: bytes


def head_file(head: Head, view: View, suffix: str) -> Download:
    """The head as `gghead export` writes it, whatever the look, in the format of the suffix.

    Raises:
        ValueError: a textured mesh of a head that no model made.
    """
    name = f"{_stem(view)}{suffix}"
    return Download(name, encode(name, head.gaussians, head.generator))


def picture(service: HeadsService, path: Path, view: View) -> Download:
    """A square PNG of the view by the exact rasterizer."""
    return Download(f"{_stem(view)}_{view.look.show}.png", encode_png(service.portrait(path, view, view.look.side)))


def orbit_video(service: HeadsService, path: Path, view: View, step: Callable[[int, int], None]) -> Download:
    """An MP4 in which the camera goes once round the paper's circle.

    `step` is told the number of frames done and their total; an exception from it ends the work.
    """
    places = [advance(view.viewpoint, Motion.CIRCLE, 0, frame / FRAMES) for frame in range(FRAMES)]
    views = [replace(view, viewpoint=place) for place in places]
    return Download(f"{_stem(view)}_orbit.mp4", _video(service, path, views, view.look.side, step))


def morph_video(service: HeadsService, path: Path, view: View, step: Callable[[int, int], None]) -> Download:
    """An MP4 that goes round the seeds of the pad and back to the first, seen from where the visitor stands.

    Raises:
        ValueError: the pad is empty.
    """
    seeds = view.head.corners
    if not seeds:
        raise ValueError("the pad has no heads to morph between; give it two or four seeds first")
    # Round the pad, not across it: top left, top right, bottom right, bottom left.
    pads = ((0.0, 0.0), (1.0, 0.0)) if len(seeds) == 2 else ((0.0, 0.0), (1.0, 0.0), (1.0, 1.0), (0.0, 1.0))
    places = loop(torch.tensor(pads).reshape(len(pads), 1, 2), FRAMES * len(pads)).clamp(0, 1)
    views = [replace(view, head=replace(view.head, pad=(x, y))) for x, y in places[:, 0].tolist()]
    return Download(f"{_stem(view)}_morph.mp4", _video(service, path, views, view.look.side, step))


def person_file(person: Person) -> Download:
    """The person of a photograph as `gghead invert` writes one."""
    with tempfile.TemporaryDirectory(prefix="gghead-") as folder:
        file = Path(folder) / PERSON_FILE
        save_person(file, person)
        return Download(PERSON_FILE, file.read_bytes())


def command_line(path: Path, view: View, renderer_by_default: Renderer) -> str:
    """What to type to see the same again."""
    words = ["gghead", "view"] + ([] if path == BUNDLED else [shlex.quote(str(path))])
    if view.renderer != renderer_by_default:
        words += ["--renderer", view.renderer]
    text = format_view(view)
    return " ".join(words + (["--view", shlex.quote(text)] if text else []))


def _stem(view: View) -> str:
    return "morph" if view.head.corners else f"seed{view.head.seed:04d}"


def _video(service: HeadsService, path: Path, views: list[View], side: int, step: Callable[[int, int], None]) -> bytes:
    def frames() -> Iterator[torch.Tensor]:
        for done, view in enumerate(views, start=1):
            yield to_unit(service.portrait(path, view, side))
            step(done, len(views))

    with tempfile.TemporaryDirectory(prefix="gghead-") as folder:
        file = Path(folder) / "video.mp4"
        encode_video(file, frames())
        return file.read_bytes()

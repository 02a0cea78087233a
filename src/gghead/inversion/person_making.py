"""A person file that is being made: beside it a preview, and a hidden folder from which an interrupted fit goes on."""

import hashlib
import json
import os
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import torch

from gghead.checkpoint.atomic import named_errors
from gghead.checkpoint.unfinished import UnfinishedFolder, unfinished_path
from gghead.inference.outputs import save_picture
from gghead.inversion.encoder.encoder import Encoder
from gghead.inversion.inversion import Progress, begin, person_of, run
from gghead.inversion.person import generator_hash
from gghead.inversion.person_file import save_person
from gghead.inversion.preview import preview
from gghead.inversion.qualities import Quality, stages_of
from gghead.inversion.targets import Picture
from gghead.model.generator import Generator
from gghead.photos.photo import Photo
from gghead.processes.interruption import catch_interruption

STATE_NAME = "state.safetensors"
PREVIEW_SECONDS = 10.0
"""Time between two previews."""


@dataclass(frozen=True)
class Order:
    """What a person file is made of.

    Attributes:
        pictures: of the person.
        names: what they are called.
        quality: how long it takes.
        seed: as of `invert`.
        model: name of the generator's file.
        encoder: that says where it begins; None for the mean head.
    """

    pictures: Sequence[Photo | Picture]
    names: Sequence[str]
    quality: Quality
    seed: int
    model: str
    encoder: Encoder | None = None


def preview_path(out: Path) -> Path:
    """Where the preview of a person file lies: person.safetensors -> person_preview.png."""
    return out.with_name(f"{out.stem}_preview.png")


def make_person(
    out: Path,
    order: Order,
    generator: Generator,
    on_progress: Callable[[Progress], None] = lambda progress: None,
    overwrite: bool = False,
) -> None:
    """Writes a person file and its preview; the same call goes on after an interruption, to the same file.

    Args:
        out: file to write, ending in .safetensors.
        order: what it is made of.
        generator: whose head it is.
        on_progress: is told after every step.
        overwrite: whether existing files, and what is half made of other pictures, are replaced.

    Raises:
        Interrupted: a signal asked to stop; what is done is kept.
        FileExistsError: a file exists, or a half-made one of other pictures, and shall not be overwritten.
        BlockingIOError: another process makes the same file.
        ValueError: another ending, or what `invert` refuses.
        OSError: the disk is full or not writable; what is done is kept.
    """
    stages_of(order.quality)
    if out.suffix != ".safetensors":
        raise ValueError(f"the person file is to be {out}; expected a name ending in .safetensors")
    _refuse_existing(out, overwrite)
    fitting = begin(order.pictures, generator, order.quality, order.seed, order.encoder)
    folder = UnfinishedFolder(out, _settings(order, generator), overwrite)
    shown = 0.0

    def tell(progress: Progress) -> None:
        nonlocal shown
        on_progress(progress)
        if time.monotonic() - shown > PREVIEW_SECONDS or progress.done == progress.total:
            save_picture(preview_path(out), preview(fitting))
            shown = time.monotonic()

    try:
        with catch_interruption() as interruption:
            run(fitting, order.quality, tell, folder.path / STATE_NAME, lambda: interruption.requested)
        if not stages_of(order.quality):
            save_picture(preview_path(out), preview(fitting))
        save_person(folder.path / out.name, person_of(fitting, order.names, order.model))
        folder.publish([out])
        folder.remove()
    finally:
        folder.release()


def _refuse_existing(out: Path, overwrite: bool) -> None:
    """Fails where a file would be replaced, before minutes of work; a preview may be of what goes on."""
    unfinished = unfinished_path(out)
    with named_errors(unfinished):
        paths = [out] if unfinished.exists() else [out, preview_path(out)]
    for path in paths:
        if os.path.lexists(path) and not overwrite:
            raise FileExistsError(
                f"{path} exists already; name another file, or overwrite it (--force, overwrite=True)"
            )


def _settings(order: Order, generator: Generator) -> str:
    """What a half-made file must have in common with an order to be finished by it."""
    digest = hashlib.sha256()
    for picture in order.pictures:
        label = picture.camera.labels().double().cpu().numpy()
        for part in (picture.image, picture.alpha, label):
            digest.update(str(part.shape).encode() + part.tobytes())
    settings = {
        "version": version("gghead"),
        "pictures": digest.hexdigest(),
        "model": generator_hash(generator),
        "quality": order.quality,
        "seed": order.seed,
        "encoder": None if order.encoder is None else order.encoder.content_hash(),
        "device": torch.device(generator.device).type,
    }
    return json.dumps(settings)

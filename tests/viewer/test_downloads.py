"""What is taken away is what was seen."""

import io
import shlex
from dataclasses import replace
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image

from exports.read_page import read_page
from gghead.exports.files import export
from gghead.viewer import downloads
from gghead.viewer.heads_service import HeadsService
from gghead.viewer.library import BUNDLED
from gghead.viewer.state import HeadChoice, Look, Renderer, Show, View, Viewpoint, parse_view

VIEW = View(HeadChoice(seed=6), Look(show=Show.NORMALS, side=32))


def ignore(done: int, total: int) -> None:
    assert done <= total


def test_a_picture(service: HeadsService, model_file: Path) -> None:
    kept = downloads.picture(service, model_file, VIEW)
    assert kept.name == "seed0006_normals.png"
    with Image.open(io.BytesIO(kept.content)) as picture:
        assert np.array_equal(np.asarray(picture), service.portrait(model_file, VIEW, 32))


def test_a_ply_and_a_page_hold_the_head(service: HeadsService, model_file: Path, tmp_path: Path) -> None:
    head = service.head(model_file, VIEW.head, VIEW.viewpoint)
    kept = downloads.head_file(head, VIEW, ".ply")
    assert kept.name == "seed0006.ply"
    export(tmp_path / "seed0006.ply", head.gaussians)
    assert kept.content == (tmp_path / "seed0006.ply").read_bytes()
    again = service.head(tmp_path / "seed0006.ply", VIEW.head, VIEW.viewpoint)
    np.testing.assert_allclose(again.gaussians.means, head.gaussians.means, atol=1e-6)
    page = downloads.head_file(head, VIEW, ".html")
    assert page.name == "seed0006.html"
    assert read_page(page.content.decode()).num_gaussians > 100


@pytest.mark.usefixtures("small_textures")
@pytest.mark.parametrize("suffix", [pytest.param(".glb", marks=pytest.mark.slow), ".ply", ".spz", ".splat", ".html"])
def test_every_head_file_is_what_export_writes(
    suffix: str, service: HeadsService, model_file: Path, tmp_path: Path
) -> None:
    head = service.head(model_file, VIEW.head, VIEW.viewpoint)
    kept = downloads.head_file(head, VIEW, suffix)
    export(tmp_path / kept.name, head.gaussians, head.generator)
    assert kept.content == (tmp_path / kept.name).read_bytes()
    assert kept.name == f"seed0006{suffix}"


def test_a_mesh_of_a_head_that_no_model_made_is_refused_in_words(service: HeadsService, model_file: Path) -> None:
    head = replace(service.head(model_file, VIEW.head, VIEW.viewpoint), generator=None)
    with pytest.raises(ValueError, match="needs the generator"):
        downloads.head_file(head, VIEW, ".glb")


def test_videos_play(service: HeadsService, model_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(downloads, "FRAMES", 6)
    pad = replace(VIEW, head=HeadChoice(corners=(1, 2)))
    for kept, frames in (
        (downloads.orbit_video(service, model_file, VIEW, ignore), 6),
        (downloads.morph_video(service, model_file, pad, ignore), 12),
    ):
        assert kept.name.endswith(".mp4")
        with av.open(io.BytesIO(kept.content)) as video:
            assert len(list(video.decode(video=0))) == frames


def test_a_morph_needs_a_pad(service: HeadsService, model_file: Path) -> None:
    with pytest.raises(ValueError, match="two or four seeds"):
        downloads.morph_video(service, model_file, VIEW, ignore)


def test_whoever_leaves_stops_their_video(service: HeadsService, model_file: Path) -> None:
    def leave(done: int, total: int) -> None:
        raise InterruptedError

    with pytest.raises(InterruptedError):
        downloads.orbit_video(service, model_file, VIEW, leave)


def test_the_command_line_shows_the_same_view() -> None:
    view = replace(VIEW, viewpoint=Viewpoint(eye=(1.0, 0.0, 2.5)), renderer=Renderer.SPLATS)
    words = shlex.split(downloads.command_line(Path("my runs/8.safetensors"), view, Renderer.EXACT))
    assert words[:5] == ["gghead", "view", "my runs/8.safetensors", "--renderer", "splats"]
    assert words[5] == "--view"
    assert parse_view(words[6], Renderer.SPLATS) == view
    assert downloads.command_line(BUNDLED, View(), Renderer.EXACT) == "gghead view"

"""Pictures of an untrained model: pieces = whole, a PLY = the model, videos that play."""

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import av
import pytest
import torch
from PIL import Image

from gghead.exports.files import export
from gghead.gaussians.formats.ply import load_ply
from gghead.gaussians.shading import freeze_colors
from gghead.geometry.cameras import Cameras
from gghead.inference.loading import load
from gghead.inference.outputs import arrange, save_picture, save_video, show
from gghead.inference.pictures import morph, portraits, turntable
from gghead.media.video import encode_video
from gghead.model.generator import Generator, build_generator
from gghead.rasterizer import render
from tiny_run import MODEL
from tolerances import CUT_OUT, PLY_PICTURE, VIDEO_COLOR

BT709, MPEG_RANGE = 1, 1
"""Codes of H.264."""


@pytest.fixture(scope="module")
def generator() -> Generator:
    generator = build_generator(MODEL.generator, seed=0)
    with torch.no_grad():
        generator.position_weight += 0.3 * torch.eye(3)
    return generator


def test_portraits_in_pieces_are_portraits_at_once(generator: Generator) -> None:
    styles = generator.styles(seeds=range(11))
    cameras = Cameras.orbit(frames=2, resolution=24)
    pieces = torch.stack(list(portraits(generator, styles, cameras)))
    whole = render(generator.decode(styles), cameras).rgb.detach().clamp(0, 1)
    torch.testing.assert_close(pieces, whole, rtol=0, atol=1e-5)


def test_up_to_the_models_own_size_pictures_are_drawn_as_it_learned(generator: Generator) -> None:
    config = replace(MODEL.generator, picture_resolution=24, supersampling=2)
    twice = build_generator(config, seed=0)
    twice.load_state_dict(generator.state_dict())
    styles, cameras = twice.styles(seeds=[0, 1]), Cameras.orbit(frames=2, resolution=24)
    heads = twice.decode(styles)
    larger = render(heads, Cameras.orbit(frames=2, resolution=48)).rgb.detach()
    expected = larger.unflatten(3, (24, 2)).unflatten(2, (24, 2)).mean(dim=(3, 5)).clamp(0, 1)
    torch.testing.assert_close(torch.stack(list(portraits(twice, styles, cameras))), expected, rtol=0, atol=1e-5)
    frames = torch.stack(list(turntable(twice, styles, cameras, frozen_colors=False)))
    torch.testing.assert_close(frames, expected.transpose(0, 1), rtol=0, atol=1e-5)
    paired = torch.stack(list(morph(twice, styles, cameras)))
    torch.testing.assert_close(paired, expected[[0, 1], [0, 1]], rtol=0, atol=1e-5)


def test_a_turntable_freezes_colours_to_the_front(generator: Generator) -> None:
    styles = generator.styles(seeds=[0, 1])
    cameras = Cameras.orbit(frames=3, resolution=24)
    frames = torch.stack(list(turntable(generator, styles, cameras)))
    assert frames.shape == (3, 2, 24, 24, 3)
    frozen = freeze_colors(generator.decode(styles), Cameras.frontal(24))
    torch.testing.assert_close(frames[1], render(frozen, cameras[1]).rgb.detach().clamp(0, 1), rtol=0, atol=1e-5)


def test_a_morph_pairs_heads_and_cameras(generator: Generator) -> None:
    styles = generator.styles(seeds=range(10))
    cameras = Cameras.orbit(frames=10, resolution=16)
    frames = torch.stack(list(morph(generator, styles, cameras)))
    expected = render(generator.decode(styles[9]), cameras[9]).rgb.detach().clamp(0, 1)
    torch.testing.assert_close(frames[9], expected, rtol=0, atol=1e-5)


def test_a_ply_draws_the_same_picture_as_the_model(generator: Generator, tmp_path: Path) -> None:
    head = generator.sample(seeds=[7])[0]
    export(tmp_path / "head.ply", head)
    cameras = Cameras.orbit(frames=2, resolution=64)
    with torch.no_grad():
        drawn = render(head, cameras).rgb
        again = render(load_ply(tmp_path / "head.ply"), cameras).rgb
    assert float((drawn - 1).abs().max()) > 0.1, "there is something to see"
    torch.testing.assert_close(again, drawn, **PLY_PICTURE._asdict())


def test_a_video_plays_and_shows_the_frames(tmp_path: Path) -> None:
    levels = torch.linspace(0.1, 0.9, 12)
    frames = levels[:, None, None, None].expand(12, 33, 48, 3)
    save_video(tmp_path / "ramp.mp4", frames, fps=24)
    content = (tmp_path / "ramp.mp4").read_bytes()
    assert content.index(b"moov") < content.index(b"mdat"), "the index is at the front, so that browsers can start"
    with av.open(str(tmp_path / "ramp.mp4")) as container:
        stream = container.streams.video[0]
        assert (stream.codec_context.name, stream.pix_fmt) == ("h264", "yuv420p")
        assert (stream.width, stream.height, stream.average_rate) == (48, 34, 24), "an odd side is one pixel longer"
        pictures = [frame.to_ndarray(format="rgb24") for frame in container.decode(stream)]
    means = torch.tensor([float(picture.mean()) / 255 for picture in pictures])
    torch.testing.assert_close(means, levels, rtol=0, atol=0.02)


def test_a_video_without_frames_is_refused_and_leaves_no_file(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="at least one frame"):
        save_video(tmp_path / "empty.mp4", [])
    with pytest.raises(ValueError, match=r"expected a name ending in \.mp4, \.webp, \.gif"):
        save_video(tmp_path / "empty.avi", torch.ones(1, 8, 8, 3))
    assert list(tmp_path.iterdir()) == []


def test_a_video_shows_its_colours_as_players_of_hd_read_them(tmp_path: Path) -> None:
    red = torch.tensor([0.8, 0.1, 0.2])
    save_video(tmp_path / "red.mp4", red.expand(2, 720, 16, 3))
    with av.open(str(tmp_path / "red.mp4")) as container:
        context = container.streams.video[0].codec_context
        tags = (context.colorspace, context.color_primaries, context.color_trc, context.color_range)
        frame = next(container.decode(video=0))
    assert tags == (BT709, BT709, BT709, MPEG_RANGE)
    luma = frame.to_ndarray(format="yuv420p")[:720].mean() / 255
    expected = (16 + 219 * red @ torch.tensor([0.2126, 0.7152, 0.0722])) / 255
    torch.testing.assert_close(torch.tensor(luma), expected.double(), **VIDEO_COLOR._asdict())


def test_a_video_of_a_size_that_no_encoder_takes_is_refused_in_words(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="frame 1 is 10 x 8 pixels, those before 8 x 8"):
        save_video(tmp_path / "small.mp4", [torch.ones(8, 8, 3), torch.ones(8, 10, 3)])
    with pytest.raises(OSError, match="a video of 16386 x 2 pixels can't be encoded"):
        save_video(tmp_path / "wide.mp4", torch.ones(1, 2, 16386, 3))
    assert list(tmp_path.iterdir()) == []


def test_a_video_may_be_named_like_an_address(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert encode_video(Path("12:30.mp4"), torch.ones(2, 8, 8, 3)) == 2
    assert (tmp_path / "12:30.mp4").stat().st_size > 0


def test_a_video_that_can_not_be_written_fails_before_the_first_frame(tmp_path: Path) -> None:
    def frames() -> Iterator[torch.Tensor]:
        raise AssertionError("a frame was drawn")
        yield

    with pytest.raises(FileNotFoundError, match=r"missing/orbit\.mp4"):
        encode_video(tmp_path / "missing" / "orbit.mp4", frames())


@pytest.mark.usefixtures("unchecked_shapes")
def test_frames_of_several_heads_are_refused_in_words(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"a frame is \[2, 8, 8, 3\].*index one: \.rgb\[0\]"):
        save_video(tmp_path / "heads.mp4", torch.ones(1, 2, 8, 8, 3))


def test_a_video_has_any_rate_above_zero(tmp_path: Path) -> None:
    save_video(tmp_path / "ntsc.mp4", torch.ones(3, 8, 8, 3), fps=29.97)
    with av.open(str(tmp_path / "ntsc.mp4")) as container:
        assert float(container.streams.video[0].average_rate) == 29.97
    for fps in (0, -1, float("nan"), float("inf")):
        with pytest.raises(ValueError, match=f"fps is {fps}; expected a number"):
            save_video(tmp_path / "none.mp4", torch.ones(1, 8, 8, 3), fps=fps)


def test_pictures_are_arranged_in_rows(tmp_path: Path) -> None:
    pictures = torch.arange(6.0).reshape(2, 3, 1, 1, 1).expand(2, 3, 4, 5, 3) / 5
    sheet = arrange(pictures)
    assert sheet.shape == (8, 15, 3)
    assert float(sheet[7, 14, 0]) == 1
    assert show(pictures[0]).size == (10, 8), "three pictures in a square grid"
    save_picture(tmp_path / "sheet.png", sheet)
    with Image.open(tmp_path / "sheet.png") as picture:
        assert picture.getpixel((14, 0)) == (102, 102, 102)


def test_pictures_without_background_are_the_same_on_any(generator: Generator) -> None:
    styles, cameras = generator.styles(seeds=[0]), Cameras.orbit(frames=2, resolution=24)
    cut = torch.stack(list(portraits(generator, styles, cameras, background=None)))
    rgb, alpha = cut.split((3, 1), dim=-1)
    for color in ((1.0, 1.0, 1.0), (0.1, 0.7, 0.2)):
        expected = torch.stack(list(portraits(generator, styles, cameras, background=color)))
        torch.testing.assert_close(rgb * alpha + (1 - alpha) * torch.tensor(color), expected, **CUT_OUT._asdict())


@pytest.mark.usefixtures("unchecked_shapes")
@pytest.mark.parametrize(
    ("path", "told"),
    [
        ("missing", "there is no model at missing; expected a .safetensors file, a run's folder or name, or a"),
        ("head.ply", "head.ply is a file of Gaussians, no model that makes them; gghead.load_ply reads it"),
        ("HEAD.SPZ", "gghead.load_spz"),
        ("faces.zip", "faces.zip is an archive, no model"),
        (3, "the model is a int; expected a path"),
    ],
)
def test_what_is_no_model_is_told_what_it_is(
    path: object, told: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "faces.zip").touch()
    with pytest.raises((ValueError, FileNotFoundError), match=re.escape(told)):
        load(path)
    (tmp_path / "checkpoint").mkdir()
    (tmp_path / "checkpoint" / "manifest.json").touch()
    with pytest.raises(FileNotFoundError, match="is a checkpoint that lacks generator_ema"):
        load(tmp_path / "checkpoint")


@pytest.mark.parametrize("device", ["cuda:99", "gpu"])
def test_a_device_that_is_not_there_is_named(device: str) -> None:
    with pytest.raises(ValueError, match=f"there is no device '{device}' here .*expected cpu, cuda or cuda:1"):
        load(device=device)

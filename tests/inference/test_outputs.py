"""Pictures as people hand them in and take them away: every range and shape is understood or refused."""

import io
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image, ImageSequence

from gghead.inference.outputs import arrange, save_picture, save_video, show
from gghead.rasterizer import Rendering


def rendering(*batch: int) -> Rendering:
    shape = (*batch, 6, 8)
    return Rendering(torch.full((*shape, 3), 0.5), torch.ones(*shape, 1), torch.ones(*shape, 1), None)


def test_what_can_be_shown() -> None:
    assert show(rendering(2, 3)).size == (24, 12)
    assert show(rendering()).size == (8, 6)
    assert show(torch.full((6, 8, 1), 0.5)).getpixel((0, 0)) == (128, 128, 128)
    assert show(np.full((6, 8, 3), 200, np.uint8)).getpixel((0, 0)) == (200, 200, 200)
    assert show(torch.full((2, 6, 8, 3), 1.3)).getpixel((0, 0)) == (255, 255, 255), "Gaussians may be brighter than 1"
    cut = show(torch.zeros(3, 6, 8, 4))
    assert (cut.mode, cut.getpixel((15, 11))) == ("RGBA", (0, 0, 0, 0)), "an empty place is transparent, too"


@pytest.mark.usefixtures("unchecked_shapes")
@pytest.mark.parametrize(
    ("pictures", "told"),
    [
        (None, "pictures are a NoneType; expected a rendering"),
        (torch.zeros(4, 1, 3, 8, 8), r"their channels come first: pictures\.movedim"),
        (torch.zeros(8, 8), r"pictures are \[8, 8\]; expected \[\*batch, H, W, 3\]"),
        (torch.zeros(0, 8, 8, 3), "there are none"),
        (torch.full((8, 8, 3), 255.0), r"values from 255 to 255; expected \[0, 1\]: pictures / 255"),
        (torch.full((8, 8, 3), -1.0), r"values from -1 to -1; expected \[0, 1\]: \(pictures \+ 1\) / 2"),
        (torch.full((8, 8, 3), torch.nan), "values from nan to nan"),
        (torch.zeros(8, 8, 3, dtype=torch.int64), "expected floating point"),
        (np.zeros((8, 8, 3), object), "an array of object; expected floating point"),
        (torch.zeros(8, 8, 3).to_sparse(), "expected dense numbers"),
        (torch.zeros(8, 8, 3, device="meta"), "expected dense numbers"),
    ],
)
def test_what_can_not_be_shown(pictures: object, told: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=told):
        show(pictures)
    with pytest.raises(ValueError, match=told):
        save_video(tmp_path / "x.mp4", [pictures])
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".JPEG", ".webp"])
def test_a_picture_is_of_the_kind_that_its_name_says(suffix: str, tmp_path: Path) -> None:
    color = torch.tensor([1.0, 0.5, 0.0])
    save_picture(tmp_path / f"a{suffix}", color.expand(16, 24, 3))
    with Image.open(tmp_path / f"a{suffix}") as picture:
        assert picture.format == {".png": "PNG", ".webp": "WEBP"}.get(suffix, "JPEG")
        assert np.abs(np.asarray(picture)[8, 12] - np.array([255.0, 128.0, 0.0])).max() <= 4


def test_opacity_is_kept_or_refused(tmp_path: Path) -> None:
    cut = torch.rand(9, 7, 4, generator=torch.Generator().manual_seed(0))
    for name in ("a.png", "a.webp"):
        save_picture(tmp_path / name, cut)
        with Image.open(tmp_path / name) as picture:
            assert np.abs(np.asarray(picture)[..., 3] / 255 - cut[..., 3].numpy()).max() < 0.01
    with pytest.raises(ValueError, match="a JPEG has no transparency"):
        save_picture(tmp_path / "a.jpg", cut)
    with pytest.raises(ValueError, match=r"'\.bmp' is no picture's ending"):
        save_picture(tmp_path / "a.bmp", cut)
    for name in ("a.mp4", "a.gif"):
        with pytest.raises(ValueError, match="such videos no transparency"):
            save_video(tmp_path / name, cut[None])


@pytest.mark.parametrize("suffix", [".gif", ".webp"])
@pytest.mark.parametrize("fps", [24, 7])
def test_an_animation_repeats_and_takes_its_time(suffix: str, fps: float, tmp_path: Path) -> None:
    levels = torch.linspace(0, 1, 12)
    save_video(tmp_path / f"a{suffix}", levels[:, None, None, None].expand(12, 7, 9, 3), fps)
    with Image.open(tmp_path / f"a{suffix}") as picture:
        assert (picture.n_frames, picture.size, picture.info["loop"]) == (12, (9, 7), 0)
        shown, durations = [], []
        for frame in ImageSequence.Iterator(picture):
            frame.load()
            durations.append(frame.info["duration"])
            shown.append(np.asarray(frame.convert("RGB")).mean() / 255)
    assert abs(sum(durations) - 12000 / fps) <= 10
    assert np.abs(np.array(shown) - levels.numpy()).max() < 0.02


def test_animations_that_can_not_be(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"fps is 60; expected a number from 0\.1 to 50"):
        save_video(tmp_path / "a.gif", torch.ones(2, 8, 8, 3), fps=60)
    with pytest.raises(ValueError, match="at least one frame"):
        save_video(tmp_path / "a.webp", [])
    with pytest.raises(ValueError, match="frames of one size"):
        save_video(tmp_path / "a.webp", [torch.ones(8, 8, 3), torch.ones(8, 9, 3)])
    with pytest.raises(ValueError, match="this is one picture"):
        save_video(tmp_path / "a.webp", torch.ones(8, 8, 3))
    assert not list(tmp_path.iterdir())


def test_only_mp4_needs_av(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "av", None)
    save_video(tmp_path / "a.webp", torch.ones(2, 8, 8, 3))
    with pytest.raises(ValueError, match=r"need the package av .*pip install av"):
        save_video(tmp_path / "a.mp4", torch.ones(2, 8, 8, 3))


def test_a_video_of_odd_size_says_so_and_loses_nothing(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    save_video(tmp_path / "a.mp4", torch.ones(3, 1, 5, 3))
    assert "Frames of 5 x 1 pixels become a video of 6 x 2" in caplog.text


def test_places_that_stay_empty_get_their_colour() -> None:
    sheet = arrange(torch.zeros(3, 2, 2, 3), columns=2, empty=(0.2, 0.4, 0.6))
    torch.testing.assert_close(sheet[3, 3], torch.tensor([0.2, 0.4, 0.6]))


def test_a_notebook_shows_a_strip_of_small_pictures() -> None:
    assert repr(rendering(2, 3)) == "Rendering(batch [2, 3], 8 x 6 pixels, on cpu)"
    with Image.open(io.BytesIO(rendering(3, 5)._repr_png_())) as strip:
        assert strip.size == (8 * 8, 6)
    large = Rendering(torch.rand(2, 300, 600, 3, requires_grad=True), *[torch.ones(2, 300, 600, 1)] * 2, None)
    with Image.open(io.BytesIO(large._repr_png_())) as strip:
        assert strip.size == (2 * 256, 128)
    assert rendering(0)._repr_png_() is None

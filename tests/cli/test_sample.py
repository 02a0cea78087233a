"""gghead sample and interpolate: every kind of file, every direction, and refusals before anything is loaded."""

import sys
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result
from PIL import Image

from gghead.cli.main import main
from gghead.cli.options import pick_device
from gghead.model.generator import build_generator
from gghead.model.storage import save_generator
from tiny_run import MODEL


def gghead(*arguments: object) -> Result:
    """Runs the command in this process."""
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("model") / "tiny.safetensors"
    save_generator(path, build_generator(MODEL.generator, seed=0))
    return path


def made(out: Path, model: Path, *arguments: object, command: str = "sample") -> Path:
    """What a command writes."""
    result = gghead(command, model, "--resolution", 16, "--out", out, *arguments)
    assert result.exit_code == 0, result.output
    assert result.stdout.strip() == str(out)
    return out


def test_several_angles_are_columns_and_heads_are_rows(model: Path, tmp_path: Path) -> None:
    both = ("--seeds", "0-2", "--yaw", "-60,0,60,0", "--pitch", 10)
    with Image.open(made(tmp_path / "a.png", model, *both)) as sheet:
        assert sheet.size == (4 * 16, 3 * 16)
        pixels = np.asarray(sheet)
    assert np.array_equal(pixels[:, 16:32], pixels[:, 48:]), "the same direction twice"
    assert not np.array_equal(pixels[:, :16], pixels[:, 32:48])
    with Image.open(made(tmp_path / "b.png", model, "--seeds", "0", "--pitch", 10)) as one:
        assert np.array_equal(np.asarray(one), pixels[:16, 16:32])


def test_a_folder_gets_a_picture_for_each_seed_and_angle(model: Path, tmp_path: Path) -> None:
    folder = made(tmp_path / "heads", model, "--seeds", "7", "--yaw", "-30,30", "--pitch", "0,12.5")
    assert sorted(path.name for path in folder.iterdir()) == [
        "seed0007_yaw-30_pitch0.png",
        "seed0007_yaw30_pitch12.5.png",
    ]


@pytest.mark.parametrize("name", ["a.jpg", "a.webp", "a.PNG"])
def test_pictures_of_every_kind_stand_on_the_colour_asked_for(name: str, model: Path, tmp_path: Path) -> None:
    with Image.open(made(tmp_path / name, model, "--seeds", "0-2", "--background", "#3366cc")) as sheet:
        pixels = np.asarray(sheet.convert("RGB")).astype(int)
    for y, x in ((0, 0), (31, 31)):
        assert np.abs(pixels[y, x] - (0x33, 0x66, 0xCC)).max() < 8, "around heads, and where no head is"


@pytest.mark.parametrize("name", ["a.png", "a.webp"])
def test_transparent_is_transparent(name: str, model: Path, tmp_path: Path) -> None:
    with Image.open(made(tmp_path / name, model, "--seeds", "0", "--background", "transparent")) as picture:
        alpha = np.asarray(picture)[..., 3]
    assert alpha[0, 0] == 0
    assert alpha.max() > 100


@pytest.mark.parametrize(("orbit", "closed"), [(360, False), (90, True)])
def test_the_camera_goes_round_or_swings(
    orbit: int, closed: bool, model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gghead.cli.sample.ORBIT_FRAMES", 8)
    with Image.open(made(tmp_path / "a.webp", model, "--seeds", "0", "--orbit", orbit)) as picture:
        assert picture.n_frames == 8
        frames = []
        for index in (0, 4):
            picture.seek(index)
            frames.append(np.asarray(picture.convert("RGB")).astype(int))
    assert (np.abs(frames[0] - frames[1]).mean() < 3) == closed, "half way a swing is in front again, a turn behind"
    assert b"moov" in made(tmp_path / "a.mp4", model, "--seeds", "0", "--orbit", orbit).read_bytes()
    with Image.open(made(tmp_path / "a.gif", model, "--seeds", "0,1")) as picture:
        assert (picture.n_frames, picture.size) == (8, (32, 16))


def test_a_narrower_view_shows_less(model: Path, tmp_path: Path) -> None:
    shares = []
    for fov in (40, 18, "ffhq", 10):
        picture = made(tmp_path / f"{fov}.png", model, "--seeds", "0", "--background", "transparent", "--fov", fov)
        shares.append(np.asarray(Image.open(picture))[..., 3].mean())
    assert shares == sorted(shares)


def test_interpolations_are_videos_of_three_kinds(model: Path, tmp_path: Path) -> None:
    for name in ("a.mp4", "a.gif", "a.webp"):
        made(tmp_path / name, model, "--frames", 4, "--seeds", "0,1", command="interpolate")
    with Image.open(tmp_path / "a.webp") as picture:
        assert picture.n_frames == 4


def test_a_sheet_too_large_for_its_format_is_refused_before_it_is_drawn(model: Path, tmp_path: Path) -> None:
    result = gghead("sample", model, "--seeds", "0-8", "--resolution", 8192, "--out", tmp_path / "a.webp")
    assert "24576 x 24576 pixels, and a .webp has at most 16383 a side" in " ".join(result.output.split())
    assert (result.exit_code, list(tmp_path.iterdir())) == (1, [])


REFUSALS = [
    (("sample", "--out", "x.xyz"), "ending in .png, .jpg or .webp for pictures, .mp4 or .gif for a video"),
    (("sample", "--out", "x.png", "--orbit", "360"), "--orbit makes a video, and the output is x.png"),
    (("sample", "--out", "x.mp4", "--orbit", "0"), "0.0 is not in the range"),
    (("sample", "--out", "x.mp4", "--yaw", "30"), "with --orbit only"),
    (("sample", "--out", "x.mp4", "--yaw", "30,40", "--orbit", "90"), "one --yaw and one --pitch"),
    (("sample", "--yaw", "1,2", "--pitch", "1,2,3"), "2 yaws and 3 pitches do not pair"),
    (("sample", "--yaw", "left"), "'left' is no angle; expected degrees from -360 to 360"),
    (("sample", "--yaw", "nan"), "'nan' is no angle"),
    (("sample", "--yaw", ""), "'' is no angle"),
    (("sample", "--pitch", "91"), "'91' is no angle; expected degrees from -90 to 90"),
    (("sample", "--fov", "0"), "'0' is no field of view; expected degrees from 1 to 150, or ffhq"),
    (("sample", "--background", "whitish"), "'whitish' is no colour"),
    (("sample", "--out", "x.jpg", "--background", "transparent"), "a .jpg can't be transparent"),
    (("sample", "--truncation", "nan"), "nan; expected a number from 0"),
    (("sample", "--resolution", "0"), "0 is not in the range"),
    (("sample", "missing.safetensors"), "there is no model at missing.safetensors"),
    (("sample", "head.ply"), "gghead.load_ply reads it"),
    (("sample", "network.pkl"), "gghead import network.pkl model.safetensors"),
    (("sample", "--device", "gpu"), "the device is 'gpu'"),
    (("interpolate", "--seeds", "3"), "one head can't become another"),
    (("interpolate", "--out", "x.png"), "ending in .mp4, .gif, .webp"),
    (("interpolate", "missing"), "there is no model at missing"),
    (("info", "missing"), "there is nothing at missing"),
    (("evaluate", "missing", "--data", "x.zip"), "there is no model at missing"),
    (("evaluate", "--data", "x.zip"), "there is no dataset at x.zip"),
    (("evaluate", ".", "--data", ".", "--truncation", "inf"), "inf; expected a number"),
    (("export", "--out", "head.obj"), "expected a name ending in .ply"),
    (("export", "--out", "head.html", "--up", "z"), "its own frame and camera"),
    (("export", "--out", "."), "exists already"),
    (("export", "missing", "--out", "head.ply"), "there is no model at missing"),
    (("train", "demo"), "--data is missing"),
    (("train", "demo", "--data", "missing.zip"), "expected a zip or a folder with pictures"),
    (("train", "demo", "--data", "missing.zip", "--out", "."), "go on with `gghead resume .`"),
]


@pytest.mark.parametrize(("arguments", "told"), REFUSALS)
def test_refusals_come_before_anything_heavy_is_imported(
    arguments: tuple[str, ...], told: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Importing torch takes seconds; with it out of reach, only an answer that does without can come."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setitem(sys.modules, "torch", None)
    result = gghead(*arguments)
    assert result.exit_code in (1, 2), result.output
    assert isinstance(result.exception, SystemExit), result.exception
    assert told in " ".join(result.output.split())
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(("device", "kept"), [("cpu", True), ("cuda", False)])
def test_commands_keep_the_memory_that_tensors_leave_on_the_cpu_alone(
    device: str, kept: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[bool] = []
    monkeypatch.setattr("gghead.processes.freed_memory.keep_freed_memory", lambda: calls.append(True))
    monkeypatch.setattr("gghead.geometry.devices.require_device", lambda name: None)
    monkeypatch.setattr("torch.cuda.is_available", lambda: device == "cuda")
    assert [pick_device(None), pick_device(device)] == [device, device]
    assert calls == [True, True] * kept

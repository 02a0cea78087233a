"""`gghead data photos` as a user types it, with MediaPipe's models where they are on this machine."""

import json
import os
import re
import signal
import subprocess
import sys
import time
import zipfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result
from PIL import Image

from benchmarks.photographs.drawing import draw_photograph
from face_models import WHEELS, face_models
from gghead.cli.main import main
from gghead.data.check.inspection import inspect
from gghead.photos.archive.sheet import yaw_and_pitch
from gghead.synthetic.people.procedural_heads import ProceduralHeads
from tolerances import PHOTOGRAPH_DEGREES

PEOPLE = 3
OTHERS = {"text.jpg": b"this is no picture", "empty.png": b""}


def photos(*arguments: object) -> Result:
    """Runs the command in this process."""
    result = CliRunner().invoke(main, ["data", "photos", *(str(argument) for argument in arguments)])
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result


@pytest.fixture(scope="module")
def models() -> Path:
    face_models()  # skips where they can't be run
    return WHEELS


@dataclass(frozen=True)
class Album:
    """A folder of photographs of rendered people, and of files that are none.

    Attributes:
        folder: its path.
        angles: yaw and pitch of each person's camera, degrees.
    """

    folder: Path
    angles: tuple[tuple[float, float], ...]


@pytest.fixture(scope="module")
def album(tmp_path_factory: pytest.TempPathFactory) -> Album:
    folder, angles = tmp_path_factory.mktemp("photographs") / "album", []
    folder.mkdir()
    maker = ProceduralHeads(64)
    for number in range(PEOPLE):
        photograph = draw_photograph(maker, "procedural", 5, number, [], (400, 480))
        (folder / f"person{number}.jpg").write_bytes(photograph.jpeg)
        angles.append((photograph.truth.yaw, photograph.truth.pitch))
    Image.new("RGB", (300, 200), "white").save(folder / "paper.png")
    (folder / "copy.jpg").write_bytes((folder / "person2.jpg").read_bytes())
    for name, data in OTHERS.items():
        (folder / name).write_bytes(data)
    return Album(folder, tuple(angles))


def labels_of(archive: Path) -> dict[str, list[float]]:
    with zipfile.ZipFile(archive) as file:
        return dict(json.loads(file.read("dataset.json"))["labels"])


@pytest.mark.slow
def test_a_folder_of_photographs_becomes_a_dataset(models: Path, album: Album, tmp_path: Path) -> None:
    result = photos(album.folder, "--out", tmp_path / "heads.zip", "--resolution", 128, "--models", models)
    assert result.exit_code == 0, result.output
    names = ["heads.zip", "heads_masks_modnet.zip", "heads_photos.json", "heads_sheet.jpg"]
    assert result.stdout.splitlines() == [str(tmp_path / name) for name in names]
    assert sorted(path.name for path in tmp_path.iterdir()) == names
    told = result.stderr.splitlines()[-4:]
    assert told == [
        f"{PEOPLE} heads of 7 photographs",
        "left out: 2 unreadable",
        "left out: 1 no face",
        "left out: 1 duplicate",
    ]
    assert inspect(tmp_path / "heads.zip", 128).problems == ()
    labels = labels_of(tmp_path / "heads.zip")
    # copy.jpg comes before what it is a copy of.
    for name, angles in zip(("person0_jpg", "person1_jpg", "copy_jpg"), album.angles, strict=True):
        found = yaw_and_pitch(np.array(labels[f"album/{name}.png"]))
        assert np.abs(np.subtract(found, angles)).max() < PHOTOGRAPH_DEGREES


@pytest.mark.slow
@pytest.mark.skipif(os.name == "nt", reason="Windows has no such signal")
def test_ctrl_c_ends_it_and_the_same_command_continues(models: Path, album: Album, tmp_path: Path) -> None:
    out, records = tmp_path / "heads.zip", tmp_path / ".heads.zip.unfinished" / "photographs.jsonl"
    command = ["data", "photos", album.folder, "--out", out, "--resolution", "64", "--models", models]
    code = "import sys; from gghead.cli.main import main; main(sys.argv[1:])"
    process = subprocess.Popen([sys.executable, "-c", code, *command, "--workers", "1"], stderr=subprocess.PIPE)
    deadline = time.monotonic() + 60
    while not records.exists() and time.monotonic() < deadline:
        time.sleep(0.005)
    process.send_signal(signal.SIGINT)
    _, told = process.communicate(timeout=30)
    assert process.returncode == 130
    assert b"stopped; the same command continues\n" in told
    assert [path.name for path in tmp_path.iterdir()] == [".heads.zip.unfinished"]
    assert photos(*command[2:]).exit_code == 0
    (tmp_path / "again").mkdir()
    command[4] = tmp_path / "again" / "heads.zip"
    assert photos(*command[2:]).exit_code == 0
    for path in (tmp_path / "again").iterdir():
        assert path.read_bytes() == (tmp_path / path.name).read_bytes()


def test_without_models_it_says_how_to_get_them(album: Album, tmp_path: Path) -> None:
    pytest.importorskip("ai_edge_litert", reason="ai-edge-litert is not installed, which is told first")
    result = photos(album.folder, "--out", tmp_path / "heads.zip", "--models", tmp_path)
    assert result.exit_code == 1
    assert re.search(rf"no face models in {tmp_path} .*`pip download .*mediapipe==.* {tmp_path}`", result.stderr)
    assert not list(tmp_path.iterdir())


def test_what_can_be_told_before_the_work_is_told_before_it(album: Album, models: Path, tmp_path: Path) -> None:
    given = (album.folder, "--models", models, "--out")
    (tmp_path / "heads_photos.json").write_text("mine")
    assert "heads_photos.json exists already" in photos(*given, tmp_path / "heads.zip").stderr
    assert "does not end in .zip" in photos(*given, tmp_path / "heads").stderr
    assert "there is no nowhere" in photos("nowhere", *given[1:], tmp_path / "new.zip").stderr
    assert "every is 0" in photos(*given, tmp_path / "new.zip", "--every", 0).stderr
    assert "workers is 0" in photos(*given, tmp_path / "new.zip", "--workers", 0).stderr
    assert [path.name for path in tmp_path.iterdir()] == ["heads_photos.json"]

"""What a run does about its pictures: tells of wrong cameras and damaged pictures before the first step."""

import zipfile
from pathlib import Path

import pytest

from gghead.data.labels import read_label_file, write_labels
from gghead.training.loop import Outcome, train
from gghead.training.run_folder import RunFolder
from head_cameras import written_as
from tiny_run import SilentMonitor, tiny_config, write_tiny_dataset


def rewritten(path: Path, change: dict[str, bytes]) -> Path:
    with zipfile.ZipFile(path) as old:
        files = {name: old.read(name) for name in old.namelist()} | change
    with zipfile.ZipFile(path, "w") as new:
        for name, content in files.items():
            new.writestr(name, content)
    return path


def test_cameras_in_another_convention_are_told(tmp_path: Path) -> None:
    data = write_tiny_dataset(tmp_path / "blobs.zip")
    with zipfile.ZipFile(data) as archive:
        labels = read_label_file(archive.read("dataset.json"), data)
    opengl = write_labels(labels.names, written_as(labels.values, ("opengl",)))
    monitor = SilentMonitor()
    config = tiny_config(rewritten(data, {"dataset.json": opengl}), total_images=4, snapshot_every=4)
    train(RunFolder.create(tmp_path / "run", config), monitor)
    assert any("another convention" in event and "gghead data check" in event for event in monitor.events)


def test_damaged_pictures_stop_a_run_before_its_first_step(tmp_path: Path) -> None:
    data = write_tiny_dataset(tmp_path / "blobs.zip")
    name = "00000/img00000007.png"
    run = RunFolder.create(tmp_path / "run", tiny_config(rewritten(data, {name: b"no picture"})))
    monitor = SilentMonitor()
    with pytest.raises(ValueError, match=rf"(?s)1 of 10 pictures can't be used.*{name}"):
        train(run, monitor)
    assert monitor.images == []


def test_a_finished_run_does_not_touch_its_data(tmp_path: Path) -> None:
    data = write_tiny_dataset(tmp_path / "blobs.zip")
    run = RunFolder.create(tmp_path / "run", tiny_config(data, total_images=4, snapshot_every=4))
    train(run, SilentMonitor())
    data.unlink()
    assert train(run, SilentMonitor()) == Outcome(images=4, interrupted=False)

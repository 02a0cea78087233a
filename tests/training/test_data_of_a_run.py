"""What a run does about its pictures: tells of wrong cameras and damaged pictures before the first step."""

import os
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from gghead.data.dataset import HeadDataset
from gghead.data.inventory import read_inventory, take_inventory, write_inventory
from gghead.data.labels import read_label_file, write_labels
from gghead.media.encoded import decode_picture
from gghead.runs.run_folder import RunFolder
from gghead.training.loop import Outcome, train
from gghead.training.resume.data import require_same_data
from head_cameras import written_as
from tiny_run import SilentMonitor, png, tiny_config, write_tiny_dataset


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


def test_masks_that_are_inside_out_are_told(tmp_path: Path) -> None:
    data = write_tiny_dataset(tmp_path / "blobs.zip")
    masks = tmp_path / "blobs_masks_modnet.zip"
    with zipfile.ZipFile(masks) as archive:
        inverted = {name: png(255 - decode_picture(archive.read(name)).rgb[..., 0]) for name in archive.namelist()}
    rewritten(masks, inverted)
    monitor = SilentMonitor()
    config = tiny_config(data, total_images=4, snapshot_every=4)
    train(RunFolder.create(tmp_path / "run", config), monitor)
    assert any("in vain" in event and "inside out" in event for event in monitor.events)


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


NAME = "00000/img00000003.png"


def masks_of(data: Path) -> Path:
    return data.with_name(f"{data.stem}_masks_modnet.zip")


def without(data: Path, name: str) -> None:
    for path in (data, masks_of(data)):
        with zipfile.ZipFile(path) as old:
            files = {each: old.read(each) for each in old.namelist() if each != name}
        if path == data:
            labels = read_label_file(files["dataset.json"], data)
            kept = [row for row, each in enumerate(labels.names) if each != name]
            names = tuple(labels.names[row] for row in kept)
            files["dataset.json"] = write_labels(names, labels.values[kept])
        with zipfile.ZipFile(path, "w") as new:
            for each, content in files.items():
                new.writestr(each, content)


def turned(data: Path) -> None:
    with zipfile.ZipFile(data) as archive:
        labels = read_label_file(archive.read("dataset.json"), data)
    values = labels.values.copy()
    values[:2, 16] *= 1.01
    rewritten(data, {"dataset.json": write_labels(labels.names, values)})


GRAY = np.full((16, 16, 3), 127, np.uint8)
CHANGES: dict[str, Callable[[Path], object]] = {
    "1 with another content": lambda data: rewritten(data, {NAME: png(GRAY)}),
    "1 with another mask": lambda data: rewritten(masks_of(data), {NAME: png(GRAY[..., 0])}),
    "2 with another camera": turned,
    "1 missing": lambda data: without(data, NAME),
    "10 with another mask": lambda data: masks_of(data).unlink(),
}


@pytest.mark.filterwarnings("ignore:.*has no masks")
@pytest.mark.parametrize("told", CHANGES)
def test_other_pictures_are_told_and_refused_unless_accepted(told: str, tmp_path: Path) -> None:
    data = write_tiny_dataset(tmp_path / "blobs.zip")
    run, monitor = RunFolder.create(tmp_path / "run", tiny_config(data)), SilentMonitor()
    with HeadDataset.open(data, 16) as dataset:
        seen = require_same_data(run, dataset, "", False, monitor)
        assert require_same_data(run, dataset, seen, False, monitor) == seen
    CHANGES[told](data)
    with HeadDataset.open(data, 16) as dataset:
        with pytest.raises(ValueError, match=rf"of 10 pictures, {told}; .*gghead resume {run.path} --accept-new-data"):
            require_same_data(run, dataset, seen, False, monitor)
        assert not monitor.events
        new = require_same_data(run, dataset, seen, True, monitor)
        assert new != seen
        assert told in monitor.events[0]
        assert require_same_data(run, dataset, new, False, monitor) == new


def test_a_run_goes_on_with_other_pictures_only_if_that_is_said(tmp_path: Path) -> None:
    data = write_tiny_dataset(tmp_path / "blobs.zip")
    run = RunFolder.create(tmp_path / "run", tiny_config(data, total_images=8, snapshot_every=4))
    train(run, SilentMonitor())
    run.keep_only({4})
    rewritten(data, {NAME: png(GRAY)})
    with pytest.raises(ValueError, match="holds other pictures than this run has seen: of 10 pictures, 1 with another"):
        train(run, SilentMonitor())
    run.data.write_text("[" * 100_000)  # says nothing of what has changed, but the checkpoint knows
    with pytest.raises(ValueError, match=r"other pictures.*data\.json, is missing or of others"):
        train(run, SilentMonitor())
    assert train(run, SilentMonitor(), accept_new_data=True).images == 8
    run.keep_only({4})
    (run.checkpoint(4)).rename(tmp_path / "old")
    assert train(run, SilentMonitor()).images == 8


def unpacked(data: Path) -> Path:
    folder = data.with_suffix("")
    for path, into in ((data, folder), (masks_of(data), masks_of(data).with_suffix(""))):
        with zipfile.ZipFile(path) as archive:
            archive.extractall(into)
        path.unlink()
    return folder


def test_a_folder_is_known_by_its_content_and_not_by_its_times(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data = write_tiny_dataset(tmp_path / "blobs.zip")
    with HeadDataset.open(data, 16) as dataset:
        packed = take_inventory(dataset)
    folder = unpacked(data)
    with HeadDataset.open(folder, 16) as dataset:
        first = take_inventory(dataset)
        write_inventory(tmp_path / "data.json", first)
    assert first.identity == packed.identity, "the same content is the same data, packed or not"
    known = read_inventory(tmp_path / "data.json")
    assert known == first

    for file in folder.rglob("*.png"):
        os.utime(file, (1, 1))
    with HeadDataset.open(folder, 16) as dataset:
        assert take_inventory(dataset, known).identity == first.identity
        known = take_inventory(dataset, known)

    changed, before = folder / NAME, (folder / NAME).stat()
    content = bytearray(changed.read_bytes())
    content[-20] ^= 1
    changed.write_bytes(content)
    os.utime(changed, ns=(before.st_atime_ns, before.st_mtime_ns))
    with HeadDataset.open(folder, 16) as dataset:
        reads = []
        monkeypatch.setattr(
            type(dataset.files.pictures), "read", lambda self, name: reads.append(name) or bytes(content)
        )
        assert take_inventory(dataset, known).changes_since(first) == "of 10 pictures, 1 with another content"
        assert reads == [NAME], "the others have the times that they had"

"""Several zips that are read as the one that they are parts of."""

import json
import os
import shutil
import sys
import zipfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from gghead.data.archive import MAX_IDLE_HANDLES, open_archive
from gghead.data.check.inspection import inspect
from gghead.data.dataset import HeadDataset
from gghead.data.inventory import take_inventory
from gghead.runs.shards import Shard
from tiny_archive import labels_json, write_zip
from tiny_run import write_tiny_dataset

COUNT, SHARDS = 10, 3


def divide(whole: Path, folder: Path, name: str = "{}.zip") -> None:
    """Writes the shards of a zip; `name` says how one is called after its stem."""
    with zipfile.ZipFile(whole) as archive:
        pictures = sorted(item for item in archive.namelist() if item != "dataset.json")
        labels = json.loads(archive.read("dataset.json"))["labels"] if "dataset.json" in archive.namelist() else None
        for number in range(1, SHARDS + 1):
            shard = Shard(number, SHARDS)
            part = shard.part(len(pictures))
            files = {item: archive.read(item) for item in pictures[part.start : part.stop]}
            if labels is not None:
                files["dataset.json"] = labels_json(labels[part.start : part.stop])
            write_zip(folder / name.format(shard.path(Path("blobs.zip")).stem), files)


@pytest.fixture
def whole(tmp_path: Path) -> Path:
    (tmp_path / "whole").mkdir()
    return write_tiny_dataset(tmp_path / "whole" / "blobs.zip", COUNT)


@pytest.fixture
def sharded(tmp_path: Path, whole: Path) -> Path:
    divide(whole, tmp_path)
    divide(whole.with_name("blobs_masks_modnet.zip"), tmp_path, "{}_masks_modnet.zip")
    return tmp_path / "blobs.zip"


def test_shards_are_the_whole(whole: Path, sharded: Path) -> None:
    with HeadDataset.open(whole, 16) as expected, HeadDataset.open(sharded, 16) as found:
        assert found.names == expected.names
        assert np.array_equal(found.labels, expected.labels)
        everything = np.arange(COUNT)
        assert np.array_equal(found.pixels(everything), expected.pixels(everything))
        assert found.identity() == expected.identity(), "they share a cache of decoded pictures"
        assert take_inventory(found).identity == take_inventory(expected).identity
        assert found.files.pictures.names() == expected.files.pictures.names()
    assert inspect(sharded, 16).problems == ()


def test_a_shard_is_a_dataset_by_itself(sharded: Path) -> None:
    with HeadDataset.open(Shard(2, SHARDS).path(sharded), 16) as shard:
        assert len(shard) == 3
        assert shard.has_masks


def test_missing_shards_are_named(sharded: Path) -> None:
    masks = sharded.with_name("blobs-00003-of-00003_masks_modnet.zip")
    masks.rename(masks.with_suffix(".part"))
    with pytest.raises(FileNotFoundError, match=r"blobs-00003-of-00003_masks_modnet\.zip"):
        HeadDataset.open(sharded, 16)
    Shard(1, SHARDS).path(sharded).unlink()
    for opening in (open_archive, lambda path: inspect(path, 16)):
        with pytest.raises(FileNotFoundError, match=r"1 of the 3 shards of .* missing: blobs-00001-of-00003\.zip;"):
            opening(sharded)


def test_a_picture_in_two_shards_is_refused(sharded: Path) -> None:
    first, second = (Shard(number, SHARDS).path(sharded) for number in (1, 2))
    second.write_bytes(first.read_bytes())
    with pytest.raises(ValueError, match=r"0\.png is in .*-00001-.* and in .*-00002-.*make the wrong one anew"):
        open_archive(sharded)


@pytest.mark.parametrize("labels", [b"{", b"[1]", b'{"labels": {"a.png": [1]}}', b"{}"])
def test_a_shard_without_labels_is_named(sharded: Path, labels: bytes) -> None:
    write_zip(Shard(2, SHARDS).path(sharded), {"dataset.json": labels})
    with pytest.raises(ValueError, match=r"blobs-00002-of-00003\.zip .*make this shard anew"):
        HeadDataset.open(sharded, 16)


def test_a_damaged_picture_is_said_to_be_in_its_shard(sharded: Path) -> None:
    path = Shard(3, SHARDS).path(sharded)
    data = bytearray(path.read_bytes())
    data[data.index(b"IDAT") + 8] ^= 0xFF
    path.write_bytes(data)
    with HeadDataset.open(sharded, 16) as dataset, pytest.raises(ValueError, match=r"blobs-00003-of-00003\.zip is dam"):
        dataset.pixels(range(COUNT))


@pytest.mark.skipif(sys.platform != "linux", reason="counts open files where Linux lists them")
def test_more_shards_than_open_files(tmp_path: Path) -> None:
    count, threads = MAX_IDLE_HANDLES + 50, 4
    for number in range(1, count + 1):
        write_zip(Shard(number, count).path(tmp_path / "many.zip"), {f"{number:04d}.bin": str(number).encode()})
    before, most = len(os.listdir("/proc/self/fd")), 0
    with open_archive(tmp_path / "many.zip") as archive, ThreadPoolExecutor(threads) as pool:
        names = archive.names()
        assert len(names) == count
        for _ in range(2):
            assert [int(text) for text in pool.map(archive.read, names)] == list(range(1, count + 1))
            most = max(most, len(os.listdir("/proc/self/fd")) - before)
    assert most <= MAX_IDLE_HANDLES + threads
    assert len(os.listdir("/proc/self/fd")) <= before


@pytest.mark.parametrize("kind", ["pictures", "masks"])
def test_masks_of_other_pictures_are_refused(kind: str, sharded: Path) -> None:
    for number in range(1, SHARDS + 1):
        for end, seed in (("", 0), ("_masks_modnet", 0 if kind == "pictures" else 5)):
            shard = Shard(number, SHARDS).path(sharded)
            with zipfile.ZipFile(shard.with_stem(shard.stem + end), "a") as archive:
                archive.writestr("shards.json", json.dumps({"seed": seed}))
    for path in (sharded, Shard(2, SHARDS).path(sharded)):
        if kind == "pictures":
            HeadDataset.open(path, 16).close()
            continue
        with pytest.raises(ValueError, match=r"of different datasets: .*\"seed\": 0.*_masks_modnet.*\"seed\": 5"):
            HeadDataset.open(path, 16)
        assert any("different datasets" in problem for problem in inspect(path, 16).problems)


def test_masks_that_lie_there_twice_are_refused(whole: Path, sharded: Path) -> None:
    shutil.copy(whole.with_name("blobs_masks_modnet.zip"), sharded.with_name("blobs_masks_modnet.zip"))
    with pytest.raises(ValueError, match=r"blobs_masks_modnet\.zip is there as a whole and in shards"):
        HeadDataset.open(sharded, 16)
    for number in range(1, SHARDS + 1):
        Shard(number, SHARDS).path(sharded.with_name("blobs_masks_modnet.zip")).unlink(missing_ok=True)
        shard = Shard(number, SHARDS).path(sharded)
        shard.with_stem(f"{shard.stem}_masks_modnet").unlink()
    HeadDataset.open(sharded, 16).close()

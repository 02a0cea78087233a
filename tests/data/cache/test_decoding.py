"""Decoding once: in memory and in the cache on the disk, whatever happens to it."""

import json
import os
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from gghead.data.cache.picture_cache import cache_root
from gghead.data.dataset import HeadDataset
from gghead.data.decoder import PictureDecoder
from gghead.data.loader import fetched_batches, resident_batches
from gghead.data.sampler import Order
from gghead.media.images import encode_png
from tiny_archive import COUNT, SIDE, picture_name, write_zip

Files = dict[str, bytes]
WriteSet = Callable[[Files], Path]


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder for caches, which every set is too large to do without."""
    monkeypatch.setenv("GGHEAD_CACHE_PATH", str(tmp_path / "cache"))
    monkeypatch.setattr("gghead.data.cache.decoding.IN_MEMORY_BYTES", 0)
    return tmp_path / "cache"


@pytest.fixture
def dataset(files: Files, write_set: WriteSet) -> Iterator[HeadDataset]:
    with HeadDataset.open(write_set(files), 8) as opened:
        yield opened


@pytest.fixture
def paths(files: Files, masks: Files, tmp_path: Path) -> list[Path]:
    """Sets of the same size with other pictures."""
    found = []
    for level in range(3):
        files[picture_name(0)] = encode_png(np.full((SIDE, SIDE, 3), level, np.uint8))
        write_zip(tmp_path / f"heads{level}_masks_modnet.zip", masks)
        found.append(write_zip(tmp_path / f"heads{level}.zip", files))
    return found


@pytest.fixture
def decoded_count(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Indices of the pictures that were decoded."""
    indices: list[int] = []
    decode = PictureDecoder.decode

    def counted(self: PictureDecoder, index: int) -> np.ndarray:
        indices.append(index)
        return decode(self, index)

    monkeypatch.setattr(PictureDecoder, "decode", counted)
    return indices


def fetched(dataset: HeadDataset, flipped: bool = False) -> np.ndarray:
    return dataset.pixels(np.arange(COUNT)[::-1], np.full(COUNT, flipped))


def same(a: HeadDataset, b: HeadDataset) -> bool:
    return all(np.array_equal(fetched(a, flipped), fetched(b, flipped)) for flipped in (False, True))


def opened_again(dataset: HeadDataset) -> HeadDataset:
    """The same pictures, not decoded yet."""
    return HeadDataset.open(dataset.files.pictures.path, dataset.resolution)


def the_cache(root: Path) -> Path:
    (folder,) = (path for path in root.iterdir() if path.is_dir())
    return folder


def test_memory_and_cache_hold_what_decoding_gives(dataset: HeadDataset, root: Path, monkeypatch) -> None:
    with opened_again(dataset) as cached, opened_again(dataset) as in_memory:
        cached.decode()
        assert cached.decoded_bytes == COUNT * 8 * 8 * 4
        assert same(cached, dataset)
        assert the_cache(root).name == dataset.identity()
        monkeypatch.setattr("gghead.data.cache.decoding.IN_MEMORY_BYTES", 2**20)
        in_memory.decode()
        assert same(in_memory, dataset)
        assert in_memory.num_cut_out == cached.num_cut_out == COUNT


@pytest.mark.parametrize("threads", [1, 7])
def test_the_same_bytes_are_stored_by_any_number_of_threads(
    threads: int, dataset: HeadDataset, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gghead.data.parallel.thread_count", lambda: threads)
    expected = dataset.pixels(range(COUNT)).tobytes()
    dataset.decode()
    assert (the_cache(root) / "pixels.bin").read_bytes() == expected


def test_the_second_run_decodes_nothing(dataset: HeadDataset, root: Path, decoded_count: list[int]) -> None:
    events: list[str] = []
    dataset.decode(events.append)
    assert sorted(decoded_count) == list(range(COUNT))
    assert "GGHEAD_CACHE_PATH" in events[0]
    assert str(root) in events[0]
    with opened_again(dataset) as again:
        again.decode(events.append)
        fetched(again)
    assert len(decoded_count) == COUNT


def test_another_picture_mask_or_resolution_is_another_cache(
    files: Files, masks: Files, tmp_path: Path, root: Path
) -> None:
    names = set()
    write_zip(tmp_path / "heads_masks_modnet.zip", masks)
    for resolution in (8, 16):
        with HeadDataset.open(write_zip(tmp_path / "heads.zip", files), resolution) as dataset:
            names.add(dataset.identity())
    for changed in (files, masks):
        changed[picture_name(0)] = encode_png(np.zeros((SIDE, SIDE), np.uint8))
        write_zip(tmp_path / "heads_masks_modnet.zip", masks)
        with HeadDataset.open(write_zip(tmp_path / "heads.zip", files), 8) as dataset:
            names.add(dataset.identity())
    assert len(names) == 4
    (tmp_path / "other").mkdir()
    copy = write_zip(tmp_path / "other" / "place.zip", files)
    with HeadDataset.open(copy, 8, masks=tmp_path / "heads_masks_modnet.zip") as dataset:
        assert dataset.identity() in names, "a copy of a zip is the same data"


@pytest.mark.parametrize("name", ["pixels.bin", "records.bin", "cache.json"])
def test_a_cut_off_cache_is_built_anew(name: str, dataset: HeadDataset, root: Path, decoded_count: list[int]) -> None:
    before = fetched(dataset)
    dataset.decode()
    file = the_cache(root) / name
    file.write_bytes(file.read_bytes()[:-1])
    dataset.decode()
    assert np.array_equal(fetched(dataset), before)
    del decoded_count[:]
    dataset.decode()
    assert not decoded_count


def test_a_damaged_picture_in_the_cache_is_read_from_the_archive(dataset: HeadDataset, root: Path) -> None:
    before = fetched(dataset)
    dataset.decode()
    file = the_cache(root) / "pixels.bin"
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 4
    file.write_bytes(content)
    events: list[str] = []
    dataset.decode(events.append)
    for _ in range(2):
        assert np.array_equal(fetched(dataset), before)
    damaged = [event for event in events if "is damaged in the cache" in event]
    assert len(damaged) == 1, "told once"
    assert picture_name(2) in damaged[0]
    dataset.decode()
    assert np.array_equal(fetched(dataset), before)
    assert the_cache(root).joinpath("cache.json").exists(), "built anew"


def test_an_interrupted_build_goes_on_where_it_stopped(
    dataset: HeadDataset, root: Path, decoded_count: list[int], monkeypatch
) -> None:
    before, counted = fetched(dataset), PictureDecoder.decode

    def interrupted(self: PictureDecoder, index: int) -> np.ndarray:
        if index == 3:
            raise KeyboardInterrupt
        return counted(self, index)

    with monkeypatch.context() as patch:
        patch.setattr(PictureDecoder, "decode", interrupted)
        with pytest.raises(KeyboardInterrupt):
            dataset.decode()
    assert the_cache(root).name.endswith(".partial")
    del decoded_count[:]
    dataset.decode()
    assert sorted(decoded_count) == [3, 4]
    assert np.array_equal(fetched(dataset), before)


def test_two_at_once_build_one_cache(
    dataset: HeadDataset, root: Path, decoded_count: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    counted, begun = PictureDecoder.decode, threading.Event()

    def slow(self: PictureDecoder, index: int) -> np.ndarray:
        begun.wait(5)
        return counted(self, index)

    def told(text: str) -> None:
        if "waits for another process" in text:
            begun.set()

    monkeypatch.setattr(PictureDecoder, "decode", slow)
    with ThreadPoolExecutor(2) as pool, opened_again(dataset) as other:
        for future in [pool.submit(each.decode, told) for each in (dataset, other)]:
            future.result()
        assert sorted(decoded_count) == list(range(COUNT))
        assert same(dataset, other)


def test_a_disk_without_room_is_told_and_pictures_are_decoded_as_needed(
    dataset: HeadDataset, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    events: list[str] = []
    with monkeypatch.context() as patch:
        patch.setattr("shutil.disk_usage", lambda path: SimpleNamespace(free=1000))
        dataset.decode(events.append)
        assert not dataset.decoded_bytes
    assert "more than 50% of what is free" in events[-1]

    def full(pixels: np.ndarray) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("gghead.data.cache.picture_cache.record_of", full)
        dataset.decode(events.append)
        assert not dataset.decoded_bytes
    assert "No space left on device" in events[-1]
    assert not [path for path in root.iterdir() if path.is_dir()], "nothing is left on a full disk"


def test_a_cache_that_cannot_be_written_is_told(dataset: HeadDataset, root: Path) -> None:
    root.write_text("a file where the folder should be")
    events: list[str] = []
    dataset.decode(events.append)
    assert not dataset.decoded_bytes
    assert "no cache of decoded pictures" in events[-1]


def test_the_cache_that_was_not_used_for_the_longest_time_makes_room(
    paths: list[Path], root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bytes_each = COUNT * (8 * 8 * 4 + 8)
    monkeypatch.setattr("shutil.disk_usage", lambda path: SimpleNamespace(free=10**9))
    for path in paths[:2]:
        with HeadDataset.open(path, 8) as dataset:
            dataset.decode()
    for marker in root.glob("*/cache.json"):
        os.utime(marker, (10**9, 10**9))
    with HeadDataset.open(paths[0], 8) as oldest:
        oldest.decode()  # and now it is not the oldest any more
    monkeypatch.setattr("shutil.disk_usage", lambda path: SimpleNamespace(free=2.5 * bytes_each))
    with HeadDataset.open(paths[2], 8) as dataset:
        dataset.decode()
        kept = {path.name for path in root.iterdir() if path.is_dir()}
        assert kept == {oldest.identity(), dataset.identity()}


def test_only_decoded_pictures_make_room(paths: list[Path], root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Features of real pictures, detectors and compiled kernels stand in the same folder, and are older."""
    bytes_each = COUNT * (8 * 8 * 4 + 8)
    others = [root / "features" / "some.npz", root / "detectors" / "inception.pt", root / "kernels" / "some.cubin"]
    for other in others:
        other.parent.mkdir(parents=True)
        other.write_bytes(bytes(bytes_each))
        os.utime(other.parent, (10**9, 10**9))
    left_by_a_crash, without_its_marker = root / f"{'0' * 24}.partial", root / ("1" * 24)
    left_by_a_crash.mkdir()
    without_its_marker.mkdir()
    (without_its_marker / "pixels.bin").write_bytes(bytes(bytes_each))
    with HeadDataset.open(paths[0], 8) as dataset:
        monkeypatch.setattr("shutil.disk_usage", lambda path: SimpleNamespace(free=10**9))
        dataset.decode()
    with HeadDataset.open(paths[1], 8) as dataset:
        monkeypatch.setattr("shutil.disk_usage", lambda path: SimpleNamespace(free=bytes_each))
        dataset.decode()
        kept = {path.name for path in root.iterdir() if path.is_dir()}
        assert kept == {"features", "detectors", "kernels", dataset.identity()}
    assert all(other.stat().st_size == bytes_each for other in others)


def test_nothing_makes_room_for_what_will_not_fit(
    paths: list[Path], root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shutil.disk_usage", lambda path: SimpleNamespace(free=10**9))
    with HeadDataset.open(paths[0], 8) as small:
        small.decode()
    monkeypatch.setattr("shutil.disk_usage", lambda path: SimpleNamespace(free=0))
    with HeadDataset.open(paths[1], 8) as dataset:
        dataset.decode()
        assert not dataset.decoded_bytes
    assert (root / small.identity()).is_dir()


@pytest.mark.parametrize("in_memory", [0, 2**20])
def test_damaged_pictures_are_all_found_before_training_and_none_is_left_out(
    in_memory: int, files: Files, write_set: WriteSet, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gghead.data.cache.decoding.IN_MEMORY_BYTES", in_memory)
    for index in (1, 3):
        files[picture_name(index)] = files[picture_name(index)][:70]
    with HeadDataset.open(write_set(files), 8) as dataset, pytest.raises(ValueError, match="2 of 5 pictures") as caught:
        dataset.decode()
    assert picture_name(1) in str(caught.value)
    assert picture_name(3) in str(caught.value)
    assert "gghead data convert --skip-damaged" in str(caught.value)
    assert not root.exists() or not [path for path in root.iterdir() if path.is_dir()]


def test_progress_is_told_with_the_remaining_time(dataset: HeadDataset, root: Path, monkeypatch) -> None:
    monkeypatch.setattr("gghead.data.cache.decoding.SECONDS_BETWEEN_NEWS", -1)
    events: list[str] = []
    dataset.decode(events.append)
    assert "decoded 2 of 5 pictures, ETA 0:00:00" in events


def test_batches_are_the_same_from_everywhere(dataset: HeadDataset, root: Path) -> None:
    order, cpu = Order(seed=2, batch_size=4, mirrored=True), torch.device("cpu")

    def taken(batches: Iterator) -> tuple[torch.Tensor, torch.Tensor]:
        some = [next(batches) for _ in range(5)]
        return torch.cat([batch.pixels for batch in some]), torch.cat([batch.labels for batch in some])

    direct = taken(fetched_batches(dataset, order, 8, cpu))
    dataset.decode()
    for batches in (fetched_batches, resident_batches):
        for a, b in zip(direct, taken(batches(dataset, order, 8, cpu)), strict=True):
            assert torch.equal(a, b)


def test_the_place_of_caches_can_be_chosen(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("GGHEAD_CACHE_PATH", str(tmp_path))
    assert cache_root() == tmp_path
    monkeypatch.delenv("GGHEAD_CACHE_PATH")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    if sys.platform == "linux":
        assert cache_root() == tmp_path / "xdg" / "gghead"
        monkeypatch.delenv("XDG_CACHE_HOME")
        assert cache_root() == Path.home() / ".cache" / "gghead"


def test_the_marker_is_json_that_names_its_format(dataset: HeadDataset, root: Path) -> None:
    dataset.decode()
    marker = json.loads((the_cache(root) / "cache.json").read_text())
    assert marker == {"format": 2, "pictures": COUNT, "resolution": 8}

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

from gghead.data.cache.decoded import DecodedPictures
from gghead.data.cache.decoding import decode
from gghead.data.cache.picture_cache import cache_root
from gghead.data.cache.resident import ResidentBatches
from gghead.data.cutout import Cutout, change_background, composite
from gghead.data.dataset import HeadDataset
from gghead.data.loader import BatchLoader, Order
from gghead.data.source import PictureSource
from gghead.media.encoded import decode_picture
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
def decoded_count(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Indices of the pictures that were decoded."""
    indices: list[int] = []
    cutout = HeadDataset.cutout

    def counted(self: HeadDataset, index: int, background: float | None = None) -> Cutout:
        indices.append(index)
        return cutout(self, index, background)

    monkeypatch.setattr(HeadDataset, "cutout", counted)
    return indices


def fetched(source: PictureSource, flipped: bool = False) -> tuple[np.ndarray, np.ndarray]:
    rgb = np.zeros((COUNT, 8, 8, 3), np.uint8)
    transparency = np.zeros((COUNT, 8, 8), np.uint8)
    source.fill(np.arange(COUNT)[::-1].copy(), np.full(COUNT, flipped), rgb, transparency)
    return rgb, transparency


def same(a: PictureSource, b: PictureSource) -> bool:
    pairs = [zip(fetched(a, flipped), fetched(b, flipped), strict=True) for flipped in (False, True)]
    return all(np.array_equal(first, second) for pair in pairs for first, second in pair)


def the_cache(root: Path) -> Path:
    (folder,) = (path for path in root.iterdir() if path.is_dir())
    return folder


def test_memory_and_cache_hold_what_decoding_gives(dataset: HeadDataset, root: Path, monkeypatch) -> None:
    cached = decode(dataset)
    assert isinstance(cached, DecodedPictures)
    assert not cached.rgb.flags.writeable
    assert same(cached, dataset)
    monkeypatch.setattr("gghead.data.cache.decoding.IN_MEMORY_BYTES", 2**20)
    assert same(decode(dataset), dataset)
    assert the_cache(root).name == dataset.identity()


def test_the_second_run_decodes_nothing(dataset: HeadDataset, root: Path, decoded_count: list[int]) -> None:
    events: list[str] = []
    decode(dataset, events.append)
    assert sorted(decoded_count) == list(range(COUNT))
    assert "GGHEAD_CACHE_PATH" in events[0]
    assert str(root) in events[0]
    fetched(decode(dataset, events.append))
    assert len(decoded_count) == COUNT


def test_another_picture_resolution_or_background_is_another_cache(
    files: Files, masks: Files, tmp_path: Path, root: Path
) -> None:
    names = set()
    write_zip(tmp_path / "heads_masks_modnet.zip", masks)
    for resolution, background in ((8, 1.0), (16, 1.0), (8, 0.0)):
        with HeadDataset.open(write_zip(tmp_path / "heads.zip", files), resolution, background) as dataset:
            names.add(dataset.identity())
    for changed in (files, masks):
        changed[picture_name(0)] = encode_png(np.zeros((SIDE, SIDE), np.uint8))
        write_zip(tmp_path / "heads_masks_modnet.zip", masks)
        with HeadDataset.open(write_zip(tmp_path / "heads.zip", files), 8) as dataset:
            names.add(dataset.identity())
    assert len(names) == 5
    (tmp_path / "other").mkdir()
    copy = write_zip(tmp_path / "other" / "place.zip", files)
    with HeadDataset.open(copy, 8, masks=tmp_path / "heads_masks_modnet.zip") as dataset:
        assert dataset.identity() in names, "a copy of a zip is the same data"


@pytest.mark.parametrize("name", ["rgb.bin", "transparency.bin", "checksums.bin", "cache.json"])
def test_a_cut_off_cache_is_built_anew(name: str, dataset: HeadDataset, root: Path, decoded_count: list[int]) -> None:
    decode(dataset)
    file = the_cache(root) / name
    file.write_bytes(file.read_bytes()[:-1])
    assert same(decode(dataset), dataset)
    del decoded_count[:]
    decode(dataset)
    assert not decoded_count


@pytest.mark.parametrize("name", ["rgb.bin", "transparency.bin"])
def test_a_damaged_picture_in_the_cache_is_read_from_the_archive(name: str, dataset: HeadDataset, root: Path) -> None:
    decode(dataset)
    file = the_cache(root) / name
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 4
    file.write_bytes(content)
    events: list[str] = []
    pictures = decode(dataset, events.append)
    assert same(pictures, dataset)
    damaged = [event for event in events if "is damaged in the cache" in event]
    assert len(damaged) == 1, "told once"
    assert picture_name(2) in damaged[0]
    assert same(decode(dataset), dataset)
    assert the_cache(root).joinpath("cache.json").exists(), "built anew"


def test_an_interrupted_build_goes_on_where_it_stopped(
    dataset: HeadDataset, root: Path, decoded_count: list[int], monkeypatch
) -> None:
    counted = HeadDataset.cutout

    def interrupted(self: HeadDataset, index: int, background: float | None = None) -> Cutout:
        if index == 3:
            raise KeyboardInterrupt
        return counted(self, index, background)

    with monkeypatch.context() as patch:
        patch.setattr(HeadDataset, "cutout", interrupted)
        with pytest.raises(KeyboardInterrupt):
            decode(dataset)
    assert the_cache(root).name.endswith(".partial")
    del decoded_count[:]
    pictures = decode(dataset)
    assert sorted(decoded_count) == [3, 4]
    assert same(pictures, dataset)


def test_two_at_once_build_one_cache(
    dataset: HeadDataset, root: Path, decoded_count: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    counted, begun = HeadDataset.cutout, threading.Event()

    def slow(self: HeadDataset, index: int, background: float | None = None) -> Cutout:
        begun.wait(5)
        return counted(self, index, background)

    def told(text: str) -> None:
        if "waits for another process" in text:
            begun.set()

    monkeypatch.setattr(HeadDataset, "cutout", slow)
    with ThreadPoolExecutor(2) as pool:
        futures = [pool.submit(decode, dataset, told) for _ in range(2)]
        first, second = (future.result() for future in futures)
    assert sorted(decoded_count) == list(range(COUNT))
    assert same(first, second)


def test_a_disk_without_room_is_told_and_pictures_are_decoded_as_needed(
    dataset: HeadDataset, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    events: list[str] = []
    with monkeypatch.context() as patch:
        patch.setattr("shutil.disk_usage", lambda path: SimpleNamespace(free=1000))
        assert decode(dataset, events.append) is dataset
    assert "more than 50% of what is free" in events[-1]

    def full(cutout: Cutout) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("gghead.data.cache.picture_cache.checksums", full)
        assert decode(dataset, events.append) is dataset
    assert "No space left on device" in events[-1]
    assert not [path for path in root.iterdir() if path.is_dir()], "nothing is left on a full disk"


def test_a_cache_that_cannot_be_written_is_told(dataset: HeadDataset, root: Path) -> None:
    root.write_text("a file where the folder should be")
    events: list[str] = []
    assert decode(dataset, events.append) is dataset
    assert "no cache of decoded pictures" in events[-1]


def test_the_cache_that_was_not_used_for_the_longest_time_makes_room(
    files: Files, write_set: WriteSet, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write_set(files)
    bytes_each = COUNT * (8 * 8 * 4 + 8)
    monkeypatch.setattr("shutil.disk_usage", lambda path: SimpleNamespace(free=10**9))
    for background in (0.0, 0.25):
        with HeadDataset.open(path, 8, background) as dataset:
            decode(dataset)
    for marker in root.glob("*/cache.json"):
        os.utime(marker, (10**9, 10**9))
    with HeadDataset.open(path, 8, 0.0) as oldest:
        decode(oldest)  # and now it is not the oldest any more
    monkeypatch.setattr("shutil.disk_usage", lambda path: SimpleNamespace(free=2.5 * bytes_each))
    with HeadDataset.open(path, 8, 1.0) as dataset:
        decode(dataset)
        kept = {path.name for path in root.iterdir() if path.is_dir()}
        assert kept == {oldest.identity(), dataset.identity()}


def test_only_decoded_pictures_make_room(
    files: Files, write_set: WriteSet, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Features of real pictures, detectors and compiled kernels stand in the same folder, and are older."""
    path = write_set(files)
    bytes_each = COUNT * (8 * 8 * 4 + 8)
    others = [root / "features" / "some.npz", root / "detectors" / "inception.pt", root / "kernels" / "some.cubin"]
    for other in others:
        other.parent.mkdir(parents=True)
        other.write_bytes(bytes(bytes_each))
        os.utime(other.parent, (10**9, 10**9))
    left_by_a_crash, without_its_marker = root / f"{'0' * 24}.partial", root / ("1" * 24)
    left_by_a_crash.mkdir()
    without_its_marker.mkdir()
    (without_its_marker / "rgb.bin").write_bytes(bytes(bytes_each))
    with HeadDataset.open(path, 8, 0.0) as dataset:
        monkeypatch.setattr("shutil.disk_usage", lambda path: SimpleNamespace(free=10**9))
        decode(dataset)
    with HeadDataset.open(path, 8, 1.0) as dataset:
        monkeypatch.setattr("shutil.disk_usage", lambda path: SimpleNamespace(free=bytes_each))
        decode(dataset)
        kept = {path.name for path in root.iterdir() if path.is_dir()}
        assert kept == {"features", "detectors", "kernels", dataset.identity()}
    assert all(other.stat().st_size == bytes_each for other in others)


def test_nothing_makes_room_for_what_will_not_fit(
    files: Files, write_set: WriteSet, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write_set(files)
    monkeypatch.setattr("shutil.disk_usage", lambda path: SimpleNamespace(free=10**9))
    with HeadDataset.open(path, 8, 0.0) as small:
        decode(small)
    monkeypatch.setattr("shutil.disk_usage", lambda path: SimpleNamespace(free=0))
    with HeadDataset.open(path, 8, 1.0) as dataset:
        assert decode(dataset) is dataset
    assert (root / small.identity()).is_dir()


@pytest.mark.parametrize("in_memory", [0, 2**20])
def test_damaged_pictures_are_all_found_before_training_and_none_is_left_out(
    in_memory: int, files: Files, write_set: WriteSet, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gghead.data.cache.decoding.IN_MEMORY_BYTES", in_memory)
    for index in (1, 3):
        files[picture_name(index)] = files[picture_name(index)][:70]
    with HeadDataset.open(write_set(files), 8) as dataset, pytest.raises(ValueError, match="2 of 5 pictures") as caught:
        decode(dataset)
    assert picture_name(1) in str(caught.value)
    assert picture_name(3) in str(caught.value)
    assert "gghead data convert --skip-damaged" in str(caught.value)
    assert not root.exists() or not [path for path in root.iterdir() if path.is_dir()]


def test_progress_is_told_with_the_remaining_time(dataset: HeadDataset, root: Path, monkeypatch) -> None:
    monkeypatch.setattr("gghead.data.cache.decoding.SECONDS_BETWEEN_NEWS", -1)
    events: list[str] = []
    decode(dataset, events.append)
    assert "decoded 2 of 5 pictures, ETA 0:00:00" in events


def test_batches_are_the_same_from_everywhere(dataset: HeadDataset, root: Path) -> None:
    order = Order(seed=2, batch_size=4, mirrored=True)
    cached = decode(dataset)

    def taken(batches: Iterator) -> list[torch.Tensor]:
        some = [next(batches) for _ in range(5)]
        return [torch.cat([getattr(batch, name) for batch in some]) for name in ("pictures", "labels", "transparency")]

    with BatchLoader(dataset, order, 8, with_transparency=True) as batches:
        direct = taken(batches)
    with BatchLoader(cached, order, 8, with_transparency=True) as batches:
        from_cache = taken(batches)
    resident = taken(ResidentBatches(cached, order, 8, "cpu", with_transparency=True))
    for a, b, c in zip(direct, from_cache, resident, strict=True):
        assert torch.equal(a, b)
        assert torch.equal(a, c)


def test_any_background_is_within_a_level_where_nothing_is_resized(files: Files, tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    soft = {picture_name(i): encode_png(rng.integers(0, 256, (SIDE, SIDE), np.uint8)) for i in range(COUNT)}
    write_zip(tmp_path / "heads_masks_modnet.zip", soft)
    with HeadDataset.open(write_zip(tmp_path / "heads.zip", files), SIDE) as dataset:
        cutouts = [dataset.cutout(i) for i in range(COUNT)]
        gray = [dataset.read(i, background=0.3) for i in range(COUNT)]
    changed = change_background(
        torch.from_numpy(np.stack([cutout.rgb for cutout in cutouts])),
        torch.from_numpy(np.stack([cutout.transparency for cutout in cutouts])),
        old=1.0,
        new=torch.full((COUNT, 3), 0.3),
    )
    assert (changed.int() - torch.from_numpy(np.stack(gray)).int()).abs().max() <= 1
    colors = torch.tensor([[1.0, 0.0, 0.5]] * COUNT)
    pixels, mask = decode_picture(files[picture_name(0)]).rgb, 255 - cutouts[0].transparency
    colored = change_background(
        torch.from_numpy(cutouts[0].rgb)[None], torch.from_numpy(cutouts[0].transparency)[None], 1.0, colors[:1]
    )
    for channel, gray_value in enumerate((1.0, 0.0, 0.5)):
        expected = composite(pixels, mask, gray_value)[..., channel]
        assert np.abs(colored[0, ..., channel].numpy().astype(int) - expected).max() <= 1


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
    decode(dataset)
    marker = json.loads((the_cache(root) / "cache.json").read_text())
    assert marker == {"format": 1, "pictures": COUNT, "resolution": 8}

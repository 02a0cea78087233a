import threading
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from gghead.data import parallel
from gghead.data.dataset import PREFETCH_BATCHES, HeadDataset
from gghead.data.decoder import PictureDecoder
from gghead.data.labels import mirror_labels
from gghead.data.loader import open_batches
from gghead.data.sampler import Order
from tiny_archive import COUNT, SIDE, picture_name

WriteSet = Callable[[dict[str, bytes]], Path]


@pytest.fixture
def dataset(files: dict[str, bytes], write_set: WriteSet):
    with HeadDataset.open(write_set(files), SIDE) as opened:
        yield opened


def taken(dataset: HeadDataset, order: Order, count: int, start_images: int = 0) -> torch.Tensor:
    with open_batches(dataset, order, start_images) as batches:
        return torch.cat([next(batches).pixels for _ in range(count)])


def test_an_epoch_holds_every_picture_once(dataset: HeadDataset) -> None:
    seen = taken(dataset, Order(seed=3, batch_size=COUNT), 1)
    expected = {dataset.pixels([i]).tobytes() for i in range(COUNT)}
    assert {picture.numpy().tobytes() for picture in seen} == expected


def test_the_stream_does_not_depend_on_batches_threads_or_pauses(dataset: HeadDataset, monkeypatch) -> None:
    whole = taken(dataset, Order(seed=1, batch_size=4, mirrored=True), 6)
    decode = PictureDecoder.decode

    def decode_after_a_while(self: PictureDecoder, index: int) -> np.ndarray:
        time.sleep(0.002 * (index % 3))
        return decode(self, index)

    monkeypatch.setattr(PictureDecoder, "decode", decode_after_a_while)
    for threads in (1, 5):
        monkeypatch.setattr("gghead.data.dataset.thread_count", lambda count=threads: count)
        assert torch.equal(taken(dataset, Order(seed=1, batch_size=6, mirrored=True), 4), whole)
        assert torch.equal(taken(dataset, Order(seed=1, batch_size=4, mirrored=True), 4, start_images=8), whole[8:])


def test_two_processes_see_what_one_would(dataset: HeadDataset) -> None:
    whole = taken(dataset, Order(seed=1, batch_size=4, mirrored=True), 3).reshape(3, 2, 2, SIDE, SIDE, 4)
    for rank in range(2):
        part = taken(dataset, Order(seed=1, batch_size=4, mirrored=True, rank=rank, world_size=2), 3)
        assert torch.equal(part.reshape(3, 2, SIDE, SIDE, 4), whole[:, rank])


def test_mirrored_pictures_come_with_mirrored_cameras(dataset: HeadDataset) -> None:
    dataset.labels[:, 18] = 0.4 + 0.01 * np.arange(COUNT)  # a principal point that tells pictures and sides apart
    with open_batches(dataset, Order(seed=0, batch_size=32, mirrored=True)) as batches:
        batch = next(batches)
    sides = set()
    for pixels, label in zip(batch.pixels.numpy(), batch.labels.numpy(), strict=True):
        flipped = bool(label[18] > 0.5)
        index = round((min(label[18], 1 - label[18]) - 0.4) * 100)
        sides.add(flipped)
        assert np.array_equal(pixels, dataset.pixels([index])[0, :, :: -1 if flipped else 1])
        np.testing.assert_array_equal(label, mirror_labels(dataset.labels[index]) if flipped else dataset.labels[index])
    assert sides == {True, False}


def test_errors_arrive_with_the_pictures_name_and_threads_end(files: dict[str, bytes], write_set: WriteSet) -> None:
    files[picture_name(2)] = files[picture_name(2)][:50]
    before = threading.active_count()
    with (
        HeadDataset.open(write_set(files), SIDE) as dataset,
        pytest.raises(ValueError, match=picture_name(2)),
        open_batches(dataset, Order(seed=0, batch_size=COUNT)) as batches,
    ):
        next(batches)
    assert threading.active_count() == before


def test_it_reads_only_a_little_ahead(dataset: HeadDataset, monkeypatch) -> None:
    reads: list[int] = []
    decode = PictureDecoder.decode

    def counted(self: PictureDecoder, index: int) -> np.ndarray:
        reads.append(index)
        return decode(self, index)

    monkeypatch.setattr(PictureDecoder, "decode", counted)
    with open_batches(dataset, Order(seed=0, batch_size=2)) as batches:
        next(batches)
        time.sleep(0.1)
        assert len(reads) == 2 * (1 + PREFETCH_BATCHES)


def test_a_batch_that_cannot_be_shared_is_refused() -> None:
    with pytest.raises(ValueError, match="batch_size is 3, processes 2"):
        Order(seed=0, batch_size=3, world_size=2)


@pytest.mark.parametrize(("quota", "cores"), [("150000 100000", 2), ("10000 100000", 1), ("max 100000", 8), ("", 8)])
def test_a_container_with_a_share_of_the_cores_is_not_given_a_thread_for_each(
    quota: str, cores: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "cpu.max").write_text(quota, encoding="ascii")
    monkeypatch.setattr(parallel, "CPU_QUOTA", tmp_path / "cpu.max")
    monkeypatch.setattr("os.sched_getaffinity", lambda process: set(range(8)), raising=False)
    assert parallel.thread_count() == cores


def test_no_more_results_wait_than_may() -> None:
    begun: list[int] = []

    def work(item: int) -> int:
        begun.append(item)
        return item

    for taken, item in enumerate(parallel.in_order(work, range(20), waiting=3)):
        assert item == taken
        assert len(begun) <= taken + 3

"""Pixels that are decoded at a time take a bounded memory, whatever the number of threads."""

import threading
import time
import tracemalloc
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from gghead.data import picture_files
from gghead.data.check.inspection import inspect
from gghead.data.memory import BYTES_PER_PIXEL, MemoryBudget
from gghead.data.pixels import premultiply
from gghead.media.encoded import BAND_PIXELS, EncodedPicture
from gghead.media.images import encode_png
from tiny_archive import COUNT, SIDE, picture_name, write_zip


def most_at_once(budget: MemoryBudget, sizes: list[int]) -> int:
    """The largest sum of sizes that were held at the same time, by a thread each."""
    lock, held, most = threading.Lock(), 0, 0

    def work(size: int) -> None:
        nonlocal held, most
        with budget.hold(size):
            with lock:
                held += size
                most = max(most, held)
            time.sleep(0.001)
            with lock:
                held -= size

    with ThreadPoolExecutor(len(sizes)) as pool:
        list(pool.map(work, sizes))
    return most


def test_threads_together_stay_within_the_budget() -> None:
    sizes = np.random.default_rng(0).integers(1, 60, 40).tolist()
    assert most_at_once(MemoryBudget(100), sizes) <= 100


def test_what_is_larger_than_the_budget_is_alone() -> None:
    assert most_at_once(MemoryBudget(10), [1000, 1000, 1000]) == 1000


def test_what_fails_gives_its_memory_back() -> None:
    budget = MemoryBudget(10)
    for _ in range(3):
        with pytest.raises(ValueError, match="some"), budget.hold(10):
            raise ValueError("some")
    with budget.hold(10):
        pass


def test_large_pictures_are_decoded_one_after_the_other(
    files: dict[str, bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lock, held, most = threading.Lock(), 0, 0
    decode = picture_files.decode_picture

    def watched(data: bytes) -> EncodedPicture:
        nonlocal held, most
        with lock:
            held += 1
            most = max(most, held)
        time.sleep(0.01)
        decoded = decode(data)
        with lock:
            held -= 1
        return decoded

    monkeypatch.setattr(picture_files, "decode_picture", watched)
    monkeypatch.setattr(picture_files, "ORDINARY_PIXELS", SIDE**2 - 1)
    monkeypatch.setattr(picture_files, "DECODING", MemoryBudget(SIDE**2 * BYTES_PER_PIXEL))
    monkeypatch.setattr("gghead.data.parallel.thread_count", lambda: 8)
    files[picture_name(0)] = encode_png(np.zeros((2 * SIDE, 2 * SIDE, 3), np.uint8))
    inspection = inspect(write_zip(tmp_path / "heads.zip", files), 8)
    assert not inspection.problems
    assert len(inspection.pictures) == COUNT
    assert most == 1


def test_premultiplying_takes_little_more_than_its_result() -> None:
    pixels, mask = np.full((2048, 2048, 3), 90, np.uint8), np.full((2048, 2048), 100, np.uint8)
    premultiply(pixels[:8], mask[:8])
    tracemalloc.start()
    try:
        result = premultiply(pixels, mask)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert (result == result[0, 0]).all()
    assert peak < result.nbytes + 16 * BAND_PIXELS

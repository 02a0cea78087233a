"""Batches on a CUDA device: through pinned memory or from pictures that live there, always the bits of the CPU's."""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import torch

from gghead.data import loader
from gghead.data.dataset import HeadDataset
from gghead.data.loader import Batch, open_batches
from gghead.data.pixels import composite
from gghead.data.sampler import Order, Selection
from gghead.runs.run_folder import RunFolder
from gghead.training.loop import Outcome, train
from gghead.training.losses.backgrounds import random_fields
from tiny_run import RESOLUTION, SilentMonitor, tiny_config, write_tiny_dataset

pytestmark = pytest.mark.gpu

ORDER = Order(seed=3, batch_size=4, mirrored=True)
BATCHES = 25
"""Of 4 from 10 pictures: ten epochs."""


@pytest.fixture(params=["memory", "cache"])
def dataset(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[HeadDataset]:
    """Decoded pictures in memory, and mapped from the disk."""
    monkeypatch.setenv("GGHEAD_CACHE_PATH", str(tmp_path / "cache"))
    if request.param == "cache":
        monkeypatch.setattr("gghead.data.cache.decoding.IN_MEMORY_BYTES", 0)
    with HeadDataset.open(write_tiny_dataset(tmp_path / "blobs.zip"), RESOLUTION) as opened:
        opened.decode()
        yield opened


def taken(batches: Iterator[Batch]) -> list[torch.Tensor]:
    some = [next(batches) for _ in range(BATCHES)]
    return [torch.cat([getattr(batch, name) for batch in some]) for name in ("pixels", "labels")]


def on_cpu(dataset: HeadDataset) -> list[torch.Tensor]:
    with open_batches(dataset, ORDER) as batches:
        return taken(batches)


def same(device: list[torch.Tensor], host: list[torch.Tensor]) -> bool:
    assert all(tensor.device.type == "cuda" for tensor in device)
    return all(torch.equal(a.cpu(), b) for a, b in zip(device, host, strict=True))


def test_pinned_batches_are_the_cpus(dataset: HeadDataset, monkeypatch: pytest.MonkeyPatch) -> None:
    assert next(dataset.stream([Selection.of(range(4))], pinned=True)).is_pinned()
    monkeypatch.setattr(loader, "MAX_SHARE_OF_DEVICE", 0)
    events: list[str] = []
    with open_batches(dataset, ORDER, device="cuda", on_event=events.append) as batches:
        # The device falls behind: pinned memory must not be filled again before it was copied.
        torch.cuda._sleep(200_000_000)
        assert same(taken(batches), on_cpu(dataset))
    assert not events


@contextmanager
def waiting_is_an_error() -> Iterator[None]:
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Synchronization debug mode")  # that it is a prototype
        torch.cuda.set_sync_debug_mode("error")
        try:
            yield
        finally:
            torch.cuda.set_sync_debug_mode("default")


def test_resident_batches_are_the_cpus_and_wait_for_nothing(dataset: HeadDataset) -> None:
    events: list[str] = []
    with open_batches(dataset, ORDER, device="cuda", on_event=events.append) as batches:
        first = next(batches)
        torch.cuda.synchronize()
        with waiting_is_an_error():
            second = next(batches)
        rest = taken(batches)
    assert "keeps all pictures on cuda" in events[0]
    with open_batches(dataset, ORDER) as expected:
        for batch in (first, second):
            assert same([batch.pixels, batch.labels], [(host := next(expected)).pixels, host.labels])
        assert same(rest, taken(expected))


def test_pictures_are_composited_alike_on_the_device(dataset: HeadDataset) -> None:
    pixels, _ = on_cpu(dataset)
    fields = random_fields(len(pixels), pixels.shape[1], torch.Generator().manual_seed(0)).permute(0, 2, 3, 1)
    assert torch.equal(composite(pixels.cuda(), fields.cuda()).cpu(), composite(pixels, fields))
    assert torch.equal(composite(pixels.cuda(), 0.3).cpu(), composite(pixels, 0.3))


@pytest.mark.parametrize("share", [0, 0.4])
def test_a_run_trains_from_pinned_and_from_resident_pictures(
    share: float, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    torch.use_deterministic_algorithms(False)  # the gradient of sampling maps has no deterministic kernel on CUDA
    monkeypatch.setattr(loader, "MAX_SHARE_OF_DEVICE", share)
    run = RunFolder.create(tmp_path / "run", tiny_config(write_tiny_dataset(tmp_path / "blobs.zip"), total_images=16))
    monitor = SilentMonitor()
    assert train(run, monitor, "cuda") == Outcome(images=16, interrupted=False)
    assert any("keeps all pictures" in event for event in monitor.events) == (share > 0)

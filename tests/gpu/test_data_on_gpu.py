"""Batches on a CUDA device: through pinned memory or from pictures that live there, always the bits of the CPU's."""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import torch

from gghead.data.cache.decoded import DecodedPictures
from gghead.data.cache.decoding import decode
from gghead.data.cache.resident import ResidentBatches, open_batches
from gghead.data.cutout import change_background
from gghead.data.dataset import HeadDataset
from gghead.data.loader import Batch, BatchLoader, Order
from gghead.runs.run_folder import RunFolder
from gghead.training.loop import Outcome, train
from tiny_run import RESOLUTION, SilentMonitor, tiny_config, write_tiny_dataset

pytestmark = pytest.mark.gpu

ORDER = Order(seed=3, batch_size=4, mirrored=True)
BATCHES = 25
"""Of 4 from 10 pictures: ten epochs."""


@pytest.fixture(params=["memory", "cache"])
def pictures(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator:
    """Decoded pictures in memory, and mapped from the disk."""
    monkeypatch.setenv("GGHEAD_CACHE_PATH", str(tmp_path / "cache"))
    if request.param == "cache":
        monkeypatch.setattr("gghead.data.cache.decoding.IN_MEMORY_BYTES", 0)
    with HeadDataset.open(write_tiny_dataset(tmp_path / "blobs.zip"), RESOLUTION) as dataset:
        yield decode(dataset)


def taken(batches: Iterator[Batch]) -> list[torch.Tensor]:
    some = [next(batches) for _ in range(BATCHES)]
    return [torch.cat([getattr(batch, name) for batch in some]) for name in ("pictures", "labels", "transparency")]


def on_cpu(pictures: DecodedPictures) -> list[torch.Tensor]:
    with BatchLoader(pictures, ORDER, with_transparency=True) as batches:
        return taken(batches)


def same(device: list[torch.Tensor], host: list[torch.Tensor]) -> bool:
    assert all(tensor.device.type == "cuda" for tensor in device)
    return all(torch.equal(a.cpu(), b) for a, b in zip(device, host, strict=True))


def test_pinned_batches_are_the_cpus(pictures: DecodedPictures) -> None:
    with BatchLoader(pictures, ORDER, device="cuda", with_transparency=True) as batches:
        waiting, _ = batches._submit()
        assert waiting.pictures.is_pinned()
        assert waiting.labels.is_pinned()
    with BatchLoader(pictures, ORDER, device="cuda", with_transparency=True) as batches:
        # The device falls behind: pinned memory must not be filled again before it was copied.
        torch.cuda._sleep(200_000_000)
        assert same(taken(batches), on_cpu(pictures))


@contextmanager
def waiting_is_an_error() -> Iterator[None]:
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Synchronization debug mode")  # that it is a prototype
        torch.cuda.set_sync_debug_mode("error")
        try:
            yield
        finally:
            torch.cuda.set_sync_debug_mode("default")


def test_resident_batches_are_the_cpus_and_wait_for_nothing(pictures: DecodedPictures) -> None:
    batches = ResidentBatches(pictures, ORDER, 0, "cuda", with_transparency=True)
    next(batches)
    torch.cuda.synchronize()
    with waiting_is_an_error():
        next(batches)
    assert same(taken(ResidentBatches(pictures, ORDER, 0, "cuda", with_transparency=True)), on_cpu(pictures))


def test_pictures_live_on_the_device_when_they_fit(pictures: DecodedPictures, monkeypatch: pytest.MonkeyPatch) -> None:
    events: list[str] = []
    with open_batches(pictures, ORDER, device="cuda", on_event=events.append) as batches:
        assert isinstance(batches, ResidentBatches)
        assert next(batches).transparency is None
    assert "keeps all pictures on cuda" in events[0]
    monkeypatch.setattr("gghead.data.cache.resident.MAX_SHARE_OF_DEVICE", 0)
    with open_batches(pictures, ORDER, device="cuda", with_transparency=True) as batches:
        assert isinstance(batches, BatchLoader)
        assert same(taken(batches), on_cpu(pictures))


def test_backgrounds_change_alike_on_the_device(pictures: DecodedPictures) -> None:
    rgb, _, transparency = on_cpu(pictures)
    colors = torch.rand(len(rgb), 3, generator=torch.Generator().manual_seed(0))
    expected = change_background(rgb, transparency, 1.0, colors)
    changed = change_background(rgb.cuda(), transparency.cuda(), 1.0, colors.cuda())
    assert (changed.cpu().int() - expected.int()).abs().max() <= 1  # a rounding at 0.5


@pytest.mark.parametrize("share", [0, 0.4])
def test_a_run_trains_from_pinned_and_from_resident_pictures(
    share: float, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    torch.use_deterministic_algorithms(False)  # the gradient of sampling maps has no deterministic kernel on CUDA
    monkeypatch.setattr("gghead.data.cache.resident.MAX_SHARE_OF_DEVICE", share)
    run = RunFolder.create(tmp_path / "run", tiny_config(write_tiny_dataset(tmp_path / "blobs.zip"), total_images=16))
    monitor = SilentMonitor()
    assert train(run, monitor, "cuda") == Outcome(images=16, interrupted=False)
    assert any("keeps all pictures" in event for event in monitor.events) == (share > 0)

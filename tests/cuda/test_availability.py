"""Which GPUs take the kernels is asked in one place: networks, rasterizer and captured passes go the same way."""

import logging
from collections.abc import Iterator

import pytest
import torch

from gghead.cuda import availability
from gghead.cuda.graphs import fastest_runner, run_directly
from gghead.rasterizer import backends
from gghead.rasterizer.cuda.device_report import watch_lists

GPU = torch.device("cuda:0")


@pytest.fixture
def forgetful() -> Iterator[None]:
    """Answers are kept for a process; here each test asks anew."""
    asked = (backends.choose_by_tensors, availability.obstacle, availability.is_available)
    for function in asked:
        function.cache_clear()
    yield
    for function in asked:
        function.cache_clear()


@pytest.mark.parametrize(
    ("has_core", "capability", "hip", "reason"),
    [
        (False, (9, 0), None, "cuda-core is missing"),
        (True, (7, 5), None, "compute capability 7.5"),
        (True, (9, 0), "6.2", "ROCm"),
        (True, (8, 0), None, None),
    ],
)
def test_a_gpu_takes_all_kernels_or_none(
    has_core: bool,
    capability: tuple[int, int],
    hip: str | None,
    reason: str | None,
    forgetful: None,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr(availability, "has_cuda_core", lambda: has_core)
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda device: capability)
    monkeypatch.setattr(torch.version, "hip", hip)
    with caplog.at_level(logging.INFO, logger="gghead"):
        chosen = backends.choose_by_tensors(GPU, torch.float32)
        assert availability.is_available(GPU) == (reason is None)
        assert availability.is_available(GPU) == (reason is None)
    assert chosen == ("reference" if reason else "cuda")
    if reason is None:
        assert [record.message.split(":")[0] for record in caplog.records] == ["Drawing with the cuda backend"]
    else:
        assert [record.levelname for record in caplog.records] == ["WARNING", "WARNING"]
        assert all(reason in record.message for record in caplog.records)
        assert fastest_runner(GPU, watch_lists) is run_directly


def test_other_devices_have_no_kernels_and_nothing_is_said(forgetful: None, caplog: pytest.LogCaptureFixture) -> None:
    assert not availability.is_available(torch.device("cpu"))
    assert not caplog.records

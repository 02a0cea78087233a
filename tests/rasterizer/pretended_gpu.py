"""A pretended GPU for tests of the host's side of the CUDA backend; needs the extra cuda, so its users skip without."""

import re
from collections.abc import Iterator, Sequence
from contextlib import nullcontext

import pytest
import torch

from gghead.gaussians.scene import Gaussians
from gghead.geometry.cameras import Cameras
from gghead.rasterizer.cuda import backend as cuda, device_report, plan as cuda_plan, stages as cuda_stages
from gghead.rasterizer.cuda.kernels import SOURCES
from rasterizer.random_scenes import random_features


class Recorder:
    """Kernels that only note that they were launched; `allocate` reports as the GPU would."""

    def __init__(self) -> None:
        self.names: list[str] = []
        self.lengths = [100]
        self.problems = 0

    def launch(self, name: str, blocks: int, arguments: Sequence[int], stream: int, **_: int) -> None:
        assert blocks > 0
        assert all(isinstance(value, int) for value in arguments), name
        assert len(arguments) == parameters_of(name), name
        self.names.append(name)
        if name == "allocate" and arguments[6]:
            report = next(r for r in REPORTS if r.address == arguments[6])
            report.view[:] = self.lengths[0], self.problems
            self.lengths = self.lengths[1:] or self.lengths


REPORTS: list[device_report.DeviceReport] = []


def parameters_of(name: str) -> int:
    """How many parameters a kernel has, by its source."""
    text = "".join(path.read_text() for path in SOURCES.glob("*.cu"))
    macro = "NAME" if name.startswith("project_backward") else name
    found = re.search(rf"__launch_bounds__\([^\n]*?\)+[\s\\]*{macro}\((.*?)\)\s*{{", text, re.DOTALL)
    return found.group(1).count(",") + 1


@pytest.fixture
def recorder(monkeypatch: pytest.MonkeyPatch) -> Iterator[Recorder]:
    """A pretended GPU whose memory is the host's."""
    kernels = Recorder()

    class HostReport(device_report.DeviceReport):
        def __init__(self) -> None:
            self.numbers = torch.empty(2, dtype=torch.int64)
            self.view, self.address = self.numbers.numpy(), self.numbers.data_ptr()
            REPORTS.append(self)

    monkeypatch.setattr(device_report, "DeviceReport", HostReport)
    monkeypatch.setattr(cuda_stages, "DeviceReport", HostReport)
    monkeypatch.setattr(cuda_stages, "SPARE_REPORTS", [])
    monkeypatch.setattr(cuda_stages, "current_stream", lambda device: 0)
    monkeypatch.setattr(cuda_stages, "clear", lambda *arguments: None)
    monkeypatch.setattr(cuda_plan, "load_kernels", lambda variant, device: kernels)
    monkeypatch.setattr(cuda, "on_device", lambda device: nullcontext())
    monkeypatch.setattr(torch.cuda, "is_current_stream_capturing", lambda: False)
    monkeypatch.setattr(torch.cuda, "current_stream", IdleStream)
    cuda_plan.plan_of.cache_clear()
    yield kernels
    cuda_plan.plan_of.cache_clear()


class IdleStream:
    """A stream with nothing to wait for."""

    def synchronize(self) -> None:
        """Nothing."""


def draw(scene: Gaussians, cameras: Cameras, channels: int = 0, deterministic: bool = False) -> object:
    features = random_features(scene, channels) if channels else None
    return cuda.draw_cuda(scene, features, cameras, 1.0, deterministic)

"""When passes are captured, replayed, and run again because lists had too little room; a pretended GPU, as the host
sees it."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
import torch
from torch import Tensor

pytest.importorskip("cuda.core", reason="needs the extra cuda")

from gghead.cuda.graphs import WARMUP, Replayer
from gghead.rasterizer.cuda import list_capacity
from gghead.rasterizer.cuda.device_report import watch_lists
from rasterizer.pretended_gpu import REPORTS, Recorder, draw, recorder
from rasterizer.random_scenes import cameras_around, random_scene

__all__ = ["recorder"]


class Gpu:
    """Counts captures and replays; each replay reports the next of `needs`."""

    def __init__(self) -> None:
        self.capturing = False
        self.captures = self.replays = 0
        self.needs = [100]
        self.problems = 0

    def replay(self) -> None:
        self.replays += 1
        # The drawing of a pass takes the last report that its watch has made.
        REPORTS[-1].view[:] = self.needs[0], self.problems
        self.needs = self.needs[1:] or self.needs


@pytest.fixture
def gpu(recorder: Recorder, monkeypatch: pytest.MonkeyPatch) -> Gpu:
    pretended = Gpu()

    class Graph:
        replay = staticmethod(pretended.replay)

    @contextmanager
    def capture(*arguments: object, **options: object) -> Iterator[None]:
        pretended.captures += 1
        pretended.capturing = True
        yield
        pretended.capturing = False

    monkeypatch.setattr(torch.cuda, "graph_pool_handle", lambda: (0, 0))
    monkeypatch.setattr(torch.cuda, "Stream", lambda: None)
    monkeypatch.setattr(torch.cuda, "CUDAGraph", Graph)
    monkeypatch.setattr(torch.cuda, "graph", capture)
    monkeypatch.setattr(torch.cuda, "synchronize", lambda: None)
    monkeypatch.setattr(torch.cuda, "empty_cache", lambda: None)
    monkeypatch.setattr(torch.cuda, "is_current_stream_capturing", lambda: pretended.capturing)
    return pretended


@pytest.fixture
def run() -> Callable[[Replayer], Tensor]:
    """A pass that draws."""
    scene, cameras = random_scene(50, (1,)), cameras_around((1,), 32, 32)

    def drawing(value: Tensor) -> Tensor:
        draw(scene, cameras)
        return value.clone()

    return lambda replayer: replayer("pass", drawing, torch.ones(1), ())


ROOM = list_capacity.roomy(100, list_capacity.CAPTURE_SLACK)


def test_a_pass_is_captured_once(gpu: Gpu, run: Callable[[Replayer], Tensor]) -> None:
    replayer = Replayer(watch_lists)
    for _ in range(WARMUP + 3):
        assert run(replayer) == 1
    assert (gpu.captures, gpu.replays) == (1, 3)


def test_a_pass_that_outgrows_its_room_is_captured_and_run_again(gpu: Gpu, run: Callable[[Replayer], Tensor]) -> None:
    replayer = Replayer(watch_lists)
    gpu.needs = [100, ROOM + 1, ROOM + 1, 100]
    for _ in range(WARMUP + 2):
        run(replayer)
    assert (gpu.captures, gpu.replays) == (2, 3)
    (recording,) = replayer._recordings.values()
    assert recording.watch._drawings[0][2] >= ROOM + 1
    run(replayer)
    assert (gpu.captures, gpu.replays) == (2, 4)


def test_a_pass_that_another_process_runs_again_is_run_again(gpu: Gpu, run: Callable[[Replayer], Tensor]) -> None:
    asked = []

    def any_process(mine: bool) -> bool:
        asked.append(mine)
        return len(asked) == 1

    replayer = Replayer(watch_lists, any_process)
    for _ in range(WARMUP + 1):
        run(replayer)
    assert (gpu.captures, gpu.replays, asked) == (1, 2, [False, False])


def test_cameras_that_cannot_be_drawn_are_told(gpu: Gpu, run: Callable[[Replayer], Tensor]) -> None:
    replayer = Replayer(watch_lists)
    for _ in range(WARMUP + 1):
        run(replayer)
    gpu.problems = 1
    with pytest.raises(ValueError, match="viewmats hold numbers that are not finite"):
        run(replayer)

"""The host's side of the CUDA backend, without a GPU: what it launches, in which order, with how many arguments."""

import pytest
import torch

pytest.importorskip("cuda.core", reason="needs the extra cuda")

from gghead.geometry.cameras import Cameras
from gghead.rasterizer.cuda import device_report, list_capacity, plan as cuda_plan
from gghead.rasterizer.cuda.kernels import KERNELS
from rasterizer.pretended_gpu import REPORTS, Recorder, draw, recorder
from rasterizer.random_scenes import cameras_around, random_scene

__all__ = ["recorder"]

FORWARD = ["project", "allocate", "fill", "composite"]


def test_every_kernel_is_launched_as_it_is_declared(recorder: Recorder) -> None:
    scene, cameras = random_scene(20, (2,)), cameras_around((2,), 33, 20)
    draw(scene, cameras, channels=2)
    assert recorder.names == FORWARD
    leaves = scene.map(lambda tensor: tensor.clone().requires_grad_())
    seen = Cameras(cameras.viewmats.clone().requires_grad_(), cameras.Ks, 33, 20)
    for camera in (cameras, seen):
        drawn = draw(leaves, camera)
        torch.autograd.grad(drawn.alpha.sum(), [leaves.means])
    assert set(recorder.names) == set(KERNELS)


def test_a_low_guess_is_mended_and_remembered(recorder: Recorder) -> None:
    scene, cameras = random_scene(20, (1,)), cameras_around((1,), 16, 16)
    recorder.lengths = [500_000]
    draw(scene, cameras)
    assert recorder.names == 2 * FORWARD
    draw(scene, cameras)
    assert recorder.names == 3 * FORWARD


def test_problems_of_cameras_are_raised_and_the_report_is_used_again(recorder: Recorder) -> None:
    scene, cameras = random_scene(20, (1,)), cameras_around((1,), 16, 16)
    recorder.problems = 4
    before = len(REPORTS)
    for _ in range(3):
        with pytest.raises(ValueError, match="Ks have skew"):
            draw(scene, cameras)
    recorder.problems = 0
    draw(scene, cameras)
    assert len(REPORTS) == before + 1


def test_many_features_take_several_passes(recorder: Recorder) -> None:
    drawn = draw(random_scene(20, (1,)), cameras_around((1,), 16, 16), channels=19)
    assert drawn.features.shape == (1, 16, 16, 19)
    assert recorder.names == 3 * FORWARD


def test_second_backward_pass_draws_again(recorder: Recorder) -> None:
    leaves = random_scene(20, (1,)).map(lambda tensor: tensor.clone().requires_grad_())
    loss = draw(leaves, cameras_around((1,), 16, 16)).rgb.sum()
    keep = ["project", "allocate", "fill", "composite_and_keep"]
    back = ["composite_backward", "project_backward"]
    torch.autograd.grad(loss, [leaves.means], retain_graph=True)
    assert recorder.names == keep + back
    torch.autograd.grad(loss, [leaves.means])
    assert recorder.names == keep + back + keep + back


def test_too_much_for_one_call_is_refused(recorder: Recorder) -> None:
    with pytest.raises(ValueError, match="draw fewer gaussians or cameras at a time"):
        cuda_plan.plan_of(0, 1, 2**14, 2**18, 64, 64, 1, 0)
    with pytest.raises(ValueError, match="draw fewer gaussians or cameras at a time"):
        cuda_plan.plan_of(0, 1, 2**14, 1, 4096, 4096, 1, 0)


def test_capture_needs_a_drawing_before(recorder: Recorder, monkeypatch: pytest.MonkeyPatch) -> None:
    scene, cameras = random_scene(20, (1,)), cameras_around((1,), 16, 16)
    monkeypatch.setattr(torch.cuda, "is_current_stream_capturing", lambda: True)
    with pytest.raises(ValueError, match="call render once with the same sizes"):
        draw(scene, cameras)
    monkeypatch.setattr(torch.cuda, "is_current_stream_capturing", lambda: False)
    draw(scene, cameras)
    monkeypatch.setattr(torch.cuda, "is_current_stream_capturing", lambda: True)
    draw(scene, cameras)
    assert recorder.names == 2 * FORWARD


def test_what_a_captured_graph_needs_is_watched(recorder: Recorder, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each replay reports; the room of the next capture follows."""
    scene, cameras = random_scene(50, (1,)), cameras_around((1,), 32, 32)
    draw(scene, cameras)
    monkeypatch.setattr(torch.cuda, "is_current_stream_capturing", lambda: True)
    with device_report.watch_lists() as watch:
        draw(scene, cameras)
    assert watch.fullness() == pytest.approx(100 / list_capacity.roomy(100, list_capacity.CAPTURE_SLACK))
    report, history, capacity = watch._drawings[0]
    report.view[0] = 2 * capacity
    assert watch.fullness() == 2
    assert history.guess(list_capacity.CAPTURE_SLACK) >= 4 * capacity
    with device_report.watch_lists():
        for _ in range(device_report.MAX_WATCHED):
            draw(scene, cameras)
        with pytest.raises(ValueError, match="capture it in parts"):
            draw(scene, cameras)

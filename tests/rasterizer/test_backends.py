"""The CPU backend draws what the reference draws in double precision, and has its gradients."""

from dataclasses import replace

import pytest
import torch

from gghead.geometry.cameras import Cameras
from gghead.rasterizer import render
from rasterizer.comparison import OUTPUTS, assert_close_but_flips, assert_same_drawing
from rasterizer.random_scenes import cameras_around, draw_with_gradients, random_features, random_scene
from tolerances import RASTER_TIGHT


@pytest.mark.parametrize(
    ("count", "batch", "views", "size", "coefficients", "channels"),
    [
        (513, (), (2,), (63, 65), 4, 2),
        (513, (2,), (), (65, 63), 1, 0),
        (200, (2,), (2, 3), (33, 20), 16, 3),
        (60, (2, 3), (2,), (17, 16), 9, 1),
        (1, (2,), (2,), (40, 40), 4, 2),
        (513, (2,), (1,), (1, 1), 4, 8),
        (0, (2,), (1,), (20, 10), 4, 2),
        (5000, (), (1,), (48, 48), 4, 0),
    ],
)
def test_cpu_equals_reference(
    count: int, batch: tuple[int, ...], views: tuple[int, ...], size: tuple[int, int], coefficients: int, channels: int
) -> None:
    scene = random_scene(count, batch, coefficients)
    features = random_features(scene, channels)
    cameras = cameras_around(views, *size)
    background = torch.rand(*batch, *views, 3, generator=torch.Generator().manual_seed(4))
    cpu = draw_with_gradients(scene, features, cameras, background, "cpu", torch.float32)
    reference = draw_with_gradients(scene, features, cameras, background, "reference", torch.float64)
    assert_same_drawing(cpu, reference)
    if count == 513 and size != (1, 1):  # the comparison means something: light is stopped, and some gets through
        assert cpu.rendering.alpha.max() > 0.9
        assert all(float(gradient.abs().max()) > 0 for gradient in cpu.gradients.values() if gradient.numel())


def test_near_plane_and_guarded_jacobian() -> None:
    """A camera inside the cloud: Gaussians behind it, beside it, and at its near plane."""
    scene = random_scene(300)
    eye = torch.tensor([[0.02, 0.03, 0.2]])
    cameras = Cameras.looking_at(eye, torch.zeros(3), 32, focal=0.8)
    features, background = random_features(scene, 0), torch.zeros(3)
    cpu = draw_with_gradients(scene, features, cameras, background, "cpu", torch.float32)
    reference = draw_with_gradients(scene, features, cameras, background, "reference", torch.float64)
    assert_same_drawing(cpu, reference, slack=10)


def test_same_bits_in_every_run_and_for_any_number_of_threads() -> None:
    scene, cameras = random_scene(6000), cameras_around((2,), 64, 64)
    features, background = random_features(scene, 2), torch.ones(3)
    threads = torch.get_num_threads()
    runs = []
    try:
        for count in (threads, threads, 1, 3):
            torch.set_num_threads(count)
            runs.append(draw_with_gradients(scene, features, cameras, background, "cpu", torch.float32))
    finally:
        torch.set_num_threads(threads)
    for run in runs[1:]:
        for name in OUTPUTS:
            assert torch.equal(getattr(run.rendering, name), getattr(runs[0].rendering, name)), name
        for name, gradient in runs[0].gradients.items():
            assert torch.equal(run.gradients[name], gradient), name


def test_groups_of_pictures_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    scene, cameras = random_scene(200, (2,)), cameras_around((3,), 32, 24)
    features, background = random_features(scene, 1), torch.ones(3)
    whole = draw_with_gradients(scene, features, cameras, background, "cpu", torch.float32)
    monkeypatch.setattr("gghead.rasterizer.cpu.backend.GROUP", 2 * 200)
    pieces = draw_with_gradients(scene, features, cameras, background, "cpu", torch.float32)
    assert torch.equal(whole.rendering.rgb, pieces.rendering.rgb)
    for name, gradient in whole.gradients.items():
        torch.testing.assert_close(pieces.gradients[name], gradient)


def test_whole_picture_equals_its_crop() -> None:
    """Tiles have no say in the result: a crop that is not aligned with them shows the same pixels."""
    scene, cameras = random_scene(400), cameras_around((1,), 64, 64)
    scene = replace(scene, means=scene.means * 0.3)  # where the guard of the Jacobian, which knows the field, is idle
    Ks = cameras.Ks.clone()
    Ks[:, :2, 2] -= torch.tensor([7.0, 11.0])
    crop = render(scene, Cameras(cameras.viewmats, Ks, 50, 48), backend="cpu").rgb
    whole = render(scene, cameras, backend="cpu").rgb[:, 11:59, 7:57]
    assert_close_but_flips(crop, whole.double(), RASTER_TIGHT, "rgb")

"""The reference: pictures that can be computed by hand, and derivatives against finite differences."""

import math

import pytest
import torch

from gghead.gaussians.scene import Gaussians
from gghead.geometry.cameras import Cameras
from gghead.rasterizer import render
from gghead.rasterizer.constants import BLUR, MIN_ALPHA, MIN_TRANSMITTANCE
from rasterizer.random_scenes import cameras_around, random_features, random_scene
from tolerances import EXACT_FLOAT64

C0 = 0.28209479177387814


def flat_scene(z: list[float], opacities: list[float], gray: list[float], sigma: float = 0.1) -> Gaussians:
    """Round Gaussians on the axis of a camera at the origin that looks along +z."""
    count = len(z)
    means = torch.tensor([[0.0, 0.0, value] for value in z], dtype=torch.float64)
    quats = torch.tensor([[1.0, 0, 0, 0]], dtype=torch.float64).expand(count, 4)
    sh = ((torch.tensor(gray, dtype=torch.float64) - 0.5) / C0)[:, None, None].expand(count, 1, 3)
    scales = torch.full((count, 3), sigma, dtype=torch.float64)
    return Gaussians(means, quats, scales, torch.tensor(opacities, dtype=torch.float64), sh)


def axis_camera(side: int = 9, focal: float = 20.0) -> Cameras:
    """A camera at the origin that looks along +z, its axis through the middle of the middle pixel."""
    K = torch.tensor([[focal, 0, side / 2], [0, focal, side / 2], [0, 0, 1]], dtype=torch.float64)
    return Cameras(torch.eye(4, dtype=torch.float64), K, side, side)


def test_one_gaussian_by_hand() -> None:
    picture = render(flat_scene([2.0], [0.8], [0.25]), axis_camera(), background=1.0)
    variance = (20.0 * 0.1 / 2.0) ** 2 + BLUR  # (focal sigma / z)^2 pixels; on the axis the Jacobian is focal / z
    for dx, dy in ((0, 0), (1, 0), (2, -1), (-3, 1)):
        alpha = 0.8 * math.exp(-(dx * dx + dy * dy) / (2 * variance))
        alpha = alpha if alpha >= MIN_ALPHA else 0.0
        pixel = (4 + dy, 4 + dx)
        expected = {"alpha": [alpha], "rgb": [0.25 * alpha + (1 - alpha)] * 3, "depth": [2.0 if alpha else 0.0]}
        for name, value in expected.items():
            actual = getattr(picture, name)[pixel]
            torch.testing.assert_close(actual, torch.tensor(value, dtype=torch.float64), **EXACT_FLOAT64._asdict())
    assert picture.alpha[0, 0] == 0  # q = 32 / 1.3: exp(-12.3) is far below 1/255


def test_nearer_gaussian_covers_farther_one() -> None:
    picture = render(flat_scene([3.0, 2.0], [0.5, 0.6], [1.0, 0.0]), axis_camera(), background=0.5)
    near, far = 0.6, 0.4 * 0.5
    middle = (4, 4)
    assert math.isclose(float(picture.alpha[middle]), near + far, rel_tol=1e-12)
    assert math.isclose(float(picture.rgb[middle][0]), far * 1.0 + (1 - near - far) * 0.5, rel_tol=1e-12)
    assert math.isclose(float(picture.depth[middle]), (near * 2 + far * 3) / (near + far), rel_tol=1e-12)


def test_equal_depths_keep_the_order_of_the_scene() -> None:
    for gray in ([1.0, 0.0], [0.0, 1.0]):
        picture = render(flat_scene([2.0, 2.0], [0.9, 0.9], gray), axis_camera(), background=0.0)
        assert math.isclose(float(picture.rgb[4, 4, 0]), 0.9 * gray[0] + 0.1 * 0.9 * gray[1], rel_tol=1e-12)


def test_light_stops_before_the_gaussian_that_would_end_it() -> None:
    """Alphas are at most 0.99: two leave 1e-4, a third would fall below and is not drawn, nor is what follows."""
    scene = flat_scene([1.0, 2.0, 3.0, 4.0], [1.0, 0.98, 1.0, 0.3], [1.0, 1.0, 1.0, 1.0], sigma=5.0)
    left = (1 - 0.99) * (1 - 0.98)
    assert left * (1 - 0.99) < MIN_TRANSMITTANCE < left * (1 - 0.3)
    assert math.isclose(float(render(scene, axis_camera()).alpha[4, 4]), 1 - left, rel_tol=1e-9)


@pytest.mark.slow
def test_gradients_are_the_finite_differences() -> None:
    """A few large Gaussians, faint enough that no pixel is near a cut-off."""
    scene = random_scene(4, coefficients=9).map(lambda tensor: tensor.double())
    cameras = cameras_around((2,), 5, 4)
    features, background = random_features(scene, 1).double(), torch.rand(2, 3, dtype=torch.float64)
    scales, opacities = scene.scales * 0 + torch.tensor([0.9, 0.7, 0.5]), 0.3 + 0.1 * torch.rand(4).double()
    sh = scene.sh * 0.2

    def draw(*inputs: torch.Tensor) -> tuple[torch.Tensor, ...]:
        means, quats, log_scales, opacity, coefficients, extra, behind, viewmats = inputs
        moved = Gaussians(means * 0.3, quats, log_scales.exp(), opacity, coefficients)
        seen = Cameras(viewmats, cameras.Ks.double(), 5, 4)
        out = render(moved, seen, background=behind, features=extra, backend="reference")
        return out.rgb, out.alpha, out.depth, out.features

    inputs = (scene.means, scene.quats, scales.log(), opacities, sh, features, background, cameras.viewmats.double())
    leaves = tuple(tensor.detach().clone().requires_grad_() for tensor in inputs)
    assert draw(*leaves)[1].min() > 0.1
    assert torch.autograd.gradcheck(draw, leaves, eps=1e-6, atol=1e-6, rtol=1e-4)

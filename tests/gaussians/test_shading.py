"""Colours from a direction."""

import pytest
import torch

from gghead.gaussians.scene import Gaussians
from gghead.gaussians.shading import freeze_colors, shade
from gghead.geometry.cameras import Cameras
from gghead.geometry.spherical_harmonics import C0, C1
from tolerances import EXACT_FLOAT32


def scene_of(sh: torch.Tensor) -> Gaussians:
    """Gaussians at the origin with given coefficients [*B, N, K, 3]."""
    shape = sh.shape[:-2]
    return Gaussians(torch.zeros(*shape, 3), torch.ones(*shape, 4), torch.ones(*shape, 3), torch.ones(shape), sh)


def test_colour_by_hand() -> None:
    """Seen from +z the direction is -z, so that of degree 1 only the coefficient of z counts, negated."""
    sh = torch.tensor([[[0.1, 0.2, 0.3], [9.0, 9, 9], [0.5, 0.0, -0.5], [9.0, 9, 9]]])
    color = shade(scene_of(sh), torch.tensor([0.0, 0.0, 2.7]))
    expected = torch.tensor([[0.5 + C0 * 0.1 - C1 * 0.5, 0.5 + C0 * 0.2, 0.5 + C0 * 0.3 + C1 * 0.5]])
    torch.testing.assert_close(color, expected, **EXACT_FLOAT32._asdict())


def test_colour_is_not_negative() -> None:
    assert shade(scene_of(torch.full((1, 1, 3), -5.0)), torch.tensor([0.0, 0.0, 1.0])).max() == 0


@pytest.mark.parametrize("camera_batch", [(), (1,), (2,)])
def test_frozen_colour_is_what_the_camera_sees_from_everywhere(camera_batch: tuple[int, ...]) -> None:
    scene = scene_of(torch.randn(2, 5, 16, 3, generator=torch.Generator().manual_seed(0)))
    eyes = torch.tensor([0.3, 0.2, 2.0]).expand(*camera_batch, 3)
    frozen = freeze_colors(scene, Cameras.looking_at(eyes, torch.tensor([0.0, 0.0, -1.0]), 8))
    assert frozen.sh_degree == 0
    seen = shade(scene, torch.tensor([0.3, 0.2, 2.0]).expand(2, 3))
    torch.testing.assert_close(shade(frozen, torch.tensor([5.0, -1.0, 0.0]).expand(2, 3)), seen, rtol=1e-5, atol=1e-5)


def test_single_scene_is_frozen_to_a_batch_of_one_camera() -> None:
    assert freeze_colors(scene_of(torch.zeros(3, 4, 3)), Cameras.frontal(8)).sh.shape == (3, 1, 3)


def test_cameras_that_fit_no_batch_are_named() -> None:
    with pytest.raises(ValueError, match="cameras of batch \\[3\\], the scenes have batch \\[2\\]"):
        freeze_colors(scene_of(torch.zeros(2, 5, 4, 3)), Cameras.orbit(3, 8))

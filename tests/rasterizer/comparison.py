"""How pictures and gradients of two rasterizers are compared."""

import torch
from torch import Tensor

from rasterizer.random_scenes import Drawn
from tolerances import RASTER_FLIP, RASTER_FLIPPED_FRACTION, RASTER_GRADIENT, RASTER_TIGHT

OUTPUTS = ("rgb", "alpha", "depth", "features")


def assert_close_but_flips(actual: Tensor, expected: Tensor, tight: float, name: str) -> None:
    """Almost all numbers within a tight bound, relative to the largest; all within the effect of a flipped cut-off."""
    assert actual.shape == expected.shape, name
    if expected.numel() == 0:
        return
    scale = max(float(expected.detach().abs().max()), 1e-6)
    errors = (actual.detach().double() - expected.detach()).abs() / scale
    assert bool(torch.isfinite(errors).all()), name
    assert float((errors > tight).double().mean()) <= RASTER_FLIPPED_FRACTION, (name, float(errors.max()))
    assert float(errors.max()) <= RASTER_FLIP, name


def assert_same_drawing(actual: Drawn, expected: Drawn, slack: float = 1.0) -> None:
    """Pictures and gradients of a backend are those of the reference; slack widens the bound of the gradients."""
    for name in OUTPUTS:
        assert_close_but_flips(getattr(actual.rendering, name), getattr(expected.rendering, name), RASTER_TIGHT, name)
    for name, gradient in expected.gradients.items():
        if gradient.numel() == 0:
            continue
        assert_close_but_flips(actual.gradients[name], gradient, slack * RASTER_GRADIENT, name)

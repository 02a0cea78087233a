"""Regularisers of the generator: small offsets and scales, none stuck, opacities near 0 or 1, smooth UV."""

import math
from collections.abc import Callable

import torch
from jaxtyping import Float
from torch import Tensor

from gghead.config.model import GeneratorConfig

BETA_MARGIN = 0.1
"""Keeps the logarithms of the beta loss finite at opacities 0 and 1."""
BETA_SHIFT = 2.20727
"""Makes the beta loss about 0 at opacities 0 and 1: -(log 0.1 + log 1.1)."""

FLAT = 0.05
"""Share of its steepest slope at which an activation counts as saturated."""

RENDERED_CHANNELS = 3
"""The official weight of the total variation belongs to a mean over three channels, of which the third is always 0."""


def mean_norm(raw: Float[Tensor, "B N 3"]) -> Float[Tensor, " B"]:
    """Mean Euclidean length of raw network values, for positions and scales. Source: GGHead 2024, regularisation."""
    return raw.norm(dim=-1).mean(dim=-1)


def saturation(
    positions: Float[Tensor, "B N 3"],
    scales: Float[Tensor, "B N 3"],
    opacities: Float[Tensor, "*M"],
    config: GeneratorConfig,
) -> Float[Tensor, ""]:
    """How far raw network values are beyond where their activations have lost all but `FLAT` of their slope.

    Args:
        positions: raw offsets, which go through tanh.
        scales: raw log scales, which bend below the largest; there is no smallest.
        opacities: raw opacities, at Gaussians or in maps, which go through the logistic function.
        config: of the generator that made them.

    Returns:
        Sum of the means of squared excess over values; 0 where none is beyond.
    """
    of_tanh = math.atanh(math.sqrt(1 - FLAT))
    largest = config.max_log_scale - config.log_scale_offset + math.log(1 / FLAT - 1)
    excess = (positions.abs() - of_tanh, scales - largest, opacities.abs() - 2 * of_tanh)
    return torch.stack([value.relu().square().mean() for value in excess]).sum()


def beta_loss(opacities: Float[Tensor, "B N"]) -> Float[Tensor, ""]:
    """Lowest where opacities are 0 or 1, highest at 1/2. Source: Lombardi et al. 2019, "Neural Volumes", section 5."""
    return ((BETA_MARGIN + opacities).log() + (1 + BETA_MARGIN - opacities).log() + BETA_SHIFT).mean()


def uv_total_variation(
    uv: Float[Tensor, "B H W 2"],
    coverage: Float[Tensor, "B H W 1"],
    mean: Callable[[Tensor], Tensor] = lambda count: count,
) -> Float[Tensor, ""]:
    """Total variation of rendered UV coordinates: Gaussians that are neighbours in UV shall be so in the picture.

    Args:
        uv: each Gaussian's own (u, v) in [-1, 1], composited like a colour on nothing.
        coverage: alpha of the same rendering.
        mean: over the processes that share a batch, so that the mean of their results is that of the whole batch.

    Returns:
        Mean absolute difference over horizontal plus over vertical pairs of pixels that are both covered, in the
        scale of the official weight.

    Source: GGHead 2024, "UV total variation".
    """
    covered = coverage > 0
    surface = uv / torch.where(covered, coverage, 1)
    total = uv.new_zeros(())
    for axis in (1, 2):
        size = uv.shape[axis] - 1
        difference = (surface.narrow(axis, 1, size) - surface.narrow(axis, 0, size)).abs()
        both = covered.narrow(axis, 1, size) & covered.narrow(axis, 0, size)
        total = total + (difference * both).sum() / (RENDERED_CHANNELS * mean(both.sum().float())).clamp_min(1)
    return total

"""Raw network output at the texels -> Gaussians: the activations.

Source: Kirschstein et al. 2024, "GGHead", section 3 and the published configuration of its release.
"""

import math
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional

from gghead.config.model import GeneratorConfig
from gghead.gaussians.scene import Gaussians
from gghead.geometry.rotations import quats_from_axis_angles
from gghead.geometry.spherical_harmonics import C0
from gghead.model.constants import OVERSHOOT


@dataclass(frozen=True)
class RawAttributes:
    """Network output at the texels, before any activation; what the regularisers look at.

    Attributes:
        positions: offsets from the template.
        scales: sizes.
        rotations: axis-angle vectors.
        colors: spherical-harmonic coefficients, K coefficients of r, g, b.
        opacities: opacities.
    """

    positions: Float[Tensor, "*B N 3"]
    scales: Float[Tensor, "*B N 3"]
    rotations: Float[Tensor, "*B N 3"]
    colors: Float[Tensor, "*B N K 3"]
    opacities: Float[Tensor, "*B N"]

    @classmethod
    def from_channels(cls, channels: Float[Tensor, "*B N C"]) -> "RawAttributes":
        """Splits the channels of the UV maps: position, scale, rotation, colour (coefficient-major), opacity."""
        parts = channels.split([3, 3, 3, channels.shape[-1] - 10, 1], dim=-1)
        # Side by side in memory, numbers go through the activations three times as fast on a CPU.
        positions, scales, rotations, colors, opacities = (part.contiguous() for part in parts)
        return cls(positions, scales, rotations, colors.unflatten(-1, (-1, 3)), opacities.squeeze(-1))


@dataclass(frozen=True)
class Decoded:
    """Heads, and what regularisers look at.

    Attributes:
        gaussians: the heads.
        positions: raw offsets from the template.
        scales: raw sizes.
    """

    gaussians: Gaussians
    positions: Float[Tensor, "*B N 3"]
    scales: Float[Tensor, "*B N 3"]


def activate(raw: RawAttributes, template: Float[Tensor, "N 3"], config: GeneratorConfig) -> Gaussians:
    """Turns raw output at the texels into Gaussians around the template."""
    quats = quats_from_axis_angles(2 * math.pi * raw.rotations.tanh())
    if config.quaternion_order == "zwxy":
        quats = quats.roll(1, dims=-1)
    return Gaussians(
        means=template + config.position_range * raw.positions.tanh(),
        quats=quats,
        scales=log_scales(raw.scales, config).exp(),
        opacities=overshot(raw.opacities.sigmoid()),
        sh=overshot(raw.colors.tanh()) * (0.5 / C0),
    )


def log_scales(raw: Float[Tensor, "*B N 3"], config: GeneratorConfig) -> Float[Tensor, "*B N 3"]:
    """Log standard deviations: raw + offset, bent so that it never passes the maximum."""
    return config.max_log_scale - functional.softplus(config.max_log_scale - config.log_scale_offset - raw)


def overshot(x: Float[Tensor, "*B"]) -> Float[Tensor, "*B"]:
    """Widens by the overshoot e: x (1 + 2 e) - e."""
    return torch.add(-OVERSHOOT, x, alpha=1 + 2 * OVERSHOOT)

"""What a backend hands back: sums over the Gaussians of a pixel, without background and without division."""

from dataclasses import dataclass

from jaxtyping import Float
from torch import Tensor


@dataclass(frozen=True)
class Accumulation:
    """Sums over the Gaussians drawn at a pixel, each weighted with alpha times the transmittance in front of it.

    Attributes:
        rgb: sum of colours.
        depth: sum of camera z, world units.
        features: sum of features.
        alpha: sum of the weights, which is one minus the transmittance that is left; 0 to 1.
    """

    rgb: Float[Tensor, "P H W 3"]
    depth: Float[Tensor, "P H W 1"]
    features: Float[Tensor, "P H W F"]
    alpha: Float[Tensor, "P H W 1"]

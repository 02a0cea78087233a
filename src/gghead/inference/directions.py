"""Principal directions of the styles: along which axes the heads of a model differ most."""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from gghead.model.generator import Generator

SAMPLES = 4096
"""Styles that the directions are computed from."""


@dataclass(frozen=True)
class Directions:
    """Axes in the space of styles, those of the largest variance first.

    Attributes:
        axes: unit vectors.
        deviations: standard deviation of the styles along each.
    """

    axes: Float[Tensor, "K W"]
    deviations: Float[Tensor, " K"]

    def offset(self, steps: Float[Tensor, " S"]) -> Float[Tensor, " W"]:
        """What walking along the first S directions adds to a style; steps in standard deviations, S up to K."""
        count = len(steps)
        return (steps * self.deviations[:count]) @ self.axes[:count]


@torch.no_grad()
def principal_directions(generator: Generator, count: int, samples: int = SAMPLES, seed: int = 0) -> Directions:
    """Principal components of the styles of random latents, seen by the frontal camera where the mapping sees one.

    Args:
        generator: whose styles.
        count: number of directions, at most the size of a style.
        samples: styles drawn.
        seed: of the latents; the result follows from it, signs included.

    Raises:
        ValueError: more directions than a style has numbers.

    Source: Haerkoenen et al. 2020, "GANSpace", section 2.1.
    """
    size = generator.config.style_size
    if not 1 <= count <= size:
        raise ValueError(f"{count} directions asked for; styles of this model have {size}: expected 1 to {size}")
    z = torch.randn(samples, generator.config.z_size, generator=torch.Generator().manual_seed(seed))
    styles = generator.map_styles(z.to(generator.device), generator.default_conditioning())[:, 0].double()
    variances, vectors = torch.linalg.eigh(torch.cov(styles.mT).reshape(size, size))
    axes = vectors.mT.flip(0)[:count]
    # An eigenvector's sign is arbitrary: its largest component is made positive.
    axes = axes * axes.gather(1, axes.abs().argmax(dim=1, keepdim=True)).sign()
    return Directions(axes.float(), variances.flip(0)[:count].clamp_min(0).sqrt().float())

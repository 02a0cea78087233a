"""Styles in coordinates in which those of random latents are standard normal: what is likely is near to zero."""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from gghead.inference.directions import SAMPLES, principal_directions
from gghead.model.generator import Generator
from gghead.stylegan.folding import folded_network

MIN_DEVIATION = 1e-3
"""Least standard deviation along an axis, as a share of the largest: a barely trained model has flat ones."""


@dataclass(frozen=True)
class StyleSpace:
    """Whitened principal components of a generator's styles.

    Attributes:
        mean: the mean style.
        axes: what one standard deviation along each component adds to a style.
    """

    mean: Float[Tensor, " W"]
    axes: Float[Tensor, "W W"]

    @classmethod
    def of(cls, generator: Generator) -> "StyleSpace":
        """The space of a generator; follows from its weights alone, and needs no running mean of its training.

        Source: Zhu et al. 2020, "Improved StyleGAN Embedding: Where are the Good Latents?", section 3.
        """
        return folded_network(generator, "style space", lambda: cls._of(generator))

    @classmethod
    def _of(cls, generator: Generator) -> "StyleSpace":
        found = principal_directions(generator, generator.config.style_size)
        deviations = found.deviations.clamp_min(MIN_DEVIATION * float(found.deviations.max()))
        z = torch.randn(SAMPLES, generator.config.z_size, generator=torch.Generator().manual_seed(0))
        with torch.no_grad():
            mean = generator.map_styles(z.to(generator.device), generator.default_conditioning())[:, 0].mean(dim=0)
        return cls(mean, deviations[:, None] * found.axes)

    def styles(self, places: Float[Tensor, "*B W"]) -> Float[Tensor, "*B W"]:
        """Style vectors of whitened coordinates."""
        return self.mean + places @ self.axes

    def places(self, styles: Float[Tensor, "*B W"]) -> Float[Tensor, "*B W"]:
        """Whitened coordinates of style vectors; the inverse of `styles`."""
        # The axes are orthogonal, of lengths that `of` keeps above zero.
        return (styles - self.mean) @ (self.axes / self.axes.square().sum(dim=1, keepdim=True)).mT

"""Heads that are more than their styles: UV maps that are added to those which a generator makes."""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from gghead.gaussians.scene import Gaussians
from gghead.model.generator import Generator


@dataclass(frozen=True)
class Residuals:
    """What is added to the UV maps of each of a batch of heads: a mixture of few maps, so that a video is no memory.

    Attributes:
        maps: those that are mixed, of people that were fitted to photographs.
        weights: how much of each a head has; zeros for one that is its styles alone.
    """

    maps: Float[Tensor, "K C R R"]
    weights: Float[Tensor, "B K"]

    def __getitem__(self, piece: slice) -> "Residuals":
        """Those of some heads."""
        return Residuals(self.maps, self.weights[piece])

    def mixed(self) -> Float[Tensor, "B C R R"]:
        """Of each head."""
        return torch.tensordot(self.weights, self.maps, dims=1)


def decode(generator: Generator, styles: Float[Tensor, "B L W"], residuals: Residuals | None) -> Gaussians:
    """Heads of styles, with what is added to their maps if anything is; errors as of `Generator.maps`."""
    maps = generator.maps(styles)
    return generator.decode_maps(maps if residuals is None else maps + residuals.mixed()).gaussians

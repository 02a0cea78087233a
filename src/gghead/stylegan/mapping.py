"""Mapping networks: latent and label -> style vectors for the generator, label -> feature for the discriminator."""

from itertools import pairwise

import torch
from jaxtyping import Float
from torch import Tensor, nn

from gghead.stylegan.layers import EqualizedLinear, unit_second_moment
from gghead.stylegan.precision import in_own_precision

LR_MULTIPLIER = 0.01
"""Learning-rate multiplier of the fully connected layers of a mapping network."""
MEAN_DECAY = 0.998
"""Share of the running mean of w that survives an update."""


class LabelMapping(nn.Module):
    """Label -> feature vector: the discriminator's side of the conditioning."""

    def __init__(self, label_size: int, width: int, layers: int) -> None:
        super().__init__()
        self.embed = EqualizedLinear(label_size, width)
        self.layers = hidden_layers(width, width, layers)

    def forward(self, labels: Float[Tensor, "B L"]) -> Float[Tensor, "B F"]:
        """Maps labels to features."""
        return self.layers(unit_second_moment(self.embed(labels)))


class StyleBounds(nn.Module):
    """Takes styles back to where heads are whole: as truncation, but along a few directions and beyond a bound only.

    A style w whose component w . n is above the limit of a direction moves along its step until it is at the limit;
    directions are taken in turn. A fresh one has no effect: it has steps of length 0.

    Attributes:
        normals: n of each direction.
        steps: along which a style moves; the component of each along its own n is 1.
        limits: largest w . n.
    """

    normals: Float[Tensor, "K W"]
    steps: Float[Tensor, "K W"]
    limits: Float[Tensor, " K"]

    def __init__(self, count: int, style_size: int) -> None:
        super().__init__()
        self.register_buffer("normals", torch.zeros(count, style_size))
        self.register_buffer("steps", torch.zeros(count, style_size))
        self.register_buffer("limits", torch.zeros(count))

    def forward(self, styles: Float[Tensor, "B W"]) -> Float[Tensor, "B W"]:
        """Styles within the bounds."""
        for normal, step, limit in zip(self.normals, self.steps, self.limits, strict=True):
            styles = styles - (styles @ normal - limit).clamp_min(0)[:, None] * step
        return styles


class StyleMapping(nn.Module):
    """Latent, and label where its size is not 0, -> style vector w, within bounds if there are any; keeps the running
    mean of w.
    """

    mean_style: Float[Tensor, " W"]

    def __init__(self, z_size: int, label_size: int, style_size: int, layers: int, bounds: int = 0) -> None:
        super().__init__()
        self.embed = EqualizedLinear(label_size, style_size) if label_size else None
        self.layers = hidden_layers(z_size + (style_size if label_size else 0), style_size, layers)
        self.bounds = StyleBounds(bounds, style_size) if bounds else None
        self.register_buffer("mean_style", torch.zeros(style_size))

    @in_own_precision
    def forward(self, z: Float[Tensor, "B Z"], labels: Float[Tensor, "B L"] | None) -> Float[Tensor, "B W"]:
        """Maps latents to style vectors.

        Raises:
            ValueError: a conditioned network got no labels, or an unconditioned one got some.
        """
        if (labels is None) != (self.embed is None):
            needs = "needs a camera label for each latent" if labels is None else "takes no camera labels"
            raise ValueError(f"this mapping network {needs}; see camera_conditioned in its configuration")
        features = [unit_second_moment(z)]
        if self.embed is not None:
            features.append(unit_second_moment(self.embed(labels)))
        styles = self.layers(torch.cat(features, dim=1))
        return styles if self.bounds is None else self.bounds(styles)

    @torch.no_grad()
    def update_mean(self, styles: Float[Tensor, "B W"]) -> None:
        """Moves the running mean towards the mean of a batch of untruncated styles."""
        self.mean_style.lerp_(styles.mean(dim=0).to(self.mean_style.dtype), 1 - MEAN_DECAY)


def truncate(
    styles: Float[Tensor, "B L W"], mean: Float[Tensor, " W"], truncation: float, cutoff: int | None
) -> Float[Tensor, "B L W"]:
    """Pulls styles towards their mean: mean + truncation (w - mean); of `cutoff` layers, coarse to fine, or of all."""
    if truncation == 1:
        return styles
    layers = styles.shape[1] if cutoff is None else cutoff
    pulled = torch.lerp(mean, styles[:, :layers], truncation)
    return torch.cat([pulled, styles[:, layers:]], dim=1)


def hidden_layers(inputs: int, width: int, count: int) -> nn.Sequential:
    """The fully connected layers of a mapping network."""
    sizes = [inputs] + [width] * count
    layers = [EqualizedLinear(a, b, activated=True, lr_multiplier=LR_MULTIPLIER) for a, b in pairwise(sizes)]
    return nn.Sequential(*layers)

"""Heads made of several: blends of two or four, and styles that change with the layer."""

from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor

Band = Literal["coarse", "middle", "fine"]
FINEST = (8, 32)
"""Largest resolutions, in texels, that convolutions of the coarse and of the middle band draw at."""


def layers_of(band: Band, num_styles: int) -> slice:
    """The style vectors of a band: up to 8 x 8 texels coarse, up to 32 x 32 middle, above that fine.

    Example:
        >>> [layers_of(band, 14) for band in ("coarse", "middle", "fine")]
        [slice(0, 3, None), slice(3, 7, None), slice(7, 14, None)]

    Source: Karras et al. 2019, "A Style-Based Generator Architecture", section 3.1.
    """
    # Vector 0 belongs to 4 x 4, then two to each doubling.
    first, second = (min(1 + 2 * (side.bit_length() - 3), num_styles) for side in FINEST)
    return {"coarse": slice(0, first), "middle": slice(first, second), "fine": slice(second, num_styles)}[band]


def mix_styles(base: Float[Tensor, "*B L W"], other: Float[Tensor, "*B L W"], band: Band) -> Float[Tensor, "*B L W"]:
    """The styles of one head with a band of another's."""
    mixed = base.clone()
    layers = layers_of(band, base.shape[-2])
    mixed[..., layers, :] = other[..., layers, :]
    return mixed


def blend(corners: Float[Tensor, "C *S W"], x: float, y: float) -> Float[Tensor, "*S W"]:
    """A style between two or four others, linear along each axis.

    Args:
        corners: two (left, right), or four (top left, top right, bottom left, bottom right).
        x: 0 at the left, 1 at the right.
        y: 0 at the top, 1 at the bottom; without effect on two corners.

    Raises:
        ValueError: another number of corners.
    """
    if len(corners) not in (2, 4):
        raise ValueError(f"a blend of {len(corners)} heads; expected 2 or 4")
    top = torch.lerp(corners[0], corners[1], x)
    return top if len(corners) == 2 else torch.lerp(top, torch.lerp(corners[2], corners[3], x), y)

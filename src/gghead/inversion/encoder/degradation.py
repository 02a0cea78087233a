"""What photographs do to a head: blur, noise, compression, colour, things before it, masks that err.

All are drawn for each picture by itself, on the device; `degraded` is the one entry.
"""

import math

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional

from gghead.inversion.encoder.background import random_backgrounds

BLURRED, MAX_SHRINK = 0.4, 4
"""Share of pictures that lose detail, and how many times as small they are made at most."""
MAX_NOISE = 0.04
"""Standard deviation of noise in a picture, at most."""
COMPRESSED, BLOCK = 0.4, 8
"""Share of pictures that are compressed, and the side of the blocks, pixels."""
MAX_STEP = 0.25
"""Coarsest quantisation of a block's frequencies, in units of its largest possible mean; JPEG at quality 20 has 0.2."""
GAIN_SD = 0.02
"""Standard deviation of the logarithm of a channel's gain: more, and the colour of the skin could not be told."""
OCCLUDED, HIDDEN = 0.25, 0.5
"""Share of pictures with a thing before the head, and of these in which the mask leaves it out."""
MASK_CELLS, MASK_SD = 8, 0.12
"""How a wrong mask errs: by a smooth random field of alpha with so many cells, and its standard deviation."""


def degraded(pixels: Float[Tensor, "B S S 4"], random: torch.Generator) -> Float[Tensor, "B S S 4"]:
    """What preparation would make of photographs of heads.

    Args:
        pixels: premultiplied foreground and alpha, 0 to 1.
        random: on the same device; the result follows from it.

    Returns:
        Premultiplied foreground and alpha by a mask that errs a little, so that background shines through.
    """
    count, side = len(pixels), pixels.shape[1]
    planes = pixels.permute(0, 3, 1, 2)
    behind = random_backgrounds(count, side, random)
    picture = planes[:, :3] + (1 - planes[:, 3:]) * behind
    picture, alpha = _occluded(picture, planes[:, 3:], random)
    picture = picture * (GAIN_SD * _normal(random, count, 3)).exp()
    picture = _blurred(picture, random)
    picture = picture + MAX_NOISE * _uniform(random, count) * torch.randn(
        picture.shape, generator=random, device=picture.device
    )
    picture = _compressed(picture, random).clamp(0, 1)
    mask = _erring_mask(alpha, random)
    return torch.cat([picture * mask, mask], dim=1).permute(0, 2, 3, 1)


def _uniform(random: torch.Generator, count: int, channels: int = 1) -> Float[Tensor, "B C 1 1"]:
    return torch.rand(count, channels, 1, 1, generator=random, device=random.device)


def _normal(random: torch.Generator, count: int, channels: int = 1) -> Float[Tensor, "B C 1 1"]:
    return torch.randn(count, channels, 1, 1, generator=random, device=random.device)


def _occluded(
    picture: Float[Tensor, "B 3 S S"], alpha: Float[Tensor, "B 1 S S"], random: torch.Generator
) -> tuple[Float[Tensor, "B 3 S S"], Float[Tensor, "B 1 S S"]]:
    """A tilted rectangle or ellipse before some; the mask takes it for the head or leaves it out."""
    count, side = len(picture), picture.shape[-1]
    axis = torch.linspace(-1, 1, side, device=picture.device)
    y, x = axis[:, None], axis[None]
    angle = math.pi * _uniform(random, count)
    dx, dy = x - (1.6 * _uniform(random, count) - 0.8), y - (1.6 * _uniform(random, count) - 0.8)
    half = 0.1 + 0.4 * _uniform(random, count, 2)
    u = (angle.cos() * dx + angle.sin() * dy).abs() / half[:, :1]
    v = (angle.cos() * dy - angle.sin() * dx).abs() / half[:, 1:]
    round_ones = _uniform(random, count) < 0.5
    reach = torch.where(round_ones, u.square() + v.square(), torch.maximum(u, v))
    covered = (reach < 1) & (_uniform(random, count) < OCCLUDED)
    left_out = covered & (_uniform(random, count) < HIDDEN)
    thing = random_backgrounds(count, side, random)
    return torch.where(covered, thing, picture), torch.where(left_out, 0.0, alpha)


def _blurred(picture: Float[Tensor, "B 3 S S"], random: torch.Generator) -> Float[Tensor, "B 3 S S"]:
    """Some between themselves and what is left of them at a fraction of their size."""
    side = picture.shape[-1]
    share = _uniform(random, len(picture)) * (_uniform(random, len(picture)) < BLURRED)
    small = functional.interpolate(picture, scale_factor=1 / MAX_SHRINK, mode="area")
    softer = functional.interpolate(small, (side, side), mode="bilinear")
    return torch.lerp(picture, softer, share)


def _compressed(picture: Float[Tensor, "B 3 S S"], random: torch.Generator) -> Float[Tensor, "B 3 S S"]:
    """Some with the frequencies of their blocks rounded, high ones coarser, as JPEG does.

    Source: Wallace 1992, "The JPEG still picture compression standard"; without its tables and colour space.
    """
    side, blocks = picture.shape[-1], picture.shape[-1] // BLOCK
    place = torch.arange(BLOCK, device=picture.device, dtype=picture.dtype)
    cosines = (math.pi / BLOCK * (place + 0.5) * place[:, None]).cos() * math.sqrt(2 / BLOCK)
    cosines[0] *= math.sqrt(0.5)
    step = MAX_STEP * _uniform(random, len(picture)).square() + 1e-3
    steps = (step * (1 + place + place[:, None]) / 4)[:, :, None, :, None, :]
    parts = picture.unflatten(-1, (blocks, BLOCK)).unflatten(-3, (blocks, BLOCK))  # [B, 3, rows, 8, columns, 8]
    spectrum = torch.einsum("ki,bcrisj,lj->bcrksl", cosines, parts, cosines)
    rounded = (spectrum / steps).round() * steps
    back = torch.einsum("ki,bcrksl,lj->bcrisj", cosines, rounded, cosines).reshape(-1, 3, side, side)
    return torch.where(_uniform(random, len(picture)) < COMPRESSED, back, picture)


def _erring_mask(alpha: Float[Tensor, "B 1 S S"], random: torch.Generator) -> Float[Tensor, "B 1 S S"]:
    """Masks whose edges lie a few pixels beside their place, are soft, and here and there leak."""
    count, side = len(alpha), alpha.shape[-1]
    kernel = 2 * (side // 64) + 1
    soft = functional.avg_pool2d(alpha, kernel, stride=1, padding=kernel // 2, count_include_pad=False)
    share = _uniform(random, count)
    field = torch.randn(count, 1, MASK_CELLS, MASK_CELLS, generator=random, device=alpha.device)
    error = 2 * MASK_SD * share * functional.interpolate(field, (side, side), mode="bilinear")
    # Moving the level at which a soft edge is cut moves the edge.
    edge = ((soft + error - 0.5) * 2 + 0.5).clamp(0, 1)
    return torch.lerp(alpha, edge, share)

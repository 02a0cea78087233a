"""Cuts a turned square out of a photograph: antialiased, at exact places, continued by reflection beyond the edges."""

import math
from typing import Literal

import numpy as np
import torch
from jaxtyping import Bool, Float, Int, UInt8
from torch.nn import functional

from gghead.photos.crop import Crop
from gghead.photos.interpolation import interpolate

SAMPLES_PER_PIXEL = 1.15
"""Pixels of the photograph for each of the result, along a side, at most; where it has more, it is made smaller first.
The more, the sharper, and the more of what is too fine for the result aliases. Waves of 0.4 and 0.6 periods a pixel
keep 0.71 and 0.34 of their height; 0.75 and 0.32 in Pillow's bicubic resizing, which can't turn."""
SUPPORT = 2
"""Pixels that the interpolation reads on either side of a place; resizing reads as many of its result's."""


Beyond = Literal["reflection", "edge"]
"""What is shown beyond a photograph's edges: the photograph, reflected, or the pixels at the edge, repeated."""


def cut(
    pixels: UInt8[np.ndarray, "H W 3"], crop: Crop, resolution: int, beyond: Beyond = "reflection"
) -> tuple[UInt8[np.ndarray, "R R 3"], Bool[np.ndarray, "R R"]]:
    """The square of a photograph as a picture of its own.

    Only the part of the photograph that is shown is read.

    Args:
        pixels: the photograph.
        crop: where the square lies. It may reach beyond the photograph.
        resolution: side of the result, pixels.
        beyond: what is shown there; the photograph is reflected as often as needed.

    Returns:
        The pixels, and whether their centres lie inside of the photograph.
    """
    height, width = pixels.shape[:2]
    step = crop.side / resolution
    corners = crop.to_photograph(np.array([[0.0, 0.0], [1.0, 0.0], [1.0, 1.0], [0.0, 1.0]]))
    margin = 2 * SUPPORT * max(step, 1.0) + 1
    low, high = np.floor(corners.min(0) - margin).astype(int), np.ceil(corners.max(0) + margin).astype(int)
    columns = _shown(int(low[0]), int(high[0]), width)
    rows = _shown(int(low[1]), int(high[1]), height)
    part = _made_smaller(pixels[rows, columns], SAMPLES_PER_PIXEL / step)

    start = np.array([columns.start, rows.start])
    scale = np.array(part.shape[1::-1]) / [columns.stop - columns.start, rows.stop - rows.start]
    first = np.floor((low - start) * scale).astype(int)
    last = np.ceil((high - start) * scale).astype(int)
    read_columns, read_rows = (
        _existing(np.arange(first[axis], last[axis]), part.shape[1 - axis], beyond) for axis in (0, 1)
    )
    # The kernel's places count from the centre of the first pixel that it may read.
    corner = (corners[0] - start) * scale - first - 0.5
    right, down = (corners[1] - corners[0]) * scale / resolution, (corners[3] - corners[0]) * scale / resolution
    result = np.empty((resolution, resolution, 3), np.uint8)
    interpolate(part, read_rows, read_columns, corner, right, down, result)
    return result, _inside(corners, width, height, resolution)


def _shown(low: int, high: int, size: int) -> slice:
    """Pixels of a photograph's side that are seen from `low` to `high`, be it by reflection, and one at least."""
    if low < 0 and high > size:
        return slice(0, size)
    if low < 0:
        return slice(0, min(max(high, -low), size))
    if high > size:
        return slice(max(min(low, 2 * size - high), 0), size)
    return slice(low, high)


def _existing(indices: Int[np.ndarray, " N"], size: int, beyond: Beyond) -> Int[np.ndarray, " N"]:
    """Indices along an endless side as those of a side that begins at 0 and ends at `size`."""
    if beyond == "edge":
        return indices.clip(0, size - 1)
    turned = indices % (2 * size)
    return np.minimum(turned, 2 * size - 1 - turned)


def _made_smaller(pixels: UInt8[np.ndarray, "H W 3"], factor: float) -> UInt8[np.ndarray, "h w 3"]:
    """A copy, resized with an antialiasing cubic filter; of the same size for factors from 1."""
    copied = np.array(pixels)  # one kind of array for the compiled kernel, and writable, which torch asks for
    if factor >= 1:
        return copied
    size = [math.ceil(side * factor) for side in copied.shape[:2]]
    # torch resizes bytes ten times as fast as Pillow.
    planes = torch.from_numpy(copied).permute(2, 0, 1)[None]
    smaller = functional.interpolate(planes, size, mode="bicubic", antialias=True, align_corners=False)
    return np.ascontiguousarray(smaller[0].permute(1, 2, 0).numpy())


def _inside(
    corners: Float[np.ndarray, "4 2"], width: int, height: int, resolution: int
) -> Bool[np.ndarray, "resolution resolution"]:
    """Which pixels of a square with these corners have their centres in the photograph."""
    if corners.min() >= 0 and (corners.max(0) <= [width, height]).all():
        return np.ones((resolution, resolution), bool)
    along = (np.arange(resolution) + 0.5)[:, None] / resolution
    across, down = along * (corners[1] - corners[0]), along * (corners[3] - corners[0])
    x = corners[0, 0] + across[None, :, 0] + down[:, None, 0]
    y = corners[0, 1] + across[None, :, 1] + down[:, None, 1]
    return (x >= 0) & (x <= width) & (y >= 0) & (y <= height)

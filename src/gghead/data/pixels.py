"""The form in which pictures go from the archive to the device: premultiplied foreground and alpha, for any background.

A pixel is (alpha * red, alpha * green, alpha * blue, alpha), 0 to 255 each. On a background it is
foreground + (1 - alpha) * background, which needs nothing but these four numbers.
"""

import numpy as np
import torch
from jaxtyping import Bool, Float, Float32, UInt8
from scipy.ndimage import map_coordinates, uniform_filter
from torch import Tensor

from gghead.media.encoded import BAND_PIXELS
from gghead.media.images import resize, resize_bands

CELLS = 64
"""Colours of person and background near a pixel are means over cells, so many a side of the picture ..."""
NEAR = 5
"""... and over so many cells each way: 20 pixels of 256."""


def foreground(
    colors: UInt8[np.ndarray, "H H 3"], alpha: UInt8[np.ndarray, "H H"], resolution: int
) -> UInt8[np.ndarray, "R R 4"]:
    """Premultiplied foreground and alpha of a picture: multiplied at full size, then resized, all four bands alike."""
    if alpha.min() == 255:
        return np.dstack((resize(colors, resolution), np.full((resolution, resolution), 255, np.uint8)))
    return resize_bands(premultiply(colors, alpha), resolution)


def foreground_colors(
    colors: UInt8[np.ndarray, "H H 3"], alpha: UInt8[np.ndarray, "H H"]
) -> UInt8[np.ndarray, "H H 3"]:
    """Colours of the person alone, where a mask says that the background shines through.

    Strands of hair that cover a share a of a pixel give it I = a F + (1 - a) B. The mean colours of person and
    background near it are guesses of F and B, and F takes the share of I that they leave unexplained. Source: Forte
    2021, "Approximate Fast Foreground Colour Estimation".

    Args:
        colors: of a picture with its background.
        alpha: of the person in it.
    """
    rim = (alpha > 0) & (alpha < 255)
    if not rim.any():
        return colors
    share = alpha[rim, None].astype(np.float32) / 255
    person, behind = _colors_near(colors, alpha, rim), _colors_near(colors, 255 - alpha, rim)
    unexplained = colors[rim] - share * person - (1 - share) * behind
    result = colors.copy()
    result[rim] = (person + share * unexplained).clip(0, 255).round()
    return result


def _colors_near(
    colors: UInt8[np.ndarray, "H H 3"], weights: UInt8[np.ndarray, "H H"], chosen: Bool[np.ndarray, "H H"]
) -> Float32[np.ndarray, "N 3"]:
    """Mean colours around the chosen pixels, of all pixels by their weights."""
    side = len(weights)
    cell = -(-side // CELLS)
    rest = -side % cell
    weighted = np.pad(premultiply(colors, weights), ((0, rest), (0, rest), (0, 0)), "edge")
    count = len(weighted) // cell
    rows = weighted.reshape(count, cell, -1, 4).sum(axis=1, dtype=np.uint32)
    sums = rows.reshape(count, count, cell, 4).sum(axis=2, dtype=np.uint32)
    means = uniform_filter(sums.astype(np.float32) / (cell * cell), NEAR, mode="nearest", axes=(0, 1))
    places = (np.stack(np.nonzero(chosen)) + 0.5) / cell - 0.5
    bands = [map_coordinates(means[..., band], places, order=1, mode="nearest") for band in range(4)]
    here = np.stack(bands, axis=1)
    return here[:, :3] * 255 / np.maximum(here[:, 3:], 1e-3)


def premultiply(colors: UInt8[np.ndarray, "H W 3"], alpha: UInt8[np.ndarray, "H W"]) -> UInt8[np.ndarray, "H W 4"]:
    """(alpha * colour, alpha), rounded."""
    result = np.empty((*alpha.shape, 4), np.uint8)
    result[..., 3] = alpha
    rows = max(1, BAND_PIXELS // alpha.shape[1])  # products take 12 bytes a pixel
    for band in (slice(top, top + rows) for top in range(0, len(alpha), rows)):
        products = np.multiply(colors[band], alpha[band, :, None], dtype=np.uint16)
        # x / 255, rounded, is (y + y // 256) // 256 with y = x + 128, for each x up to 255 * 255.
        products += 128
        products += products >> 8
        products >>= 8
        result[band, :, :3] = products
    return result


def composite(
    pixels: UInt8[Tensor, "B R R 4"], background: float | Float[Tensor, "B R R 3"]
) -> UInt8[Tensor, "B R R 3"]:
    """Pictures on a background: foreground + (1 - alpha) * background, rounded, at most 255.

    Of a picture that was not resized this is alpha * colour + (1 - alpha) * background, rounded once, where the
    background is black or white or alpha is 0 or 1; elsewhere both terms are rounded, which is one level off at most.
    The same numbers on every device.

    Args:
        pixels: premultiplied foreground and alpha.
        background: a grey value for all, or a picture for each, display sRGB, 0 to 1.
    """
    behind = ((255 - pixels[..., 3:]) * background).round().to(torch.uint8)
    front = pixels[..., :3]
    return front + torch.minimum(behind, 255 - front)

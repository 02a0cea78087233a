"""The form in which pictures go from the archive to the device: premultiplied foreground and alpha, for any background.

A pixel is (alpha * red, alpha * green, alpha * blue, alpha), 0 to 255 each. On a background it is
foreground + (1 - alpha) * background, which needs nothing but these four numbers.
"""

import numpy as np
import torch
from jaxtyping import Float, UInt8
from torch import Tensor

from gghead.media.encoded import BAND_PIXELS
from gghead.media.images import resize, resize_bands


def foreground(
    colors: UInt8[np.ndarray, "H H 3"], alpha: UInt8[np.ndarray, "H H"], resolution: int
) -> UInt8[np.ndarray, "R R 4"]:
    """Premultiplied foreground and alpha of a picture: multiplied at full size, then resized, all four bands alike."""
    if alpha.min() == 255:
        return np.dstack((resize(colors, resolution), np.full((resolution, resolution), 255, np.uint8)))
    return resize_bands(premultiply(colors, alpha), resolution)


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


def composite(pixels: UInt8[Tensor, "B R R 4"], background: float | Float[Tensor, "B 3"]) -> UInt8[Tensor, "B R R 3"]:
    """Pictures on a background: foreground + (1 - alpha) * background, rounded, at most 255.

    Of a picture that was not resized this is alpha * colour + (1 - alpha) * background, rounded once, where the
    background is black or white or alpha is 0 or 1; elsewhere both terms are rounded, which is one level off at most.
    The same numbers on every device.

    Args:
        pixels: premultiplied foreground and alpha.
        background: a grey value for all, or a colour for each, display sRGB, 0 to 1.
    """
    color = background[:, None, None] if isinstance(background, Tensor) else background
    behind = ((255 - pixels[..., 3:]) * color).round().to(torch.uint8)
    front = pixels[..., :3]
    return front + torch.minimum(behind, 255 - front)

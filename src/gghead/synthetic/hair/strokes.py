"""Fine hairs drawn into textures, in numba."""

import math

import numpy as np
from jaxtyping import Float32, UInt8

from gghead.config.compiled import compiled

STEPS = 40
"""Dots that make up a hair."""


def draw_hairs(
    height: int, width: int, curves: Float32[np.ndarray, "n 3 2"], thickness: Float32[np.ndarray, " n"]
) -> Float32[np.ndarray, "h w"]:
    """Opacity 0 to 1 of hairs that get thinner towards their tips.

    Args:
        height, width: texels.
        curves: quadratic Bezier curves from root to tip, texels (x, y).
        thickness: diameter at the root, texels.
    """
    clear = np.ones((height, width), np.float32)
    _draw(clear, curves.astype(np.float32), thickness.astype(np.float32))
    return 1 - clear


def pooled(texture: Float32[np.ndarray, "h w c"], detail: float) -> UInt8[np.ndarray, "h2 w2 c"]:
    """A texture in 0 .. 1 as bytes; halved where `detail` is below 0.6, quartered below 0.4."""
    factor = 4 if detail < 0.4 else 2 if detail < 0.6 else 1
    height, width, channels = texture.shape
    means = texture.reshape(height // factor, factor, width // factor, factor, channels).mean((1, 3))
    return (np.clip(means, 0, 1) * 255 + 0.5).astype(np.uint8)


@compiled(nogil=True)
def _draw(clear, curves, thickness):
    """Multiplies what is clear by what each hair leaves clear, in place."""
    height, width = clear.shape
    own = np.zeros((height, width), np.float32)
    for n in range(curves.shape[0]):
        low_x, high_x, low_y, high_y = width, -1, height, -1
        for i in range(STEPS):
            t = i / (STEPS - 1)
            a, b, c = (1 - t) * (1 - t), 2 * t * (1 - t), t * t
            x = a * curves[n, 0, 0] + b * curves[n, 1, 0] + c * curves[n, 2, 0]
            y = a * curves[n, 0, 1] + b * curves[n, 1, 1] + c * curves[n, 2, 1]
            radius = thickness[n] * (0.5 - 0.38 * t)
            strength = min(1.0, 2 * radius) * min(1.0, 3.0 * (1 - t) + 0.1)
            reach = max(radius, 0.5) + 0.5
            for yy in range(max(0, math.floor(y - reach)), min(height - 1, math.ceil(y + reach)) + 1):
                for xx in range(max(0, math.floor(x - reach)), min(width - 1, math.ceil(x + reach)) + 1):
                    distance = math.sqrt((xx + 0.5 - x) ** 2 + (yy + 0.5 - y) ** 2)
                    alpha = strength * min(1.0, max(0.0, reach - distance))
                    own[yy, xx] = max(own[yy, xx], alpha)
                    low_x, high_x, low_y, high_y = min(low_x, xx), max(high_x, xx), min(low_y, yy), max(high_y, yy)
        for yy in range(low_y, high_y + 1):
            for xx in range(low_x, high_x + 1):
                clear[yy, xx] *= 1 - own[yy, xx]
                own[yy, xx] = 0

"""Gaussian filters as wide as a picture is coarse: what is smooth afterwards is filtered on a smaller picture."""

import math

import numpy as np
from jaxtyping import Float32
from scipy.ndimage import gaussian_filter

from gghead.synthetic.render.mesh_rasterizer import exact

FINEST = 2.5
"""Standard deviation in pixels of the smaller picture, at least."""


def low_pass(image: Float32[np.ndarray, "h w"], spread: float) -> Float32[np.ndarray, "h w"]:
    """A picture filtered with a Gaussian of a standard deviation in pixels; its border mirrors what is inside."""
    step = int(spread / FINEST)
    if step < 2:
        return gaussian_filter(image, spread)
    # Means over blocks and the way back between their middles blur, too.
    own = (step * step - 1) / 12 + step * step / 6
    small = gaussian_filter(_block_means(image, step), math.sqrt(spread * spread - own) / step)
    out = np.empty(image.shape, np.float32)
    _enlarge(small, step, out)
    return out


@exact
def _block_means(image, step):
    """Means over blocks of step x step pixels; those at the right and at the bottom may be smaller."""
    height, width = image.shape
    rows, columns = (height + step - 1) // step, (width + step - 1) // step
    out = np.zeros((rows, columns), np.float32)
    for y in range(height):
        row = out[y // step]
        for column in range(columns):
            total = np.float32(0)
            for x in range(column * step, min(column * step + step, width)):
                total += image[y, x]
            row[column] += total
    for row in range(rows):
        for column in range(columns):
            out[row, column] /= min(step, height - row * step) * min(step, width - column * step)
    return out


@exact
def _enlarge(small, step, out):
    """Bilinear between the middles of blocks, clamped at the border, in place."""
    last_row, last_column = small.shape[0] - 1, small.shape[1] - 1
    line = np.empty(small.shape[1], np.float32)
    columns, shares = np.empty(out.shape[1], np.int64), np.empty(out.shape[1], np.float32)
    for x in range(out.shape[1]):
        at = min(max((x + 0.5) / step - 0.5, 0.0), float(last_column))
        columns[x] = min(int(at), max(last_column - 1, 0))
        shares[x] = at - columns[x]
    for y in range(out.shape[0]):
        at = min(max((y + 0.5) / step - 0.5, 0.0), float(last_row))
        row = min(int(at), max(last_row - 1, 0))
        share = np.float32(at - row)
        below = min(row + 1, last_row)
        for column in range(small.shape[1]):
            line[column] = small[row, column] + share * (small[below, column] - small[row, column])
        for x in range(out.shape[1]):
            left = line[columns[x]]
            out[y, x] = left + shares[x] * (line[min(columns[x] + 1, last_column)] - left)

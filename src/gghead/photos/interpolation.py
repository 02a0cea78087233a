"""A kernel in numba that reads a picture between its pixels.

Source: Keys 1981, "Cubic convolution interpolation for digital image processing", a = -1/2: ramps stay straight, which
they don't in Pillow's turning, whose a is -1 (up to 0.08 pixel beside their place).
"""

import math

import numpy as np

from gghead.config.compiled import compiled

_compiled = compiled(nogil=True, fastmath=True)


@_compiled
def _weights(share):
    """Of the pixels before, at, after and behind a place that lies so far, 0 to 1, behind a pixel's centre."""
    before = ((1 - 0.5 * share) * share - 0.5) * share
    at = (1.5 * share - 2.5) * share * share + 1
    behind = (0.5 * share - 0.5) * share * share
    return before, at, 1 - before - at - behind, behind


@_compiled
def interpolate(part, rows, columns, corner, right, down, result):
    """result [R, R, 3] = part at corner + (x + 1/2) right + (y + 1/2) down, places in the pixels rows x columns."""
    for y in range(result.shape[0]):
        for x in range(result.shape[1]):
            place_x = corner[0] + (x + 0.5) * right[0] + (y + 0.5) * down[0]
            place_y = corner[1] + (x + 0.5) * right[1] + (y + 0.5) * down[1]
            column, row = math.floor(place_x), math.floor(place_y)
            across = _weights(np.float32(place_x - column))
            along = _weights(np.float32(place_y - row))
            c0, c1, c2, c3 = columns[column - 1], columns[column], columns[column + 1], columns[column + 2]
            for k in range(3):
                value = np.float32(0.5)  # so that cutting off rounds
                for j in range(4):
                    line = part[rows[row - 1 + j]]
                    left = across[0] * line[c0, k] + across[1] * line[c1, k]
                    value += along[j] * (left + across[2] * line[c2, k] + across[3] * line[c3, k])
                result[y, x, k] = np.uint8(min(max(value, np.float32(0)), np.float32(255)))

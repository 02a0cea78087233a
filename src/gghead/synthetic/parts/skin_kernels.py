"""Kernels in numba that colour textures, in place and without any state."""

import math

from gghead.config.compiled import compiled

_compiled = compiled(fastmath=True, nogil=True)


@_compiled
def dye(regions, region_dyes, noise, offsets, noise_dyes, inside, base, image):
    """image [h, w, 3] = base [3] * exp(-inside * density) with density = sum of maps times their dyes.

    Args:
        regions: maps [r, h, w] with dyes [r, 3]; maps without dye are skipped.
        noise: maps [n, h, w] with dyes [n, 3], each read from a shifted place: offsets [n, 2] in texels.
        inside: share of the density that acts [h, w].
        base: colour without any dye [3].
        image: is overwritten.
    """
    height, width = inside.shape
    for y in range(height):
        row = image[y]
        row[:] = 0
        for r in range(regions.shape[0]):
            if region_dyes[r, 0] != 0 or region_dyes[r, 1] != 0:
                for x in range(width):
                    value = regions[r, y, x]
                    for k in range(3):
                        row[x, k] += value * region_dyes[r, k]
        for n in range(noise.shape[0]):
            if noise_dyes[n, 1] != 0:
                source, start = noise[n, (y + offsets[n, 0]) % height], offsets[n, 1]
                for x in range(width):
                    from_x = x + start
                    value = source[from_x - width if from_x >= width else from_x]
                    for k in range(3):
                        row[x, k] += value * noise_dyes[n, k]
        for x in range(width):
            for k in range(3):
                row[x, k] = base[k] * math.exp(-inside[y, x] * row[x, k])


@_compiled
def cover(image, alpha, color):
    """Lays a colour [3] of opacity alpha [h, w] over image [h, w, 3]."""
    for y in range(alpha.shape[0]):
        for x in range(alpha.shape[1]):
            if alpha[y, x] > 0:
                for k in range(3):
                    image[y, x, k] += (color[k] - image[y, x, k]) * alpha[y, x]

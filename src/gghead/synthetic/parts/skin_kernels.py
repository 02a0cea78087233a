"""Kernels in numba that colour textures, in place and without any state."""

import math

import numpy as np

from gghead.config.compiled import compiled
from gghead.synthetic.render.mesh_rasterizer import exact_inlined

_compiled = compiled(fastmath=True, nogil=True)


@_compiled
def dye(regions, spans, region_dyes, noise, offsets, noise_dyes, inside, base, image):
    """image [h, w, 3] = base [3] * exp(-inside * density) with density = sum of maps times their dyes.

    Args:
        regions: maps [r, h, w] with dyes [r, 3], looked at in their spans alone; maps without dye are skipped.
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
                for x in range(spans[r, y, 0], spans[r, y, 1]):
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


@_compiled
def emboss(regions, spans, region_steps, noise, offsets, noise_steps, inside, out):
    """out [h, w, 2] = 128 + inside * sum of maps times their steps, rounded and clipped to 0 .. 255.

    Args:
        regions: maps [r, h, w] with steps [r, 2], looked at in their spans alone; maps without steps are skipped.
        noise: maps [n, h, w] with steps [n, 2], each read from a shifted place: offsets [n, 2] in texels.
        inside: share that acts [h, w].
        out: is overwritten.
    """
    height, width = inside.shape
    row = np.empty((2, width), np.float32)
    for y in range(height):
        row[:] = 0
        for k in range(2):
            for r in range(regions.shape[0]):
                if region_steps[r, k] != 0:
                    begin, end = spans[r, y]
                    add_to(row[k, begin:end], regions[r, y, begin:end], region_steps[r, k])
            for n in range(noise.shape[0]):
                if noise_steps[n, k] != 0:
                    add_shifted(row[k], noise[n, (y + offsets[n, 0]) % height], offsets[n, 1], noise_steps[n, k])
            for x in range(width):
                level = np.float32(128.5) + inside[y, x] * row[k, x]
                out[y, x, k] = np.uint8(min(max(level, np.float32(0)), np.float32(255)))


@exact_inlined
def add_to(row, source, amount):
    """row [w] += source [w] * amount."""
    for x in range(row.shape[0]):
        row[x] += source[x] * amount


@exact_inlined
def add_shifted(row, source, start, amount):
    """row [w] += source [w], read from column `start` on and round its border, * amount."""
    rest = row.shape[0] - start
    add_to(row[:rest], source[start:], amount)
    add_to(row[rest:], source[:start], amount)

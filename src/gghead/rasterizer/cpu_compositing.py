"""Compositing on the CPU: each tile blends its list, one row of pixels at a time, in vector instructions."""

import numpy as np

from gghead.rasterizer.constants import MAX_ALPHA, MIN_ALPHA, MIN_TRANSMITTANCE
from gghead.rasterizer.cpu_layout import (
    CHANNELS,
    CONIC_A,
    CONIC_B,
    CONIC_C,
    FLOOR,
    HALF,
    LANES,
    ONE,
    OPACITY,
    ROWS,
    ZERO,
    X,
    Y,
    lane_kernel,
)

MAX_ALPHA_32 = np.float32(MAX_ALPHA)
MIN_ALPHA_32 = np.float32(MIN_ALPHA)
MIN_TRANSMITTANCE_32 = np.float32(MIN_TRANSMITTANCE)
LOG2_E = np.float32(1.4426950408889634)
LOWEST = np.float32(-126)
# 2^f for -1 <= f <= 0, fitted for least relative error (7.5e-8).
E0, E1, E2, E3, E4, E5 = (
    np.float32(value)
    for value in (0.99999994, 0.69314224, 0.24017219, 0.05527972, 0.00918861, 0.00093878)
)
MANTISSA = np.int32(23)
BIAS = np.int32(127)
CHECK_EVERY = 8
"""Entries of a list between looks at which rows still have unfinished pixels."""


@lane_kernel
def exp_negative(power):
    """e^power for power <= 0, to 2e-7 relative: 2^n from the exponent bits times 2^f from a polynomial."""
    power = max(min(power, ZERO) * LOG2_E, LOWEST)
    whole = np.int32(power)  # towards zero
    f = power - np.float32(whole)
    fraction = ((((E5 * f + E4) * f + E3) * f + E2) * f + E1) * f + E0
    return fraction * np.int32((whole + BIAS) << MANTISSA).view(np.float32)


@lane_kernel
def touched_rows(splat, left, top, rows):
    """First and last row of a tile that meet the splat's ellipse; first > last if none does."""
    a, b, c, floor = splat[CONIC_A], splat[CONIC_B], splat[CONIC_C], splat[FLOOR]
    low, high = left + HALF - splat[X], left + (np.float32(LANES) - HALF) - splat[X]
    slope = -b / a
    begin, end = np.int32(ROWS), np.int32(-1)
    for r in range(ROWS):
        row = np.int32(r)
        dy = top + np.float32(row) + HALF - splat[Y]
        dx = min(max(slope * dy, low), high)  # the pixel of the row where q is least
        inside = -HALF * ((a * dx + (b + b) * dy) * dx + c * dy * dy) >= floor
        begin = min(begin, row if inside else np.int32(ROWS))
        end = max(end, row if inside else np.int32(-1))
    return begin, min(end, rows - 1)


@lane_kernel
def composite(first, step, splats, tile_starts, entry_splats, size, rgb, depth, features, alpha, last_entries):
    """Blends the lists of all tiles into rgb, depth, features, alpha [P, H, W, ...].

    last_entries [P, H, W] gets, for each pixel, one more than the last entry that was drawn there, 0 if none was.
    """
    width, height = size
    columns = (width + LANES - 1) // LANES
    tiles = tile_starts.shape[1] - 1
    channels = splats.shape[2] - CHANNELS
    transmittance = np.empty((ROWS, LANES), np.float32)
    weights = np.empty(LANES, np.float32)
    drawn = np.empty((ROWS, LANES), np.int32)
    sums = np.empty((ROWS, channels, LANES), np.float32)
    for task in range(first, splats.shape[0] * tiles, step):
        p, tile = task // tiles, task % tiles
        left, top = tile % columns * LANES, tile // columns * ROWS
        rows = np.int32(min(ROWS, height - top))
        transmittance[:] = ONE
        sums[:] = ZERO
        drawn[:] = 0
        blend(
            splats[p], entry_splats, tile_starts[p, tile], tile_starts[p, tile + 1], np.float32(left), np.float32(top),
            rows, transmittance, weights, drawn, sums,
        )  # fmt: skip
        for r in range(rows):
            for i in range(min(LANES, width - left)):
                for c in range(3):
                    rgb[p, top + r, left + i, c] = sums[r, c, i]
                depth[p, top + r, left + i, 0] = sums[r, 3, i]
                for f in range(channels - 4):
                    features[p, top + r, left + i, f] = sums[r, 4 + f, i]
                alpha[p, top + r, left + i, 0] = ONE - abs(transmittance[r, i])
                last_entries[p, top + r, left + i] = drawn[r, i]


@lane_kernel
def blend(splats, entry_splats, start, stop, left, top, rows, transmittance, weights, drawn, sums):
    """Blends one list, front to back. A finished pixel has its transmittance negated, which stops all that follows."""
    begin_live, end_live = np.int32(0), rows - 1
    for entry in range(start, stop):
        if (entry - start) % CHECK_EVERY == CHECK_EVERY - 1:
            while begin_live <= end_live and is_finished(transmittance, begin_live):
                begin_live += 1
            while begin_live <= end_live and is_finished(transmittance, end_live):
                end_live -= 1
            if begin_live > end_live:
                return
        splat = splats[entry_splats[entry]]
        begin, end = touched_rows(splat, left, top, rows)
        a, b, c, opacity = -HALF * splat[CONIC_A], -splat[CONIC_B], -HALF * splat[CONIC_C], splat[OPACITY]
        mark = np.int32(entry + 1)
        first_dx = left + HALF - splat[X]
        for r in range(max(begin, begin_live), min(end, end_live) + 1):
            dy = top + np.float32(np.int32(r)) + HALF - splat[Y]
            b_dy, c_dy = b * dy, c * dy * dy
            for i in range(LANES):
                dx = first_dx + np.float32(np.int32(i))
                value = min(opacity * exp_negative((a * dx + b_dy) * dx + c_dy), MAX_ALPHA_32)
                before = transmittance[r, i]
                after = before - before * value
                seen = value >= MIN_ALPHA_32
                shown = seen and after >= MIN_TRANSMITTANCE_32
                # Written as arithmetic: a conditional store would not be forwarded to the loads that follow it.
                weights[i] = before * (value if shown else ZERO)
                drawn[r, i] = max(drawn[r, i], mark if shown else np.int32(0))
                transmittance[r, i] = after if shown else (-abs(before) if seen else before)
            for c_index in range(sums.shape[1]):
                colour = splat[CHANNELS + c_index]
                for i in range(LANES):
                    sums[r, c_index, i] += weights[i] * colour


@lane_kernel
def is_finished(transmittance, r):
    """Whether all pixels of a row are finished."""
    live = np.int32(0)
    for i in range(LANES):
        live += np.int32(transmittance[r, i] > ZERO)
    return live == 0

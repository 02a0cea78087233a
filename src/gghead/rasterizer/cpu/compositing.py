"""Compositing on the CPU: each tile blends its list, one row of pixels at a time, in vector instructions."""

import numpy as np

from gghead.rasterizer.constants import MAX_ALPHA, MIN_ALPHA, MIN_TRANSMITTANCE
from gghead.rasterizer.cpu.layout import (
    CHANNELS,
    CONIC_A,
    CONIC_B,
    CONIC_C,
    FLOOR,
    HALF,
    LANES,
    LANES_U,
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
    np.float32(value) for value in (0.99999994, 0.69314224, 0.24017219, 0.05527972, 0.00918861, 0.00093878)
)
MANTISSA = np.int32(23)
BIAS = np.int32(127)
# State of a row of pixels, LANES numbers each: transmittance, one more than the last entry drawn (a whole number below
# 2^24), the weight of the present entry, and the sums of the channels.
TRANSMITTANCE, LAST, WEIGHT, SUMS = range(4)
AT_LAST, AT_WEIGHT = np.uint64(LAST * LANES), np.uint64(WEIGHT * LANES)
AT_RED, AT_GREEN, AT_BLUE, AT_Z = (np.uint64((SUMS + channel) * LANES) for channel in range(4))
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
def touched_rows(splats, n, left, top, rows):
    """First and last row of a tile that meet the splat's ellipse; first > last if none does."""
    a, b, c, floor = splats[n, CONIC_A], splats[n, CONIC_B], splats[n, CONIC_C], splats[n, FLOOR]
    low, high = left + HALF - splats[n, X], left + (np.float32(LANES) - HALF) - splats[n, X]
    slope = -b / a
    begin, end = np.int32(ROWS), np.int32(-1)
    for r in range(ROWS):
        row = np.int32(r)
        dy = top + np.float32(row) + HALF - splats[n, Y]
        dx = min(max(slope * dy, low), high)  # the pixel of the row where q is least
        inside = -HALF * ((a * dx + (b + b) * dy) * dx + c * dy * dy) >= floor
        begin = min(begin, row if inside else np.int32(ROWS))
        end = max(end, row if inside else np.int32(-1))
    return begin, min(end, rows - 1)


@lane_kernel
def composite(first, step, splats, tile_starts, entry_splats, size, rgb, depth, features, alpha, last_entries):
    """Blends the lists of all tiles into rgb, depth, features, alpha [P, H, W, ...].

    last_entries [P, H, W] gets, for each pixel, one more than the last entry of its tile that was drawn there, else 0.
    """
    width, height = size
    columns = (width + LANES - 1) // LANES
    tiles = tile_starts.shape[1] - 1
    channels = splats.shape[2] - CHANNELS
    state = np.empty(ROWS * (SUMS + channels) * LANES, np.float32)
    slots = state.reshape(ROWS, SUMS + channels, LANES)
    for task in range(first, splats.shape[0] * tiles, step):
        p, tile = task // tiles, task % tiles
        left, top = tile % columns * LANES, tile // columns * ROWS
        rows = np.int32(min(ROWS, height - top))
        slots[:] = ZERO
        slots[:, TRANSMITTANCE] = ONE
        entries = entry_splats[tile_starts[p, tile] : tile_starts[p, tile + 1]]
        blend(splats[p], entries, np.float32(left), np.float32(top), rows, channels, state, slots)
        for r in range(rows):
            for i in range(min(LANES, width - left)):
                for c in range(3):
                    rgb[p, top + r, left + i, c] = slots[r, SUMS + c, i]
                depth[p, top + r, left + i, 0] = slots[r, SUMS + 3, i]
                for f in range(channels - 4):
                    features[p, top + r, left + i, f] = slots[r, SUMS + 4 + f, i]
                alpha[p, top + r, left + i, 0] = ONE - abs(slots[r, TRANSMITTANCE, i])
                last_entries[p, top + r, left + i] = np.int32(slots[r, LAST, i])


@lane_kernel
def blend(splats, entries, left, top, rows, channels, state, slots):
    """Blends one list, front to back. A finished pixel has its transmittance negated, which stops all that follows.

    state is the flat view of slots [ROWS, SUMS + channels, LANES]: with all operands at constant distances in one
    array, and indices without sign, the compiler needs no checks to turn loops over lanes into vector instructions.
    """
    begin_live, end_live = 0, rows - 1
    for entry in range(len(entries)):
        if entry % CHECK_EVERY == CHECK_EVERY - 1:
            while begin_live <= end_live and is_finished(slots, begin_live):
                begin_live += 1
            while begin_live <= end_live and is_finished(slots, end_live):
                end_live -= 1
            if begin_live > end_live:
                return
        n = entries[entry]
        begin, end = touched_rows(splats, n, left, top, rows)
        for r in range(max(begin, begin_live), min(end, end_live) + 1):
            blend_row(splats, n, np.float32(entry + 1), r, left, top, channels, state)
            for f in range(4, channels):
                feature = splats[n, CHANNELS + f]
                for i in range(LANES):
                    slots[r, SUMS + f, i] += slots[r, WEIGHT, i] * feature


@lane_kernel
def blend_row(splats, n, mark, r, left, top, channels, state):
    """Blends one splat into one row of pixels. mark is one more than its entry."""
    a, b, c, opacity = -HALF * splats[n, CONIC_A], -splats[n, CONIC_B], -HALF * splats[n, CONIC_C], splats[n, OPACITY]
    red, green, blue, z = (
        splats[n, CHANNELS], splats[n, CHANNELS + 1], splats[n, CHANNELS + 2], splats[n, CHANNELS + 3],
    )  # fmt: skip
    first_dx = left + HALF - splats[n, X]
    dy = top + np.float32(np.int32(r)) + HALF - splats[n, Y]
    b_dy, c_dy = b * dy, c * dy * dy
    base = np.uint64(r * (SUMS + channels) * LANES)
    for lane in range(LANES_U):
        at = base + lane
        dx = first_dx + np.float32(np.int32(lane))
        alpha = min(opacity * exp_negative((a * dx + b_dy) * dx + c_dy), MAX_ALPHA_32)
        before = state[at]
        after = before - before * alpha
        seen = alpha >= MIN_ALPHA_32
        shown = seen and after >= MIN_TRANSMITTANCE_32
        # Arithmetic, not a conditional store, which the processor would not forward to the loads that follow.
        weight = before * (alpha if shown else ZERO)
        state[at] = after if shown else (-abs(before) if seen else before)
        state[at + AT_LAST] = max(state[at + AT_LAST], mark if shown else ZERO)
        state[at + AT_WEIGHT] = weight
        state[at + AT_RED] += weight * red
        state[at + AT_GREEN] += weight * green
        state[at + AT_BLUE] += weight * blue
        state[at + AT_Z] += weight * z


@lane_kernel
def is_finished(slots, r):
    """Whether all pixels of a row are finished."""
    live = np.int32(0)
    for i in range(LANES):
        live += np.int32(slots[r, TRANSMITTANCE, i] > ZERO)
    return live == 0

"""Compositing on the CPU: each tile blends its list, one square of pixels at a time, in vector instructions."""

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
    SIDE,
    SQUARES,
    TILE_HEIGHT,
    TILE_WIDTH,
    ZERO,
    X,
    Y,
    kernel,
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
# State of a square of pixels, LANES numbers each: transmittance, one more than the last entry drawn (a whole number
# below 2^24), the weight of the present entry, and the sums of the channels.
TRANSMITTANCE, LAST, WEIGHT, SUMS = range(4)
AT_LAST, AT_WEIGHT = np.uint64(LAST * LANES), np.uint64(WEIGHT * LANES)
AT_RED, AT_GREEN, AT_BLUE, AT_Z = (np.uint64((SUMS + channel) * LANES) for channel in range(4))
CHECK_EVERY = 8
"""Entries of a list between looks at which squares still have unfinished pixels."""
SIDE_U, ACROSS = np.uint64(SIDE), np.int32(TILE_WIDTH // SIDE)
REACH = np.float32(SIDE - 1)
"""From the first to the last pixel of a square's side."""


@lane_kernel
def exp_negative(power):
    """e^power for power <= 0, to 2e-7 relative: 2^n from the exponent bits times 2^f from a polynomial."""
    power = max(min(power, ZERO) * LOG2_E, LOWEST)
    whole = np.int32(power)  # towards zero
    f = power - np.float32(whole)
    fraction = ((((E5 * f + E4) * f + E3) * f + E2) * f + E1) * f + E0
    return fraction * np.int32((whole + BIAS) << MANTISSA).view(np.float32)


@lane_kernel
def touched_squares(splats, n, left, top):
    """Which squares of a tile meet the splat's ellipse: a bit for each.

    Over the pixels of a square q is least where its sides next to the centre are nearest to it.
    """
    a, b, c, floor = splats[n, CONIC_A], splats[n, CONIC_B], splats[n, CONIC_C], splats[n, FLOOR]
    first_dx, first_dy = left + HALF - splats[n, X], top + HALF - splats[n, Y]
    b_a, b_c, twice = -b / a, -b / c, b + b
    touched = np.uint32(0)
    for s in range(SQUARES):
        square = np.int32(s)
        low_x = first_dx + np.float32(square % ACROSS * SIDE)
        low_y = first_dy + np.float32(square // ACROSS * SIDE)
        high_x, high_y = low_x + REACH, low_y + REACH
        dx, dy = min(max(ZERO, low_x), high_x), min(max(ZERO, low_y), high_y)
        x_at, y_at = min(max(b_a * dy, low_x), high_x), min(max(b_c * dx, low_y), high_y)
        q = min((a * x_at + twice * dy) * x_at + c * dy * dy, (a * dx + twice * y_at) * dx + c * y_at * y_at)
        touched |= np.uint32(-HALF * q >= floor) << np.uint32(square)
    return touched


@kernel
def lowest(squares):
    """Number of the lowest bit, by the exponent of a float."""
    low = squares & (~squares + np.uint32(1))
    return (np.float32(low).view(np.int32) >> MANTISSA) - BIAS


@kernel
def place_in_tile(x, y):
    """Square and lane of a tile's pixel."""
    return y // SIDE * ACROSS + x // SIDE, y % SIDE * SIDE + x % SIDE


@kernel
def squares_inside(width, height, left, top):
    """The squares of a tile that have a pixel of the picture: a bit for each."""
    inside = np.uint32(0)
    for s in range(SQUARES):
        shown = left + s % ACROSS * SIDE < width and top + s // ACROSS * SIDE < height
        inside |= np.uint32(shown) << np.uint32(s)
    return inside


@lane_kernel
def composite(first, step, splats, tile_starts, entry_splats, size, rgb, depth, features, alpha, last_entries):
    """Blends the lists of all tiles into rgb, depth, features, alpha [P, H, W, ...].

    last_entries [P, H, W] gets, for each pixel, one more than the last entry of its tile that was drawn there, else 0.
    """
    width, height = size
    columns = (width + TILE_WIDTH - 1) // TILE_WIDTH
    tiles = tile_starts.shape[1] - 1
    channels = splats.shape[2] - CHANNELS
    state = np.empty(SQUARES * (SUMS + channels) * LANES, np.float32)
    slots = state.reshape(SQUARES, SUMS + channels, LANES)
    for task in range(first, splats.shape[0] * tiles, step):
        p, tile = task // tiles, task % tiles
        left, top = tile % columns * TILE_WIDTH, tile // columns * TILE_HEIGHT
        slots[:] = ZERO
        slots[:, TRANSMITTANCE] = ONE
        entries = entry_splats[tile_starts[p, tile] : tile_starts[p, tile + 1]]
        live = squares_inside(width, height, left, top)
        blend(splats[p], entries, np.float32(left), np.float32(top), live, channels, state, slots)
        for y in range(min(TILE_HEIGHT, height - top)):
            for x in range(min(TILE_WIDTH, width - left)):
                s, i = place_in_tile(x, y)
                for c in range(3):
                    rgb[p, top + y, left + x, c] = slots[s, SUMS + c, i]
                depth[p, top + y, left + x, 0] = slots[s, SUMS + 3, i]
                for f in range(channels - 4):
                    features[p, top + y, left + x, f] = slots[s, SUMS + 4 + f, i]
                alpha[p, top + y, left + x, 0] = ONE - abs(slots[s, TRANSMITTANCE, i])
                last_entries[p, top + y, left + x] = np.int32(slots[s, LAST, i])


@lane_kernel
def blend(splats, entries, left, top, live, channels, state, slots):
    """Blends one list, front to back. A finished pixel has its transmittance negated, which stops all that follows.

    state is the flat view of slots [SQUARES, SUMS + channels, LANES]: with all operands at constant distances in one
    array, and indices without sign, the compiler needs no checks to turn loops over lanes into vector instructions.
    live has a bit for each square that has unfinished pixels.
    """
    drawn = np.uint32(0)
    for entry in range(len(entries)):
        if entry % CHECK_EVERY == CHECK_EVERY - 1:
            while drawn:
                s = lowest(drawn)
                drawn &= drawn - np.uint32(1)
                if is_finished(slots, s):
                    live &= ~(np.uint32(1) << np.uint32(s))
            if not live:
                return
        n = entries[entry]
        squares = touched_squares(splats, n, left, top) & live
        drawn |= squares
        while squares:
            s = lowest(squares)
            squares &= squares - np.uint32(1)
            blend_square(splats, n, np.float32(entry + 1), s, left, top, channels, state)
            for f in range(4, channels):
                feature = splats[n, CHANNELS + f]
                for i in range(LANES):
                    slots[s, SUMS + f, i] += slots[s, WEIGHT, i] * feature


@lane_kernel
def blend_square(splats, n, mark, s, left, top, channels, state):
    """Blends one splat into one square of pixels. mark is one more than its entry."""
    a, b, c, opacity = -HALF * splats[n, CONIC_A], -splats[n, CONIC_B], -HALF * splats[n, CONIC_C], splats[n, OPACITY]
    red, green, blue, z = (
        splats[n, CHANNELS], splats[n, CHANNELS + 1], splats[n, CHANNELS + 2], splats[n, CHANNELS + 3],
    )  # fmt: skip
    first_dx = left + np.float32(s % ACROSS * SIDE) + HALF - splats[n, X]
    first_dy = top + np.float32(s // ACROSS * SIDE) + HALF - splats[n, Y]
    base = np.uint64(s * (SUMS + channels) * LANES)
    for lane in range(LANES_U):
        at = base + lane
        dx = first_dx + np.float32(np.int32(lane % SIDE_U))
        dy = first_dy + np.float32(np.int32(lane // SIDE_U))
        alpha = min(opacity * exp_negative((a * dx + b * dy) * dx + c * dy * dy), MAX_ALPHA_32)
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
def is_finished(slots, s):
    """Whether all pixels of a square are finished."""
    live = np.int32(0)
    for i in range(LANES):
        live += np.int32(slots[s, TRANSMITTANCE, i] > ZERO)
    return live == 0

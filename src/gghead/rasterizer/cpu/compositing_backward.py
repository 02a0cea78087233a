"""Gradients of compositing on the CPU: each tile goes back through its list, from the last splat drawn to the first."""

import numpy as np

from gghead.rasterizer.cpu.compositing import (
    ACROSS,
    MAX_ALPHA_32,
    MIN_ALPHA_32,
    SIDE_U,
    exp_negative,
    lowest,
    place_in_tile,
    touched_squares,
)
from gghead.rasterizer.cpu.layout import (
    CHANNELS,
    CONIC_A,
    CONIC_B,
    CONIC_C,
    HALF,
    LANES,
    LANES_U,
    MOMENTS,
    ONE,
    OPACITY,
    SIDE,
    SQUARES,
    TILE_HEIGHT,
    TILE_WIDTH,
    ZERO,
    X,
    Y,
    lane_kernel,
)

# State of a square of pixels, LANES numbers each: transmittance behind the present entry; the sum of weight times value
# over all entries behind it; one more than the last entry drawn; the weight of the present entry; what the features
# add to its value; and the gradients w.r.t. the channels.
BEHIND, SUFFIX, LAST, WEIGHT, EXTRA, GRADIENTS = range(6)
AT_SUFFIX, AT_LAST, AT_WEIGHT, AT_EXTRA = (np.uint64(slot * LANES) for slot in (SUFFIX, LAST, WEIGHT, EXTRA))
AT_RED, AT_GREEN, AT_BLUE, AT_Z = (np.uint64((GRADIENTS + channel) * LANES) for channel in range(4))
# Sums over the squares of an entry, LANES numbers each: the columns of its gradient row.
TO_DX, TO_DY, TO_DX_DX, TO_DX_DY, TO_DY_DY, TO_RED, TO_GREEN, TO_BLUE, TO_Z = (
    np.uint64(slot * LANES) for slot in range(1, 10)
)


@lane_kernel
def composite_backward(
    first, step, splats, tile_starts, entry_splats, size, alpha, last_entries,
    d_rgb, d_depth, d_features, d_alpha, touched, entry_rows,
):  # fmt: skip
    """Writes the gradient rows [entries, 6 + C] of entries that were drawn, and marks these in touched [entries]."""
    width, height = size
    columns = (width + TILE_WIDTH - 1) // TILE_WIDTH
    tiles = tile_starts.shape[1] - 1
    channels = splats.shape[2] - CHANNELS
    state = np.empty(SQUARES * (GRADIENTS + channels) * LANES, np.float32)
    slots = state.reshape(SQUARES, GRADIENTS + channels, LANES)
    counts = np.empty(SQUARES, np.int32)  # of the entries that any pixel of the square still sees
    sums = np.empty((MOMENTS + channels) * LANES, np.float32)
    for task in range(first, splats.shape[0] * tiles, step):
        p, tile = task // tiles, task % tiles
        left, top = tile % columns * TILE_WIDTH, tile // columns * TILE_HEIGHT
        slots[:] = ZERO
        slots[:, BEHIND] = ONE
        counts[:] = 0
        for y in range(min(TILE_HEIGHT, height - top)):
            for x in range(min(TILE_WIDTH, width - left)):
                s, i = place_in_tile(x, y)
                for c in range(3):
                    slots[s, GRADIENTS + c, i] = d_rgb[p, top + y, left + x, c]
                slots[s, GRADIENTS + 3, i] = d_depth[p, top + y, left + x, 0]
                for f in range(channels - 4):
                    slots[s, GRADIENTS + 4 + f, i] = d_features[p, top + y, left + x, f]
                slots[s, BEHIND, i] = ONE - alpha[p, top + y, left + x, 0]
                # alpha = 1 - T: its gradient acts like a splat behind all others of value -dL/dalpha.
                slots[s, SUFFIX, i] = -d_alpha[p, top + y, left + x, 0] * slots[s, BEHIND, i]
                slots[s, LAST, i] = np.float32(last_entries[p, top + y, left + x])
                counts[s] = max(counts[s], last_entries[p, top + y, left + x])
        drawn = slice(tile_starts[p, tile], tile_starts[p, tile] + counts.max())
        unblend(
            splats[p], entry_splats[drawn], np.float32(left), np.float32(top),
            channels, counts, state, slots, sums, touched[drawn], entry_rows[drawn],
        )  # fmt: skip


@lane_kernel
def unblend(splats, entries, left, top, channels, counts, state, slots, sums, touched, entry_rows):
    """Goes back through one list. state is the flat view of slots [SQUARES, GRADIENTS + channels, LANES]."""
    for entry in range(len(entries) - 1, -1, -1):
        n = entries[entry]
        squares = touched_squares(splats, n, left, top)
        sums[:] = ZERO
        while squares:
            s = lowest(squares)
            squares &= squares - np.uint32(1)
            if entry >= counts[s]:
                continue
            if channels > 4:
                add_features(splats, n, s, channels, slots)
            unblend_square(splats, n, np.float32(entry), s, left, top, channels, state, sums)
            for f in range(4, channels):
                for i in range(LANES):
                    sums[(MOMENTS + f) * LANES + i] += slots[s, WEIGHT, i] * slots[s, GRADIENTS + f, i]
        touched[entry] = 1
        write_row(sums, entry_rows, entry)


@lane_kernel
def unblend_square(splats, n, entry, s, left, top, channels, state, sums):
    """Takes one splat away from one square of pixels, and adds its gradients to sums."""
    a, b, c, opacity = -HALF * splats[n, CONIC_A], -splats[n, CONIC_B], -HALF * splats[n, CONIC_C], splats[n, OPACITY]
    red, green, blue, z = (
        splats[n, CHANNELS], splats[n, CHANNELS + 1], splats[n, CHANNELS + 2], splats[n, CHANNELS + 3],
    )  # fmt: skip
    first_dx = left + np.float32(s % ACROSS * SIDE) + HALF - splats[n, X]
    first_dy = top + np.float32(s // ACROSS * SIDE) + HALF - splats[n, Y]
    base = np.uint64(s * (GRADIENTS + channels) * LANES)
    for lane in range(LANES_U):
        at = base + lane
        dx = first_dx + np.float32(np.int32(lane % SIDE_U))
        dy = first_dy + np.float32(np.int32(lane // SIDE_U))
        raw = opacity * exp_negative((a * dx + b * dy) * dx + c * dy * dy)
        alpha = min(raw, MAX_ALPHA_32)
        last, behind, suffix = state[at + AT_LAST], state[at], state[at + AT_SUFFIX]
        # Where it was not drawn it has alpha 0: arithmetic instead of a conditional store, see `blend_square`.
        drawn = alpha if alpha >= MIN_ALPHA_32 and entry < last else ZERO
        inverse = ONE / (ONE - drawn)
        before = behind * inverse
        weight = before * drawn
        d_red, d_green, d_blue, d_z = state[at + AT_RED], state[at + AT_GREEN], state[at + AT_BLUE], state[at + AT_Z]
        value = state[at + AT_EXTRA] + d_red * red + d_green * green + d_blue * blue + d_z * z
        d_power = (before * value - suffix * inverse) * (drawn if raw < MAX_ALPHA_32 else ZERO)
        state[at] = before
        state[at + AT_SUFFIX] = suffix + weight * value
        state[at + AT_WEIGHT] = weight
        to_dx, to_dy = d_power * dx, d_power * dy
        sums[lane] += d_power
        sums[lane + TO_DX] += to_dx
        sums[lane + TO_DY] += to_dy
        sums[lane + TO_DX_DX] += to_dx * dx
        sums[lane + TO_DX_DY] += to_dx * dy
        sums[lane + TO_DY_DY] += to_dy * dy
        sums[lane + TO_RED] += weight * d_red
        sums[lane + TO_GREEN] += weight * d_green
        sums[lane + TO_BLUE] += weight * d_blue
        sums[lane + TO_Z] += weight * d_z


@lane_kernel
def add_features(splats, n, s, channels, slots):
    """Writes what the features add to the value of a splat at the pixels of a square."""
    for i in range(LANES):
        slots[s, EXTRA, i] = ZERO
    for f in range(4, channels):
        feature = splats[n, CHANNELS + f]
        for i in range(LANES):
            slots[s, EXTRA, i] += slots[s, GRADIENTS + f, i] * feature


@lane_kernel
def write_row(sums, rows, entry):
    """Sums the lanes of an entry: moments of dx and dy, and channels."""
    for k in range(rows.shape[1]):
        total = ZERO
        for i in range(LANES):
            total += sums[k * LANES + i]
        rows[entry, k] = total

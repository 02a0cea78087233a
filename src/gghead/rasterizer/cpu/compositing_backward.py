"""Gradients of compositing on the CPU: each tile goes back through its list, from the last splat drawn to the first."""

import numpy as np

from gghead.rasterizer.cpu.compositing import MAX_ALPHA_32, MIN_ALPHA_32, exp_negative, touched_rows
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
    ROWS,
    ZERO,
    X,
    Y,
    lane_kernel,
)

# State of a row of pixels, LANES numbers each: transmittance behind the present entry; the sum of weight times value
# over all entries behind it; one more than the last entry drawn; the weight of the present entry; what the features
# add to its value; and the gradients w.r.t. the channels.
BEHIND, SUFFIX, LAST, WEIGHT, EXTRA, GRADIENTS = range(6)
AT_SUFFIX, AT_LAST, AT_WEIGHT, AT_EXTRA = (np.uint64(slot * LANES) for slot in (SUFFIX, LAST, WEIGHT, EXTRA))
AT_RED, AT_GREEN, AT_BLUE, AT_Z = (np.uint64((GRADIENTS + channel) * LANES) for channel in range(4))
# Sums over the rows of an entry: dL/d(-q/2) times 1, dy and dy^2, then the channels.
LANE_SUMS = 3
TO_DY, TO_DY_DY, TO_RED, TO_GREEN, TO_BLUE, TO_Z = (np.uint64(slot * LANES) for slot in range(1, 7))


@lane_kernel
def composite_backward(
    first, step, splats, tile_starts, entry_splats, size, alpha, last_entries,
    d_rgb, d_depth, d_features, d_alpha, touched, entry_rows,
):  # fmt: skip
    """Writes the gradient rows [entries, 6 + C] of entries that were drawn, and marks these in touched [entries]."""
    width, height = size
    columns = (width + LANES - 1) // LANES
    tiles = tile_starts.shape[1] - 1
    channels = splats.shape[2] - CHANNELS
    state = np.empty(ROWS * (GRADIENTS + channels) * LANES, np.float32)
    slots = state.reshape(ROWS, GRADIENTS + channels, LANES)
    row_counts = np.empty(ROWS, np.int32)  # of the entries that any pixel of the row still sees
    sums = np.empty((LANE_SUMS + channels) * LANES, np.float32)
    for task in range(first, splats.shape[0] * tiles, step):
        p, tile = task // tiles, task % tiles
        left, top = tile % columns * LANES, tile // columns * ROWS
        rows = np.int32(min(ROWS, height - top))
        slots[:] = ZERO
        slots[:, BEHIND] = ONE
        row_counts[:] = 0
        for r in range(rows):
            for i in range(min(LANES, width - left)):
                for c in range(3):
                    slots[r, GRADIENTS + c, i] = d_rgb[p, top + r, left + i, c]
                slots[r, GRADIENTS + 3, i] = d_depth[p, top + r, left + i, 0]
                for f in range(channels - 4):
                    slots[r, GRADIENTS + 4 + f, i] = d_features[p, top + r, left + i, f]
                slots[r, BEHIND, i] = ONE - alpha[p, top + r, left + i, 0]
                # alpha = 1 - T: its gradient acts like a splat behind all others of value -dL/dalpha.
                slots[r, SUFFIX, i] = -d_alpha[p, top + r, left + i, 0] * slots[r, BEHIND, i]
                slots[r, LAST, i] = np.float32(last_entries[p, top + r, left + i])
                row_counts[r] = max(row_counts[r], last_entries[p, top + r, left + i])
        drawn = slice(tile_starts[p, tile], tile_starts[p, tile] + row_counts.max())
        unblend(
            splats[p], entry_splats[drawn], np.float32(left), np.float32(top), rows,
            channels, row_counts, state, slots, sums, touched[drawn], entry_rows[drawn],
        )  # fmt: skip


@lane_kernel
def unblend(
    splats, entries, left, top, rows, channels, row_counts, state, slots, sums, touched, entry_rows
):  # fmt: skip
    """Goes back through one list. state is the flat view of slots [ROWS, GRADIENTS + channels, LANES]."""
    for entry in range(len(entries) - 1, -1, -1):
        n = entries[entry]
        begin, end = touched_rows(splats, n, left, top, rows)
        sums[:] = ZERO
        for r in range(begin, end + 1):
            if entry >= row_counts[r]:
                continue
            if channels > 4:
                add_features(splats, n, r, channels, slots)
            unblend_row(splats, n, np.float32(entry), r, left, top, channels, state, sums)
            for f in range(4, channels):
                for i in range(LANES):
                    sums[(LANE_SUMS + f) * LANES + i] += slots[r, WEIGHT, i] * slots[r, GRADIENTS + f, i]
        touched[entry] = 1
        write_row(sums, left + HALF - splats[n, X], entry_rows, entry)


@lane_kernel
def unblend_row(splats, n, entry, r, left, top, channels, state, sums):
    """Takes one splat away from one row of pixels, and adds its gradients to sums."""
    a, b, c, opacity = -HALF * splats[n, CONIC_A], -splats[n, CONIC_B], -HALF * splats[n, CONIC_C], splats[n, OPACITY]
    red, green, blue, z = (
        splats[n, CHANNELS], splats[n, CHANNELS + 1], splats[n, CHANNELS + 2], splats[n, CHANNELS + 3],
    )  # fmt: skip
    first_dx = left + HALF - splats[n, X]
    dy = top + np.float32(np.int32(r)) + HALF - splats[n, Y]
    b_dy, c_dy, dy_dy = b * dy, c * dy * dy, dy * dy
    base = np.uint64(r * (GRADIENTS + channels) * LANES)
    for lane in range(LANES_U):
        at = base + lane
        dx = first_dx + np.float32(np.int32(lane))
        raw = opacity * exp_negative((a * dx + b_dy) * dx + c_dy)
        alpha = min(raw, MAX_ALPHA_32)
        last, behind, suffix = state[at + AT_LAST], state[at], state[at + AT_SUFFIX]
        # Where it was not drawn it has alpha 0: arithmetic instead of a conditional store, see `blend_row`.
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
        sums[lane] += d_power
        sums[lane + TO_DY] += d_power * dy
        sums[lane + TO_DY_DY] += d_power * dy_dy
        sums[lane + TO_RED] += weight * d_red
        sums[lane + TO_GREEN] += weight * d_green
        sums[lane + TO_BLUE] += weight * d_blue
        sums[lane + TO_Z] += weight * d_z


@lane_kernel
def add_features(splats, n, r, channels, slots):
    """Writes what the features add to the value of a splat at the pixels of a row."""
    for i in range(LANES):
        slots[r, EXTRA, i] = ZERO
    for f in range(4, channels):
        feature = splats[n, CHANNELS + f]
        for i in range(LANES):
            slots[r, EXTRA, i] += slots[r, GRADIENTS + f, i] * feature


@lane_kernel
def write_row(sums, first_dx, rows, entry):
    """Sums the lanes of an entry: moments of dx and dy, and channels."""
    m_0, m_x, m_y, m_xx, m_xy, m_yy = ZERO, ZERO, ZERO, ZERO, ZERO, ZERO
    for lane in range(LANES_U):
        dx = first_dx + np.float32(np.int32(lane))
        m_0 += sums[lane]
        m_x += sums[lane] * dx
        m_y += sums[lane + TO_DY]
        m_xx += sums[lane] * dx * dx
        m_xy += sums[lane + TO_DY] * dx
        m_yy += sums[lane + TO_DY_DY]
    rows[entry, 0], rows[entry, 1], rows[entry, 2] = m_0, m_x, m_y
    rows[entry, 3], rows[entry, 4], rows[entry, 5] = m_xx, m_xy, m_yy
    for k in range(rows.shape[1] - MOMENTS):
        total = ZERO
        for i in range(LANES):
            total += sums[(LANE_SUMS + k) * LANES + i]
        rows[entry, MOMENTS + k] = total

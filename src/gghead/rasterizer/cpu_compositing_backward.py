"""Gradients of compositing on the CPU: each tile goes back through its list, from the last splat drawn to the first."""

import numpy as np

from gghead.rasterizer.cpu_compositing import MAX_ALPHA_32, MIN_ALPHA_32, exp_negative, touched_rows
from gghead.rasterizer.cpu_layout import (
    CHANNELS,
    CONIC_A,
    CONIC_B,
    CONIC_C,
    HALF,
    LANES,
    MOMENTS,
    ONE,
    OPACITY,
    ROWS,
    ZERO,
    X,
    Y,
    lane_kernel,
)


@lane_kernel
def composite_backward(
    first, step, splats, tile_starts, entry_splats, entry_pairs, size, alpha, last_entries,
    d_rgb, d_depth, d_features, d_alpha, touched, pair_rows,
):  # fmt: skip
    """Writes the gradient rows [pairs, 6 + C] of the pairs that were drawn, and marks them in touched [pairs]."""
    width, height = size
    columns = (width + LANES - 1) // LANES
    tiles = tile_starts.shape[1] - 1
    channels = splats.shape[2] - CHANNELS
    behind = np.empty((ROWS, LANES), np.float32)
    suffix = np.empty((ROWS, LANES), np.float32)
    drawn = np.empty((ROWS, LANES), np.int32)
    d_sums = np.empty((ROWS, channels, LANES), np.float32)
    last_of_row = np.empty(ROWS, np.int32)
    for task in range(first, splats.shape[0] * tiles, step):
        p, tile = task // tiles, task % tiles
        left, top = tile % columns * LANES, tile // columns * ROWS
        rows = np.int32(min(ROWS, height - top))
        d_sums[:] = ZERO
        drawn[:] = 0
        suffix[:] = ZERO
        behind[:] = ONE
        stop = np.int32(0)
        for r in range(rows):
            last_of_row[r] = 0
            for i in range(min(LANES, width - left)):
                for c in range(3):
                    d_sums[r, c, i] = d_rgb[p, top + r, left + i, c]
                d_sums[r, 3, i] = d_depth[p, top + r, left + i, 0]
                for f in range(channels - 4):
                    d_sums[r, 4 + f, i] = d_features[p, top + r, left + i, f]
                behind[r, i] = ONE - alpha[p, top + r, left + i, 0]
                # alpha = 1 - T: its gradient acts like a splat behind all others of value -dL/dalpha.
                suffix[r, i] = -d_alpha[p, top + r, left + i, 0] * behind[r, i]
                drawn[r, i] = last_entries[p, top + r, left + i]
                last_of_row[r] = max(last_of_row[r], drawn[r, i])
            stop = max(stop, last_of_row[r])
        unblend(
            splats[p], entry_splats, entry_pairs, tile_starts[p, tile], np.int64(stop), np.float32(left),
            np.float32(top), rows, behind, suffix, drawn, d_sums, last_of_row, touched, pair_rows,
        )  # fmt: skip


@lane_kernel
def unblend(
    splats, entry_splats, entry_pairs, start, stop, left, top, rows, behind, suffix, drawn, d_sums, last_of_row,
    touched, pair_rows,
):  # fmt: skip
    """Goes back through one list. behind is T after the splat, suffix the sum of w v over all splats behind it."""
    channels = d_sums.shape[1]
    values, weights, powers = np.empty(LANES, np.float32), np.empty(LANES, np.float32), np.empty(LANES, np.float32)
    lanes = np.zeros((3 + channels, LANES), np.float32)
    for entry in range(stop - 1, start - 1, -1):
        splat = splats[entry_splats[entry]]
        begin, end = touched_rows(splat, left, top, rows)
        a, b, c, opacity = -HALF * splat[CONIC_A], -splat[CONIC_B], -HALF * splat[CONIC_C], splat[OPACITY]
        mark = np.int32(entry)
        first_dx = left + HALF - splat[X]
        lanes[:] = ZERO
        for r in range(begin, end + 1):
            if last_of_row[r] <= mark:
                continue
            dy = top + np.float32(np.int32(r)) + HALF - splat[Y]
            b_dy, c_dy = b * dy, c * dy * dy
            for i in range(LANES):
                values[i] = ZERO
            for k in range(channels):
                colour = splat[CHANNELS + k]
                for i in range(LANES):
                    values[i] += d_sums[r, k, i] * colour
            for i in range(LANES):
                dx = first_dx + np.float32(np.int32(i))
                raw = opacity * exp_negative((a * dx + b_dy) * dx + c_dy)
                value = min(raw, MAX_ALPHA_32)
                shown = value >= MIN_ALPHA_32 and mark < drawn[r, i]
                inverse = ONE / (ONE - value)
                before = behind[r, i] * inverse
                d_value = before * values[i] - suffix[r, i] * inverse
                weight = before * value if shown else ZERO
                weights[i] = weight
                suffix[r, i] += weight * values[i]
                behind[r, i] = before if shown else behind[r, i]
                powers[i] = d_value * value if shown and raw < MAX_ALPHA_32 else ZERO
            for i in range(LANES):
                lanes[0, i] += powers[i]
                lanes[1, i] += powers[i] * dy
                lanes[2, i] += powers[i] * dy * dy
            for k in range(channels):
                for i in range(LANES):
                    lanes[3 + k, i] += weights[i] * d_sums[r, k, i]
        pair = entry_pairs[entry]
        touched[pair] = 1
        write_row(lanes, first_dx, pair_rows, pair)


@lane_kernel
def write_row(lanes, first_dx, pair_rows, pair):
    """Sums the lanes of a pair: moments of dx and dy, and channels."""
    m_0, m_x, m_y, m_xx, m_xy, m_yy = ZERO, ZERO, ZERO, ZERO, ZERO, ZERO
    for i in range(LANES):
        dx = first_dx + np.float32(np.int32(i))
        m_0 += lanes[0, i]
        m_x += lanes[0, i] * dx
        m_y += lanes[1, i]
        m_xx += lanes[0, i] * dx * dx
        m_xy += lanes[1, i] * dx
        m_yy += lanes[2, i]
    pair_rows[pair, 0], pair_rows[pair, 1], pair_rows[pair, 2] = m_0, m_x, m_y
    pair_rows[pair, 3], pair_rows[pair, 4], pair_rows[pair, 5] = m_xx, m_xy, m_yy
    for k in range(lanes.shape[0] - 3):
        total = ZERO
        for i in range(LANES):
            total += lanes[3 + k, i]
        pair_rows[pair, MOMENTS + k] = total

"""The gradients of projection on the CPU: sums over the pairs of a Gaussian, then the chain rule of the README."""

import numpy as np

from gghead.rasterizer.cpu.harmonics import evaluate_values, pull_back
from gghead.rasterizer.cpu.layout import (
    BLOCK,
    CHANNELS,
    CONIC_A,
    CONIC_B,
    CONIC_C,
    DETERMINANT,
    LANES,
    LANES_U,
    MOMENTS,
    ONE,
    OPACITY,
    ZERO,
    kernel,
)
from gghead.rasterizer.cpu.projection import (
    BLUR_32,
    COEFFICIENTS,
    DIR_X,
    DIR_Y,
    DIR_Z,
    MEAN_X,
    MEAN_Y,
    MEAN_Z,
    NEARNESS,
    QUAT_W,
    QUAT_X,
    QUAT_Y,
    QUAT_Z,
    SCALE_X,
    SCALE_Y,
    SCALE_Z,
    SLOTS,
    THREE_LANES,
    TWO,
    TWO_LANES,
    VALUES,
    direct,
    guard,
    guards,
    jacobian,
    load_lanes,
    project_axes,
    rotation,
    to_camera,
    view_of,
)

# More slots: what is read, ROW to ROW_Z being a gradient row without colours and features, PAINTED and the next two the
# gradients of colours that are not clamped; what is written; PULL and WEIGHTS are those of `pull_back`.
(
    IS_TOUCHED, A, B, C, INVERSE_DETERMINANT, ROW, ROW_X, ROW_Y, ROW_XX, ROW_XY, ROW_YY, ROW_Z,
    PAINTED, PAINTED_GREEN, PAINTED_BLUE, D_MEAN, D_MEAN_Y, D_MEAN_Z, D_QUAT, D_QUAT_X, D_QUAT_Y, D_QUAT_Z,
    D_SCALE, D_SCALE_Y, D_SCALE_Z, PULL, PULL_Y, PULL_Z, WEIGHTS,
) = (SLOTS + np.uint64(slot * LANES) for slot in range(29))  # fmt: skip
ALL_SLOTS = WEIGHTS + np.uint64(16 * LANES)
SUMS = 12
"""Numbers of a camera's matrix; LANES sums of each, in double precision."""


@kernel
def project_backward(
    first, step, scene_of, means, quats, scales, sh, viewmats, Ks, size, splats, first_pairs, pair_entries,
    touched, entry_rows, d_means, d_quats, d_scales, d_opacities, d_sh, d_features, d_viewmats,
):  # fmt: skip
    """Adds to the gradients of the scenes [H, N, ...]; writes those of the cameras by block [P, blocks, 3, 4].

    first_pairs [P, N + 1] says where the entries of a splat begin in pair_entries [pairs], touched [entries] which rows
    of entry_rows [entries, 6 + C] were written.
    """
    heads, count = means.shape[0], means.shape[1]
    blocks = (count + BLOCK - 1) // BLOCK
    lanes = np.zeros(ALL_SLOTS, np.float32)
    row = np.empty(entry_rows.shape[1], np.float32)
    sums = np.empty(SUMS * LANES, np.float64)
    for task in range(first, heads * blocks, step):
        h, block = task // blocks, task % blocks
        end = min((block + 1) * BLOCK, count)
        for p in range(splats.shape[0]):
            if scene_of[p] != h:
                continue
            sums[:] = 0
            for start in range(block * BLOCK, end, LANES):
                stop = min(start + LANES, end)
                lanes[IS_TOUCHED : IS_TOUCHED + LANES_U] = ZERO
                if not load_rows(
                    p,
                    h,
                    start,
                    stop,
                    splats,
                    first_pairs,
                    pair_entries,
                    touched,
                    entry_rows,
                    row,
                    lanes,
                    d_opacities,
                    d_features,
                ):
                    continue
                load_lanes(h, start, stop, means, quats, scales, sh, lanes)
                place_backward(viewmats, Ks, p, size, lanes, sums)
                paint_backward(viewmats, p, sh.shape[2], lanes, sums)
                add_gradients(h, start, stop, sh.shape[2], lanes, d_means, d_quats, d_scales, d_sh)
            for i in range(3):
                for j in range(4):
                    d_viewmats[p, block, i, j] = sums[(4 * i + j) * LANES : (4 * i + j + 1) * LANES].sum()


@kernel
def load_rows(
    p, h, start, stop, splats, first_pairs, pair_entries, touched, entry_rows, row, lanes, d_opacities, d_features
):  # fmt: skip
    """Lays what is known of the splats of Gaussians start to stop side by side, their gradient rows summed in the order
    of their tiles; adds to the gradients of opacities and features. Returns whether any was drawn.
    """
    found = False
    for n in range(start, stop):
        if splats[p, n, OPACITY] == ZERO or not gather(
            first_pairs[p, n], first_pairs[p, n + 1], pair_entries, touched, entry_rows, row
        ):
            continue
        found = True
        lane = np.uint64(n - start)
        lanes[lane + IS_TOUCHED] = ONE
        lanes[lane + A], lanes[lane + B], lanes[lane + C] = (
            splats[p, n, CONIC_A],
            splats[p, n, CONIC_B],
            splats[p, n, CONIC_C],
        )
        lanes[lane + INVERSE_DETERMINANT] = ONE / splats[p, n, DETERMINANT]
        for moment in range(MOMENTS):
            lanes[lane + ROW + np.uint64(moment) * LANES_U] = row[moment]
        lanes[lane + ROW_Z] = row[MOMENTS + 3]
        for c in range(3):
            is_clamped = splats[p, n, CHANNELS + c] <= ZERO
            lanes[lane + PAINTED + np.uint64(c) * LANES_U] = ZERO if is_clamped else row[MOMENTS + c]
        d_opacities[h, n] += row[0] / splats[p, n, OPACITY]
        for f in range(d_features.shape[2]):
            d_features[h, n, f] += row[MOMENTS + 4 + f]
    return found


@kernel
def gather(start, stop, pair_entries, touched, entry_rows, row):
    """Sums the rows of a splat in the order of its tiles; returns whether there were any."""
    row[:] = ZERO
    found = False
    for pair in range(start, stop):
        entry = pair_entries[pair]
        if touched[entry]:
            found = True
            for c in range(len(row)):
                row[c] += entry_rows[entry, c]
    return found


@kernel
def place_backward(viewmats, Ks, p, size, lanes, sums):
    """Writes gradients w.r.t. means, quaternions and scales through place and shape; adds those w.r.t. the camera."""
    view, focal_x, focal_y = view_of(viewmats, p), Ks[p, 0, 0], Ks[p, 1, 1]
    limit_x, limit_y = guards(focal_x, focal_y, size)
    for lane in range(LANES_U):
        x, y, _, near = to_camera(view, lanes, lane)
        turn = rotation(lanes[lane + QUAT_W], lanes[lane + QUAT_X], lanes[lane + QUAT_Y], lanes[lane + QUAT_Z])
        u, v, zoom_x, zoom_y = guard(x * near, limit_x), guard(y * near, limit_y), focal_x * near, focal_y * near
        right, down = project_axes(view, turn, u, v)
        right = (right[0] * zoom_x, right[1] * zoom_x, right[2] * zoom_x)
        down = (down[0] * zoom_y, down[1] * zoom_y, down[2] * zoom_y)
        scale = (lanes[lane + SCALE_X], lanes[lane + SCALE_Y], lanes[lane + SCALE_Z])
        d_scale_x, x_0, y_0 = axis_backward(right[0], down[0], scale[0], right, down, scale, lanes, lane)
        d_scale_y, x_1, y_1 = axis_backward(right[1], down[1], scale[1], right, down, scale, lanes, lane)
        d_scale_z, x_2, y_2 = axis_backward(right[2], down[2], scale[2], right, down, scale, lanes, lane)
        lanes[lane + D_SCALE], lanes[lane + D_SCALE_Y], lanes[lane + D_SCALE_Z] = d_scale_x, d_scale_y, d_scale_z
        # x_k and y_k, from here on w.r.t. the axes at depth 1; the rotation and the camera turn them alike.
        x_0, x_1, x_2, y_0, y_1, y_2 = (
            zoom_x * x_0,
            zoom_x * x_1,
            zoom_x * x_2,
            zoom_y * y_0,
            zoom_y * y_1,
            zoom_y * y_2,
        )
        to_right, to_down = jacobian(view, u, v)
        rotation_backward(turn, (x_0, x_1, x_2), (y_0, y_1, y_2), to_right, to_down, lanes, lane)
        v_0, w_0 = turn[0] * x_0 + turn[1] * x_1 + turn[2] * x_2, turn[0] * y_0 + turn[1] * y_1 + turn[2] * y_2
        v_1, w_1 = turn[3] * x_0 + turn[4] * x_1 + turn[5] * x_2, turn[3] * y_0 + turn[4] * y_1 + turn[5] * y_2
        v_2, w_2 = turn[6] * x_0 + turn[7] * x_1 + turn[8] * x_2, turn[6] * y_0 + turn[7] * y_1 + turn[8] * y_2
        d_u, d_v = -(view[8] * v_0 + view[9] * v_1 + view[10] * v_2), -(view[8] * w_0 + view[9] * w_1 + view[10] * w_2)

        row_x, row_y = lanes[lane + ROW_X], lanes[lane + ROW_Y]
        d_u = (d_u if u == x * near else ZERO) + (lanes[lane + A] * row_x + lanes[lane + B] * row_y) * focal_x
        d_v = (d_v if v == y * near else ZERO) + (lanes[lane + B] * row_x + lanes[lane + C] * row_y) * focal_y
        shrinking = d_scale_x * scale[0] + d_scale_y * scale[1] + d_scale_z * scale[2]
        d_x, d_y = d_u * near, d_v * near
        d_z = lanes[lane + ROW_Z] - shrinking * near - (d_x * x + d_y * y) * near
        lanes[lane + D_MEAN] = view[0] * d_x + view[4] * d_y + view[8] * d_z
        lanes[lane + D_MEAN_Y] = view[1] * d_x + view[5] * d_y + view[9] * d_z
        lanes[lane + D_MEAN_Z] = view[2] * d_x + view[6] * d_y + view[10] * d_z
        a, b, c = lanes[lane + MEAN_X], lanes[lane + MEAN_Y], lanes[lane + MEAN_Z]
        rows = (
            d_x * a + v_0, d_x * b + v_1, d_x * c + v_2, d_x,
            d_y * a + w_0, d_y * b + w_1, d_y * c + w_2, d_y,
            d_z * a - u * v_0 - v * w_0, d_z * b - u * v_1 - v * w_1, d_z * c - u * v_2 - v * w_2, d_z,
        )  # fmt: skip
        add_sums(sums, rows, lanes, lane)


@kernel
def axis_backward(right, down, size, rights, downs, scale, lanes, lane):
    """Gradients w.r.t. the length of an axis, and w.r.t. itself, of unit length on the screen."""
    # (11) y = conic b of the axis b = (right, down), without its product with itself, which is zero: rounding of that
    # would drown the rest along a needle.
    y_right, y_down = BLUR_32 * right, BLUR_32 * down
    minor = scale[0] * scale[0] * (downs[0] * right - rights[0] * down)
    y_right, y_down = y_right + minor * downs[0], y_down - minor * rights[0]
    minor = scale[1] * scale[1] * (downs[1] * right - rights[1] * down)
    y_right, y_down = y_right + minor * downs[1], y_down - minor * rights[1]
    minor = scale[2] * scale[2] * (downs[2] * right - rights[2] * down)
    y_right, y_down = y_right + minor * downs[2], y_down - minor * rights[2]
    inverse = lanes[lane + INVERSE_DETERMINANT]
    y_right, y_down = y_right * inverse, y_down * inverse
    m_right = lanes[lane + ROW_XX] * y_right + lanes[lane + ROW_XY] * y_down
    m_down = lanes[lane + ROW_XY] * y_right + lanes[lane + ROW_YY] * y_down
    square = size * size
    return (
        size * (y_right * m_right + y_down * m_down),
        square * (lanes[lane + A] * m_right + lanes[lane + B] * m_down),
        square * (lanes[lane + B] * m_right + lanes[lane + C] * m_down),
    )


@kernel
def rotation_backward(turn, xs, ys, to_right, to_down, lanes, lane):
    """Writes the gradient w.r.t. a quaternion of any length, given those w.r.t. the axes on the screen."""
    g_01, g_10 = to_right[0] * xs[1] + to_down[0] * ys[1], to_right[1] * xs[0] + to_down[1] * ys[0]
    g_02, g_20 = to_right[0] * xs[2] + to_down[0] * ys[2], to_right[2] * xs[0] + to_down[2] * ys[0]
    g_12, g_21 = to_right[1] * xs[2] + to_down[1] * ys[2], to_right[2] * xs[1] + to_down[2] * ys[1]
    g_00, g_11 = to_right[0] * xs[0] + to_down[0] * ys[0], to_right[1] * xs[1] + to_down[1] * ys[1]
    g_22, inverse = to_right[2] * xs[2] + to_down[2] * ys[2], turn[9]
    w, x = lanes[lane + QUAT_W] * inverse, lanes[lane + QUAT_X] * inverse
    y, z = lanes[lane + QUAT_Y] * inverse, lanes[lane + QUAT_Z] * inverse
    d_w = TWO * (x * (g_21 - g_12) + y * (g_02 - g_20) + z * (g_10 - g_01))
    d_x = TWO * (y * (g_01 + g_10) + z * (g_02 + g_20) + w * (g_21 - g_12) - TWO * x * (g_11 + g_22))
    d_y = TWO * (x * (g_01 + g_10) + z * (g_12 + g_21) + w * (g_02 - g_20) - TWO * y * (g_00 + g_22))
    d_z = TWO * (x * (g_02 + g_20) + y * (g_12 + g_21) + w * (g_10 - g_01) - TWO * z * (g_00 + g_11))
    along = d_w * w + d_x * x + d_y * y + d_z * z
    lanes[lane + D_QUAT], lanes[lane + D_QUAT_X] = (d_w - along * w) * inverse, (d_x - along * x) * inverse
    lanes[lane + D_QUAT_Y], lanes[lane + D_QUAT_Z] = (d_y - along * y) * inverse, (d_z - along * z) * inverse


@kernel
def add_sums(sums, rows, lanes, lane):
    """Adds gradients w.r.t. a camera's matrix, row by row, where the Gaussian was drawn."""
    is_touched = lanes[lane + IS_TOUCHED] > ZERO
    for place in range(SUMS):
        sums[lane + np.uint64(place) * LANES_U] += np.float64(rows[place] if is_touched else ZERO)


@kernel
def paint_backward(viewmats, p, coefficients, lanes, sums):
    """Adds the gradients of colours w.r.t. means, and the camera's position -R^T t; leaves the basis in its slots."""
    view = view_of(viewmats, p)
    direct(view, lanes)
    evaluate_values(lanes, DIR_X, coefficients, VALUES)
    if coefficients == 1:  # the same from everywhere
        return
    for k in range(np.uint64(coefficients)):
        slot = COEFFICIENTS + k * THREE_LANES
        for lane in range(LANES_U):
            lanes[lane + WEIGHTS + k * LANES_U] = (
                lanes[lane + PAINTED] * lanes[lane + slot] + lanes[lane + PAINTED_GREEN] * lanes[lane + slot + LANES_U]
                + lanes[lane + PAINTED_BLUE] * lanes[lane + slot + TWO_LANES]
            )  # fmt: skip
    pull_back(lanes, DIR_X, coefficients, WEIGHTS, PULL)
    for lane in range(LANES_U):
        dx, dy, dz, inverse = lanes[lane + DIR_X], lanes[lane + DIR_Y], lanes[lane + DIR_Z], lanes[lane + NEARNESS]
        x, y, z = lanes[lane + PULL], lanes[lane + PULL_Y], lanes[lane + PULL_Z]
        along = x * dx + y * dy + z * dz
        x, y, z = (x - along * dx) * inverse, (y - along * dy) * inverse, (z - along * dz) * inverse
        lanes[lane + D_MEAN] += x
        lanes[lane + D_MEAN_Y] += y
        lanes[lane + D_MEAN_Z] += z
        rows = (
            view[3] * x, view[3] * y, view[3] * z, view[0] * x + view[1] * y + view[2] * z,
            view[7] * x, view[7] * y, view[7] * z, view[4] * x + view[5] * y + view[6] * z,
            view[11] * x, view[11] * y, view[11] * z, view[8] * x + view[9] * y + view[10] * z,
        )  # fmt: skip
        add_sums(sums, rows, lanes, lane)


@kernel
def add_gradients(h, start, stop, coefficients, lanes, d_means, d_quats, d_scales, d_sh):
    """Adds what was written of Gaussians start to stop to their gradients, where they were drawn."""
    for n in range(start, stop):
        lane = np.uint64(n - start)
        if lanes[lane + IS_TOUCHED] == ZERO:
            continue
        for axis in range(3):
            to = lane + np.uint64(axis) * LANES_U
            d_means[h, n, axis] += lanes[to + D_MEAN]
            d_scales[h, n, axis] += lanes[to + D_SCALE]
        for axis in range(4):
            d_quats[h, n, axis] += lanes[lane + D_QUAT + np.uint64(axis) * LANES_U]
        for k in range(coefficients):
            value = lanes[lane + VALUES + np.uint64(k) * LANES_U]
            for c in range(3):
                d_sh[h, n, k, c] += value * lanes[lane + PAINTED + np.uint64(c) * LANES_U]

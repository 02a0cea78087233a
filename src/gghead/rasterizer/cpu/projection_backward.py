"""The gradients of projection on the CPU: sums over the pairs of a Gaussian, then the chain rule of the README."""

import numpy as np

from gghead.rasterizer.cpu.harmonics import evaluate_basis
from gghead.rasterizer.cpu.layout import (
    BLOCK,
    CHANNELS,
    CONIC_A,
    CONIC_B,
    CONIC_C,
    DETERMINANT,
    MOMENTS,
    OPACITY,
    ZERO,
    kernel,
)
from gghead.rasterizer.cpu.projection import BLUR_32, TWO, direction_of, guard, rotation_of


@kernel
def project_backward(
    first, step, scene_of, means, quats, scales, sh, viewmats, Ks, size, splats, first_pairs, touched, pair_rows,
    d_means, d_quats, d_scales, d_opacities, d_sh, d_features, d_viewmats,
):  # fmt: skip
    """Adds to the gradients of the scenes [H, N, ...]; writes those of the cameras by block [P, blocks, 3, 4].

    first_pairs [P, N + 1] says which rows of pair_rows [pairs, 6 + C] belong to a splat; touched [pairs], which were
    written.
    """
    heads, count = means.shape[0], means.shape[1]
    blocks = (count + BLOCK - 1) // BLOCK
    turn, d_turn, axes = np.empty((3, 3), np.float32), np.empty((3, 3), np.float32), np.empty((2, 3), np.float32)
    values, slopes = np.empty(16, np.float32), np.empty((16, 3), np.float32)
    row = np.empty(pair_rows.shape[1], np.float32)
    d_view = np.empty((3, 4), np.float64)
    d_point = np.empty(3, np.float32)
    for task in range(first, heads * blocks, step):
        h, block = task // blocks, task % blocks
        for p in range(splats.shape[0]):
            if scene_of[p] != h:
                continue
            d_view[:] = 0
            view, K = viewmats[p], Ks[p]
            for n in range(block * BLOCK, min((block + 1) * BLOCK, count)):
                splat = splats[p, n]
                if splat[OPACITY] == ZERO or not gather(
                    first_pairs[p, n], first_pairs[p, n + 1], touched, pair_rows, row
                ):
                    continue
                d_opacities[h, n] += row[0] / splat[OPACITY]
                for f in range(d_features.shape[2]):
                    d_features[h, n, f] += row[MOMENTS + 4 + f]
                place_backward(
                    means[h, n], quats[h, n], scales[h, n], view, K, size, splat, row, turn, d_turn, axes,
                    d_point, d_quats[h, n], d_scales[h, n], d_view,
                )  # fmt: skip
                for i in range(3):
                    for j in range(3):
                        d_means[h, n, j] += view[i, j] * d_point[i]
                        d_view[i, j] += d_point[i] * means[h, n, j]
                    d_view[i, 3] += d_point[i]
                paint_backward(
                    means[h, n], sh[h, n], view, splat, row, values, slopes, d_means[h, n], d_sh[h, n], d_view
                )
            d_viewmats[p, block] = d_view


@kernel
def gather(start, stop, touched, pair_rows, row):
    """Sums the rows of a splat in the order of its tiles; returns whether there were any."""
    row[:] = ZERO
    found = False
    for pair in range(start, stop):
        if touched[pair]:
            found = True
            for c in range(len(row)):
                row[c] += pair_rows[pair, c]
    return found


@kernel
def place_backward(
    mean, quat, scale, view, K, size, splat, row, turn, d_turn, axes, d_point, d_quat, d_scale, d_view
):  # fmt: skip
    """Gradients w.r.t. the point in camera space (overwritten), shape and, through the Jacobian, camera (added)."""
    x, y, z = (
        view[0, 0] * mean[0] + view[0, 1] * mean[1] + view[0, 2] * mean[2] + view[0, 3],
        view[1, 0] * mean[0] + view[1, 1] * mean[1] + view[1, 2] * mean[2] + view[1, 3],
        view[2, 0] * mean[0] + view[2, 1] * mean[1] + view[2, 2] * mean[2] + view[2, 3],
    )
    inverse_length = rotation_of(quat, turn)
    u, v = guard(x / z, K[0, 0], size[0]), guard(y / z, K[1, 1], size[1])
    zoom_x, zoom_y = K[0, 0] / z, K[1, 1] / z
    for k in range(3):
        axes[0, k], axes[1, k] = ZERO, ZERO
        for j in range(3):
            axes[0, k] += zoom_x * (view[0, j] - u * view[2, j]) * turn[j, k]
            axes[1, k] += zoom_y * (view[1, j] - v * view[2, j]) * turn[j, k]

    d_u, d_v, d_z = ZERO, ZERO, row[MOMENTS + 3]
    d_turn[:] = ZERO
    for k in range(3):
        # (11) y = conic b of the axis b = (right, down), without its product with itself, which is zero: rounding of
        # that would drown the rest along a needle.
        right, down = axes[0, k], axes[1, k]
        y_right, y_down = BLUR_32 * right, BLUR_32 * down
        for j in range(3):
            minor = scale[j] * scale[j] * (axes[1, j] * right - axes[0, j] * down)
            y_right += minor * axes[1, j]
            y_down -= minor * axes[0, j]
        y_right, y_down = y_right / splat[DETERMINANT], y_down / splat[DETERMINANT]
        m_right, m_down = row[3] * y_right + row[4] * y_down, row[4] * y_right + row[5] * y_down
        grad_scale = scale[k] * (y_right * m_right + y_down * m_down)
        d_scale[k] += grad_scale
        d_z -= grad_scale * scale[k] / z
        d_right = scale[k] * scale[k] * (splat[CONIC_A] * m_right + splat[CONIC_B] * m_down)
        d_down = scale[k] * scale[k] * (splat[CONIC_B] * m_right + splat[CONIC_C] * m_down)
        for j in range(3):
            d_turn[j, k] = (
                zoom_x * (view[0, j] - u * view[2, j]) * d_right + zoom_y * (view[1, j] - v * view[2, j]) * d_down
            )
            d_u -= zoom_x * view[2, j] * turn[j, k] * d_right
            d_v -= zoom_y * view[2, j] * turn[j, k] * d_down
            d_view[0, j] += zoom_x * turn[j, k] * d_right
            d_view[1, j] += zoom_y * turn[j, k] * d_down
            d_view[2, j] -= (zoom_x * u * d_right + zoom_y * v * d_down) * turn[j, k]
    rotation_backward(quat, inverse_length, d_turn, d_quat)

    d_x = (splat[CONIC_A] * row[1] + splat[CONIC_B] * row[2]) * K[0, 0]
    d_y = (splat[CONIC_B] * row[1] + splat[CONIC_C] * row[2]) * K[1, 1]
    d_u = d_x + (d_u if u == x / z else ZERO)
    d_v = d_y + (d_v if v == y / z else ZERO)
    d_point[0], d_point[1], d_point[2] = d_u / z, d_v / z, d_z - (d_u * x + d_v * y) / (z * z)


@kernel
def rotation_backward(quat, inverse_length, g, d_quat):
    """Adds the gradient w.r.t. a quaternion of any length, given that w.r.t. its rotation matrix."""
    w, x, y, z = quat[0] * inverse_length, quat[1] * inverse_length, quat[2] * inverse_length, quat[3] * inverse_length
    d_w = TWO * (x * (g[2, 1] - g[1, 2]) + y * (g[0, 2] - g[2, 0]) + z * (g[1, 0] - g[0, 1]))
    d_x = TWO * (
        y * (g[0, 1] + g[1, 0]) + z * (g[0, 2] + g[2, 0]) + w * (g[2, 1] - g[1, 2]) - TWO * x * (g[1, 1] + g[2, 2])
    )
    d_y = TWO * (
        x * (g[0, 1] + g[1, 0]) + z * (g[1, 2] + g[2, 1]) + w * (g[0, 2] - g[2, 0]) - TWO * y * (g[0, 0] + g[2, 2])
    )
    d_z = TWO * (
        x * (g[0, 2] + g[2, 0]) + y * (g[1, 2] + g[2, 1]) + w * (g[1, 0] - g[0, 1]) - TWO * z * (g[0, 0] + g[1, 1])
    )
    along = d_w * w + d_x * x + d_y * y + d_z * z
    d_quat[0] += (d_w - along * w) * inverse_length
    d_quat[1] += (d_x - along * x) * inverse_length
    d_quat[2] += (d_y - along * y) * inverse_length
    d_quat[3] += (d_z - along * z) * inverse_length


@kernel
def paint_backward(mean, sh, view, splat, row, values, slopes, d_mean, d_sh, d_view):
    """Adds the gradients of the colour w.r.t. its coefficients, the mean, and the camera's position -R^T t."""
    dx, dy, dz, inverse = direction_of(mean, view)
    evaluate_basis(dx, dy, dz, sh.shape[0], values, slopes)
    g_x, g_y, g_z = ZERO, ZERO, ZERO
    for c in range(3):
        if splat[CHANNELS + c] > ZERO:
            g = row[MOMENTS + c]
            for k in range(sh.shape[0]):
                d_sh[k, c] += g * values[k]
                g_x += g * sh[k, c] * slopes[k, 0]
                g_y += g * sh[k, c] * slopes[k, 1]
                g_z += g * sh[k, c] * slopes[k, 2]
    along = g_x * dx + g_y * dy + g_z * dz
    g_x, g_y, g_z = (g_x - along * dx) * inverse, (g_y - along * dy) * inverse, (g_z - along * dz) * inverse
    d_mean[0] += g_x
    d_mean[1] += g_y
    d_mean[2] += g_z
    for i in range(3):
        d_view[i, 0] += view[i, 3] * g_x
        d_view[i, 1] += view[i, 3] * g_y
        d_view[i, 2] += view[i, 3] * g_z
        d_view[i, 3] += view[i, 0] * g_x + view[i, 1] * g_y + view[i, 2] * g_z

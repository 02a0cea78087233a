"""Projection on the CPU: Gaussians -> splats, and gradients of splats -> gradients of Gaussians and cameras."""

import math

import numpy as np

from gghead.rasterizer.constants import BLUR, MIN_ALPHA, MIN_QUATERNION, NEAR, VIEW_GUARD
from gghead.rasterizer.cpu.harmonics import evaluate_values
from gghead.rasterizer.cpu.layout import (
    BLOCK,
    CHANNELS,
    CONIC_A,
    CONIC_B,
    CONIC_C,
    DEPTH,
    DETERMINANT,
    FLOOR,
    HALF,
    LANES,
    LANES_U,
    ONE,
    OPACITY,
    ZERO,
    X,
    Y,
    kernel,
)

BLUR_32 = np.float32(BLUR)
MIN_ALPHA_32 = np.float32(MIN_ALPHA)
MIN_QUATERNION_32 = np.float32(MIN_QUATERNION)
NEAR_32 = np.float32(NEAR)
GUARD_32 = np.float32(VIEW_GUARD / 2)
TWO = np.float32(2)
TWO_LANES, THREE_LANES = np.uint64(2 * LANES), np.uint64(3 * LANES)


# LANES Gaussians side by side, a slot for each number, which vector instructions work on. VALUES are those of the basis
# of spherical harmonics in the direction DIR; COEFFICIENTS are K times red, green and blue.
(
    MEAN_X, MEAN_Y, MEAN_Z, QUAT_W, QUAT_X, QUAT_Y, QUAT_Z, SCALE_X, SCALE_Y, SCALE_Z,
    AT_X, AT_Y, AT_Z, AT_A, AT_B, AT_C, AT_DETERMINANT, AT_XX, AT_YY, DIR_X, DIR_Y, DIR_Z, NEARNESS, RED, GREEN, BLUE,
) = (np.uint64(slot * LANES) for slot in range(26))  # fmt: skip
VALUES, COEFFICIENTS, SLOTS = (np.uint64(slot * LANES) for slot in (26, 26 + 16, 26 + 16 + 48))


@kernel
def project(first, step, scene_of, means, quats, scales, opacities, sh, features, viewmats, Ks, size, splats):
    """Fills the rows of splats [P, N, 8 + C]; a Gaussian that cannot be seen gets opacity 0.

    Arrays: scene_of [P], the scenes' [H, N, ...], features [H, N, F], viewmats [P, 4, 4], Ks [P, 3, 3]; size is
    (width, height).
    """
    pictures, count = splats.shape[0], splats.shape[1]
    blocks = (count + BLOCK - 1) // BLOCK
    lanes = np.zeros(SLOTS, np.float32)
    for task in range(first, pictures * blocks, step):
        p, block = task // blocks, task % blocks
        h = scene_of[p]
        end = min((block + 1) * BLOCK, count)
        for start in range(block * BLOCK, end, LANES):
            stop = min(start + LANES, end)
            load_lanes(h, start, stop, means, quats, scales, sh, lanes)
            place_lanes(viewmats, Ks, p, size, lanes)
            paint_lanes(viewmats, p, sh.shape[2], lanes)
            for n in range(start, stop):
                is_shown = drawable(h, n, opacities, features) and place(
                    splats, p, n, lanes, np.uint64(n - start), opacities[h, n], size
                )
                splats[p, n, OPACITY] = opacities[h, n] if is_shown else ZERO
                for f in range(features.shape[2]):
                    splats[p, n, DEPTH + 1 + f] = features[h, n, f]


@kernel
def load_lanes(h, start, stop, means, quats, scales, sh, lanes):
    """Lays Gaussians start to stop side by side; what was there before stays in the lanes behind them."""
    for n in range(start, stop):
        lane = np.uint64(n - start)
        lanes[lane + MEAN_X], lanes[lane + MEAN_Y] = means[h, n, 0], means[h, n, 1]
        lanes[lane + MEAN_Z] = means[h, n, 2]
        lanes[lane + QUAT_W], lanes[lane + QUAT_X] = quats[h, n, 0], quats[h, n, 1]
        lanes[lane + QUAT_Y], lanes[lane + QUAT_Z] = quats[h, n, 2], quats[h, n, 3]
        lanes[lane + SCALE_X], lanes[lane + SCALE_Y] = scales[h, n, 0], scales[h, n, 1]
        lanes[lane + SCALE_Z] = scales[h, n, 2]
        slot = lane + COEFFICIENTS
        for k in range(sh.shape[2]):
            lanes[slot], lanes[slot + LANES_U] = sh[h, n, k, 0], sh[h, n, k, 1]
            lanes[slot + LANES_U + LANES_U] = sh[h, n, k, 2]
            slot += THREE_LANES


@kernel
def drawable(h, n, opacities, features):
    """Whether opacity and features of a Gaussian are finite, and its opacity shows."""
    # Zero times a number is NaN where the number is not finite; one comparison then tells about all.
    zero = opacities[h, n] * ZERO
    for f in range(features.shape[2]):
        zero += features[h, n, f] * ZERO
    return zero == ZERO and opacities[h, n] >= MIN_ALPHA_32


@kernel
def rotation(w, x, y, z):
    """The rotation matrix of a quaternion, row by row, and the inverse of its length."""
    largest = max(max(abs(w), abs(x)), max(abs(y), abs(z)))  # divided out, squares neither overflow nor vanish
    w, x, y, z = w / largest, x / largest, y / largest, z / largest
    scale = ONE / math.sqrt(w * w + x * x + y * y + z * z)
    w, x, y, z = w * scale, x * scale, y * scale, z * scale
    return (
        ONE - TWO * (y * y + z * z), TWO * (x * y - w * z), TWO * (x * z + w * y),
        TWO * (x * y + w * z), ONE - TWO * (x * x + z * z), TWO * (y * z - w * x),
        TWO * (x * z - w * y), TWO * (y * z + w * x), ONE - TWO * (x * x + y * y),
        scale / largest, largest,
    )  # fmt: skip


@kernel
def view_of(viewmats, p):
    """The upper three rows of a camera's matrix."""
    return (
        viewmats[p, 0, 0], viewmats[p, 0, 1], viewmats[p, 0, 2], viewmats[p, 0, 3],
        viewmats[p, 1, 0], viewmats[p, 1, 1], viewmats[p, 1, 2], viewmats[p, 1, 3],
        viewmats[p, 2, 0], viewmats[p, 2, 1], viewmats[p, 2, 2], viewmats[p, 2, 3],
    )  # fmt: skip


@kernel
def to_camera(view, lanes, lane):
    """A mean in camera space, and the inverse of its depth."""
    x, y, z = lanes[lane + MEAN_X], lanes[lane + MEAN_Y], lanes[lane + MEAN_Z]
    depth = view[8] * x + view[9] * y + view[10] * z + view[11]
    return (
        view[0] * x + view[1] * y + view[2] * z + view[3], view[4] * x + view[5] * y + view[6] * z + view[7],
        depth, ONE / depth,
    )  # fmt: skip


@kernel
def guards(K_x, K_y, size):
    """The largest x/z and y/z of the Jacobian: a multiple of the half field of view, side / (2 focal)."""
    return GUARD_32 * np.float32(size[0]) / K_x, GUARD_32 * np.float32(size[1]) / K_y


@kernel
def guard(slope, limit):
    """x/z or y/z within its limits."""
    return min(max(slope, -limit), limit)


@kernel
def project_axes(view, turn, u, v):
    """The unit axes of a Gaussian on the plane at depth 1: to the right, and down."""
    right, down = jacobian(view, u, v)
    return (
        (
            right[0] * turn[0] + right[1] * turn[3] + right[2] * turn[6],
            right[0] * turn[1] + right[1] * turn[4] + right[2] * turn[7],
            right[0] * turn[2] + right[1] * turn[5] + right[2] * turn[8],
        ),
        (
            down[0] * turn[0] + down[1] * turn[3] + down[2] * turn[6],
            down[0] * turn[1] + down[1] * turn[4] + down[2] * turn[7],
            down[0] * turn[2] + down[1] * turn[5] + down[2] * turn[8],
        ),
    )


@kernel
def jacobian(view, u, v):
    """Derivatives of x/z and y/z by a point of the world, at depth 1."""
    return (
        (view[0] - u * view[8], view[1] - u * view[9], view[2] - u * view[10]),
        (view[4] - v * view[8], view[5] - v * view[9], view[6] - v * view[10]),
    )


@kernel
def place_lanes(viewmats, Ks, p, size, lanes):
    """Writes camera-space depth, centre, conic and covariance of LANES Gaussians.

    The determinant of those that can't be drawn, whose numbers are not finite or which are behind the camera, is 0.
    """
    view, focal_x, focal_y, center_x, center_y = (
        view_of(viewmats, p),
        Ks[p, 0, 0],
        Ks[p, 1, 1],
        Ks[p, 0, 2],
        Ks[p, 1, 2],
    )
    limit_x, limit_y = guards(focal_x, focal_y, size)
    for lane in range(LANES_U):
        scale_x, scale_y, scale_z = lanes[lane + SCALE_X], lanes[lane + SCALE_Y], lanes[lane + SCALE_Z]
        w, q_x, q_y, q_z = lanes[lane + QUAT_W], lanes[lane + QUAT_X], lanes[lane + QUAT_Y], lanes[lane + QUAT_Z]
        # Zero times a number is NaN where the number is not finite; one comparison then tells about all.
        zero = scale_x * ZERO + scale_y * ZERO + scale_z * ZERO + w * ZERO + q_x * ZERO + q_y * ZERO + q_z * ZERO
        zero += lanes[lane + MEAN_X] * ZERO + lanes[lane + MEAN_Y] * ZERO + lanes[lane + MEAN_Z] * ZERO
        x, y, z, near = to_camera(view, lanes, lane)
        turn = rotation(w, q_x, q_y, q_z)
        right, down = project_axes(view, turn, guard(x * near, limit_x), guard(y * near, limit_y))
        zoom_x, zoom_y = focal_x * near, focal_y * near
        r_0, r_1, r_2 = right[0] * scale_x * zoom_x, right[1] * scale_y * zoom_x, right[2] * scale_z * zoom_x
        d_0, d_1, d_2 = down[0] * scale_x * zoom_y, down[1] * scale_y * zoom_y, down[2] * scale_z * zoom_y
        xx, xy, yy = (
            r_0 * r_0 + r_1 * r_1 + r_2 * r_2,
            r_0 * d_0 + r_1 * d_1 + r_2 * d_2,
            d_0 * d_0 + d_1 * d_1 + d_2 * d_2,
        )
        # A sum of squares (Cauchy-Binet): xx yy - xy^2 would cancel for needles.
        a, b, c = r_0 * d_1 - r_1 * d_0, r_0 * d_2 - r_2 * d_0, r_1 * d_2 - r_2 * d_1
        determinant = a * a + b * b + c * c + BLUR_32 * (xx + yy) + BLUR_32 * BLUR_32
        inverse = ONE / determinant
        is_drawn = zero == ZERO and z > NEAR_32 and turn[10] >= MIN_QUATERNION_32
        lanes[lane + AT_X], lanes[lane + AT_Y], lanes[lane + AT_Z] = x * zoom_x + center_x, y * zoom_y + center_y, z
        lanes[lane + AT_DETERMINANT] = determinant if is_drawn else ZERO
        lanes[lane + AT_XX], lanes[lane + AT_YY] = xx + BLUR_32, yy + BLUR_32
        lanes[lane + AT_A], lanes[lane + AT_B] = (yy + BLUR_32) * inverse, -xy * inverse
        lanes[lane + AT_C] = (xx + BLUR_32) * inverse


@kernel
def direct(view, lanes):
    """Writes the direction from a camera to means, a unit vector, and the inverse of their distance."""
    x, y, z = (
        view[0] * view[3] + view[4] * view[7] + view[8] * view[11],
        view[1] * view[3] + view[5] * view[7] + view[9] * view[11],
        view[2] * view[3] + view[6] * view[7] + view[10] * view[11],
    )
    for lane in range(LANES_U):
        dx, dy, dz = lanes[lane + MEAN_X] + x, lanes[lane + MEAN_Y] + y, lanes[lane + MEAN_Z] + z
        inverse = ONE / math.sqrt(dx * dx + dy * dy + dz * dz)
        lanes[lane + DIR_X], lanes[lane + DIR_Y], lanes[lane + DIR_Z] = dx * inverse, dy * inverse, dz * inverse
        lanes[lane + NEARNESS] = inverse


@kernel
def paint_lanes(viewmats, p, coefficients, lanes):
    """Writes the colours that a camera sees.

    The determinant of Gaussians of which a coefficient is not finite becomes 0.
    """
    direct(view_of(viewmats, p), lanes)
    evaluate_values(lanes, DIR_X, coefficients, VALUES)
    for lane in range(LANES_U):
        lanes[lane + RED], lanes[lane + GREEN], lanes[lane + BLUE] = HALF, HALF, HALF
    for k in range(np.uint64(coefficients)):
        value, slot = VALUES + k * LANES_U, COEFFICIENTS + k * THREE_LANES
        for lane in range(LANES_U):
            weight = lanes[lane + value]
            red, green, blue = lanes[lane + slot], lanes[lane + slot + LANES_U], lanes[lane + slot + TWO_LANES]
            lanes[lane + RED] += red * weight
            lanes[lane + GREEN] += green * weight
            lanes[lane + BLUE] += blue * weight
            is_finite = red * ZERO + green * ZERO + blue * ZERO == ZERO
            lanes[lane + AT_DETERMINANT] = lanes[lane + AT_DETERMINANT] if is_finite else ZERO


@kernel
def place(splats, p, n, lanes, lane, opacity, size):
    """Writes centre, conic, floor, colour and depth of a splat; returns whether the picture shows any of it."""
    x, y, determinant = lanes[lane + AT_X], lanes[lane + AT_Y], lanes[lane + AT_DETERMINANT]
    if not (determinant > ZERO and math.isfinite(determinant) and math.isfinite(x + y)):
        return False
    floor = math.log(MIN_ALPHA_32 / opacity)
    splats[p, n, X], splats[p, n, Y], splats[p, n, DEPTH] = x, y, lanes[lane + AT_Z]
    splats[p, n, CONIC_A], splats[p, n, CONIC_B] = lanes[lane + AT_A], lanes[lane + AT_B]
    splats[p, n, CONIC_C], splats[p, n, DETERMINANT], splats[p, n, FLOOR] = lanes[lane + AT_C], determinant, floor
    splats[p, n, CHANNELS] = max(lanes[lane + RED], ZERO)
    splats[p, n, CHANNELS + 1] = max(lanes[lane + GREEN], ZERO)
    splats[p, n, CHANNELS + 2] = max(lanes[lane + BLUE], ZERO)
    wide, high = math.sqrt(-TWO * floor * lanes[lane + AT_XX]), math.sqrt(-TWO * floor * lanes[lane + AT_YY])
    in_columns = x + wide >= HALF and x - wide <= size[0] - HALF
    return in_columns and y + high >= HALF and y - high <= size[1] - HALF

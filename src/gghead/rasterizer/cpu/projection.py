"""Projection on the CPU: Gaussians -> splats, and gradients of splats -> gradients of Gaussians and cameras."""

import math

import numpy as np

from gghead.rasterizer.constants import BLUR, MIN_ALPHA, MIN_QUATERNION, NEAR, VIEW_GUARD
from gghead.rasterizer.cpu.harmonics import evaluate_basis
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


@kernel
def project(first, step, scene_of, means, quats, scales, opacities, sh, features, viewmats, Ks, size, splats):
    """Fills the rows of splats [P, N, 8 + C]; a Gaussian that cannot be seen gets opacity 0.

    Arrays: scene_of [P], the scenes' [H, N, ...], features [H, N, F], viewmats [P, 4, 4], Ks [P, 3, 3]; size is
    (width, height).
    """
    pictures, count = splats.shape[0], splats.shape[1]
    blocks = (count + BLOCK - 1) // BLOCK
    turn, axes = np.empty((3, 3), np.float32), np.empty((2, 3), np.float32)
    values = np.empty(16, np.float32)
    slopes = np.empty((16, 3), np.float32)
    for task in range(first, pictures * blocks, step):
        p, block = task // blocks, task % blocks
        h = scene_of[p]
        for n in range(block * BLOCK, min((block + 1) * BLOCK, count)):
            splat = splats[p, n]
            splat[OPACITY] = ZERO
            if not drawable(h, n, means, quats, scales, opacities, sh, features):
                continue
            x, y, z = to_camera(viewmats, p, means[h, n, 0], means[h, n, 1], means[h, n, 2])
            if z <= NEAR_32:
                continue
            rotation_of(quats[h, n], turn)
            if not place(splat, x, y, z, turn, axes, scales[h, n], viewmats[p], Ks[p], opacities[h, n], size):
                continue
            paint(splat, means[h, n], sh[h, n], viewmats[p], values, slopes)
            splat[DEPTH] = z
            for f in range(features.shape[2]):
                splat[DEPTH + 1 + f] = features[h, n, f]
            splat[OPACITY] = opacities[h, n]


@kernel
def drawable(h, n, means, quats, scales, opacities, sh, features):
    """Whether all numbers of a Gaussian are finite, its quaternion is not zero and its opacity shows."""
    # Zero times a number is NaN where the number is not finite; one comparison then tells about all.
    zero = opacities[h, n] * ZERO
    for c in range(3):
        zero += means[h, n, c] * ZERO + scales[h, n, c] * ZERO
        for k in range(sh.shape[2]):
            zero += sh[h, n, k, c] * ZERO
    for c in range(4):
        zero += quats[h, n, c] * ZERO
    for f in range(features.shape[2]):
        zero += features[h, n, f] * ZERO
    return zero == ZERO and largest_of(quats[h, n]) >= MIN_QUATERNION_32 and opacities[h, n] >= MIN_ALPHA_32


@kernel
def largest_of(quat):
    """Largest component of a quaternion by magnitude; with it divided out, squares neither overflow nor vanish."""
    return max(max(abs(quat[0]), abs(quat[1])), max(abs(quat[2]), abs(quat[3])))


@kernel
def to_camera(viewmats, p, x, y, z):
    """A world point in camera space."""
    return (
        viewmats[p, 0, 0] * x + viewmats[p, 0, 1] * y + viewmats[p, 0, 2] * z + viewmats[p, 0, 3],
        viewmats[p, 1, 0] * x + viewmats[p, 1, 1] * y + viewmats[p, 1, 2] * z + viewmats[p, 1, 3],
        viewmats[p, 2, 0] * x + viewmats[p, 2, 1] * y + viewmats[p, 2, 2] * z + viewmats[p, 2, 3],
    )


@kernel
def rotation_of(quat, turn):
    """Writes the rotation matrix of a quaternion (w, x, y, z); returns the inverse of its length."""
    largest = largest_of(quat)
    w, x, y, z = quat[0] / largest, quat[1] / largest, quat[2] / largest, quat[3] / largest
    scale = ONE / math.sqrt(w * w + x * x + y * y + z * z)
    w, x, y, z = w * scale, x * scale, y * scale, z * scale
    turn[0, 0], turn[0, 1], turn[0, 2] = ONE - TWO * (y * y + z * z), TWO * (x * y - w * z), TWO * (x * z + w * y)
    turn[1, 0], turn[1, 1], turn[1, 2] = TWO * (x * y + w * z), ONE - TWO * (x * x + z * z), TWO * (y * z - w * x)
    turn[2, 0], turn[2, 1], turn[2, 2] = TWO * (x * z - w * y), TWO * (y * z + w * x), ONE - TWO * (x * x + y * y)
    return scale / largest


@kernel
def guard(slope, focal, side):
    """x/z or y/z clamped to a multiple of the half field of view, side / (2 focal)."""
    limit = GUARD_32 * np.float32(side) / focal
    return min(max(slope, -limit), limit)


@kernel
def place(splat, x, y, z, turn, axes, scale, view, K, opacity, size):
    """Writes centre, conic and floor of a splat; returns whether the picture shows any of it."""
    u, v = guard(x / z, K[0, 0], size[0]), guard(y / z, K[1, 1], size[1])
    xx, xy, yy, minors = ZERO, ZERO, ZERO, ZERO
    for k in range(3):
        right, down = ZERO, ZERO
        for j in range(3):
            right += (view[0, j] - u * view[2, j]) * turn[j, k]
            down += (view[1, j] - v * view[2, j]) * turn[j, k]
        right *= scale[k] * K[0, 0] / z
        down *= scale[k] * K[1, 1] / z
        for other in range(k):
            minor = axes[0, other] * down - axes[1, other] * right
            minors += minor * minor
        axes[0, k], axes[1, k] = right, down
        xx += right * right
        xy += right * down
        yy += down * down
    # A sum of squares (Cauchy-Binet): xx yy - xy^2 would cancel for needles.
    determinant = minors + BLUR_32 * (xx + yy) + BLUR_32 * BLUR_32
    xx, yy = xx + BLUR_32, yy + BLUR_32
    splat[X] = K[0, 0] * x / z + K[0, 2]
    splat[Y] = K[1, 1] * y / z + K[1, 2]
    if not (determinant > ZERO and math.isfinite(determinant) and math.isfinite(splat[X] + splat[Y])):
        return False
    splat[DETERMINANT] = determinant
    splat[CONIC_A] = yy / determinant
    splat[CONIC_B] = -xy / determinant
    splat[CONIC_C] = xx / determinant
    splat[FLOOR] = math.log(MIN_ALPHA_32 / opacity)
    wide, high = math.sqrt(-TWO * splat[FLOOR] * xx), math.sqrt(-TWO * splat[FLOOR] * yy)
    in_columns = splat[X] + wide >= HALF and splat[X] - wide <= size[0] - HALF
    return in_columns and splat[Y] + high >= HALF and splat[Y] - high <= size[1] - HALF


@kernel
def direction_of(mean, view):
    """Unit vector from the camera to a mean, world, and the inverse of the distance."""
    dx = mean[0] + view[0, 0] * view[0, 3] + view[1, 0] * view[1, 3] + view[2, 0] * view[2, 3]
    dy = mean[1] + view[0, 1] * view[0, 3] + view[1, 1] * view[1, 3] + view[2, 1] * view[2, 3]
    dz = mean[2] + view[0, 2] * view[0, 3] + view[1, 2] * view[1, 3] + view[2, 2] * view[2, 3]
    inverse = ONE / math.sqrt(dx * dx + dy * dy + dz * dz)
    return dx * inverse, dy * inverse, dz * inverse, inverse


@kernel
def paint(splat, mean, sh, view, values, slopes):
    """Writes the colour that the camera sees."""
    dx, dy, dz, _ = direction_of(mean, view)
    evaluate_basis(dx, dy, dz, sh.shape[0], values, slopes)
    for c in range(3):
        color = HALF
        for k in range(sh.shape[0]):
            color += sh[k, c] * values[k]
        splat[CHANNELS + c] = max(color, ZERO)

"""Spherical harmonics on the CPU: the basis of gghead.geometry.spherical_harmonics with its derivatives."""

import numpy as np

from gghead.geometry.spherical_harmonics import C0, C1, C2, C3
from gghead.rasterizer.cpu.layout import LANES_U, kernel

B0 = np.float32(C0)
B1 = np.float32(C1)
B20, B21, B22, B23, B24 = (np.float32(value) for value in C2)
B30, B31, B32, B33, B34, B35, B36 = (np.float32(value) for value in C3)
TWO, THREE, FOUR, SIX, EIGHT = (np.float32(value) for value in (2, 3, 4, 6, 8))


@kernel
def evaluate_values(lanes, direction, coefficients, values):
    """Writes the basis in LANES directions: x, y and z are in the slots of lanes from `direction` on, the basis goes to
    those from `values` on.
    """
    for lane in range(LANES_U):
        x, y, z = direction_at(lanes, lane + direction)
        at = lane + values
        lanes[at] = B0
        lanes[at + slot(1)], lanes[at + slot(2)], lanes[at + slot(3)] = -B1 * y, B1 * z, -B1 * x
    if coefficients > 4:
        for lane in range(LANES_U):
            x, y, z = direction_at(lanes, lane + direction)
            at = lane + values
            lanes[at + slot(4)], lanes[at + slot(5)], lanes[at + slot(7)] = B20 * x * y, B21 * y * z, B23 * x * z
            lanes[at + slot(6)], lanes[at + slot(8)] = B22 * (TWO * z * z - x * x - y * y), B24 * (x * x - y * y)
    if coefficients > 9:
        for lane in range(LANES_U):
            x, y, z = direction_at(lanes, lane + direction)
            at = lane + values
            xx, yy, zz = x * x, y * y, z * z
            lanes[at + slot(9)], lanes[at + slot(10)] = B30 * y * (THREE * xx - yy), B31 * x * y * z
            lanes[at + slot(11)] = B32 * y * (FOUR * zz - xx - yy)
            lanes[at + slot(12)] = B33 * z * (TWO * zz - THREE * xx - THREE * yy)
            lanes[at + slot(13)] = B34 * x * (FOUR * zz - xx - yy)
            lanes[at + slot(14)], lanes[at + slot(15)] = B35 * z * (xx - yy), B36 * x * (xx - THREE * yy)


@kernel
def direction_at(lanes, place):
    """A direction of which x, y and z are in neighbouring slots."""
    return lanes[place], lanes[place + slot(1)], lanes[place + slot(2)]


@kernel
def slot(number):
    """Where a slot begins, from the first."""
    return np.uint64(number) * LANES_U


@kernel
def pull_back(lanes, direction, coefficients, weights, gradient):
    """Writes to three slots from `gradient` on the sum over the basis of weights times derivatives by x, y and z.

    They take x, y and z as independent; the caller projects them onto the sphere.
    """
    for lane in range(LANES_U):
        at, to = lane + weights, lane + gradient
        lanes[to], lanes[to + slot(1)] = -B1 * lanes[at + slot(3)], -B1 * lanes[at + slot(1)]
        lanes[to + slot(2)] = B1 * lanes[at + slot(2)]
    if coefficients > 4:
        for lane in range(LANES_U):
            x, y, z = direction_at(lanes, lane + direction)
            at, to = lane + weights, lane + gradient
            a, b, c, d, e = (
                B20 * lanes[at + slot(4)], B21 * lanes[at + slot(5)], TWO * B22 * lanes[at + slot(6)],
                B23 * lanes[at + slot(7)], TWO * B24 * lanes[at + slot(8)],
            )  # fmt: skip
            lanes[to] += a * y - c * x + d * z + e * x
            lanes[to + slot(1)] += a * x + b * z - c * y - e * y
            lanes[to + slot(2)] += b * y + TWO * c * z + d * x
    if coefficients > 9:
        for lane in range(LANES_U):
            x, y, z = direction_at(lanes, lane + direction)
            at, to = lane + weights, lane + gradient
            xx, yy, zz = x * x, y * y, z * z
            a, b, c, d = (
                B30 * lanes[at + slot(9)], B31 * lanes[at + slot(10)], B32 * lanes[at + slot(11)],
                B33 * lanes[at + slot(12)],
            )  # fmt: skip
            e, f, g = B34 * lanes[at + slot(13)], B35 * lanes[at + slot(14)], B36 * lanes[at + slot(15)]
            lanes[to] += (
                a * SIX * x * y + b * y * z - TWO * c * x * y - SIX * d * x * z + e * (FOUR * zz - THREE * xx - yy)
                + TWO * f * x * z + g * THREE * (xx - yy)
            )  # fmt: skip
            lanes[to + slot(1)] += (
                a * THREE * (xx - yy) + b * x * z + c * (FOUR * zz - xx - THREE * yy) - SIX * d * y * z
                - TWO * e * x * y - TWO * f * y * z - SIX * g * x * y
            )  # fmt: skip
            lanes[to + slot(2)] += (
                b * x * y + EIGHT * c * y * z + d * (SIX * zz - THREE * xx - THREE * yy) + EIGHT * e * x * z
                + f * (xx - yy)
            )  # fmt: skip

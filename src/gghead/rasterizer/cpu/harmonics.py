"""Spherical harmonics on the CPU: the basis of gghead.geometry.spherical_harmonics with its derivatives."""

import numpy as np

from gghead.geometry.spherical_harmonics import C0, C1, C2, C3
from gghead.rasterizer.cpu.layout import ZERO, kernel

B0 = np.float32(C0)
B1 = np.float32(C1)
B20, B21, B22, B23, B24 = (np.float32(value) for value in C2)
B30, B31, B32, B33, B34, B35, B36 = (np.float32(value) for value in C3)
TWO, THREE, FOUR, SIX, EIGHT = (np.float32(value) for value in (2, 3, 4, 6, 8))


@kernel
def evaluate_basis(x, y, z, coefficients, values, slopes):
    """Writes the basis in the direction (x, y, z) to values [16] and its derivatives by x, y, z to slopes [16, 3].

    The derivatives take x, y and z as independent; the caller projects them onto the sphere.
    """
    values[0] = B0
    set_slope(slopes, 0, ZERO, ZERO, ZERO)
    if coefficients > 1:
        values[1], values[2], values[3] = -B1 * y, B1 * z, -B1 * x
        set_slope(slopes, 1, ZERO, -B1, ZERO)
        set_slope(slopes, 2, ZERO, ZERO, B1)
        set_slope(slopes, 3, -B1, ZERO, ZERO)
    if coefficients > 4:
        evaluate_second(x, y, z, values, slopes)
    if coefficients > 9:
        evaluate_third(x, y, z, values, slopes)


@kernel
def set_slope(slopes, k, dx, dy, dz):
    """Writes one gradient."""
    slopes[k, 0], slopes[k, 1], slopes[k, 2] = dx, dy, dz


@kernel
def evaluate_second(x, y, z, values, slopes):
    """Band 2."""
    values[4], values[5], values[7] = B20 * x * y, B21 * y * z, B23 * x * z
    values[6], values[8] = B22 * (TWO * z * z - x * x - y * y), B24 * (x * x - y * y)
    set_slope(slopes, 4, B20 * y, B20 * x, ZERO)
    set_slope(slopes, 5, ZERO, B21 * z, B21 * y)
    set_slope(slopes, 6, -TWO * B22 * x, -TWO * B22 * y, FOUR * B22 * z)
    set_slope(slopes, 7, B23 * z, ZERO, B23 * x)
    set_slope(slopes, 8, TWO * B24 * x, -TWO * B24 * y, ZERO)


@kernel
def evaluate_third(x, y, z, values, slopes):
    """Band 3."""
    xx, yy, zz = x * x, y * y, z * z
    values[9], values[10], values[11] = B30 * y * (THREE * xx - yy), B31 * x * y * z, B32 * y * (FOUR * zz - xx - yy)
    values[12] = B33 * z * (TWO * zz - THREE * xx - THREE * yy)
    values[13], values[14], values[15] = (
        B34 * x * (FOUR * zz - xx - yy),
        B35 * z * (xx - yy),
        B36 * x * (xx - THREE * yy),
    )
    set_slope(slopes, 9, B30 * SIX * x * y, B30 * THREE * (xx - yy), ZERO)
    set_slope(slopes, 10, B31 * y * z, B31 * x * z, B31 * x * y)
    set_slope(slopes, 11, -TWO * B32 * x * y, B32 * (FOUR * zz - xx - THREE * yy), EIGHT * B32 * y * z)
    set_slope(slopes, 12, -SIX * B33 * x * z, -SIX * B33 * y * z, B33 * (SIX * zz - THREE * xx - THREE * yy))
    set_slope(slopes, 13, B34 * (FOUR * zz - THREE * xx - yy), -TWO * B34 * x * y, EIGHT * B34 * x * z)
    set_slope(slopes, 14, TWO * B35 * x * z, -TWO * B35 * y * z, B35 * (xx - yy))
    set_slope(slopes, 15, B36 * THREE * (xx - yy), -SIX * B36 * x * y, ZERO)

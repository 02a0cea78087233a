"""Real spherical harmonics up to degree 3 in the sign and order convention of 3D Gaussian Splatting.

Source: Kerbl et al. 2023, "3D Gaussian Splatting for Real-Time Radiance Field Rendering"; basis of Sloan 2013,
"Efficient Spherical Harmonic Evaluation". Band l takes the coefficients l^2 .. (l + 1)^2 - 1.
"""

import math

import torch
from jaxtyping import Float
from torch import Tensor

C0 = 0.5 / math.sqrt(math.pi)
"""The constant band: 0.28209479."""
C1 = math.sqrt(3 / (4 * math.pi))
C2 = (
    math.sqrt(15 / (4 * math.pi)),
    -math.sqrt(15 / (4 * math.pi)),
    math.sqrt(5 / (16 * math.pi)),
    -math.sqrt(15 / (4 * math.pi)),
    math.sqrt(15 / (16 * math.pi)),
)
C3 = (
    -math.sqrt(35 / (32 * math.pi)),
    math.sqrt(105 / (4 * math.pi)),
    -math.sqrt(21 / (32 * math.pi)),
    math.sqrt(7 / (16 * math.pi)),
    -math.sqrt(21 / (32 * math.pi)),
    math.sqrt(105 / (16 * math.pi)),
    -math.sqrt(35 / (32 * math.pi)),
)
MAX_DEGREE = 3


def num_coefficients(degree: int) -> int:
    """Coefficients per colour channel of a degree."""
    return (degree + 1) ** 2


def degree_of(coefficients: int) -> int:
    """The degree that has this number of coefficients per channel.

    Raises:
        ValueError: no degree from 0 to 3 has that many.
    """
    degree = math.isqrt(coefficients) - 1
    if num_coefficients(degree) != coefficients or not 0 <= degree <= MAX_DEGREE:
        raise ValueError(f"{coefficients} spherical-harmonic coefficients; expected 1, 4, 9 or 16 (degree 0 to 3)")
    return degree


def basis(directions: Float[Tensor, "*B 3"], degree: int) -> Float[Tensor, "*B K"]:
    """Values of the basis functions in unit directions.

    Args:
        directions: unit vectors from the camera to the Gaussian, world.
        degree: 0 to 3; K = (degree + 1)^2.
    """
    x, y, z = directions.unbind(-1)
    values = [torch.full_like(x, C0)]
    if degree >= 1:
        values += [-C1 * y, C1 * z, -C1 * x]
    if degree >= 2:
        values += [
            C2[0] * x * y,
            C2[1] * y * z,
            C2[2] * (2 * z * z - x * x - y * y),
            C2[3] * x * z,
            C2[4] * (x * x - y * y),
        ]
    if degree >= 3:
        values += [
            C3[0] * y * (3 * x * x - y * y),
            C3[1] * x * y * z,
            C3[2] * y * (4 * z * z - x * x - y * y),
            C3[3] * z * (2 * z * z - 3 * x * x - 3 * y * y),
            C3[4] * x * (4 * z * z - x * x - y * y),
            C3[5] * z * (x * x - y * y),
            C3[6] * x * (x * x - 3 * y * y),
        ]
    return torch.stack(values, dim=-1)

"""The blur through which the discriminator sees its first pictures."""

import math

import torch
from jaxtyping import Float
from torch import Tensor


def blur_matrix(sigma: float, size: int) -> Float[Tensor, "R R"]:
    """The blur of a row of pixels as a matrix: a Gaussian cut at three standard deviations.

    Border pixels are repeated outwards, so that every row of the matrix sums to 1. Two products with a small matrix are
    many times faster on a GPU than convolutions with kernels of sixty numbers.

    Args:
        sigma: standard deviation in pixels; below 1/3 nothing is blurred.
        size: pixels of a row.
    """
    radius = math.floor(3 * sigma)
    offsets = torch.arange(-radius, radius + 1)
    weights = (-0.5 * (offsets / max(sigma, 1e-9)).square()).exp()
    pixels = torch.arange(size)[:, None]
    sources = (pixels + offsets).clamp(0, size - 1)
    matrix = torch.zeros(size, size)
    return matrix.index_put_((pixels.expand_as(sources), sources), (weights / weights.sum()), accumulate=True)


def gaussian_blur(pictures: Float[Tensor, "B C R R"], matrix: Float[Tensor, "R R"] | None) -> Float[Tensor, "B C R R"]:
    """Blurs rows and columns.

    Args:
        pictures: of any range.
        matrix: see `blur_matrix`; None returns the pictures as they are.
    """
    return pictures if matrix is None else matrix @ pictures @ matrix.mT

"""The blur through which the discriminator sees its first pictures."""

import math

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import conv2d, pad


def blur_kernel(sigma: float, largest: float) -> Float[Tensor, " k"]:
    """A Gaussian cut at three standard deviations, along one axis; sums to 1.

    Args:
        sigma: standard deviation in pixels, above 0.
        largest: of a run; all kernels of the run have the length of this one's.
    """
    radius = math.floor(3 * largest)
    offsets = torch.arange(-radius, radius + 1, dtype=torch.float32)
    kernel = (-0.5 * (offsets / sigma).square()).exp() * (offsets.abs() <= math.floor(3 * sigma))
    return kernel / kernel.sum()


def gaussian_blur(pictures: Float[Tensor, "B C H W"], kernel: Float[Tensor, " k"] | None) -> Float[Tensor, "B C H W"]:
    """Convolves rows and columns with a kernel; border pixels are repeated outwards.

    Args:
        pictures: of any range.
        kernel: of odd length; None returns the pictures as they are.
    """
    if kernel is None:
        return pictures
    radius = len(kernel) // 2
    batch, channels, height, width = pictures.shape
    single = pictures.reshape(batch * channels, 1, height, width)
    wide = pad(single, (radius, radius, radius, radius), mode="replicate")
    return conv2d(conv2d(wide, kernel[None, None, None, :]), kernel[None, None, :, None]).reshape(pictures.shape)

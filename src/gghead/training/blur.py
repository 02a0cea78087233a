"""The blur through which the discriminator sees its first pictures."""

import math

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import conv2d, pad


def gaussian_blur(pictures: Float[Tensor, "B C H W"], sigma: float) -> Float[Tensor, "B C H W"]:
    """Convolves with a Gaussian cut at three standard deviations; border pixels are repeated outwards.

    Args:
        pictures: of any range.
        sigma: standard deviation in pixels; 0 returns the pictures as they are.
    """
    radius = math.floor(3 * sigma)
    if radius == 0:
        return pictures
    offsets = torch.arange(-radius, radius + 1, dtype=pictures.dtype, device=pictures.device)
    kernel = (-0.5 * (offsets / sigma).square()).exp()
    kernel = kernel / kernel.sum()
    batch, channels, height, width = pictures.shape
    single = pictures.reshape(batch * channels, 1, height, width)
    wide = pad(single, (radius, radius, radius, radius), mode="replicate")
    return conv2d(conv2d(wide, kernel[None, None, None, :]), kernel[None, None, :, None]).reshape(pictures.shape)

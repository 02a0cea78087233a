"""Resampling by two with the filter [1, 3, 3, 1], alone and joined with a convolution.

All of them are the textbook operators: to upsample, put zeros between the pixels and filter with gain 4; to downsample,
filter and keep every second pixel; beyond the border everything is zero.

Source: Karras et al. 2020 (StyleGAN2), appendix B; Zhang 2019, "Making Convolutional Networks Shift-Invariant Again".
"""

from jaxtyping import Float
from torch import Tensor
from torch.nn import functional

TAPS = (1 / 8, 3 / 8, 3 / 8, 1 / 8)
"""The low-pass filter along one axis; the picture's filter is its outer product with itself."""


def upsample(x: Float[Tensor, "B C H W"]) -> Float[Tensor, "B C 2*H 2*W"]:
    """Doubles both sides: away from the border this is bilinear interpolation, whose weights are 1/4 and 3/4."""
    padded = functional.pad(x, (1, 1, 1, 1))
    return functional.interpolate(padded, scale_factor=2, mode="bilinear")[..., 2:-2, 2:-2]


def downsample(x: Float[Tensor, "B C H W"]) -> Float[Tensor, "B C H//2 W//2"]:
    """Halves both sides."""
    return blur(x, padding=1, stride=2)


def upsampling_conv(x: Float[Tensor, "B I H W"], weight: Float[Tensor, "O I 3 3"]) -> Float[Tensor, "B O 2*H 2*W"]:
    """Puts zeros between the pixels, convolves (kernel mirrored, unlike a torch convolution), filters."""
    return blur(functional.conv_transpose2d(x, weight.transpose(0, 1), stride=2), padding=1, stride=1) * 4


def downsampling_conv(
    x: Float[Tensor, "B I H W"], weight: Float[Tensor, "O I 3 3"], bias: Float[Tensor, " O"] | None
) -> Float[Tensor, "B O H//2 W//2"]:
    """Filters, then convolves and keeps every second pixel."""
    return functional.conv2d(blur(x, padding=2, stride=1), weight, bias, stride=2)


def blur(x: Float[Tensor, "B C H W"], padding: int, stride: int) -> Float[Tensor, "B C h w"]:
    """The filter as one convolution per axis, the same for every channel."""
    b, c, h, w = x.shape
    taps = x.new_tensor(TAPS)
    x = x.reshape(b * c, 1, h, w)
    x = functional.conv2d(x, taps.view(1, 1, 4, 1), padding=(padding, 0), stride=(stride, 1))
    x = functional.conv2d(x, taps.view(1, 1, 1, 4), padding=(0, padding), stride=(1, stride))
    return x.reshape(b, c, *x.shape[2:])

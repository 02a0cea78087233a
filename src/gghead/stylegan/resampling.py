"""Resampling by two with the filter [1, 3, 3, 1], alone and joined with a convolution.

All of them are the textbook operators: to upsample, put zeros between the pixels and filter with gain 4; to downsample,
filter and keep every second pixel; beyond the border everything is zero. The filter is symmetric, so upsampling is the
transpose of downsampling, and the derivative of each of the two operators here is the other one.

Telling autograd so makes R1's second derivatives as cheap as the first: it would otherwise differentiate the depthwise
convolution by its constant filter too. Alternatives and their times stand in docs/experiments.md.

Source: Karras et al. 2020 (StyleGAN2), appendix B; Zhang 2019, "Making Convolutional Networks Shift-Invariant Again".
"""

from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional

from gghead.stylegan import cuda_layers

TAPS = (1 / 8, 3 / 8, 3 / 8, 1 / 8)
"""The low-pass filter along one axis; the picture's filter is its outer product with itself."""


def upsample(x: Float[Tensor, "B C H W"]) -> Float[Tensor, "B C 2*H 2*W"]:
    """Doubles both sides: away from the border this is bilinear interpolation, whose weights are 1/4 and 3/4."""
    return _FilterTransposed.apply(x, 1, 2, 4.0)


def downsample(x: Float[Tensor, "B C H W"]) -> Float[Tensor, "B C H//2 W//2"]:
    """Halves both sides."""
    return _Filter.apply(x, 1, 2, 1.0)


def upsampling_conv(x: Float[Tensor, "B I H W"], weight: Float[Tensor, "I O 3 3"]) -> Float[Tensor, "B O 2*H 2*W"]:
    """Puts zeros between the pixels, convolves (kernel mirrored, unlike a torch convolution), filters."""
    return _Filter.apply(functional.conv_transpose2d(x, weight, stride=2), 1, 1, 4.0)


def smooth(x: Float[Tensor, "B C H W"]) -> Float[Tensor, "B C H+1 W+1"]:
    """Filters; a convolution that keeps every second pixel, without padding, then halves both sides."""
    return _Filter.apply(x, 2, 1, 1.0)


def smooth_transposed(x: Float[Tensor, "B C H W"]) -> Float[Tensor, "B C H-1 W-1"]:
    """The transpose of `smooth`."""
    return _FilterTransposed.apply(x, 2, 1, 1.0)


def with_downsampled(x: Float[Tensor, "B C H W"]) -> tuple[Float[Tensor, "B C H W"], Float[Tensor, "B C H//2 W//2"]]:
    """What two paths read that go out from the same features: these, and `downsample` of them."""
    return _Fork.apply(x, 1.0)


def add_upsampled(x: Float[Tensor, "B C H W"], small: Float[Tensor, "B C H//2 W//2"]) -> Float[Tensor, "B C H W"]:
    """x plus `upsample` of smaller features."""
    return _Join.apply(x, small, 4.0)


class _Filter(torch.autograd.Function):
    """Pads with zeros, filters every channel, keeps every stride-th pixel, multiplies by the gain."""

    @staticmethod
    def forward(
        ctx: Any, x: Float[Tensor, "B C H W"], padding: int, stride: int, gain: float
    ) -> Float[Tensor, "B C h w"]:
        ctx.arguments = padding, stride, gain
        if cuda_layers.takes(x):
            return cuda_layers.filter_cuda(x, "smooth" if stride == 1 else "halve", padding, gain)
        return functional.conv2d(x, _kernel(x, gain), padding=padding, stride=stride, groups=x.shape[1])

    @staticmethod
    def backward(ctx: Any, gradient: Float[Tensor, "B C h w"]) -> tuple[Tensor, None, None, None]:
        return _FilterTransposed.apply(gradient, *ctx.arguments), None, None, None


class _FilterTransposed(torch.autograd.Function):
    """The transpose of _Filter with the same arguments."""

    @staticmethod
    def forward(
        ctx: Any, x: Float[Tensor, "B C h w"], padding: int, stride: int, gain: float
    ) -> Float[Tensor, "B C H W"]:
        ctx.arguments = padding, stride, gain
        if cuda_layers.takes(x):
            # The filter is symmetric: at stride 1 its transpose is itself, padded to the other size.
            return cuda_layers.filter_cuda(x, "smooth" if stride == 1 else "enlarge", 3 - padding, gain)
        return functional.conv_transpose2d(x, _kernel(x, gain), padding=padding, stride=stride, groups=x.shape[1])

    @staticmethod
    def backward(ctx: Any, gradient: Float[Tensor, "B C H W"]) -> tuple[Tensor, None, None, None]:
        return _Filter.apply(gradient, *ctx.arguments), None, None, None


class _Fork(torch.autograd.Function):
    """Features, and the same downsampled."""

    @staticmethod
    def forward(ctx: Any, x: Float[Tensor, "B C H W"], gain: float) -> tuple[Tensor, Tensor]:
        ctx.gain = gain
        return x, _Filter.apply(x, 1, 2, gain)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor, grad_small: Tensor) -> tuple[Tensor, None]:
        return _Join.apply(gradient, grad_small, ctx.gain), None


class _Join(torch.autograd.Function):
    """Features plus smaller ones, enlarged: the transpose of _Fork."""

    @staticmethod
    def forward(ctx: Any, x: Float[Tensor, "B C H W"], small: Float[Tensor, "B C h w"], gain: float) -> Tensor:
        ctx.gain = gain
        if cuda_layers.takes(x):
            return cuda_layers.filter_cuda(small, "enlarge", 1, gain, x)
        return x + _FilterTransposed.apply(small, 1, 2, gain)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, Tensor, None]:
        return *_Fork.apply(gradient, ctx.gain), None


def _kernel(x: Float[Tensor, "B C H W"], gain: float) -> Float[Tensor, "C 1 4 4"]:
    """The filter for each channel."""
    taps = x.new_tensor(TAPS)
    return (gain * taps.outer(taps)).expand(x.shape[1], 1, 4, 4)

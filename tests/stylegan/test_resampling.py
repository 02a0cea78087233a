"""Resampling against the textbook written out in NumPy, and its derivatives."""

import numpy as np
import pytest
import torch
from jaxtyping import Float
from scipy.signal import convolve2d, correlate2d
from torch.autograd import gradcheck, gradgradcheck

from gghead.stylegan.convolution import conv2d
from gghead.stylegan.resampling import (
    add_upsampled,
    downsample,
    smooth,
    smooth_transposed,
    upsample,
    upsampling_conv,
    with_downsampled,
)
from tolerances import EXACT_FLOAT64

FILTER = np.outer([1, 3, 3, 1], [1, 3, 3, 1]) / 64
RNG = np.random.default_rng(0)


def with_zeros(x: Float[np.ndarray, "H W"]) -> Float[np.ndarray, "h w"]:
    """Zeros between the pixels."""
    result = np.zeros((2 * x.shape[0] - 1, 2 * x.shape[1] - 1))
    result[::2, ::2] = x
    return result


def test_upsample() -> None:
    x = RNG.normal(size=(2, 3, 5, 4))
    expected = [[4 * convolve2d(with_zeros(c), FILTER)[1:-1, 1:-1] for c in picture] for picture in x]
    np.testing.assert_allclose(upsample(torch.from_numpy(x)).numpy(), expected, *EXACT_FLOAT64)


def test_downsample() -> None:
    x = RNG.normal(size=(2, 3, 6, 4))
    expected = [[convolve2d(np.pad(c, 1), FILTER, mode="valid")[::2, ::2] for c in picture] for picture in x]
    np.testing.assert_allclose(downsample(torch.from_numpy(x)).numpy(), expected, *EXACT_FLOAT64)


def test_upsampling_conv() -> None:
    x, weight = RNG.normal(size=(2, 5, 4)), RNG.normal(size=(3, 2, 3, 3))
    summed = [sum(convolve2d(with_zeros(c), k) for c, k in zip(x, kernels, strict=True)) for kernels in weight]
    expected = [4 * convolve2d(c, FILTER)[2:-2, 2:-2] for c in summed]
    actual = upsampling_conv(torch.from_numpy(x)[None], torch.from_numpy(weight).transpose(0, 1))[0]
    np.testing.assert_allclose(actual.numpy(), expected, *EXACT_FLOAT64)


def test_smooth_before_a_convolution_that_halves() -> None:
    x, weight = RNG.normal(size=(2, 6, 4)), RNG.normal(size=(3, 2, 3, 3))
    smoothed = [convolve2d(np.pad(c, 2), FILTER, mode="valid") for c in x]
    expected = [
        sum(correlate2d(c, k, mode="valid") for c, k in zip(smoothed, kernels, strict=True))[::2, ::2]
        for kernels in weight
    ]
    actual = conv2d(smooth(torch.from_numpy(x)[None]), torch.from_numpy(weight), stride=2)[0]
    np.testing.assert_allclose(actual.numpy(), expected, *EXACT_FLOAT64)


def test_features_and_what_is_added_to_them() -> None:
    x, small = torch.from_numpy(RNG.normal(size=(2, 3, 6, 4))), torch.from_numpy(RNG.normal(size=(2, 3, 3, 2)))
    same, halved = with_downsampled(x)
    torch.testing.assert_close((same, halved), (x, downsample(x)), rtol=0, atol=0)
    torch.testing.assert_close(add_upsampled(x, small), x + upsample(small), rtol=0, atol=0)


@pytest.mark.parametrize("operator", [upsample, downsample, smooth, smooth_transposed, with_downsampled])
def test_derivatives_twice(operator: object) -> None:
    x = torch.from_numpy(RNG.normal(size=(1, 2, 4, 6))).requires_grad_()
    assert gradcheck(operator, x, fast_mode=True)
    assert gradgradcheck(operator, x, fast_mode=True)


def test_derivatives_of_the_convolutions_twice() -> None:
    x = torch.from_numpy(RNG.normal(size=(1, 2, 4, 6))).requires_grad_()
    w = torch.from_numpy(RNG.normal(size=(1, 2, 3, 3))).requires_grad_()
    assert gradgradcheck(upsampling_conv, (x, w.transpose(0, 1)), fast_mode=True)
    assert gradgradcheck(lambda x, w: conv2d(smooth(x), w, stride=2), (x, w), fast_mode=True)


def test_derivatives_of_a_sum_twice() -> None:
    x = torch.from_numpy(RNG.normal(size=(1, 2, 4, 6))).requires_grad_()
    small = torch.from_numpy(RNG.normal(size=(1, 2, 2, 3))).requires_grad_()
    assert gradcheck(add_upsampled, (x, small), fast_mode=True)
    assert gradgradcheck(add_upsampled, (x, small), fast_mode=True)

"""Convolution whose input channels are scaled by a style, as scale - plain convolution - scale.

Scaling the input channels by s and convolving with w is the same as convolving with the weight w s; the demodulation
factor 1 / |w s| of an output channel is a number that multiplies the output. One plain convolution serves all styles.

Source: Karras et al. 2020 (StyleGAN2), section 2.2, equations 1 to 3.
"""

import math

import torch
from jaxtyping import Float
from torch import Tensor, nn

from gghead.stylegan.layers import RELU_GAIN, SLOPE, EqualizedLinear
from gghead.stylegan.resampling import upsampling_conv


class StyledConv(nn.Module):
    """3 x 3 convolution modulated by a style, demodulated, with noise, bias and leaky ReLU.

    Args:
        inputs: channels in.
        outputs: channels out.
        style_size: floats of a style vector.
        resolution: side of the output.
        upsampled: whether the output has twice the side of the input.
    """

    fixed_noise: Float[Tensor, "R R"]

    def __init__(self, inputs: int, outputs: int, style_size: int, resolution: int, upsampled: bool) -> None:
        super().__init__()
        self.affine = EqualizedLinear(style_size, inputs, bias_start=1.0)
        self.weight = nn.Parameter(torch.empty(outputs, inputs, 3, 3))
        self.bias = nn.Parameter(torch.empty(outputs))
        self.noise_strength = nn.Parameter(torch.empty(()))
        self.register_buffer("fixed_noise", torch.empty(resolution, resolution))
        self.upsampled = upsampled

    def initialize(self, generator: torch.Generator) -> None:
        """Draws weights and the fixed noise anew."""
        with torch.no_grad():
            self.weight.normal_(generator=generator)
            self.fixed_noise.normal_(generator=generator)
            self.bias.zero_()
            self.noise_strength.zero_()

    def forward(
        self, x: Float[Tensor, "B I H W"], style: Float[Tensor, "B S"], noise: Float[Tensor, "N 1 R R"] | None
    ) -> Float[Tensor, "B O R R"]:
        """Applies the layer.

        Args:
            x: features.
            style: style vectors.
            noise: standard normal noise, of one picture (N = 1) or of each, or None for none.
        """
        scale = self.affine(style)
        x = x * scale[..., None, None]
        if self.upsampled:
            x = upsampling_conv(x, self.weight)
        else:
            x = nn.functional.conv2d(x, self.weight, padding=1)
        # The gain of the leaky ReLU goes into the small factors.
        norm = demodulation(self.weight, scale) * RELU_GAIN
        offset = self.bias.view(1, -1, 1, 1) * RELU_GAIN
        if noise is not None:
            offset = offset + noise * (self.noise_strength * RELU_GAIN)
        return nn.functional.leaky_relu(torch.addcmul(offset, x, norm[..., None, None]), SLOPE)


class ToOutput(nn.Module):
    """1 x 1 convolution to the output channels, modulated but not demodulated, linear.

    Args:
        inputs: channels in.
        outputs: channels out.
        style_size: floats of a style vector.
    """

    def __init__(self, inputs: int, outputs: int, style_size: int) -> None:
        super().__init__()
        self.affine = EqualizedLinear(style_size, inputs, bias_start=1.0)
        self.weight = nn.Parameter(torch.empty(outputs, inputs, 1, 1))
        self.bias = nn.Parameter(torch.empty(outputs))

    def initialize(self, generator: torch.Generator) -> None:
        """Draws the weights anew."""
        with torch.no_grad():
            self.weight.normal_(generator=generator)
            self.bias.zero_()

    def forward(self, x: Float[Tensor, "B I R R"], style: Float[Tensor, "B S"]) -> Float[Tensor, "B O R R"]:
        """Applies the layer."""
        # Here the weight of each picture is the smaller thing to scale, and the product is a batched matrix product.
        scale = self.affine(style) / math.sqrt(self.weight.shape[1])
        weight = self.weight[..., 0, 0] * scale[:, None]  # [B, O, I]
        x = torch.baddbmm(self.bias.view(1, -1, 1), weight, x.flatten(2))
        return x.unflatten(2, (math.isqrt(x.shape[2]), -1))


def demodulation(weight: Float[Tensor, "O I k k"], scale: Float[Tensor, "B I"]) -> Float[Tensor, "B O"]:
    """Inverse norm of the modulated kernel of every output channel: 1 / sqrt(sum over i, k of (w s)^2 + 1e-8)."""
    return (scale.square() @ weight.square().sum(dim=(2, 3)).mT + 1e-8).rsqrt()

"""Layers whose weights stay N(0, 1) and are scaled when used, so that one learning rate suits them all.

The gain sqrt(2) of the leaky ReLU and the layer's own scale are multiplied into the weights and biases, which are
small, instead of the activations, which are not: leaky ReLU commutes with positive factors.

Source: Karras et al. 2018, "Progressive Growing of GANs", section 4.1; Karras et al. 2020, "Analyzing and Improving the
Image Quality of StyleGAN" (StyleGAN2).
"""

import math

import torch
from jaxtyping import Float
from torch import Tensor, nn

from gghead.stylegan.activations import bias_activation
from gghead.stylegan.constants import RELU_GAIN, SLOPE
from gghead.stylegan.convolution import conv2d
from gghead.stylegan.folding import FoldingLayer


def unit_second_moment(x: Float[Tensor, "B F"]) -> Float[Tensor, "B F"]:
    """Scales each row so that its mean square is one."""
    return nn.functional.rms_norm(x, x.shape[1:], eps=1e-8)


def block_channels(resolution: int, channel_base: int, channel_max: int) -> int:
    """Channels of the block that works at a resolution: min(channel_base / resolution, channel_max), at least one."""
    return max(min(channel_base // resolution, channel_max), 1)


def half_or(full: torch.dtype, height: int, bf16_blocks: int) -> torch.dtype:
    """Type in which a block of a network computes.

    Args:
        full: type of the weights.
        height: 1 for the block of the finest resolution, 2 for the next, ...
        bf16_blocks: number of blocks, from the finest on, that compute in bfloat16.
    """
    return torch.bfloat16 if height <= bf16_blocks else full


class EqualizedLinear(FoldingLayer):
    """Fully connected layer, by choice with the leaky ReLU and its gain; `lr_multiplier` scales its learning rate."""

    def __init__(
        self, inputs: int, outputs: int, activated: bool = False, lr_multiplier: float = 1.0, bias_start: float = 0.0
    ) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(outputs, inputs))
        self.bias = nn.Parameter(torch.empty(outputs))
        self.activated = activated
        self.lr_multiplier = lr_multiplier
        self.bias_start = bias_start

    def initialize(self, generator: torch.Generator) -> None:
        """Draws the weights anew."""
        with torch.no_grad():
            self.weight.normal_(generator=generator).div_(self.lr_multiplier)
            self.bias.fill_(self.bias_start)

    def forward(self, x: Float[Tensor, "B I"]) -> Float[Tensor, "B O"]:
        """Applies the layer."""
        weight = self.folded("weight", x.dtype, self.weight, self.scaled_weight)
        bias = self.folded("bias", x.dtype, self.bias, self.scaled_bias)
        x = nn.functional.linear(x, weight, bias)
        return nn.functional.leaky_relu(x, SLOPE) if self.activated else x

    @property
    def gain(self) -> float:
        """Factor of the output."""
        return (RELU_GAIN if self.activated else 1.0) * self.lr_multiplier

    def scaled_weight(self) -> Float[Tensor, "O I"]:
        """The weight as it multiplies an input, all gains in it."""
        return self.weight * (self.gain / math.sqrt(self.weight.shape[1]))

    def scaled_bias(self) -> Float[Tensor, " O"]:
        """The bias as it is added."""
        return self.bias * self.gain


class EqualizedConv(nn.Module):
    """Weight and bias of a convolution with the leaky ReLU; the owner says how the picture is resampled. Layers on the
    residual path have neither bias nor activation.
    """

    def __init__(self, inputs: int, outputs: int, kernel: int, biased: bool = True, gain: float = 1.0) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(outputs, inputs, kernel, kernel))
        self.bias = nn.Parameter(torch.empty(outputs)) if biased else None
        self.gain = gain * (RELU_GAIN if biased else 1.0)

    def initialize(self, generator: torch.Generator) -> None:
        """Draws the weights anew."""
        with torch.no_grad():
            self.weight.normal_(generator=generator)
            if self.bias is not None:
                self.bias.zero_()

    def scaled_weight(self, dtype: torch.dtype) -> Float[Tensor, "O I k k"]:
        """The weight as it multiplies an input of a type, all gains in it."""
        return (self.weight * (self.gain / math.sqrt(self.weight[0].numel()))).to(dtype)

    def scaled_bias(self) -> Float[Tensor, " O"]:
        """The bias as it is added, of layers that have one."""
        assert self.bias is not None, "layers on the residual path have no bias"
        return self.bias * self.gain

    def convolve(self, x: Float[Tensor, "B I H W"]) -> Float[Tensor, "B O H W"]:
        """Convolution at the same size."""
        return conv2d(x, self.scaled_weight(x.dtype), padding=self.weight.shape[-1] // 2)

    def forward(self, x: Float[Tensor, "B I H W"]) -> Float[Tensor, "B O H W"]:
        """Convolution at the same size, then bias and leaky ReLU."""
        return bias_activation(self.convolve(x), self.scaled_bias())


def initialize(network: nn.Module, seed: int) -> None:
    """Draws all weights of a network from a seed, module by module in the order of their construction.

    The draw happens on the CPU of the network, so that the weights of a seed are the same on every machine; it leaves
    torch's global random state alone.
    """
    generator = torch.Generator().manual_seed(seed)
    for module in network.modules():
        start = getattr(module, "initialize", None)
        if start is not None:
            start(generator)

"""Convolution whose input channels are scaled by a style, as scale - plain convolution - scale.

Scaling the input channels by s and convolving with w is the same as convolving with the weight w s; the demodulation
factor 1 / |w s| of an output channel is a number that multiplies the output. One plain convolution serves all styles.

Source: Karras et al. 2020 (StyleGAN2), section 2.2, equations 1 to 3.
"""

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.autograd.function import once_differentiable
from torch.nn import functional

from gghead.stylegan import cuda_layers
from gghead.stylegan.activations import style_activation
from gghead.stylegan.constants import RELU_GAIN
from gghead.stylegan.folding import FoldingLayer
from gghead.stylegan.layers import EqualizedLinear
from gghead.stylegan.resampling import upsampling_conv

PIXELS_AT_ONCE = 4096
"""Pixels over which a product of the backward pass sums."""


class StyledConv(FoldingLayer):
    """3 x 3 convolution modulated by a style, demodulated, with noise, bias and leaky ReLU."""

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
        self,
        x: Float[Tensor, "B I H W"],
        norm: Float[Tensor, "B O"],
        noise: Float[Tensor, "N 1 R R"] | None,
        next_scale: Float[Tensor, "B O"] | None = None,
        is_kept: bool = True,
    ) -> tuple[Float[Tensor, "B O R R"] | None, Float[Tensor, "B O R R"] | None]:
        """Applies the layer to features that are scaled by its style already.

        Args:
            x: features times `affine` of the style vectors.
            norm: their `demodulation`.
            noise: standard normal noise, of one picture (N = 1) or of each, or None for none.
            next_scale: `affine` of the style vectors of the next layer, or None if there is none.
            is_kept: whether the features themselves are wanted.

        Returns:
            Features or None, and features times `next_scale` or None.
        """
        if self.upsampled:
            x = upsampling_conv(x, self.folded("weight", x.dtype, self.weight, lambda: self.weight.transpose(0, 1)))
        else:
            x = functional.conv2d(x, self.folded("weight", x.dtype, self.weight, lambda: self.weight), padding=1)
        full = self.weight.dtype
        bias = self.folded("bias", full, self.bias, lambda: self.bias * RELU_GAIN)
        strength = self.folded("strength", full, self.noise_strength, lambda: self.noise_strength * RELU_GAIN)
        return style_activation(x, norm, bias, noise, strength, next_scale, is_kept)


class ToOutput(FoldingLayer):
    """1 x 1 convolution to the output channels, modulated but not demodulated, linear."""

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

    def scaled_weight(self) -> Float[Tensor, "F I"]:
        """The weight as the scales of the input channels multiply it, with rows of zeros: see `forward`."""
        weight = self.weight[..., 0, 0] / math.sqrt(self.weight.shape[1])
        return functional.pad(weight, (0, 0, 0, self._missing)) if self._missing else weight

    @property
    def _missing(self) -> int:
        """Channels that are filled up on a GPU."""
        return -self.weight.shape[0] % cuda_layers.VECTOR if self.weight.is_cuda else 0

    def forward(self, x: Float[Tensor, "B I R R"], weight: Float[Tensor, "B F I"]) -> Float[Tensor, "B F R R"]:
        """Applies the layer; the output has the type of the weights, and on a GPU channels of zeros behind the others
        up to a multiple of eight: products and filters take as many at once.

        Args:
            x: features.
            weight: `scaled_weight` times `affine` of the style vectors: here that is the smaller thing to scale.
        """
        weight, full = weight.to(x.dtype), self.weight.dtype
        pixels = x.permute(0, 2, 3, 1).flatten(1, 2)  # without a copy where channels come last
        if not x.is_cuda:  # rows of few numbers would take a CPU twice as long
            image = (weight @ pixels.mT).to(full).add_(self.bias[:, None])
            return image.unflatten(2, x.shape[2:])
        if len(x) == 1:  # a product of two matrices adds the bias on its way; one of a batch would begin with copies
            bias = self.folded("bias", x.dtype, self.bias, self._filled_bias)
            image = functional.linear(pixels[0], weight[0], bias)[None].to(full)
        else:
            product = _BatchedProduct.apply(pixels, weight)
            image = product + self.folded("bias", full, self.bias, self._filled_bias)
        return image.mT.unflatten(2, x.shape[2:])

    def _filled_bias(self) -> Float[Tensor, " F"]:
        return functional.pad(self.bias, (0, self._missing)) if self._missing else self.bias


class _BatchedProduct(torch.autograd.Function):
    """Each picture's pixels times its weight. The gradient w.r.t. a weight is summed over parts of a picture at a time:
    a sum over all of its pixels for a small matrix would keep one multiprocessor busy and leave the others idle.
    """

    @staticmethod
    def forward(ctx: Any, pixels: Tensor, weight: Tensor) -> Tensor:
        ctx.save_for_backward(pixels, weight)
        return torch.bmm(pixels, weight.mT)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, Tensor]:
        pixels, weight = ctx.saved_tensors
        parts = max(pixels.shape[1] // PIXELS_AT_ONCE, 1)
        cut_gradient, cut_pixels = (whole.unflatten(1, (parts, -1)).flatten(0, 1) for whole in (gradient, pixels))
        sums = torch.bmm(cut_gradient.mT, cut_pixels).unflatten(0, (-1, parts))
        return torch.bmm(gradient, weight), sums.sum(1, dtype=torch.float32).to(weight.dtype)


class Modulation(NamedTuple):
    """What styles are to the layers of a network.

    Attributes:
        scales: of the input channels of each styled convolution, [B, I].
        norms: of their output channels, [B, O].
        output_weights: of each layer to the output, scaled, [B, O, I].
    """

    scales: list[Float[Tensor, "B _"]]
    norms: list[Float[Tensor, "B _"]]
    output_weights: list[Float[Tensor, "B _ _"]]


class Filled(NamedTuple):
    """The weights of all layers of a network as one tensor of each kind, filled up with zeros.

    Attributes:
        affine: of the affine layers, transposed, scaled.
        biases: of the affine layers, scaled.
        energies: of the styled convolutions.
        outputs: of the layers to the output, scaled.
    """

    affine: Float[Tensor, "L W _"]
    biases: Float[Tensor, "L 1 _"]
    energies: Float[Tensor, "C _ _"]
    outputs: Float[Tensor, "E _ _"]

    @classmethod
    def of(cls, convs: Sequence[StyledConv], outputs: Sequence[ToOutput]) -> "Filled":
        """Those of a network's layers."""
        affines = [layer.affine for layer in (*convs, *outputs)]
        return cls(
            filled_up([affine.scaled_weight().mT for affine in affines]),
            filled_up([affine.scaled_bias()[None] for affine in affines]),
            filled_up([energy(conv.weight) for conv in convs]),
            filled_up([layer.scaled_weight() for layer in outputs]),
        )


class Modulator(FoldingLayer):
    """Styles -> what they are to all layers.

    Of a network that is frozen all layers are served at once: forty products of small matrices, each of which waits for
    the one before, take a GPU longer than two of larger ones.
    """

    def forward(
        self, convs: Sequence[StyledConv], outputs: Sequence[ToOutput], styles: Float[Tensor, "L B W"]
    ) -> Modulation:
        """Computes them.

        Args:
            convs: styled convolutions.
            outputs: layers to the output.
            styles: a vector for each of convs, then for each of outputs.
        """
        if self._folding is None or not styles.is_cuda:
            return one_by_one(convs, outputs, styles)
        layers = (*convs, *outputs)
        # In the way of getattr, these hundred would take as long as what they save.
        sources = [found for layer in layers for found in layer._parameters.values() if found is not None]
        sources += [found for layer in layers for found in layer.affine._parameters.values() if found is not None]
        return at_once(convs, outputs, styles, self._folding.get("all", sources, lambda: Filled.of(convs, outputs)))


def one_by_one(convs: Sequence[StyledConv], outputs: Sequence[ToOutput], styles: Float[Tensor, "L B W"]) -> Modulation:
    """The modulation, layer by layer."""
    count, layers = len(convs), (*convs, *outputs)
    scales = [layer.affine(style) for layer, style in zip(layers, styles, strict=True)]
    norms = [demodulation(energy(conv.weight), scale) for conv, scale in zip(convs, scales[:count], strict=True)]
    weights = [layer.scaled_weight() * s[:, None] for layer, s in zip(outputs, scales[count:], strict=True)]
    return Modulation(scales[:count], norms, weights)


def at_once(
    convs: Sequence[StyledConv], outputs: Sequence[ToOutput], styles: Float[Tensor, "L B W"], filled: Filled
) -> Modulation:
    """The same for all layers in a few products."""
    count, layers = len(convs), (*convs, *outputs)
    wide = torch.baddbmm(filled.biases, styles, filled.affine)
    scales = [scale[:, : layer.affine.weight.shape[0]] for scale, layer in zip(wide, layers, strict=True)]
    norms = demodulation(filled.energies, wide[:count, :, : filled.energies.shape[1]])
    norms = [norm[:, : conv.weight.shape[0]] for norm, conv in zip(norms, convs, strict=True)]
    weights = filled.outputs[:, None] * wide[count:, :, None, : filled.outputs.shape[2]]
    weights = [weight[..., : layer.weight.shape[1]] for weight, layer in zip(weights, outputs, strict=True)]
    return Modulation(scales[:count], norms, weights)


def filled_up(matrices: Sequence[Float[Tensor, "_ _"]]) -> Float[Tensor, "L R C"]:
    """Matrices as one tensor, with zeros where they are smaller than the largest."""
    rows, columns = (max(matrix.shape[axis] for matrix in matrices) for axis in (0, 1))
    return torch.stack([functional.pad(m, (0, columns - m.shape[1], 0, rows - m.shape[0])) for m in matrices])


def energy(weight: Float[Tensor, "O I k k"]) -> Float[Tensor, "I O"]:
    """Sum of squares of every kernel, halved: half as much norm is sqrt(2), the gain of the leaky ReLU."""
    return weight.square().sum(dim=(2, 3)).mT / 2


def demodulation(energies: Float[Tensor, "*L I O"], scale: Float[Tensor, "*L B I"]) -> Float[Tensor, "*L B O"]:
    """Inverse norm of the modulated kernel of every output channel, times the gain of the leaky ReLU.

    sqrt(2) / sqrt(sum over i, k of (w s)^2 + 1e-8).
    """
    return (scale.square() @ energies + 0.5e-8).rsqrt()

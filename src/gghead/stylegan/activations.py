"""What follows a convolution: bias, noise, leaky ReLU and the scales of styles, in one pass over memory on a GPU.

Gains are in the small factors already: leaky ReLU commutes with positive ones.
"""

from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor
from torch.autograd.function import once_differentiable
from torch.nn import functional

from gghead.stylegan import cuda_layers
from gghead.stylegan.constants import SLOPE


def style_activation(
    x: Float[Tensor, "B C H W"],
    norm: Float[Tensor, "B C"],
    bias: Float[Tensor, " C"],
    noise: Float[Tensor, "N 1 H W"] | None,
    strength: Float[Tensor, ""],
    scale: Float[Tensor, "B C"] | None,
    is_kept: bool = True,
) -> tuple[Float[Tensor, "B C H W"] | None, Float[Tensor, "B C H W"] | None]:
    """The end of a styled convolution, and the beginning of the next one.

    Args:
        x: what the convolution gave.
        norm: demodulation of each picture's channels.
        bias: of each channel.
        noise: standard normal noise of one picture (N = 1) or of each, or None for none.
        strength: factor of the noise.
        scale: style of the next convolution, or None if there is none.
        is_kept: whether y is wanted.

    Returns:
        y = leaky ReLU(x norm + bias + strength noise) or None, and y scale or None; of the type of x.
    """
    if cuda_layers.takes_channels(x):
        return _StyleActivation.apply(x, norm, bias, noise, strength, scale, is_kept)
    offset = bias.view(1, -1, 1, 1)
    if noise is not None:
        offset = offset + noise * strength
    y = functional.leaky_relu(torch.addcmul(offset, x, norm[..., None, None]), SLOPE)
    z = None if scale is None else (y * scale[..., None, None]).to(x.dtype)
    return (y.to(x.dtype) if is_kept else None), z


def bias_activation(x: Float[Tensor, "B C H W"], bias: Float[Tensor, " C"]) -> Float[Tensor, "B C H W"]:
    """leaky ReLU(x + bias), of the type of x; differentiable twice."""
    if cuda_layers.takes_channels(x):
        return _BiasActivation.apply(x, bias)
    return functional.leaky_relu(x + bias.to(x.dtype).view(1, -1, 1, 1), SLOPE)


class _StyleActivation(torch.autograd.Function):
    """The kernels of `style_activation`; keeps what the convolution gave, which nothing else keeps."""

    @staticmethod
    def forward(
        ctx: Any,
        x: Tensor,
        norm: Tensor,
        bias: Tensor,
        noise: Tensor | None,
        strength: Tensor,
        scale: Tensor | None,
        is_kept: bool,
    ) -> tuple[Tensor | None, Tensor | None]:
        x = cuda_layers.channels_last(x)
        noise, scale = (None if tensor is None else tensor.contiguous() for tensor in (noise, scale))
        tensors = (norm.contiguous(), bias.contiguous(), noise, strength.contiguous(), scale)
        ctx.save_for_backward(x, *tensors)
        ctx.set_materialize_grads(False)
        return cuda_layers.style_activation_cuda(x, *tensors, is_kept)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad_y: Tensor | None, grad_z: Tensor | None) -> tuple[Tensor | None, ...]:
        if grad_y is None and grad_z is None:
            return (None,) * 7
        x, norm, bias, noise, strength, scale = ctx.saved_tensors
        grad_x, sums = cuda_layers.style_activation_backward_cuda(x, norm, bias, noise, strength, scale, grad_y, grad_z)
        grad_norm, grad_scale, grad_bias, grad_strength = sums.unbind(1)
        return (
            grad_x,
            grad_norm,
            grad_bias.sum(0),
            None,
            None if noise is None else grad_strength.sum(),
            None if scale is None else grad_scale,
            None,
        )


class _BiasActivation(torch.autograd.Function):
    """The kernels of `bias_activation`."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, bias: Tensor) -> Tensor:
        y = cuda_layers.bias_activation_cuda(x, bias.contiguous())
        ctx.save_for_backward(y)
        return y

    @staticmethod
    def backward(ctx: Any, grad_y: Tensor) -> tuple[Tensor, Tensor | None]:
        (y,) = ctx.saved_tensors
        if not torch.is_grad_enabled():
            return cuda_layers.bias_activation_backward_cuda(grad_y, y, ctx.needs_input_grad[1])
        grad_x = _Slopes.apply(grad_y, y)
        return grad_x, grad_x.sum((0, 2, 3), dtype=torch.float32)


class _Slopes(torch.autograd.Function):
    """A gradient times the leaky ReLU's slopes, which are locally constant."""

    @staticmethod
    def forward(ctx: Any, grad_y: Tensor, y: Tensor) -> Tensor:
        ctx.save_for_backward(y)
        return cuda_layers.bias_activation_backward_cuda(grad_y, y, with_bias=False)[0]

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None]:
        return _Slopes.apply(gradient, ctx.saved_tensors[0]), None

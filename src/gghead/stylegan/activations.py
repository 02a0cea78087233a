"""What follows a convolution: bias, noise, leaky ReLU, the scales of styles and the filter, in one pass on a GPU.

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
from gghead.stylegan.resampling import smooth, smooth_transposed


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
        x: what the convolution gave; a CPU overwrites it where no gradient is wanted.
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
    # In place, half of a head's features need no memory of their own, which the system would have to fetch.
    in_place = not torch.is_grad_enabled() and x.dtype == norm.dtype
    y = torch.addcmul(bias.view(1, -1, 1, 1), x, norm[..., None, None], out=x if in_place else None)
    if noise is not None:
        y.add_(noise * strength)
    y = functional.leaky_relu_(y, SLOPE)
    if scale is None:
        return (y.to(x.dtype) if is_kept else None), None
    z = y.mul_(scale[..., None, None]) if in_place and not is_kept else y * scale[..., None, None]
    return (y.to(x.dtype) if is_kept else None), z.to(x.dtype)


def bias_activation(
    x: Float[Tensor, "B C H W"], bias: Float[Tensor, " C"], residual: Float[Tensor, "B C H W"] | None = None
) -> Float[Tensor, "B C H W"]:
    """leaky ReLU(x + bias) + residual, if there is one; of the type of x; differentiable twice."""
    if cuda_layers.takes_channels(x):
        return _BiasActivation.apply(x, bias, residual)
    y = functional.leaky_relu(x + bias.to(x.dtype).view(1, -1, 1, 1), SLOPE)
    return y if residual is None else residual + y


def smoothed_activation(x: Float[Tensor, "B C H W"], bias: Float[Tensor, " C"]) -> Float[Tensor, "B C H+1 W+1"]:
    """`smooth` of leaky ReLU(x + bias), of the type of x; differentiable twice."""
    if cuda_layers.takes_channels(x):
        return _SmoothedActivation.apply(x, bias)
    return smooth(bias_activation(x, bias))


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
    def forward(ctx: Any, x: Tensor, bias: Tensor, residual: Tensor | None) -> Tensor:
        y, signs = cuda_layers.bias_activation_cuda(x, bias.contiguous(), residual)
        ctx.save_for_backward(signs)
        return y

    @staticmethod
    def backward(ctx: Any, grad_y: Tensor) -> tuple[Tensor, Tensor | None, Tensor | None]:
        (signs,) = ctx.saved_tensors
        _, wants_bias, wants_residual = ctx.needs_input_grad
        if torch.is_grad_enabled():
            grad_x, grad_bias = gradients_to_differentiate(grad_y, signs, wants_bias)
        else:
            grad_x, grad_bias = cuda_layers.bias_activation_backward_cuda(grad_y, signs, wants_bias)
        return grad_x, grad_bias, grad_y if wants_residual else None


class _SmoothedActivation(torch.autograd.Function):
    """The kernels of `smoothed_activation`."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, bias: Tensor) -> Tensor:
        y, signs = cuda_layers.activate_and_smooth_cuda(x, bias.contiguous())
        ctx.save_for_backward(signs)
        return y

    @staticmethod
    def backward(ctx: Any, grad_y: Tensor) -> tuple[Tensor, Tensor | None]:
        (signs,) = ctx.saved_tensors
        if torch.is_grad_enabled():
            return gradients_to_differentiate(smooth_transposed(grad_y), signs, ctx.needs_input_grad[1])
        return cuda_layers.activate_and_smooth_backward_cuda(grad_y, signs, ctx.needs_input_grad[1])


def gradients_to_differentiate(grad_y: Tensor, signs: Tensor, wants_bias: bool) -> tuple[Tensor, Tensor | None]:
    """Gradients of leaky ReLU(x + bias) w.r.t. x and, if wanted, by bias, where they will be differentiated themselves.

    Args:
        grad_y: upstream.
        signs: of x + bias, a bit each.
        wants_bias: whether the second is wanted.
    """
    grad_x = _Slopes.apply(grad_y, signs)
    return grad_x, grad_x.sum((0, 2, 3), dtype=torch.float32) if wants_bias else None


class _Slopes(torch.autograd.Function):
    """A gradient times the leaky ReLU's slopes, which are locally constant."""

    @staticmethod
    def forward(ctx: Any, gradient: Tensor, signs: Tensor) -> Tensor:
        ctx.save_for_backward(signs)
        return cuda_layers.bias_activation_backward_cuda(gradient, signs, with_bias=False)[0]

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None]:
        return _Slopes.apply(gradient, ctx.saved_tensors[0]), None

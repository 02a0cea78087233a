"""Convolution whose second derivatives cost what the first ones do.

Its derivative by the input is the transposed convolution, its derivative by the weight a correlation of input and
gradient, and the derivatives of each of the three are the other two. torch's own second derivative treats a whole
picture as the kernel of a convolution, which no library does fast; R1 needs it.
"""

from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional


def conv2d(
    x: Float[Tensor, "B I H W"], weight: Float[Tensor, "O I k k"], stride: int = 1, padding: int = 0
) -> Float[Tensor, "B O h w"]:
    """Convolution whose windows fill the padded picture without rest."""
    return _Convolution.apply(x, weight, stride, padding)


def input_gradient(
    gradient: Float[Tensor, "B O h w"], weight: Float[Tensor, "O I k k"], stride: int = 1, padding: int = 0
) -> Float[Tensor, "B I H W"]:
    """Derivative of `conv2d` by its input, which can be differentiated again."""
    return _InputGradient.apply(gradient, weight, stride, padding)


def weight_gradient(
    gradient: Float[Tensor, "B O h w"],
    x: Float[Tensor, "B I H W"],
    shape: torch.Size,
    stride: int = 1,
    padding: int = 0,
) -> Float[Tensor, "O I k k"]:
    """Derivative of `conv2d` by its weight of a shape, which can be differentiated again."""
    return _WeightGradient.apply(gradient, x, stride, padding, shape)


class _Convolution(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, stride: int, padding: int) -> Tensor:
        ctx.save_for_backward(x, weight)
        ctx.geometry = stride, padding
        return functional.conv2d(x, weight, stride=stride, padding=padding)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, Tensor | None, None, None]:
        x, weight = ctx.saved_tensors
        grad_x = _InputGradient.apply(gradient, weight, *ctx.geometry) if ctx.needs_input_grad[0] else None
        grad_weight = None
        if ctx.needs_input_grad[1]:
            grad_weight = _WeightGradient.apply(gradient, x, *ctx.geometry, weight.shape)
        return grad_x, grad_weight, None, None


class _InputGradient(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, gradient: Tensor, weight: Tensor, stride: int, padding: int) -> Tensor:
        ctx.save_for_backward(gradient, weight)
        ctx.geometry = stride, padding
        return functional.conv_transpose2d(gradient, weight, stride=stride, padding=padding)

    @staticmethod
    def backward(ctx: Any, upstream: Tensor) -> tuple[Tensor | None, Tensor | None, None, None]:
        gradient, weight = ctx.saved_tensors
        grad_gradient = _Convolution.apply(upstream, weight, *ctx.geometry) if ctx.needs_input_grad[0] else None
        grad_weight = None
        if ctx.needs_input_grad[1]:
            grad_weight = _WeightGradient.apply(gradient, upstream, *ctx.geometry, weight.shape)
        return grad_gradient, grad_weight, None, None


class _WeightGradient(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, gradient: Tensor, x: Tensor, stride: int, padding: int, shape: torch.Size) -> Tensor:
        ctx.save_for_backward(gradient, x)
        ctx.geometry = stride, padding
        return torch.ops.aten.convolution_backward(
            gradient, x, x.new_empty(1).expand(shape), None, [stride] * 2, [padding] * 2, [1, 1], False, [0, 0], 1,
            [False, True, False],
        )[1]  # fmt: skip

    @staticmethod
    def backward(ctx: Any, upstream: Tensor) -> tuple[Tensor | None, Tensor | None, None, None, None]:
        gradient, x = ctx.saved_tensors
        grad_gradient = _Convolution.apply(x, upstream, *ctx.geometry) if ctx.needs_input_grad[0] else None
        grad_x = _InputGradient.apply(gradient, upstream, *ctx.geometry) if ctx.needs_input_grad[1] else None
        return grad_gradient, grad_x, None, None, None

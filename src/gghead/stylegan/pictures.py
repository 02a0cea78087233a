"""Pictures -> the first features of a discriminator, in one pass over memory on a GPU."""

from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from gghead.stylegan import cuda_layers
from gghead.stylegan.activations import bias_activation, gradients_to_differentiate
from gghead.stylegan.convolution import conv2d, input_gradient, weight_gradient


def read_pictures(
    pictures: Float[Tensor, "B I H W"], weight: Float[Tensor, "O I"], bias: Float[Tensor, " O"]
) -> Float[Tensor, "B O H W"]:
    """leaky ReLU(1 x 1 convolution + bias), of the type of the pictures; differentiable twice."""
    if cuda_layers.takes_pictures(pictures, len(weight)):
        return _ReadPictures.apply(pictures, weight, bias)
    return bias_activation(conv2d(pictures, weight[..., None, None].to(pictures.dtype)), bias)


class _ReadPictures(torch.autograd.Function):
    """The kernels of `read_pictures`."""

    @staticmethod
    def forward(ctx: Any, pictures: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
        features, signs = cuda_layers.read_pictures_cuda(pictures, weight.contiguous(), bias.contiguous())
        ctx.save_for_backward(pictures, weight, signs)
        return features

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, Tensor | None, Tensor | None]:
        pictures, weight, signs = ctx.saved_tensors
        wants_pictures, wants_weight, wants_bias = ctx.needs_input_grad
        if not torch.is_grad_enabled():
            return cuda_layers.read_pictures_backward_cuda(
                gradient, signs, pictures, weight.contiguous(), wants_pictures, wants_weight or wants_bias
            )
        kernel = weight[..., None, None].to(pictures.dtype)
        gradient, grad_bias = gradients_to_differentiate(gradient, signs, wants_bias)
        grad_pictures = input_gradient(gradient, kernel) if wants_pictures else None
        grad_weight = None
        if wants_weight:
            grad_weight = weight_gradient(gradient, pictures, kernel.shape)[..., 0, 0].to(weight.dtype)
        return grad_pictures, grad_weight, grad_bias

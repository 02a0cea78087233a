"""Adversarial losses: what the discriminator and the generator are told about a picture.

A discriminator says one logit for each picture, or one for each of its heads, whose losses are averaged.
"""

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import relu, softplus

from gghead.config.training import Adversarial


def generator_loss(logits: Float[Tensor, " B *K"], kind: Adversarial = "logistic") -> Float[Tensor, " B"]:
    """Loss of the generator on its pictures: non-saturating logistic, or linear.

    Source: Goodfellow et al. 2014, section 3; Lim and Ye 2017, "Geometric GAN", equation 18.
    """
    return mean_of_heads(softplus(-logits) if kind == "logistic" else -logits)


def discriminator_loss(
    logits: Float[Tensor, " B *K"], is_real: Float[Tensor, " B"], kind: Adversarial = "logistic"
) -> Float[Tensor, " B"]:
    """Loss of the discriminator on real pictures (1) and on generated ones (0); it minimises the sum of both.

    Source: Goodfellow et al. 2014, equation 1; Lim and Ye 2017, "Geometric GAN", equation 17.
    """
    signs = (1 - 2 * is_real).view(-1, *[1] * (logits.ndim - 1))
    return mean_of_heads(softplus(logits * signs) if kind == "logistic" else relu(1 + logits * signs))


def mean_of_heads(values: Float[Tensor, " B *K"]) -> Float[Tensor, " B"]:
    """One number for each picture."""
    return values.flatten(1).mean(dim=1) if values.ndim > 1 else values


def gradient_penalty(logits: Float[Tensor, " B *K"], leaves: Sequence[Float[Tensor, "B _ _ _"]]) -> Float[Tensor, " B"]:
    """Squared norm of the logits' gradient w.r.t. each picture; differentiable once more. R1, if they are real.

    Args:
        logits: of the pictures, part of their graph.
        leaves: the pictures, or maps of them, that require a gradient.

    Source: Mescheder et al. 2018, "Which Training Methods for GANs do actually Converge?", equation 9 less gamma / 2.
    """
    gradients = torch.autograd.grad(logits.sum(), leaves, create_graph=True)
    return torch.stack([gradient.square().sum(dim=(1, 2, 3)) for gradient in gradients]).sum(dim=0)

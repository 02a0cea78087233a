"""Adversarial losses: what the discriminator and the generator are told about a picture."""

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import softplus


def generator_loss(logits: Float[Tensor, " B"]) -> Float[Tensor, " B"]:
    """Non-saturating logistic loss of the generator on its pictures. Source: Goodfellow et al. 2014, section 3."""
    return softplus(-logits)


def discriminator_loss(logits: Float[Tensor, " B"], is_real: Float[Tensor, " B"]) -> Float[Tensor, " B"]:
    """Logistic loss of the discriminator on real pictures (1) and on generated ones (0); it minimises the sum of both.

    Source: Goodfellow et al. 2014, equation 1.
    """
    return softplus(logits * (1 - 2 * is_real))


def gradient_penalty(logits: Float[Tensor, " B"], pictures: Float[Tensor, "B C H W"]) -> Float[Tensor, " B"]:
    """Squared norm of the logit's gradient w.r.t. each picture; differentiable once more. R1, if they are real.

    Args:
        logits: of the pictures, part of their graph.
        pictures: leaves that require a gradient.

    Source: Mescheder et al. 2018, "Which Training Methods for GANs do actually Converge?", equation 9 less gamma / 2.
    """
    (gradient,) = torch.autograd.grad(logits.sum(), pictures, create_graph=True)
    return gradient.square().sum(dim=(1, 2, 3))

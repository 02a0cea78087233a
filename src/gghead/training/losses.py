"""Adversarial losses: what the discriminator and the generator are told about a picture."""

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import softplus


def generator_loss(fake_logits: Float[Tensor, " B"]) -> Float[Tensor, " B"]:
    """Non-saturating logistic loss of the generator. Source: Goodfellow et al. 2014, section 3."""
    return softplus(-fake_logits)


def discriminator_loss(real_logits: Float[Tensor, " B"], fake_logits: Float[Tensor, " B"]) -> Float[Tensor, " B"]:
    """Logistic loss of the discriminator, real plus fake. Source: Goodfellow et al. 2014, equation 1."""
    return softplus(-real_logits) + softplus(fake_logits)


def r1_penalty(real_logits: Float[Tensor, " B"], pictures: Float[Tensor, "B C H W"]) -> Float[Tensor, " B"]:
    """Squared norm of the logit's gradient with respect to each real picture; differentiable once more.

    Args:
        real_logits: of the pictures, part of their graph.
        pictures: leaves that require a gradient.

    Source: Mescheder et al. 2018, "Which Training Methods for GANs do actually Converge?", equation 9 less gamma / 2.
    """
    (gradient,) = torch.autograd.grad(real_logits.sum(), pictures, create_graph=True)
    return gradient.square().sum(dim=(1, 2, 3))

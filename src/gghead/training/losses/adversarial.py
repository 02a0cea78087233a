"""Adversarial losses: what the discriminator and the generator are told about a picture."""

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import softplus


def generator_loss(
    fake_logits: Float[Tensor, " B"], real_logits: Float[Tensor, " B"] | None = None
) -> Float[Tensor, " B"]:
    """Logistic loss of the generator.

    Args:
        fake_logits: of its pictures.
        real_logits: of real pictures, one for each, for the relativistic loss: fake ones shall look more real than real
            ones (Jolicoeur-Martineau 2018; Huang et al. 2024, "The GAN is dead; long live the GAN!", equation 2). None
            for the non-saturating loss (Goodfellow et al. 2014, section 3).
    """
    return softplus(-fake_logits if real_logits is None else real_logits - fake_logits)


def discriminator_loss(logits: Float[Tensor, " B"], is_real: bool) -> Float[Tensor, " B"]:
    """Logistic loss of the discriminator on real or on generated pictures; it minimises the sum of both.

    Source: Goodfellow et al. 2014, equation 1.
    """
    return softplus(-logits if is_real else logits)


def relativistic_loss(real_logits: Float[Tensor, " B"], fake_logits: Float[Tensor, " B"]) -> Float[Tensor, " B"]:
    """Loss of the discriminator that compares pairs, as in `generator_loss`, instead of each picture with zero."""
    return softplus(fake_logits - real_logits)


def gradient_penalty(logits: Float[Tensor, " B"], pictures: Float[Tensor, "B C H W"]) -> Float[Tensor, " B"]:
    """Squared norm of the logit's gradient with respect to each picture; differentiable once more.

    R1 if the pictures are real, R2 if they are generated.

    Args:
        logits: of the pictures, part of their graph.
        pictures: leaves that require a gradient.

    Source: Mescheder et al. 2018, "Which Training Methods for GANs do actually Converge?", equation 9 less gamma / 2.
    """
    (gradient,) = torch.autograd.grad(logits.sum(), pictures, create_graph=True)
    return gradient.square().sum(dim=(1, 2, 3))

"""R1: how steeply the discriminator's logits rise with what it looks at in real pictures."""

from collections.abc import Callable

import torch
from jaxtyping import Float
from torch import Tensor

from gghead.training.discriminators.choice import AnyDiscriminator
from gghead.training.discriminators.feature_discriminator import FeatureDiscriminator
from gghead.training.losses.adversarial import gradient_penalty
from gghead.training.losses.blur import gaussian_blur


def leaf_of(x: Tensor) -> Tensor:
    """The same numbers as the beginning of a graph."""
    return x.detach().requires_grad_()


def r1(
    discriminator: AnyDiscriminator,
    pictures: Float[Tensor, "B 3 R R"],
    labels: Float[Tensor, "B 25"],
    blur: Float[Tensor, "R R"] | None = None,
    leaf: Callable[[Tensor], Tensor] = leaf_of,
) -> Float[Tensor, " B"]:
    """Squared norm of the gradient w.r.t. each real picture, or w.r.t. the maps of its features.

    Args:
        discriminator: whose parameters it depends on.
        pictures: as the discriminator takes them.
        labels: of their cameras.
        blur: of the pictures, see `blur_matrix`.
        leaf: makes what the gradient is taken of.
    """
    if isinstance(discriminator, FeatureDiscriminator):
        with torch.no_grad():
            maps = discriminator.maps(gaussian_blur(pictures, blur))
        leaves = [leaf(x) for x in maps]
        return gradient_penalty(discriminator.judge(leaves, labels), leaves)
    leaves = [leaf(pictures)]
    return gradient_penalty(discriminator(gaussian_blur(leaves[0], blur), labels), leaves)

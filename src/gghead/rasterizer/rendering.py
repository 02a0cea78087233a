"""What drawing gives."""

from dataclasses import dataclass

from jaxtyping import Float
from torch import Tensor


@dataclass(frozen=True)
class Rendering:
    """Pictures of a batch *P, rows from the top, colours in [0, 1].

    Attributes:
        rgb: colours on the background; not clamped above, since Gaussians may be brighter than 1.
        alpha: coverage, 0 to 1.
        depth: alpha-weighted mean of the Gaussians' camera z, world units; 0 where alpha is 0.
        features: alpha-weighted sum of the features, without background; None if none were given.
    """

    rgb: Float[Tensor, "*P H W 3"]
    alpha: Float[Tensor, "*P H W 1"]
    depth: Float[Tensor, "*P H W 1"]
    features: Float[Tensor, "*P H W F"] | None

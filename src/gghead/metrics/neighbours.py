"""Precision, recall and nearest neighbours: are the pictures good, are they all kinds, are they copies."""

from dataclasses import dataclass

import torch
from jaxtyping import Float, Int64
from torch import Tensor

NEIGHBOURHOOD = 3
"""The k of the published precision and recall."""
CHUNK = 2048
"""Rows of a distance matrix that are held at once: 160 MB beside 10,000 pictures."""


@dataclass(frozen=True)
class PrecisionRecall:
    """Shares in [0, 1].

    Attributes:
        precision: of generated pictures that look like real ones.
        recall: of real pictures that the generator could have made.
    """

    precision: float
    recall: float


def precision_recall(real: Float[Tensor, "N D"], fake: Float[Tensor, "M D"], k: int = NEIGHBOURHOOD) -> PrecisionRecall:
    """Share of each set inside of the other's manifold: balls around its members that reach their k-th neighbour.

    Raises:
        ValueError: a set has no k-th neighbours.

    Source: Kynkaanniemi et al. 2019, "Improved Precision and Recall Metric for Assessing Generative Models", section 2.
    """
    if min(len(real), len(fake)) <= k:
        raise ValueError(f"precision of {len(fake)} and {len(real)} pictures; expected more than {k} of each")
    return PrecisionRecall(precision=_share_inside(fake, real, k), recall=_share_inside(real, fake, k))


def nearest(queries: Float[Tensor, "N D"], among: Float[Tensor, "M D"]) -> Int64[Tensor, " N"]:
    """Index of the nearest of `among` for each query, by Euclidean distance."""
    return torch.cat([_distances(rows, among).argmin(dim=1) for rows in queries.split(CHUNK)])


def _share_inside(points: Tensor, manifold: Tensor, k: int) -> float:
    # A point is its own nearest neighbour, hence k + 1.
    radii = torch.cat([_distances(rows, manifold).kthvalue(k + 1, dim=1).values for rows in manifold.split(CHUNK)])
    inside = [(_distances(rows, manifold) <= radii).any(dim=1) for rows in points.split(CHUNK)]
    return float(torch.cat(inside).double().mean())


def _distances(x: Float[Tensor, "N D"], y: Float[Tensor, "M D"]) -> Float[Tensor, "N M"]:
    # The faster way through |x|^2 + |y|^2 - 2 x . y makes a picture's distance to itself as large as rounding.
    return torch.cdist(x.float(), y.float(), compute_mode="donot_use_mm_for_euclid_dist")

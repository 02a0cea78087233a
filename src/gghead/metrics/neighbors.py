"""Precision, recall and nearest neighbours: are the pictures good, are they all kinds, are they copies."""

from dataclasses import dataclass

import torch
from jaxtyping import Float, Int64
from torch import Tensor

NEIGHBORHOOD = 3
"""The k of the published precision and recall."""
CHUNK = 2048
"""Rows of a distance matrix that are held at once: 160 MB beside 10,000 pictures."""
COPY_TOLERANCE = 1e-12
"""Squared distances below this share of the squared lengths are rounding: two copies of one picture."""


@dataclass(frozen=True)
class PrecisionRecall:
    """Shares in [0, 1].

    Attributes:
        precision: of generated pictures that look like real ones.
        recall: of real pictures that the generator could have made.
    """

    precision: float
    recall: float


def precision_recall(real: Float[Tensor, "N D"], fake: Float[Tensor, "M D"], k: int = NEIGHBORHOOD) -> PrecisionRecall:
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


def nearest_neighbor_ratio(real: Float[Tensor, "N D"], fake: Float[Tensor, "M D"]) -> float:
    """Median distance of generated pictures to the nearest real one, in units of the same among real ones.

    About 1 for new pictures of the same kind; towards 0 for copies of training pictures; above 1 for other pictures.

    Raises:
        ValueError: fewer than two real pictures, or no generated one.
    """
    if len(real) < 2 or not len(fake):
        raise ValueError(f"neighbours of {len(fake)} among {len(real)} pictures; expected at least 1 among 2")
    among = torch.cat([_distances(rows, real).kthvalue(2, dim=1).values for rows in real.split(CHUNK)])
    apart = torch.cat([_distances(rows, real).amin(dim=1) for rows in fake.split(CHUNK)])
    return float(apart.median() / among.median().clamp_min(1e-12))


def _distances(x: Float[Tensor, "N D"], y: Float[Tensor, "M D"]) -> Float[Tensor, "N M"]:
    """Euclidean, by |x|^2 + |y|^2 - 2 x . y in double precision."""
    x, y = x.double(), y.double()
    lengths = x.square().sum(dim=1)[:, None] + y.square().sum(dim=1)
    squares = lengths - 2 * x @ y.T
    return torch.where(squares < COPY_TOLERANCE * lengths, 0, squares).sqrt()

"""Where a threshold takes as many pairs of one person for two as pairs of two people for one."""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor


@dataclass(frozen=True)
class EqualError:
    """Where a threshold takes as many pairs of one person for two as pairs of two people for one.

    Attributes:
        threshold: distance below which a pair is called one person.
        rate: share of either kind of pair that is classified wrongly there.
    """

    threshold: float
    rate: float


def pair_distances(
    first: Float[Tensor, "H D"], second: Float[Tensor, "H D"]
) -> tuple[Float[Tensor, " H"], Float[Tensor, " M"]]:
    """Distances between vectors of the same people, and those between the first of one and the second of another."""
    every = torch.cdist(first, second)
    return every.diagonal(), every[~torch.eye(len(every), dtype=torch.bool)]


def equal_error(same: Float[Tensor, " N"], other: Float[Tensor, " M"]) -> EqualError:
    """The threshold between distances of pairs of one person and of two.

    Raises:
        ValueError: there are no pairs of a kind.
    """
    if not len(same) or not len(other):
        raise ValueError(f"{len(same)} pairs of one person, {len(other)} of two; expected some of each")
    thresholds = torch.cat([same, other]).sort().values
    missed = 1 - torch.searchsorted(same.sort().values, thresholds, right=False) / len(same)
    taken = torch.searchsorted(other.sort().values, thresholds, right=False) / len(other)
    best = int((missed - taken).abs().argmin())
    return EqualError(float(thresholds[best]), float((missed[best] + taken[best]) / 2))

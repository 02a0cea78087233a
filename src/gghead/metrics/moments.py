"""Mean and covariance of features: all that a Frechet distance wants to know, and they add up."""

from dataclasses import dataclass
from functools import cached_property

import torch
from jaxtyping import Float
from torch import Tensor


@dataclass(frozen=True)
class Moments:
    """First two moments of a set of feature vectors, in float64.

    Attributes:
        count: number of vectors.
        mean: their mean.
        scatter: sum of (x - mean) (x - mean)^T; unlike a covariance it is defined for a single vector.
    """

    count: int
    mean: Float[Tensor, " D"]
    scatter: Float[Tensor, "D D"]

    @property
    def covariance(self) -> Float[Tensor, "D D"]:
        """Scatter / count. The official FID divides by the count and not by count - 1; so does this.

        Raises:
            ValueError: of no vectors.
        """
        if self.count < 1:
            raise ValueError("a covariance of no feature vectors; expected at least one picture")
        return self.scatter / self.count

    @cached_property
    def root(self) -> Float[Tensor, "D D"]:
        """The symmetric root of the covariance; eigenvalues that rounding made negative count as 0."""
        values, vectors = torch.linalg.eigh(self.covariance)
        return (vectors * values.clamp_min(0).sqrt()) @ vectors.T

    @classmethod
    def of(cls, features: Float[Tensor, "N D"]) -> "Moments":
        """Moments of some vectors; of none if N is 0.

        Example:
            >>> Moments.of(torch.tensor([[0.0], [2.0]])).covariance
            tensor([[1.]], dtype=torch.float64)
        """
        values = features.double()
        if not len(values):
            size = values.shape[1]
            return cls(0, values.new_zeros(size), values.new_zeros(size, size))
        mean = values.mean(dim=0)
        centerd = values - mean
        return cls(len(values), mean, centerd.T @ centerd)

    def __add__(self, other: "Moments") -> "Moments":
        """Moments of both sets together. Source: Chan, Golub, LeVeque 1979, equation 2.1b."""
        count = self.count + other.count
        if count == 0:
            return self
        step = other.mean - self.mean
        share = other.count / count
        scatter = self.scatter + other.scatter + torch.outer(step, step) * (self.count * share)
        return Moments(count, self.mean + step * share, scatter)

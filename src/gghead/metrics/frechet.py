"""The Frechet distance between Gaussians fitted to features. With Inception's features, and only then, it is FID."""

import torch
from jaxtyping import Float
from torch import Tensor

from gghead.metrics.moments import Moments


def frechet_distance(first: Moments, second: Moments) -> float:
    """|m1 - m2|^2 + tr(C1 + C2 - 2 (C1 C2)^(1/2)), the squared 2-Wasserstein distance of two normal distributions.

    The trace of the root is the sum of the roots of the eigenvalues of S C2 S with S = C1^(1/2): a symmetric matrix, so
    that no complex numbers and no regularisation are needed even if the covariances are singular.

    Args:
        first: moments of one set.
        second: of the other, of as many features.

    Returns:
        The distance, never below 0.

    Raises:
        ValueError: a set is empty, the features differ in number, or moments are not finite.

    Source: Dowson and Landau 1982; Heusel et al. 2017, "GANs Trained by a Two Time-Scale Update Rule", equation 6.
    """
    if first.mean.shape != second.mean.shape:
        raise ValueError(f"features of length {len(first.mean)} and {len(second.mean)}; expected the same detector's")
    one, two = first.covariance, second.covariance
    if not bool(torch.isfinite(one).all() and torch.isfinite(two).all()):
        raise ValueError("moments that are not finite; pictures with NaN have to be left out before")
    root = _root(one)
    product = root @ two @ root
    roots = torch.linalg.eigvalsh((product + product.T) / 2).clamp_min(0).sqrt().sum()
    distance = (first.mean - second.mean).square().sum() + one.trace() + two.trace() - 2 * roots
    return max(0.0, float(distance))


def _root(matrix: Float[Tensor, "D D"]) -> Float[Tensor, "D D"]:
    """The symmetric root of a covariance; eigenvalues that rounding made negative count as 0."""
    values, vectors = torch.linalg.eigh(matrix)
    return (vectors * values.clamp_min(0).sqrt()) @ vectors.T

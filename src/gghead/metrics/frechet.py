"""The Frechet distance between Gaussians fitted to features. With Inception's features, and only then, it is FID."""

import torch
from jaxtyping import Float
from torch import Tensor

from gghead.metrics.moments import Moments


def frechet_distance(first: Moments, second: Moments) -> float:
    """|m1 - m2|^2 + tr(C1 + C2 - 2 (C1 C2)^(1/2)), the squared 2-Wasserstein distance of two normal distributions.

    The trace of the root is the sum of the roots of the eigenvalues of S C2 S with S = C1^(1/2): a symmetric matrix, so
    that no complex numbers and no regularisation are needed even if the covariances are singular.

    Raises:
        ValueError: a set is empty, the features differ in number, or moments are not finite.

    Source: Dowson and Landau 1982; Heusel et al. 2017, "GANs Trained by a Two Time-Scale Update Rule", equation 6.
    """
    if first.mean.shape != second.mean.shape:
        raise ValueError(f"features of length {len(first.mean)} and {len(second.mean)}; expected the same detector's")
    one, two = first.covariance, second.covariance
    if not bool(torch.isfinite(one).all() and torch.isfinite(two).all()):
        raise ValueError("moments that are not finite; pictures with NaN have to be left out before")
    product = first.root @ two @ first.root
    roots = torch.linalg.eigvalsh((product + product.T) / 2).clamp_min(0).sqrt().sum()
    return _assembled(first, second, roots)


def frechet_distance_of_few(first: Float[Tensor, "N D"], second: Float[Tensor, "M D"]) -> float:
    """The same of two sets of features, in the time of their numbers instead of that of D: for sets smaller than D.

    With C1 = A^T A and C2 = B^T B the roots of the eigenvalues of C1 C2 are the singular values of A B^T.

    Raises:
        ValueError: as `frechet_distance`.
    """
    one, two = Moments.of(first), Moments.of(second)
    if not bool(first.isfinite().all() and second.isfinite().all()):
        raise ValueError("features that are not finite; pictures with NaN have to be left out before")
    centerd_one = (first.double() - one.mean) / one.count**0.5
    centerd_two = (second.double() - two.mean) / two.count**0.5
    return _assembled(one, two, torch.linalg.svdvals(centerd_one @ centerd_two.T).sum())


def _assembled(first: Moments, second: Moments, roots: Float[Tensor, ""]) -> float:
    squares = (first.mean - second.mean).square().sum()
    return max(0.0, float(squares + first.covariance.trace() + second.covariance.trace() - 2 * roots))

"""The kernel distance (KID with Inception's features): unbiased, so that few pictures do not make it large."""

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

SUBSETS = 100
SUBSET_SIZE = 1000
"""As published. A set that is not larger takes part whole every time; if neither is, one comparison says all."""


@dataclass(frozen=True)
class KernelDistance:
    """Mean over random subsets, and standard deviation from subset to subset: 0 if both sets are compared whole."""

    mean: float
    deviation: float


def kernel_distance(
    real: Float[Tensor, "N D"], fake: Float[Tensor, "M D"], seed: int = 0, subsets: int = SUBSETS
) -> KernelDistance:
    """Squared maximum mean discrepancy with the kernel (x . y / D + 1)^3, over random subsets.

    Raises:
        ValueError: fewer than two pictures in a set.

    Source: Binkowski et al. 2018, "Demystifying MMD GANs", sections 3 and 4.
    """
    size = min(SUBSET_SIZE, len(real), len(fake))
    if size < 2:
        raise ValueError(f"kernel distance of {len(real)} and {len(fake)} pictures; expected at least two of each")
    rng = np.random.default_rng(seed)
    distances = []
    for _ in range(1 if len(real) == len(fake) == size else subsets):
        x = real[torch.from_numpy(rng.choice(len(real), size, replace=False))].double()
        y = fake[torch.from_numpy(rng.choice(len(fake), size, replace=False))].double()
        distances.append(float(squared_discrepancy(x, y)))
    return KernelDistance(float(np.mean(distances)), float(np.std(distances)))


def squared_discrepancy(x: Float[Tensor, "N D"], y: Float[Tensor, "M D"]) -> Float[Tensor, ""]:
    """Unbiased estimate of the squared discrepancy of two sets; below 0 as often as above for samples of one set."""
    within_x, within_y, between = _kernel(x, x), _kernel(y, y), _kernel(x, y)
    n, m = len(x), len(y)
    alike_x = (within_x.sum() - within_x.trace()) / (n * (n - 1))
    alike_y = (within_y.sum() - within_y.trace()) / (m * (m - 1))
    return alike_x + alike_y - 2 * between.mean()


def _kernel(x: Float[Tensor, "N D"], y: Float[Tensor, "M D"]) -> Float[Tensor, "N M"]:
    return (x @ y.T / x.shape[1] + 1) ** 3

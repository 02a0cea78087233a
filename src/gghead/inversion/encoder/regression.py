"""How styles follow from features: ridge regression over heads whose styles are known, from sums that never grow."""

import torch
from jaxtyping import Float
from torch import Tensor, nn

RIDGE = 1.0
"""Weight of the squared coefficients, where features together have a variance of one."""
MIN_DEVIATION = 1e-3
"""Features that vary less than this hardly do, and are not enlarged."""


class StyleMap(nn.Module):
    """Features -> style coordinates, linearly; an untrained one says 0, the mean head.

    Args:
        num_features: numbers of a picture.
        style_size: numbers of a style.

    Attributes:
        center: of the features.
        gain: of each feature, after which they have a variance of one together.
        weight: of the features.
        bias: the mean coordinates.
    """

    center: Float[Tensor, " F"]
    gain: Float[Tensor, " F"]
    weight: Float[Tensor, "F W"]
    bias: Float[Tensor, " W"]

    def __init__(self, num_features: int, style_size: int) -> None:
        super().__init__()
        self.register_buffer("center", torch.zeros(num_features))
        self.register_buffer("gain", torch.ones(num_features))
        self.register_buffer("weight", torch.zeros(num_features, style_size))
        self.register_buffer("bias", torch.zeros(style_size))

    def forward(self, features: Float[Tensor, "B F"]) -> Float[Tensor, "B W"]:
        """Coordinates of the heads in pictures."""
        return ((features - self.center) * self.gain) @ self.weight + self.bias


class Regression:
    """Sums over heads and their pictures, in double precision.

    Args:
        num_features: numbers of a picture.
        style_size: numbers of a style.
        device: where they are added up.

    Attributes:
        moments: of features and a one: of their products with each other.
        products: of those with style coordinates.
    """

    def __init__(self, num_features: int, style_size: int, device: torch.device | str = "cpu") -> None:
        size = num_features + 1
        self.moments = torch.zeros(size, size, dtype=torch.float64, device=device)
        self.products = torch.zeros(size, style_size, dtype=torch.float64, device=device)

    def add(self, features: Float[Tensor, "B F"], places: Float[Tensor, "B W"]) -> None:
        """Adds pictures whose heads' coordinates are known.

        Raises:
            ValueError: a feature or a coordinate is NaN or infinite; the sums stay as they are.
        """
        if not bool(features.isfinite().all() and places.isfinite().all()):
            raise ValueError("pictures of these heads, or their styles, have no finite features; use another model")
        rows = torch.cat([features, features.new_ones(len(features), 1)], dim=1).double()
        self.moments.addmm_(rows.mT, rows)
        self.products.addmm_(rows.mT, places.double())

    def solve(self, ridge: float = RIDGE) -> StyleMap:
        """The map with the least squared error and coefficients.

        Args:
            ridge: weight of the coefficients.

        Raises:
            ValueError: nothing was added.

        Source: Hoerl and Kennard 1970, "Ridge regression: biased estimation for nonorthogonal problems".
        """
        count = float(self.moments[-1, -1])
        if not count:
            raise ValueError("no pictures were added; expected one at least")
        center, bias = self.moments[-1, :-1] / count, self.products[-1] / count
        covariance = self.moments[:-1, :-1] / count - torch.outer(center, center)
        deviations = covariance.diagonal().clamp_min(0).sqrt().clamp_min(MIN_DEVIATION)
        gain = 1 / (deviations * len(center) ** 0.5)
        moments = count * covariance * torch.outer(gain, gain)
        moments.diagonal().add_(ridge)
        products = gain[:, None] * (self.products[:-1] - count * torch.outer(center, bias))
        found = StyleMap(len(center), len(bias)).to(self.moments.device)
        found.center.copy_(center)
        found.gain.copy_(gain)
        found.weight.copy_(torch.linalg.solve(moments, products))
        found.bias.copy_(bias)
        return found

"""Where a crop lies in a photograph: a square that may be turned and may reach beyond the photograph's edges."""

import math
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float


@dataclass(frozen=True)
class Crop:
    """A square of a photograph.

    Attributes:
        center: of the square, pixels of the photograph (x right, y down, centre of the first pixel 0.5).
        side: of the square, pixels of the photograph.
        roll: how far the square is turned clockwise in the photograph, radians.
    """

    center: tuple[float, float]
    side: float
    roll: float

    def to_photograph(self, points: Float[np.ndarray, "*N 2"]) -> Float[np.ndarray, "*N 2"]:
        """Places in the crop, (0, 0) to (1, 1), as pixels of the photograph."""
        return (points - 0.5) * self.side @ self._turn().T + np.array(self.center)

    def from_photograph(self, points: Float[np.ndarray, "*N 2"]) -> Float[np.ndarray, "*N 2"]:
        """The inverse of `to_photograph`."""
        return (points - np.array(self.center)) @ self._turn() / self.side + 0.5

    def widened(self, times: float) -> "Crop":
        """The square around the same centre with so many times the side."""
        return Crop(self.center, self.side * times, self.roll)

    def _turn(self) -> Float[np.ndarray, "2 2"]:
        cos, sin = math.cos(self.roll), math.sin(self.roll)
        return np.array([[cos, -sin], [sin, cos]])

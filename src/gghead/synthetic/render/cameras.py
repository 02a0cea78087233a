"""Cameras of rendered pictures: poses as in FFHQ or all round, distances and lenses, true to the last digit."""

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
from jaxtyping import Float32

from gghead.config.numbers import require_finite
from gghead.geometry.canonical_cameras import posed_label, target_depth
from gghead.geometry.canonical_head import FFHQ_DISTANCE, FFHQ_FOCAL

Poses = Literal["ffhq", "wide", "around"]
NEAREST, FARTHEST = 1.0, 20.0
"""Distances of cameras from the origin, world units: hair reaches 0.6 from it."""
SHORTEST_FOCAL, LONGEST_FOCAL = 0.5, 25.0
"""Focal lengths in units of the side: lenses that see 90 and 2.3 degrees."""
AROUND_PITCH = (math.radians(-30), math.radians(5), math.radians(45))
"""Lowest, likeliest and highest pitch all round."""
AROUND_FRONTAL = 1 / 3
"""Share of pictures all round whose poses are FFHQ's: of even yaws alone only a quarter would show a whole face."""


@dataclass(frozen=True)
class Spread:
    """How poses are drawn, radians.

    Attributes:
        yaw, pitch: standard deviations of normal distributions.
        yaw_limit, pitch_limit: where they are clipped.
        turned: share of pictures whose yaw is uniform up to the limit instead.
    """

    yaw: float
    yaw_limit: float
    pitch: float
    pitch_limit: float
    turned: float


SPREADS: dict[Literal["ffhq", "wide"], Spread] = {
    "ffhq": Spread(math.radians(18), math.radians(45), math.radians(8), math.radians(25), turned=0.0),
    "wide": Spread(math.radians(18), math.radians(90), math.radians(8), math.radians(25), turned=0.5),
}
POSES: tuple[Poses, ...] = (*SPREADS, "around")


@dataclass(frozen=True)
class Optics:
    """Between which bounds distances and focal lengths are drawn, evenly in their logarithms.

    Attributes:
        distance: of the camera from the origin, world units; None for FFHQ's, 2.7.
        focal: in units of the picture's side; None for that which shows the head as large as FFHQ does, whatever the
            distance: 4.2647 at 2.7. With bounds it does not depend on the distance, and heads vary in size.
    """

    distance: tuple[float, float] | None = None
    focal: tuple[float, float] | None = None

    def __post_init__(self) -> None:
        require_bounds("distance", self.distance, NEAREST, FARTHEST)
        require_bounds("focal", self.focal, SHORTEST_FOCAL, LONGEST_FOCAL)

    def draw(self, yaw: float, rng: np.random.Generator) -> tuple[float, float]:
        """Distance and focal length of a picture; bounds that are not given draw nothing from `rng`."""
        distance = FFHQ_DISTANCE if self.distance is None else _between(self.distance, rng)
        if self.focal is not None:
            return distance, _between(self.focal, rng)
        depth = target_depth(yaw)
        return distance, FFHQ_FOCAL * ((distance - depth) / (FFHQ_DISTANCE - depth))


def random_label(
    rng: np.random.Generator, poses: Poses = "ffhq", optics: Optics | None = None
) -> Float32[np.ndarray, "25"]:
    """Camera label of a random pose, from FFHQ's distance with its lens unless there are bounds for them."""
    yaw, pitch = _random_pose(rng, poses)
    return posed_label(yaw, pitch, *(optics or Optics()).draw(yaw, rng))


def require_bounds(name: str, bounds: tuple[float, float] | None, low: float, high: float) -> None:
    """Raises ValueError unless bounds, if any, are two numbers from low to high, the smaller one first."""
    if bounds is None:
        return
    remedy = f"expected two numbers from {low} to {high}, the smaller one first, like 2,4"
    if len(bounds) != 2 or not require_finite(name, bounds[0], low, high, remedy) <= require_finite(
        name, bounds[1], low, high, remedy
    ):
        raise ValueError(f"{name} is {bounds!r}; {remedy}")


def _random_pose(rng: np.random.Generator, poses: Poses) -> tuple[float, float]:
    """Yaw and pitch."""
    if poses == "around" and rng.random() < AROUND_FRONTAL:
        poses = "ffhq"
    if poses == "around":
        return float(rng.uniform(-math.pi, math.pi)), float(rng.triangular(*AROUND_PITCH))
    spread = SPREADS[poses]
    turned, everywhere = rng.random() < spread.turned, rng.uniform(-spread.yaw_limit, spread.yaw_limit)
    yaw, pitch = rng.normal(0, spread.yaw), rng.normal(0, spread.pitch)
    return (
        float(everywhere if turned else np.clip(yaw, -spread.yaw_limit, spread.yaw_limit)),
        float(np.clip(pitch, -spread.pitch_limit, spread.pitch_limit)),
    )


def _between(bounds: tuple[float, float], rng: np.random.Generator) -> float:
    return float(np.exp(rng.uniform(*np.log(bounds))))

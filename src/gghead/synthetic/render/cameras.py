"""Cameras of rendered pictures: poses spread as in FFHQ or all round the face, true to the last digit."""

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
from jaxtyping import Float32

from gghead.geometry.canonical_cameras import posed_label

Poses = Literal["ffhq", "wide"]


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


SPREADS: dict[Poses, Spread] = {
    "ffhq": Spread(math.radians(18), math.radians(45), math.radians(8), math.radians(25), turned=0.0),
    "wide": Spread(math.radians(18), math.radians(90), math.radians(8), math.radians(25), turned=0.5),
}


def random_label(rng: np.random.Generator, poses: Poses = "ffhq") -> Float32[np.ndarray, "25"]:
    """Camera label of a random pose."""
    spread = SPREADS[poses]
    turned, everywhere = rng.random() < spread.turned, rng.uniform(-spread.yaw_limit, spread.yaw_limit)
    yaw, pitch = rng.normal(0, spread.yaw), rng.normal(0, spread.pitch)
    return posed_label(
        float(everywhere if turned else np.clip(yaw, -spread.yaw_limit, spread.yaw_limit)),
        float(np.clip(pitch, -spread.pitch_limit, spread.pitch_limit)),
    )

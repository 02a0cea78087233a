"""Cameras of rendered pictures: poses spread as in FFHQ or all round the face, true to the last digit."""

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from jaxtyping import Float32

from gghead.geometry.cameras import FFHQ_DISTANCE, Cameras
from gghead.geometry.trajectories import on_sphere

Poses = Literal["ffhq", "wide"]
FACE_DEPTH = 0.2
"""Cameras look at (0, 0, this), world: FFHQ's crops turn around the middle of the face."""
FACE_REACH = math.radians(45)
"""Up to this yaw. Farther round they look at ever deeper points, at 90 degrees at the origin, the middle of the head,
which would leave the picture otherwise."""


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


def posed_label(yaw: float, pitch: float) -> Float32[np.ndarray, "25"]:
    """Camera label at the distance of FFHQ; positive yaw stands towards +x, positive pitch above; radians."""
    eye = on_sphere(torch.tensor(yaw, dtype=torch.float64), torch.tensor(pitch, dtype=torch.float64), FFHQ_DISTANCE)
    depth = FACE_DEPTH * min(1.0, max(0.0, (math.pi / 2 - abs(yaw)) / (math.pi / 2 - FACE_REACH)))
    cameras = Cameras.looking_at(eye, torch.tensor((0.0, 0.0, depth), dtype=torch.float64), resolution=1)
    return cameras.labels().numpy().astype(np.float32)

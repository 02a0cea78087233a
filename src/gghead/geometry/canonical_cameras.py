"""Cameras that look at a canonical head as FFHQ's crops do."""

import math

import numpy as np
import torch
from jaxtyping import Float32

from gghead.geometry.cameras import Cameras
from gghead.geometry.canonical_head import FACE_DEPTH, FFHQ_DISTANCE, FFHQ_FOCAL
from gghead.geometry.trajectories import on_sphere

FACE_REACH = math.radians(45)
"""Cameras look at that point up to this yaw. Farther round they look at ever deeper points, at 90 degrees at the
origin, the middle of the head, which would leave the picture otherwise."""


def posed_label(
    yaw: float, pitch: float, distance: float = FFHQ_DISTANCE, focal: float = FFHQ_FOCAL
) -> Float32[np.ndarray, "25"]:
    """Camera label of a pose, that of FFHQ by default.

    Args:
        yaw: around the head, positive towards +x, radians.
        pitch: positive above, radians.
        distance: from the origin, world units.
        focal: focal length in units of the picture's side.
    """
    eye = on_sphere(torch.tensor(yaw, dtype=torch.float64), torch.tensor(pitch, dtype=torch.float64), distance)
    target = torch.tensor((0.0, 0.0, target_depth(yaw)), dtype=torch.float64)
    cameras = Cameras.looking_at(eye, target, resolution=1, focal=focal)
    return cameras.labels().numpy().astype(np.float32)


def target_depth(yaw: float) -> float:
    """z of the point on the axis of the face that a camera at this yaw (radians) looks at, world units."""
    return FACE_DEPTH * min(1.0, max(0.0, (math.pi / 2 - abs(yaw)) / (math.pi / 2 - FACE_REACH)))

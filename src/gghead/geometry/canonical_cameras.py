"""Cameras that look at a canonical head as FFHQ's crops do."""

import math

import numpy as np
import torch
from jaxtyping import Float32

from gghead.geometry.cameras import Cameras
from gghead.geometry.canonical_head import FACE_DEPTH, FFHQ_DISTANCE
from gghead.geometry.trajectories import on_sphere

FACE_REACH = math.radians(45)
"""Cameras look at that point up to this yaw. Farther round they look at ever deeper points, at 90 degrees at the
origin, the middle of the head, which would leave the picture otherwise."""


def posed_label(yaw: float, pitch: float) -> Float32[np.ndarray, "25"]:
    """Camera label at the distance of FFHQ; positive yaw stands towards +x, positive pitch above; radians."""
    eye = on_sphere(torch.tensor(yaw, dtype=torch.float64), torch.tensor(pitch, dtype=torch.float64), FFHQ_DISTANCE)
    depth = FACE_DEPTH * min(1.0, max(0.0, (math.pi / 2 - abs(yaw)) / (math.pi / 2 - FACE_REACH)))
    cameras = Cameras.looking_at(eye, torch.tensor((0.0, 0.0, depth), dtype=torch.float64), resolution=1)
    return cameras.labels().numpy().astype(np.float32)

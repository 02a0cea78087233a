"""Cameras of rendered pictures: poses spread as in FFHQ, true to the last digit."""

import math

import numpy as np
import torch
from jaxtyping import Float32

from gghead.geometry.cameras import FFHQ_DISTANCE, Cameras
from gghead.geometry.trajectories import on_sphere

YAW_SPREAD, YAW_LIMIT = math.radians(18), math.radians(45)
PITCH_SPREAD, PITCH_LIMIT = math.radians(8), math.radians(25)
TARGET = (0.0, 0.0, 0.2)
"""What the cameras look at, world; the middle of a face turns around it in FFHQ-like crops."""


def random_label(rng: np.random.Generator) -> Float32[np.ndarray, "25"]:
    """Camera label with normally distributed yaw and pitch, clipped at the limits."""
    yaw = float(np.clip(rng.normal(0, YAW_SPREAD), -YAW_LIMIT, YAW_LIMIT))
    pitch = float(np.clip(rng.normal(0, PITCH_SPREAD), -PITCH_LIMIT, PITCH_LIMIT))
    return posed_label(yaw, pitch)


def posed_label(yaw: float, pitch: float) -> Float32[np.ndarray, "25"]:
    """Camera label at the distance of FFHQ; positive yaw stands towards +x, positive pitch above; radians."""
    eye = on_sphere(torch.tensor(yaw, dtype=torch.float64), torch.tensor(pitch, dtype=torch.float64), FFHQ_DISTANCE)
    cameras = Cameras.looking_at(eye, torch.tensor(TARGET, dtype=torch.float64), resolution=1)
    return cameras.labels().numpy().astype(np.float32)

"""Cameras that may move a little from where preparation put them, never beyond bounds."""

import math

import torch
from jaxtyping import Float
from torch import Tensor

from gghead.geometry.cameras import Cameras
from gghead.geometry.rotations import matrices_from_quats, quats_from_axis_angles

MAX_TURN = math.radians(6)
"""Rotation about each axis through the middle of the head; 95 of 100 estimates of photographs err by less."""
MAX_SHIFT = 0.04
"""Along each axis of the camera, world units; along the viewing axis this is the scale."""


def refined(cameras: Cameras, motions: Float[Tensor, "P 6"]) -> Cameras:
    """Cameras after small motions of the head before them.

    Args:
        cameras: batch [P].
        motions: three rotations and three shifts, any numbers; tanh of them is the share of the bounds. Zero stays.
    """
    turn, shift = MAX_TURN * motions[:, :3].tanh(), MAX_SHIFT * motions[:, 3:].tanh()
    moved = torch.zeros(len(turn), 4, 4, device=motions.device)
    moved[:, :3, :3] = matrices_from_quats(quats_from_axis_angles(turn))
    moved[:, 3, 3] = 1
    placed = cameras.viewmats @ moved
    offset = torch.zeros_like(placed)
    offset[:, :3, 3] = shift
    return Cameras(placed + offset, cameras.Ks, cameras.width, cameras.height)

"""Cameras that may move a little from where preparation put them, never beyond bounds."""

import math

import torch
from jaxtyping import Float
from torch import Tensor

from gghead.geometry.cameras import Cameras

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
    x, y, z = turn.unbind(-1)
    zero = torch.zeros_like(x)
    cross = torch.stack([zero, -z, y, z, zero, -x, -y, x, zero], dim=-1).reshape(-1, 3, 3)
    moved = torch.zeros(len(turn), 4, 4, device=motions.device)
    moved[:, :3, :3] = torch.linalg.matrix_exp(cross)
    moved[:, 3, 3] = 1
    placed = cameras.viewmats @ moved
    offset = torch.zeros_like(placed)
    offset[:, :3, 3] = shift
    return Cameras(placed + offset, cameras.Ks, cameras.width, cameras.height)

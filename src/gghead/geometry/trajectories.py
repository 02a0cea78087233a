"""Where cameras stand and how they look at something: poses and closed paths."""

import math

import torch
from jaxtyping import Float
from torch import Tensor


def look_at(eyes: Float[Tensor, "*V 3"], target: Float[Tensor, "3"]) -> Float[Tensor, "*V 4 4"]:
    """Camera-to-world poses (OpenCV axes) of cameras that look at a point, with world y up in the picture.

    Args:
        eyes: camera positions, world; none at the target nor straight above or below it.
        target: what they look at, world.

    Raises:
        ValueError: a camera stands at the target or looks straight up or down, so that "up" is not defined.
    """
    forward = target - eyes
    right = torch.cross(forward, eyes.new_tensor([0.0, 1.0, 0.0]).expand_as(forward), dim=-1)
    sideways, ahead = (vectors.square().sum(dim=-1).sqrt() for vectors in (right, forward))
    if bool((sideways < 1e-6 * ahead.clamp_min(1e-6)).any()):
        raise ValueError("a camera stands at its target or looks straight up or down; move it off the vertical axis")
    forward = torch.nn.functional.normalize(forward, dim=-1)
    right = torch.nn.functional.normalize(right, dim=-1)
    down = torch.cross(forward, right, dim=-1)
    pose = torch.zeros(*eyes.shape[:-1], 4, 4, dtype=eyes.dtype, device=eyes.device)
    pose[..., :3, :] = torch.stack([right, down, forward, eyes], dim=-1)
    pose[..., 3, 3] = 1
    return pose


def circle(frames: int, radius: float, distance: float, turns: float = 1) -> Float[Tensor, "frames 3"]:
    """Positions on a circle around the z axis in the plane z = distance, counter-clockwise for its cameras' viewer.

    It starts at the right, x = radius; frame `frames` would be frame 0 again after whole turns.

    Raises:
        ValueError: no frames.
    """
    if frames < 1:
        raise ValueError(f"a path of {frames} cameras; expected at least 1")
    angle = torch.arange(frames) * (2 * math.pi * turns / frames)
    return torch.stack([radius * angle.cos(), radius * angle.sin(), torch.full_like(angle, distance)], dim=-1)


def on_sphere(yaw: Float[Tensor, "*V"], pitch: Float[Tensor, "*V"], distance: float) -> Float[Tensor, "*V 3"]:
    """Positions around the origin: positive yaw moves towards +x, positive pitch up; radians."""
    x, y, z = yaw.sin() * pitch.cos(), pitch.sin(), yaw.cos() * pitch.cos()
    return distance * torch.stack([x, y, z], dim=-1)


def round_the_head(yaw: Float[Tensor, "*V"], pitch: Float[Tensor, "*V"], distance: float) -> Float[Tensor, "*V 4 4"]:
    """Camera-to-world poses (OpenCV axes) of cameras `on_sphere` that look at the origin.

    Where `look_at` would, they have world y up in the picture; straight above and below the head that is the limit from
    the front.
    """
    pose = torch.zeros(*yaw.shape, 4, 4, dtype=yaw.dtype, device=yaw.device)
    forward = on_sphere(yaw, pitch, -1.0)
    right = torch.stack([yaw.cos(), torch.zeros_like(yaw), -yaw.sin()], dim=-1)
    down = torch.cross(forward, right, dim=-1)
    pose[..., :3, :] = torch.stack([right, down, forward, -distance * forward], dim=-1)
    pose[..., 3, 3] = 1
    return pose

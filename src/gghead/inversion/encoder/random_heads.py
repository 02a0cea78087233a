"""Heads and cameras to learn from: places all over the space of styles, and views that photographs have."""

import math

import torch
from jaxtyping import Float
from torch import Tensor

from gghead.geometry.cameras import Cameras, invert_rigid
from gghead.geometry.canonical_cameras import target_depth
from gghead.geometry.canonical_head import FFHQ_DISTANCE, FFHQ_FOCAL
from gghead.geometry.trajectories import look_at, on_sphere
from gghead.inversion.style_space import StyleSpace
from gghead.model.generator import Generator

MIN_TRUNCATION = 0.5
"""Of random heads; up to 1."""
MAX_YAW, MAX_PITCH, MAX_ROLL = math.radians(60), math.radians(25), math.radians(8)
CONCENTRATION = 1.5
"""Power of an even number that an angle is made of: photographs are mostly taken from the front."""
DISTANCE_SD, SHIFT_SD = 0.04, 0.015
"""How crops err: the logarithm of the camera's distance, and its shift along the picture, world units."""
LABEL_ANGLE_SD, LABEL_SHIFT_SD = math.radians(2.0), 0.01
"""How labels of photographs err: rotation about each axis, and shift along each, world units."""


def random_heads(generator: Generator, space: StyleSpace, count: int, random: torch.Generator) -> Float[Tensor, "B W"]:
    """Style coordinates of heads of random latents, truncated."""
    z = torch.randn(count, generator.config.z_size, generator=random, device=random.device)
    styles = generator.map_styles(z, generator.default_conditioning())[:, 0]
    truncation = MIN_TRUNCATION + (1 - MIN_TRUNCATION) * torch.rand(count, 1, generator=random, device=random.device)
    return truncation * space.places(styles)


def random_cameras(count: int, resolution: int, random: torch.Generator) -> Cameras:
    """Cameras that see a head as the crop of a photograph does, with its errors; on the CPU, as is what draws them."""
    even = 2 * torch.rand(4, count, generator=random) - 1
    spread = even.sign() * even.abs() ** CONCENTRATION
    yaw, pitch, roll = MAX_YAW * spread[0], MAX_PITCH * spread[1], MAX_ROLL * spread[2]
    targets = torch.tensor([[0.0, 0.0, target_depth(value)] for value in yaw.tolist()])
    # A camera that goes round another point is one that goes round the origin, shifted.
    eyes = on_sphere(yaw, pitch, FFHQ_DISTANCE)
    placed = invert_rigid(look_at(eyes - targets, torch.zeros(3)))
    placed[:, :3, 3] -= (placed[:, :3, :3] @ targets[..., None])[..., 0]
    placed = _rolled(roll) @ placed
    shifts = SHIFT_SD * torch.randn(count, 3, generator=random)
    shifts[:, 2] = FFHQ_DISTANCE * ((DISTANCE_SD * torch.randn(count, generator=random)).exp() - 1)
    placed[:, :3, 3] += shifts
    K = torch.tensor(
        [[FFHQ_FOCAL * resolution, 0, resolution / 2], [0, FFHQ_FOCAL * resolution, resolution / 2], [0, 0, 1]]
    )
    return Cameras(placed, K.expand(count, 3, 3), resolution, resolution)


def erring_labels(cameras: Cameras, random: torch.Generator) -> Float[Tensor, "B 25"]:
    """Labels as preparation of photographs estimates them."""
    count = len(cameras.viewmats)
    vectors = LABEL_ANGLE_SD * torch.randn(count, 3, generator=random)
    x, y, z = vectors.unbind(-1)
    zero = torch.zeros_like(x)
    cross = torch.stack([zero, -z, y, z, zero, -x, -y, x, zero], dim=-1).reshape(-1, 3, 3)
    motion = torch.eye(4).repeat(count, 1, 1)
    motion[:, :3, :3] = torch.linalg.matrix_exp(cross)
    motion[:, :3, 3] = LABEL_SHIFT_SD * torch.randn(count, 3, generator=random)
    motion = motion.to(cameras.viewmats)
    return Cameras(cameras.viewmats @ motion, cameras.Ks, cameras.width, cameras.height).labels()


def _rolled(angle: Float[Tensor, " B"]) -> Float[Tensor, "B 4 4"]:
    """Rotations about the viewing axis."""
    turn = torch.eye(4).repeat(len(angle), 1, 1)
    turn[:, 0, 0] = turn[:, 1, 1] = angle.cos()
    turn[:, 1, 0] = angle.sin()
    turn[:, 0, 1] = -angle.sin()
    return turn

"""Pinhole cameras in the OpenCV convention, as the rasterizer takes them and as datasets label them.

World: x to the viewer's right when the face is seen from the front, y up, z from the face towards the camera.
Camera: x right, y down, z forward; pixel centres at +0.5. Unit: EG3D's FFHQ unit, 0.55 from a head's chin to its crown.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import torch
from jaxtyping import Float, Shaped
from torch import Tensor

from gghead.config.numbers import require_finite, require_whole, shortened
from gghead.geometry.batches import Batched
from gghead.geometry.canonical_head import CIRCLE_RADIUS, FFHQ_DISTANCE, FFHQ_FOCAL, FFHQ_FOV, HEAD_MIDDLE, PORTRAIT_FOV
from gghead.geometry.devices import require_device
from gghead.geometry.trajectories import circle, look_at, round_the_head

Angles = float | Sequence[float] | Shaped[Tensor, "..."] | Shaped[np.ndarray, "..."]
"""One angle, or one for each camera; radians."""
MIN_DEPTH = 1e-6
"""Points are projected as if they were no nearer to the camera's plane, world units."""


@dataclass(frozen=True, eq=False)
class Cameras(Batched):
    """A batch of cameras that see pictures of one size.

    Attributes:
        viewmats: world -> camera, rigid, OpenCV axes.
        Ks: intrinsics in pixels.
        width: pixels of a row.
        height: pixels of a column.

    Raises:
        ValueError: shapes, types or devices that do not fit together, or pictures without pixels.
    """

    ONE: ClassVar[str] = "a single camera"

    viewmats: Float[Tensor, "*V 4 4"]
    Ks: Float[Tensor, "*V 3 3"]
    width: int
    height: int

    def __post_init__(self) -> None:
        super().__post_init__()
        for name, side in (("width", self.width), ("height", self.height)):
            object.__setattr__(self, name, require_whole(name, side, 1, example="512"))

    @classmethod
    def at(
        cls,
        yaw: Angles = 0.0,
        pitch: Angles = 0.0,
        distance: float = FFHQ_DISTANCE,
        *,
        fov: float = PORTRAIT_FOV,
        resolution: int = 512,
        target: Sequence[float] = HEAD_MIDDLE,
        device: torch.device | str = "cpu",
    ) -> "Cameras":
        """Cameras around a head with the whole of it in the picture: batch [1] of two numbers, [V] of lists.

        Angles are radians here and degrees on the command line: `math.radians(60)`.

        Args:
            yaw: radians around the vertical axis, -2 pi to 2 pi: 0 in front of the face, positive towards +x, the
                right of who looks at it. A number, or one for each camera.
            pitch: radians above the head's middle, -pi / 2 to pi / 2. A number, or one for each camera.
            distance: from the target, world units.
            fov: field of view of the picture's side, radians; `FFHQ_FOV` for what FFHQ's pictures show.
            resolution: side of the pictures in pixels.
            target: point that all cameras go round and look at, world; the middle of the head.
            device: where the tensors live.

        Raises:
            ValueError: an angle that is not finite or out of range (degrees, say), lists of different lengths, or
                numbers that no camera can have.

        Example:
            >>> import gghead
            >>> gghead.Cameras.at(yaw=[-1.0, 0.0, 1.0], pitch=0.2, resolution=256)
            Cameras(batch [3], 256 x 256 pixels, on cpu)
        """
        yaws, pitches = _angles("yaw", yaw, 2 * math.pi), _angles("pitch", pitch, math.pi / 2)
        try:
            yaws, pitches = yaws + torch.zeros_like(pitches), pitches + torch.zeros_like(yaws)
        except RuntimeError as error:
            shapes = f"{list(yaws.shape)} yaws and {list(pitches.shape)} pitches"
            raise ValueError(f"{shapes} do not pair; expected as many of both, or one for all") from error
        require_device(device)
        away = require_finite("distance", distance, 1e-6, 1e6, "expected a positive number of world units, like 2.7")
        poses = round_the_head(yaws, pitches, away)
        poses[..., :3, 3] += _point(target)
        return cls._square(poses.to(device), resolution, _focal(fov))

    @classmethod
    def frontal(cls, resolution: int = 512, device: torch.device | str = "cpu", *, fov: float = FFHQ_FOV) -> "Cameras":
        """One camera at rest, batch [1]: it stands at (0, 0, 2.7) and looks along -z.

        With FFHQ's field of view it is the camera of training and evaluation, which cuts the crown; `Cameras.at()`
        stands at the same place and shows the whole head.

        Args:
            resolution: side of the picture in pixels.
            device: where the tensors live.
            fov: field of view of the picture's side, radians.

        Raises:
            ValueError: numbers that no camera can have.

        Example:
            >>> import gghead
            >>> gghead.Cameras.frontal(resolution=64).viewmats.shape
            torch.Size([1, 4, 4])
        """
        require_device(device)
        eye = torch.tensor([[0.0, 0.0, FFHQ_DISTANCE]])
        return cls._square(look_at(eye, torch.zeros(3)).to(device), resolution, _focal(fov))

    @classmethod
    def orbit(
        cls,
        frames: int,
        resolution: int = 512,
        radius: float = CIRCLE_RADIUS,
        turns: float = 1,
        device: torch.device | str = "cpu",
        *,
        fov: float = FFHQ_FOV,
        target: Sequence[float] = (0.0, 0.0, 0.0),
    ) -> "Cameras":
        """Cameras on a circle in front of the head that look at it, batch [frames]: the official videos' path.

        Round the head goes `Cameras.at(yaw=torch.arange(frames) * (2 * torch.pi / frames))`.

        Args:
            frames: number of cameras; frame `frames` would stand where frame 0 stands if the turns are whole.
            resolution: side of the pictures in pixels.
            radius: radius of the circle, world units; its centre is (0, 0, 2.7).
            turns: how often the circle is gone round.
            device: where the tensors live.
            fov: field of view of the picture's side, radians; `PORTRAIT_FOV` for the whole head.
            target: point that all cameras look at, world.

        Raises:
            ValueError: no frames, or numbers that no camera can have.

        Source: the published sampling of GGHead: radius 0.6 at distance 2.7.
        """
        require_device(device)
        frames = require_whole("the number of frames", frames, 1, example="96")
        radius = require_finite("radius", radius, 0, 1e6, "expected a number of world units from 0 up, like 0.6")
        turns = require_finite("turns", turns, -1e6, 1e6, "expected a number, like 1")
        eyes = circle(frames, radius, FFHQ_DISTANCE, turns)
        return cls._square(look_at(eyes, _point(target)).to(device), resolution, _focal(fov))

    @classmethod
    def looking_at(
        cls, eyes: Float[Tensor, "*V 3"], target: Float[Tensor, "3"], resolution: int, focal: float = FFHQ_FOCAL
    ) -> "Cameras":
        """Square pictures from given positions towards one point, y up.

        Args:
            eyes: camera positions, world.
            target: point that all cameras look at, world.
            resolution: side of the pictures in pixels.
            focal: focal length in units of the picture's side.

        Raises:
            ValueError: a camera stands at the target or looks straight up or down, or what no camera can have.
        """
        focal = require_finite(
            "the focal length", focal, 1e-6, 1e6, "expected a positive number of picture sides, like 4.2647"
        )
        places = _floats("eyes", eyes, 3, "positions, [*batch, 3]")
        goal = _floats("the numbers of the target", target, 3, "a point of three numbers, like (0, 0, 0)").to(places)
        if goal.ndim != 1:
            raise ValueError(f"the target has shape {list(goal.shape)}; expected one point for all cameras, [3]")
        return cls._square(look_at(places, goal), resolution, focal)

    @classmethod
    def _square(cls, poses: Float[Tensor, "*V 4 4"], resolution: int, focal: float) -> "Cameras":
        """Cameras of camera-to-world poses, the principal point in the middle."""
        side = require_whole("resolution", resolution, 1, example="512 pixels a side")
        K = torch.tensor(
            [[focal * side, 0, side / 2], [0, focal * side, side / 2], [0, 0, 1]],
            dtype=poses.dtype,
            device=poses.device,
        )
        return cls(invert_rigid(poses), K.expand(*poses.shape[:-2], 3, 3), side, side)

    @classmethod
    def from_labels(cls, labels: Float[Tensor, "*V 25"], resolution: int) -> "Cameras":
        """Cameras of dataset labels, drawn at a resolution.

        Args:
            labels: row-major 4 x 4 camera-to-world (OpenCV axes), then row-major 3 x 3 intrinsics in units of the side.
            resolution: side of the pictures in pixels.

        Raises:
            ValueError: labels of another length, or no whole number of pixels.
        """
        labels = _floats("labels", labels, 25, "25 numbers each, [*batch, 25]")
        resolution = require_whole("resolution", resolution, 1, example="512 pixels a side")
        cam2world = labels[..., :16].reshape(*labels.shape[:-1], 4, 4)
        Ks = labels[..., 16:].reshape(*labels.shape[:-1], 3, 3)
        return cls(invert_rigid(cam2world), _scaled(Ks, resolution), resolution, resolution)

    def labels(self) -> Float[Tensor, "*V 25"]:
        """The inverse of `from_labels`.

        Raises:
            ValueError: the pictures are not square, which labels can't say.
        """
        if self.width != self.height:
            raise ValueError(
                f"labels describe square pictures; these cameras' have {self.width} x {self.height} pixels"
            )
        # A tensor made of Python's numbers would be copied to a GPU, which no CUDA graph can capture.
        Ks = torch.cat([self.Ks[..., :2, :] / self.width, self.Ks[..., 2:, :]], dim=-2)
        return torch.cat([invert_rigid(self.viewmats).flatten(-2), Ks.flatten(-2)], dim=-1)

    def centers(self) -> Float[Tensor, "*V 3"]:
        """Camera positions, world."""
        return invert_rigid(self.viewmats)[..., :3, 3]

    def project(self, points: Float[Tensor, "*#V N 3"]) -> tuple[Float[Tensor, "*V N 2"], Float[Tensor, "*V N 1"]]:
        """Where points are seen.

        Args:
            points: world; those of each camera, or the same for all.

        Returns:
            Places in the picture in pixels, centres of pixels at +0.5, and camera z in world units. Places of points
            that are not in front of the camera, where camera z is not above 0, mean nothing.

        Example:
            >>> import gghead, torch
            >>> pixels, depth = gghead.Cameras.frontal(resolution=64).project(torch.zeros(1, 3))
            >>> pixels.tolist(), round(depth.item(), 3)
            ([[[32.0, 32.0]]], 2.7)
        """
        seen = points @ self.viewmats[..., :3, :3].mT + self.viewmats[..., None, :3, 3]
        depth = seen[..., 2:]
        return seen[..., :2] / depth.clamp_min(MIN_DEPTH) * self._focal() + self.Ks[..., None, :2, 2], depth

    def unproject(self, pixels: Float[Tensor, "*#V N 2"], depth: Float[Tensor, "*V N 1"]) -> Float[Tensor, "*V N 3"]:
        """World points that are seen at places of the picture in a depth; the inverse of `project`.

        Args:
            pixels: places in the picture of each camera, or the same for all; centres of pixels at +0.5.
            depth: camera z, world units.
        """
        slopes = (pixels - self.Ks[..., None, :2, 2]) / self._focal()
        seen = torch.cat([slopes * depth, depth], dim=-1)
        return seen @ self.viewmats[..., :3, :3] + self.centers()[..., None, :]

    def _focal(self) -> Float[Tensor, "*V 1 2"]:
        """Focal lengths in pixels along both axes; skew, which no camera here has, counts for nothing."""
        return self.Ks.diagonal(dim1=-2, dim2=-1)[..., None, :2]

    def magnified(self, times: int) -> "Cameras":
        """The same views in so many times as many pixels a side."""
        return Cameras(self.viewmats, _scaled(self.Ks, times), times * self.width, times * self.height)

    def __repr__(self) -> str:
        """Batch, size of the pictures and device; never the numbers."""
        return (
            f"Cameras(batch {list(self.batch_shape)}, {self.width} x {self.height} pixels, on {self.viewmats.device})"
        )


def _scaled(Ks: Float[Tensor, "*V 3 3"], factor: float) -> Float[Tensor, "*V 3 3"]:
    """Intrinsics in pixels so many times as small."""
    return torch.cat([Ks[..., :2, :] * factor, Ks[..., 2:, :]], dim=-2)


def _point(target: Sequence[float]) -> Float[Tensor, "3"]:
    try:
        point = torch.as_tensor(target, dtype=torch.float32).cpu()
    except (TypeError, ValueError, RuntimeError):
        point = torch.empty(0)
    if point.shape != (3,) or not bool(point.isfinite().all()):
        raise ValueError(f"the target is {shortened(target)}; expected a point of three numbers, like (0, 0, 0)")
    return point


def _floats(name: str, value: object, count: int, expected: str) -> Float[Tensor, "..."]:
    """Floating-point numbers whose last axis is so long, as a tensor."""
    try:
        tensor = torch.as_tensor(value)
    except (TypeError, ValueError, RuntimeError) as error:
        raise ValueError(f"{name} is {shortened(value)}; expected {expected}") from error
    if tensor.shape[-1:] != (count,) or tensor.is_complex() or tensor.dtype == torch.bool:
        raise ValueError(f"{name} have shape {list(tensor.shape)} and are {tensor.dtype}; expected {expected}")
    return tensor if tensor.is_floating_point() else tensor.float()


def _focal(fov: float) -> float:
    """Focal length of a field of view, in units of the picture's side."""
    fov = require_finite("fov", fov, 1e-3, math.pi - 1e-3, "expected radians between 0 and pi, like math.radians(18)")
    return 0.5 / math.tan(fov / 2)


def _angles(name: str, value: object, most: float) -> Float[Tensor, "..."]:
    """Angles as a tensor with a batch axis, on the CPU, checked."""
    try:
        angles = torch.as_tensor(value).cpu()
    except (TypeError, ValueError, RuntimeError) as error:
        raise ValueError(f"{name} is {shortened(value)}; expected radians: a number, or a list of them") from error
    if angles.dtype == torch.bool or angles.is_complex() or not angles.numel():
        raise ValueError(f"{name} is {shortened(value)}; expected radians: a number, or a list of them")
    angles = angles.reshape(angles.shape or (1,))
    angles = angles if angles.dtype == torch.float64 else angles.float()
    # A thousandth more, so that a whole turn in float32 is one.
    if not bool((angles.abs() <= most + 1e-3).all()):
        raise ValueError(
            f"{name} is {shortened(value)}; expected radians from {-most:.4g} to {most:.4g}: "
            "math.radians(60) for 60 degrees"
        )
    return angles.float()


def invert_rigid(matrices: Shaped[Tensor, "*V 4 4"]) -> Shaped[Tensor, "*V 4 4"]:
    """Inverse of rigid motions: the transposed rotation and the translation turned back."""
    rotation = matrices[..., :3, :3].mT
    # A product of matrices would be rounded to 16 bits under autocast.
    translation = -(rotation * matrices[..., None, :3, 3]).sum(-1, keepdim=True)
    return torch.cat([torch.cat([rotation, translation], dim=-1), matrices[..., 3:, :]], dim=-2)

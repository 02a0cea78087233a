"""Pinhole cameras in the OpenCV convention, as the rasterizer takes them and as datasets label them.

World: x to the viewer's right when the face is seen from the front, y up, z from the face towards the camera.
Camera: x right, y down, z forward; pixel centres at +.5. Unit: EG3D's FFHQ unit, a head is about .8 high.
"""

from dataclasses import dataclass

import torch
from jaxtyping import Float, Shaped
from torch import Tensor

from gghead.geometry.trajectories import circle, look_at

FFHQ_FOCAL = 4.2647
"""Focal length of the FFHQ cameras, in units of the picture's side."""
FFHQ_DISTANCE = 2.7
"""Distance of the FFHQ cameras from the origin, world units."""


@dataclass(frozen=True)
class Cameras:
    """A batch of cameras that see pictures of one size.

    Attributes:
        viewmats: world -> camera, rigid, OpenCV axes.
        Ks: intrinsics in pixels.
        width: pixels of a row.
        height: pixels of a column.
    """

    viewmats: Float[Tensor, "*V 4 4"]
    Ks: Float[Tensor, "*V 3 3"]
    width: int
    height: int

    @property
    def batch_shape(self) -> torch.Size:
        """Shape of the batch, the stars in *V."""
        return self.viewmats.shape[:-2]

    @classmethod
    def frontal(cls, resolution: int, device: torch.device | str = "cpu") -> "Cameras":
        """One camera at rest, batch [1]: it stands at (0, 0, 2.7) and looks along -z, with the focal length of FFHQ.

        Example:
            >>> Cameras.frontal(resolution=64).viewmats.shape
            torch.Size([1, 4, 4])
        """
        eye = torch.tensor([[0.0, 0.0, FFHQ_DISTANCE]], device=device)
        return cls.looking_at(eye, torch.zeros(3, device=device), resolution)

    @classmethod
    def orbit(
        cls,
        frames: int,
        resolution: int = 512,
        radius: float = 0.6,
        turns: float = 1,
        device: torch.device | str = "cpu",
    ) -> "Cameras":
        """Cameras on a circle in front of the head that look at it, batch [frames]: the official videos' path.

        Args:
            frames: number of cameras; frame `frames` would stand where frame 0 stands if the turns are whole.
            resolution: side of the pictures in pixels.
            radius: radius of the circle, world units; its centre is (0, 0, 2.7).
            turns: how often the circle is gone round.
            device: where the tensors live.

        Raises:
            ValueError: no frames.

        Source: the published sampling of GGHead: radius .6 at distance 2.7.
        """
        eyes = circle(frames, radius, FFHQ_DISTANCE, turns).to(device)
        return cls.looking_at(eyes, torch.zeros(3, device=device), resolution)

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
        """
        K = torch.tensor(
            [[focal * resolution, 0, resolution / 2], [0, focal * resolution, resolution / 2], [0, 0, 1]],
            dtype=eyes.dtype,
            device=eyes.device,
        )
        return cls(invert_rigid(look_at(eyes, target)), K.expand(*eyes.shape[:-1], 3, 3), resolution, resolution)

    @classmethod
    def from_labels(cls, labels: Float[Tensor, "*V 25"], resolution: int) -> "Cameras":
        """Cameras of dataset labels, drawn at a resolution.

        Args:
            labels: row-major 4 x 4 camera-to-world (OpenCV axes), then row-major 3 x 3 intrinsics in units of the side.
            resolution: side of the pictures in pixels.
        """
        cam2world = labels[..., :16].unflatten(-1, (4, 4))
        Ks = labels[..., 16:].unflatten(-1, (3, 3))
        in_pixels = torch.cat([Ks[..., :2, :] * resolution, Ks[..., 2:, :]], dim=-2)
        return cls(invert_rigid(cam2world), in_pixels, resolution, resolution)

    def labels(self) -> Float[Tensor, "*V 25"]:
        """The inverse of `from_labels`, for square pictures."""
        assert self.width == self.height, "labels describe square pictures"
        Ks = self.Ks / self.Ks.new_tensor([[self.width], [self.height], [1.0]])
        return torch.cat([invert_rigid(self.viewmats).flatten(-2), Ks.flatten(-2)], dim=-1)

    def centers(self) -> Float[Tensor, "*V 3"]:
        """Camera positions, world."""
        return invert_rigid(self.viewmats)[..., :3, 3]

    def to(self, device: torch.device | str) -> "Cameras":
        """The same cameras on another device."""
        return Cameras(self.viewmats.to(device), self.Ks.to(device), self.width, self.height)

    def magnified(self, times: int) -> "Cameras":
        """The same views in so many times as many pixels a side."""
        scale = self.Ks.new_tensor([[times], [times], [1]])
        return Cameras(self.viewmats, self.Ks * scale, times * self.width, times * self.height)

    def __getitem__(self, index: object) -> "Cameras":
        """Indexes the batch."""
        return Cameras(self.viewmats[index], self.Ks[index], self.width, self.height)

    def __len__(self) -> int:
        """Length of the batch's first axis."""
        return len(self.viewmats)


def invert_rigid(matrices: Shaped[Tensor, "*V 4 4"]) -> Shaped[Tensor, "*V 4 4"]:
    """Inverse of rigid motions: the transposed rotation and the translation turned back."""
    rotation = matrices[..., :3, :3].mT
    translation = -(rotation @ matrices[..., :3, 3:])
    return torch.cat([torch.cat([rotation, translation], dim=-1), matrices[..., 3:, :]], dim=-2)

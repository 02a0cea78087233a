"""Does a backend draw what the reference draws, on this machine? A few numbers for `gghead doctor`."""

from dataclasses import dataclass

import torch
from torch import Tensor

from gghead.gaussians.scene import Gaussians
from gghead.geometry.cameras import Cameras
from gghead.rasterizer.api import render
from gghead.rasterizer.backends import Backend

PICTURE_BOUND = 1e-4
"""Mean error of a sound picture: rounding, and a few cut-offs that rounding flips."""
GRADIENT_BOUND = 1e-2
"""Error of a sound gradient in norm, relative to its norm: likewise."""
COUNT, SIDE = 400, 48
"""Gaussians and pixels of a side: seconds for the reference, and yet several tiles with full pixels."""


@dataclass(frozen=True)
class Errors:
    """How far a backend is from the reference in double precision.

    Attributes:
        picture: mean absolute difference of the colours.
        gradient: largest difference of a gradient in norm, relative to its norm.
    """

    picture: float
    gradient: float

    @property
    def sound(self) -> bool:
        """Whether both are as small as rounding makes them; NaN is not."""
        return self.picture <= PICTURE_BOUND and self.gradient <= GRADIENT_BOUND


def self_test(backend: Backend, device: str) -> Errors:
    """Draws a cloud of Gaussians with a backend and with the reference, on a device that suits the backend.

    Example:
        >>> self_test("reference", "cpu").sound
        True
    """
    scene = cloud(device)
    picture, gradients = draw(scene, backend, torch.float32)
    expected, expected_gradients = draw(scene, "reference", torch.float64)
    distances = [
        float((got.double() - wanted).norm() / wanted.norm().clamp_min(1e-12))
        for got, wanted in zip(gradients, expected_gradients, strict=True)
    ]
    return Errors(float((picture.double() - expected).abs().mean()), max(distances))


def cloud(device: str) -> Gaussians:
    """Gaussians of many sizes and opacities where a head would be, the same on every machine."""
    generator = torch.Generator().manual_seed(0)
    return Gaussians(
        means=torch.randn(COUNT, 3, generator=generator) * 0.15,
        quats=torch.randn(COUNT, 4, generator=generator),
        scales=(torch.randn(COUNT, 3, generator=generator) * 0.5 - 3.5).exp(),
        opacities=torch.sigmoid(torch.randn(COUNT, generator=generator) * 2),
        sh=torch.randn(COUNT, 4, 3, generator=generator) * 0.5,
    ).to(device)


def draw(scene: Gaussians, backend: Backend, dtype: torch.dtype) -> tuple[Tensor, list[Tensor]]:
    """A picture and the gradients of its squares by all that a scene is made of."""
    leaves = scene.map(lambda tensor: tensor.to(dtype).requires_grad_())
    camera = Cameras.frontal(SIDE, device=scene.means.device)
    camera = Cameras(camera.viewmats.to(dtype), camera.Ks.to(dtype), SIDE, SIDE)
    picture = render(leaves, camera, backend=backend).rgb
    gradients = torch.autograd.grad(picture.square().sum(), [getattr(leaves, name) for name in vars(leaves)])
    return picture.detach(), list(gradients)

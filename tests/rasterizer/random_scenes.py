"""Scenes and cameras for tests of the rasterizer, and pictures with their gradients."""

from dataclasses import dataclass

import torch
from torch import Tensor

from gghead.gaussians.scene import Gaussians
from gghead.geometry.cameras import Cameras
from gghead.geometry.trajectories import on_sphere
from gghead.rasterizer import Rendering, render


@dataclass(frozen=True)
class Drawn:
    """A rendering and the gradients of a random loss over all of its outputs."""

    rendering: Rendering
    gradients: dict[str, Tensor]


def random_scene(count: int, batch: tuple[int, ...] = (), coefficients: int = 4, seed: int = 0) -> Gaussians:
    """Gaussians of many sizes and opacities around the origin, some too faint to show."""
    generator = torch.Generator().manual_seed(seed)
    shape = (*batch, count)
    return Gaussians(
        means=torch.randn(*shape, 3, generator=generator) * 0.25,
        quats=torch.randn(*shape, 4, generator=generator),
        scales=(torch.randn(*shape, 3, generator=generator) * 0.5 - 3.5).exp(),
        opacities=torch.sigmoid(torch.randn(shape, generator=generator) * 3),
        sh=torch.randn(*shape, coefficients, 3, generator=generator) * 0.5,
    )


def random_features(scene: Gaussians, channels: int, seed: int = 1) -> Tensor:
    """Features for every Gaussian."""
    return torch.randn(*scene.opacities.shape, channels, generator=torch.Generator().manual_seed(seed))


def cameras_around(batch: tuple[int, ...], width: int, height: int, seed: int = 2) -> Cameras:
    """Cameras at rest distance that look at the origin from somewhere in front."""
    generator = torch.Generator().manual_seed(seed)
    yaw, pitch = torch.rand(2, *batch, generator=generator) - 0.5
    square = Cameras.looking_at(on_sphere(yaw, pitch, 2.7), torch.zeros(3), max(width, height))
    return Cameras(square.viewmats, square.Ks, width, height)


def draw_with_gradients(
    scene: Gaussians,
    features: Tensor,
    cameras: Cameras,
    background: Tensor,
    backend: str,
    dtype: torch.dtype,
    deterministic: bool | None = None,
) -> Drawn:
    """Draws copies of the inputs where the backend lives and differentiates a random linear loss by each."""
    device = "cuda" if backend == "cuda" else "cpu"
    leaves = scene.map(lambda tensor: tensor.detach().clone().to(device, dtype).requires_grad_())
    extra, behind, viewmats = (
        tensor.detach().clone().to(device, dtype).requires_grad_()
        for tensor in (features, background, cameras.viewmats)
    )
    moved = Cameras(viewmats, cameras.Ks.to(device, dtype), cameras.width, cameras.height)
    rendering = render(
        leaves, moved, background=behind, features=extra, backend=backend, deterministic=deterministic
    )  # fmt: skip
    generator = torch.Generator().manual_seed(3)
    loss = torch.zeros((), dtype=dtype, device=device)
    for output in (rendering.rgb, rendering.alpha, rendering.depth, rendering.features):
        loss = loss + (output * torch.randn(output.shape, generator=generator).to(device, dtype)).sum()
    loss.backward()
    gradients = {name: getattr(leaves, name).grad for name in ("means", "quats", "scales", "opacities", "sh")}
    gradients |= {"features": extra.grad, "background": behind.grad, "viewmats": viewmats.grad}
    return Drawn(
        Rendering(*(getattr(rendering, name).detach().cpu() for name in ("rgb", "alpha", "depth", "features"))),
        {name: gradient.cpu() for name, gradient in gradients.items() if gradient is not None},
    )

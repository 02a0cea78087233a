"""A head for tests of exports: the template's texels with a face painted on, and Gaussians of all shapes."""

import torch

from gghead.config.model import GeneratorConfig
from gghead.gaussians.scene import Gaussians
from gghead.geometry.cameras import Cameras
from gghead.geometry.spherical_harmonics import C0
from gghead.model.generator import Generator, build_generator

GRID = 96
"""9,000 Gaussians: enough for a face, few enough for a test."""


def small_generator() -> Generator:
    """A generator on the template whose network is as small as it can be."""
    config = GeneratorConfig(
        z_size=8, style_size=8, map_resolution=64, channel_base=64, channel_max=8, grid_size=GRID, max_log_scale=-2.0
    )
    return build_generator(config, seed=0)


def painted_head(generator: Generator) -> Gaussians:
    """Skin, hair, eyes and a mouth; sizes, opacities and view-dependent colours vary from texel to texel."""
    points, random = generator.template_positions, torch.Generator().manual_seed(0)
    x, y, z = points.unbind(-1)
    count = len(points)
    rgb = torch.tensor([0.8, 0.6, 0.5]).repeat(count, 1)
    rgb[(y > 0.22) | ((z < -0.15) & (y > -0.15))] = torch.tensor([0.25, 0.15, 0.08])
    rgb[((x.abs() - 0.085) ** 2 + (y - 0.11) ** 2 < 0.03**2) & (z > 0)] = torch.tensor([0.1, 0.1, 0.3])
    rgb[((x / 0.06) ** 2 + ((y + 0.07) / 0.02) ** 2 < 1) & (z > 0)] = torch.tensor([0.7, 0.2, 0.2])
    rgb[x > 0.2] = torch.tensor([0.2, 0.7, 0.2])  # tells right from left
    sh = 0.1 * torch.randn(count, 4, 3, generator=random)
    sh[:, 0] = (rgb - 0.5) / C0
    return Gaussians(
        means=points + 0.005 * torch.randn(count, 3, generator=random),
        quats=torch.nn.functional.normalize(torch.randn(count, 4, generator=random), dim=-1),
        scales=(0.4 * torch.randn(count, 3, generator=random) - 4.3).exp(),
        opacities=torch.sigmoid(2 * torch.randn(count, generator=random) + 2),
        sh=sh,
    )


def around(resolution: int = 128) -> Cameras:
    """Cameras in front, beside and above the head, farther round than the official videos go."""
    eyes = torch.tensor([[0.0, 0.0, 2.7], [2.0, 0.3, 1.8], [-1.0, 1.2, -2.0]])
    return Cameras.looking_at(eyes, torch.zeros(3), resolution)


def psnr(first: torch.Tensor, second: torch.Tensor) -> float:
    """Peak signal to noise ratio of pictures in [0, 1], dB."""
    return float(-10 * (first.clamp(0, 1) - second.clamp(0, 1)).square().mean().clamp_min(1e-12).log10())

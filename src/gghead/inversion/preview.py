"""What a fit looks like so far: each picture, the head beside it, and the head from other sides."""

import math

import torch
from jaxtyping import Float
from torch import Tensor

from gghead.gaussians.scene import Gaussians
from gghead.geometry.cameras import Cameras
from gghead.inference.observation import as_learned
from gghead.inversion.fitting import Fitting

YAWS = (-60, -30, 30, 60)
"""Degrees."""
MAX_ROWS = 4
"""Pictures that are shown."""


@torch.no_grad()
def preview(fitting: Fitting) -> Float[Tensor, "H W 3"]:
    """A row for each of the first pictures: the picture, the head as it is fitted to it, the head from other sides."""
    targets, fit = fitting.targets, fitting.fit
    chosen = torch.arange(min(len(targets), MAX_ROWS), device=targets.pixels.device)
    behind = targets.backgrounds[chosen, 0]
    maps = fitting.base_maps() + fit.residual()
    rgb, alpha = (drawn * targets.inside[chosen] for drawn in fitting.draw(maps, chosen))
    drawn = rgb + (1 - alpha) * behind[:, None, None]
    cameras = Cameras.at([math.radians(yaw) for yaw in YAWS], resolution=targets.cameras.width, device=maps.device)
    heads: Gaussians = fitting.generator.decode_maps(maps).gaussians
    around = as_learned(fitting.generator.config).render(heads, cameras).rgb
    rows = [
        torch.cat([wanted, found, *(around if number == 0 else torch.ones_like(around))], dim=1)
        for number, (wanted, found) in enumerate(zip(targets.over(chosen, behind), drawn, strict=True))
    ]
    return torch.cat(rows).clamp(0, 1)

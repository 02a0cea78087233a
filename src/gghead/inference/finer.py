"""Heads for pictures that are finer than those a model learned from."""

from dataclasses import replace

import torch

from gghead.gaussians.scene import Gaussians
from gghead.geometry.cameras import FFHQ_DISTANCE, FFHQ_FOCAL, Cameras
from gghead.model.generator import Generator
from gghead.rasterizer.constants import BLUR

SAME = 1e-3
"""Pixels that are smaller by less than this share are the model's own."""


@torch.no_grad()
def smooth(heads: Gaussians, generator: Generator, cameras: Cameras | None = None) -> Gaussians:
    """Widens Gaussians by what the model's own pixels blurred, and smaller ones do not.

    Every renderer of Gaussians widens their projections by about half a pixel. A model learns with the pixels of its
    own pictures; in finer ones thin Gaussians come apart into dots. Here they get in space what they lose on screen.

    Args:
        heads: any batch.
        generator: that made them. If it does not know the size of its pictures (`config.picture_resolution`), as models
            imported from the official release do not, nothing changes.
        cameras: that will see them; None for cameras as near as can be, as for files that other programs show.

    Returns:
        The same heads if the cameras' pixels are no smaller, at the origin, than the model's at rest.

    Example:
        >>> from gghead.config.model import GeneratorConfig
        >>> from gghead.model.generator import build_generator
        >>> config = GeneratorConfig(map_resolution=16, channel_base=64, grid_size=8, picture_resolution=64)
        >>> generator = build_generator(config, seed=0)
        >>> heads = generator.sample(seeds=[0])
        >>> bool((smooth(heads, generator, Cameras.frontal(256)).scales > heads.scales).all())
        True

    Source: Yu et al. 2024, "Mip-Splatting", the 3D smoothing filter, without its normalisation, which the renderers'
    blur does not have either.
    """
    if generator.config.picture_resolution is None:
        return heads
    own = FFHQ_DISTANCE / (FFHQ_FOCAL * generator.config.picture_resolution)
    pixel = heads.means.new_zeros(())
    if cameras is not None:
        pixel = (cameras.centers().norm(dim=-1) / cameras.Ks[..., 0, 0]).min().to(pixel)
    lost = BLUR * (own**2 - pixel.square())
    added = torch.where(pixel < (1 - SAME) * own, lost, 0).clamp_min(0).sqrt()
    return replace(heads, scales=torch.hypot(heads.scales, added))

"""Heads for pictures that are finer than those a model learned from."""

from dataclasses import replace

import torch
from jaxtyping import Int
from torch import Tensor

from gghead.config.model import GeneratorConfig
from gghead.gaussians.scene import Gaussians
from gghead.geometry.cameras import Cameras
from gghead.geometry.canonical_head import FFHQ_DISTANCE, FFHQ_FOCAL
from gghead.geometry.grids import grid_places
from gghead.geometry.rotations import matrices_from_quats, quats_from_matrices
from gghead.model.generator import Generator
from gghead.rasterizer.constants import BLUR

SAME = 1e-3
"""Pixels that are smaller by less than this share are the model's own."""
COVER = 0.3
"""Standard deviation of a Gaussian along the way to its neighbour, in times of their distance, that closes a gap."""
FARTHEST = 8
"""Gaussians as far apart as so many of the model's pixels still belong together; at twice that they do not at all."""


@torch.no_grad()
def smooth(heads: Gaussians, generator: Generator, cameras: Cameras | None = None) -> Gaussians:
    """Makes heads whole for pictures finer than a model's own, in which they would come apart into dots.

    Every renderer of Gaussians widens their projections by about half a pixel, and a model learns with the pixels of
    its own pictures. Here Gaussians get in space what they lose on screen, and where the chart is stretched, as in
    rims of hair, they reach out to their neighbours.

    Args:
        heads: any batch.
        generator: that made them. If it does not know the size of its pictures (`config.picture_resolution`), as models
            imported from the official release do not, nothing changes.
        cameras: that will see them; None for cameras as near as can be, as for files that other programs show.

    Returns:
        The same heads if the cameras' pixels are no smaller, at the origin, than the model's at rest.

    Raises:
        ValueError: the heads are not of that generator.

    Example:
        >>> import gghead
        >>> generator = gghead.load()
        >>> heads = generator.sample(seeds=[0])
        >>> wider = gghead.smooth(heads, generator, gghead.Cameras.at(resolution=1024))
        >>> bool(wider.scales.mean() > heads.scales.mean())
        True

    Source: Yu et al. 2024, "Mip-Splatting", the 3D smoothing filter, without its normalisation, which the renderers'
    blur does not have either; `close_gaps` for the rest.
    """
    if not are_finer(cameras, generator.config):
        return heads
    return widen(close_gaps(heads, generator), lost_blur(generator.config, cameras))


def are_finer(cameras: Cameras | None, config: GeneratorConfig) -> bool:
    """Whether the pixels of cameras are smaller than those of the pictures that a model learned from."""
    learned = config.picture_resolution
    return learned is not None and smallest_pixel(cameras) < (1 - SAME) * pixel_of(learned)


def lost_blur(config: GeneratorConfig, cameras: Cameras | None) -> float:
    """Standard deviation, in world units, of the blur that cameras lack, finer than those that saw a model learn.

    Args:
        config: of the model, which knows the size of its pictures.
        cameras: as in `smooth`.
    """
    learned, pixel = pixel_of(config.picture_resolution * config.supersampling), smallest_pixel(cameras)
    return (BLUR * max(learned**2 - pixel**2, 0)) ** 0.5


def smallest_pixel(cameras: Cameras | None) -> float:
    """Side of a pixel of the nearest camera, in world units at the origin; 0 without cameras."""
    return 0.0 if cameras is None else float((cameras.centers().norm(dim=-1) / cameras.Ks[..., 0, 0]).min())


def pixel_of(resolution: int) -> float:
    """Side of a pixel of the camera at rest, in world units at the origin."""
    return FFHQ_DISTANCE / (FFHQ_FOCAL * resolution)


def widen(heads: Gaussians, blur: float) -> Gaussians:
    """Adds a blur to Gaussians, of the same standard deviation in all directions."""
    return replace(heads, scales=(heads.scales.square() + blur**2).sqrt())


@torch.no_grad()
def close_gaps(heads: Gaussians, generator: Generator) -> Gaussians:
    """Stretches Gaussians towards their neighbours on the chart, where those are farther away than they reach.

    Along each axis of the chart the nearer of both neighbours counts: in its direction the standard deviation becomes
    at least COVER times its distance. Farther than FARTHEST pixels of the model that fades away, since there one
    surface ends and another begins.

    Args:
        heads: any batch.
        generator: that made them, and knows the size of its pictures.

    Raises:
        ValueError: the heads are not of that generator.
    """
    count = len(generator.texel_uvs)
    if heads.num_gaussians != count:
        raise ValueError(
            f"these heads have {heads.num_gaussians} Gaussians, and this generator's have {count}; "
            "expected heads that it made"
        )
    axes = matrices_from_quats(heads.quats) * heads.scales[..., None, :]
    shapes = axes @ axes.mT
    added = torch.zeros_like(shapes)
    farthest = FARTHEST * pixel_of(generator.config.picture_resolution)
    for one, other in neighbors(generator):
        ways = [torch.where((n >= 0)[:, None], heads.means[..., n, :] - heads.means, torch.inf) for n in (one, other)]
        way = torch.where(ways[0].norm(dim=-1, keepdim=True) <= ways[1].norm(dim=-1, keepdim=True), *ways)
        length = way.norm(dim=-1)
        belonging = (2 - length / farthest).clamp(0, 1)
        direction = torch.where(belonging[..., None] > 0, way / length[..., None].clamp_min(1e-12), 0.0)
        reached = (direction[..., None, :] @ shapes @ direction[..., None])[..., 0, 0]
        wanted = torch.where(belonging > 0, COVER * length * belonging, 0.0).square()
        missing = (wanted - reached).clamp_min(0)[..., None, None]
        added += missing * direction[..., None] * direction[..., None, :]
    apart = added.diagonal(dim1=-2, dim2=-1).sum(-1) > 0
    variances, turns = torch.linalg.eigh((shapes + added)[apart])
    turns = turns * torch.linalg.det(turns).sign()[:, None, None]
    quats, scales = heads.quats.clone(), heads.scales.clone()
    quats[apart], scales[apart] = quats_from_matrices(turns), variances.clamp_min(0).sqrt()
    return replace(heads, quats=quats, scales=scales)


def neighbors(generator: Generator) -> list[tuple[Int[Tensor, " N"], Int[Tensor, " N"]]]:
    """For both axes of the chart, the Gaussians after and before each one; -1 where there is none."""
    side = generator.config.grid_size
    column, row = grid_places(generator.texel_uvs, side)
    at = torch.full((side + 2, side + 2), -1, device=column.device)
    at[row + 1, column + 1] = torch.arange(len(column), device=column.device)
    return [
        (at[row + 1, column + 2], at[row + 1, column]),
        (at[row + 2, column + 1], at[row, column + 1]),
    ]

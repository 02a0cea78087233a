"""What the 3D smoothing filter does to Gaussians: blur in space, and gaps closed; `observation` says where."""

from dataclasses import dataclass, replace

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from gghead.gaussians.scene import Gaussians
from gghead.geometry.canonical_head import FFHQ_DISTANCE, FFHQ_FOCAL
from gghead.geometry.grids import grid_places
from gghead.geometry.rotations import matrices_from_quats, principal_axes
from gghead.model.generator import Generator

MIN_REACH = 0.3
"""Standard deviation of a Gaussian along the way to its neighbour, in times of their distance, that closes a gap."""
MAX_GAP = 8
"""Gaussians as far apart as so many of the model's pixels still belong together; at twice that they do not at all."""


def pixel_at_rest(resolution: int) -> float:
    """Side of a pixel of the camera at rest, in world units at the origin."""
    return FFHQ_DISTANCE / (FFHQ_FOCAL * resolution)


def widen(heads: Gaussians, blur: float) -> Gaussians:
    """Adds a blur to Gaussians, of the same standard deviation in all directions."""
    return heads if blur == 0 else replace(heads, scales=(heads.scales.square() + blur**2).sqrt())


@dataclass(frozen=True)
class Stretching:
    """Shapes of Gaussians that close gaps.

    Attributes:
        apart: which Gaussians get another shape.
        quats: the new rotations; of the others their own.
        scales: likewise.
    """

    apart: Bool[Tensor, "*B N 1"]
    quats: Float[Tensor, "*B N 4"]
    scales: Float[Tensor, "*B N 3"]

    def of(self, heads: Gaussians) -> Gaussians:
        """Heads with the new shapes, which get no gradients."""
        quats, scales = (
            torch.where(self.apart, new, own) for new, own in ((self.quats, heads.quats), (self.scales, heads.scales))
        )
        return replace(heads, quats=quats, scales=scales)


def close_gaps(heads: Gaussians, generator: Generator) -> Gaussians:
    """Stretches Gaussians towards their neighbours on the UV map, where those are farther away than they reach.

    Raises:
        ValueError: the heads are not of that generator.
    """
    return stretching(heads, generator).of(heads)


@torch.no_grad()  # eigenvectors of round Gaussians have no gradients
def stretching(heads: Gaussians, generator: Generator) -> Stretching:
    """How Gaussians are stretched so that gaps close.

    Along each axis of the UV map the nearer of both neighbours counts: in its direction the standard deviation becomes
    at least MIN_REACH times its distance. Farther than MAX_GAP pixels of the model that fades away, since there one
    surface ends and another begins.

    Args:
        heads: any batch.
        generator: that made them, and knows the size of its pictures.

    Raises:
        ValueError: the heads are not of that generator.
    """
    assert generator.config.picture_resolution is not None, "without it nobody knows which gaps show"
    count = len(generator.texel_uvs)
    if heads.num_gaussians != count:
        raise ValueError(
            f"these heads have {heads.num_gaussians} Gaussians, and this generator's have {count}; "
            "expected heads that it made, with all of their Gaussians; others are drawn by gghead.render and written "
            "without a generator"
        )
    axes = matrices_from_quats(heads.quats) * heads.scales[..., None, :]
    shapes = axes @ axes.mT
    added = torch.zeros_like(shapes)
    farthest = MAX_GAP * pixel_at_rest(generator.config.picture_resolution)
    for one, other in neighbors(generator, heads.means.device):
        ways = [torch.where((n >= 0)[:, None], heads.means[..., n, :] - heads.means, torch.inf) for n in (one, other)]
        way = torch.where(ways[0].norm(dim=-1, keepdim=True) <= ways[1].norm(dim=-1, keepdim=True), *ways)
        length = way.norm(dim=-1)
        belonging = (2 - length / farthest).clamp(0, 1)
        direction = torch.where(belonging[..., None] > 0, way / length[..., None].clamp_min(1e-12), 0.0)
        reached = (direction[..., None, :] @ shapes @ direction[..., None])[..., 0, 0]
        wanted = torch.where(belonging > 0, MIN_REACH * length * belonging, 0.0).square()
        missing = (wanted - reached).clamp_min(0)[..., None, None]
        added += missing * direction[..., None] * direction[..., None, :]
    apart = added.diagonal(dim1=-2, dim2=-1).sum(-1) > 0
    variances, turns = principal_axes((shapes + added)[apart])
    quats, scales = heads.quats.clone(), heads.scales.clone()
    quats[apart], scales[apart] = turns, variances.clamp_min(0).sqrt()
    return Stretching(apart[..., None], quats, scales)


def neighbors(generator: Generator, device: torch.device | str) -> list[tuple[Int[Tensor, " N"], Int[Tensor, " N"]]]:
    """For both axes of the UV map, the Gaussians after and before each one; -1 where there is none."""
    side = generator.config.grid_size
    column, row = (places.to(device) for places in grid_places(generator.texel_uvs, side))
    at = torch.full((side + 2, side + 2), -1, device=device)
    at[row + 1, column + 1] = torch.arange(len(column), device=device)
    return [(at[row + 1, column + 2], at[row + 1, column]), (at[row + 2, column + 1], at[row, column + 1])]

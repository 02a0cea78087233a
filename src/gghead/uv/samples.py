"""Where on the chart Gaussians sit, and values of maps there.

Coordinates of a map are (x, y) in [-1, 1], x to the right, y down; the outer edges of the border texels are at -1 and 1
(torch's align_corners = False). A sample beyond the border texels' centres takes the border's value.
"""

from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn import functional

from gghead.geometry.grids import unit_grid
from gghead.uv.bake import TemplateMaps

MIN_COVERAGE = 0.99
"""A grid point carries a Gaussian if the coverage sampled there is above this."""
GRID_SLACK = 1e-5
"""Coordinates of grid points that differ by less are the same one."""


@dataclass(frozen=True)
class UVSamples:
    """The points of a template that carry Gaussians.

    Attributes:
        uvs: map coordinates, [-1, 1].
        positions: points of the template's surface, world units.
    """

    uvs: Float[Tensor, "N 2"]
    positions: Float[Tensor, "N 3"]


def place_uv_samples(maps: TemplateMaps, grid_size: int) -> UVSamples:
    """The points of a grid_size x grid_size grid over the chart that lie inside of it, row by row.

    The grid reaches from -1 to 1 in both axes, ends included.

    Raises:
        ValueError: no grid point lies inside of the chart.
    """
    grid = unit_grid(grid_size).flatten(0, 1)
    covered = sample_maps(maps.coverage[None], grid)[:, 0] > MIN_COVERAGE
    if not covered.any():
        raise ValueError(
            f"no point of a {grid_size} x {grid_size} grid lies on the template's chart; use a larger grid_size"
        )
    uvs = grid[covered]
    return UVSamples(uvs, sample_maps(maps.positions, uvs))


def regrid(texels: UVSamples, grid_size: int) -> UVSamples:
    """The points of another grid over a template of which only the texels are known.

    Those that lie between four neighbouring texels; positions are interpolated bilinearly. At the border of the chart
    up to one cell of the known grid is lost. The same grid gives the same texels.

    Raises:
        ValueError: the texels lie on no regular grid.
    """
    steps = texels.uvs.flatten().unique().diff()
    steps = steps[steps > GRID_SLACK]
    known = 1 + round(2 / float(steps.min())) if len(steps) else 0
    places = (texels.uvs + 1) / 2 * (known - 1)
    cells = places.round().long()
    if known < 2 or (places - cells).abs().max() > 0.1 or cells.min() < 0 or cells.max() >= known:
        raise ValueError("its Gaussians lie on no regular grid over the template, so their number can't be changed")
    if grid_size == known:
        return texels
    grid = torch.zeros(4, known, known)  # positions and coverage
    grid[:, cells[:, 1], cells[:, 0]] = torch.cat([texels.positions, torch.ones(len(cells), 1)], dim=1).T
    points = unit_grid(grid_size)
    values = functional.grid_sample(grid[None], points[None], mode="bilinear", align_corners=True)[0].flatten(1).T
    inside = values[:, 3] > MIN_COVERAGE
    return UVSamples(points.flatten(0, 1)[inside], values[inside, :3])


def bilinear_taps(uvs: Float[Tensor, "N 2"], side: int) -> tuple[Int[Tensor, "N 4"], Float[Tensor, "N 4"]]:
    """Flat indices of the four texels that a sample is made of, and their weights; both as `sample_maps` takes them."""
    place = (((uvs + 1) * side - 1) / 2).clamp(0, side - 1)
    first = place.floor().clamp(max=side - 1)
    across, down = (place - first).unbind(-1)
    column, row = first.long().unbind(-1)
    right, below = (column + 1).clamp(max=side - 1), (row + 1).clamp(max=side - 1)
    texels = torch.stack([row * side + column, row * side + right, below * side + column, below * side + right], -1)
    weights = [(1 - across) * (1 - down), across * (1 - down), (1 - across) * down, across * down]
    return texels, torch.stack(weights, -1)


def sample_maps(maps: Float[Tensor, "*B C R R"], uvs: Float[Tensor, "N 2"]) -> Float[Tensor, "*B N C"]:
    """Bilinear samples of maps at points, the same points for every map."""
    batch = maps.shape[:-3]
    flat = maps.reshape(-1, *maps.shape[-3:])
    grid = uvs[None, :, None].expand(len(flat), -1, -1, -1)
    values = functional.grid_sample(flat, grid, mode="bilinear", padding_mode="border", align_corners=False)
    return values.squeeze(-1).mT.reshape(*batch, len(uvs), maps.shape[-3])

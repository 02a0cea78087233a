"""The template inside of an official checkpoint, which has it twice: as a map of positions and as a list of points."""

from torch import Tensor

from gghead.model.official.module import OfficialModule, single
from gghead.uv.samples import UVSamples, sample_maps

MAP, LIST = "_uv_position_map", "_flame_vertices"
SLACK = 1e-4
"""The two agree to rounding; further apart, in world units, is told."""


def read_texels(module: OfficialModule, grid: Tensor, grid_size: int) -> tuple[UVSamples, list[str]]:
    """The points of a grid that carry Gaussians, by their map coordinates `grid`, and what is to be told of them.

    Raises:
        ValueError: there is no template, or it has another form.
    """
    if not grid.is_floating_point() or grid.ndim < 2 or grid.shape[-1] != 2 or not grid.numel():
        raise ValueError(f"its points _uv_grid have the shape {tuple(grid.shape)}; expected numbers [..., 2]")
    uvs = grid.reshape(-1, 2)
    if len(uvs) > grid_size**2:
        raise ValueError(f"it has {len(uvs)} points; expected at most {grid_size**2}, those of its grid")
    vertices = _list(module, len(uvs))
    if MAP not in module.buffers:
        if vertices is None:
            raise ValueError(f"it has no tensors {MAP}, and no {LIST} of as many points as {len(uvs)}")
        return UVSamples(uvs, vertices), [f"it has no {MAP}; its template was taken from its {LIST}"]
    positions = single(MAP, module.buffers[MAP])
    if not positions.is_floating_point() or positions.ndim != 3 or len(positions) != 3 or not positions.numel():
        raise ValueError(f"its {MAP} has the shape {tuple(positions.shape)}; expected numbers [3, R, R]")
    texels = UVSamples(uvs, sample_maps(positions, uvs).contiguous())
    apart = 0.0 if vertices is None else float((vertices - texels.positions).abs().max())
    if apart <= SLACK:
        return texels, []
    return texels, [f"its {LIST} are up to {apart:.2g} world units from its position map, which was taken"]


def _list(module: OfficialModule, count: int) -> Tensor | None:
    """The template's points, if the file has one for each that carries a Gaussian."""
    vertices = module.buffers.get(LIST)
    return None if vertices is None or vertices.numel() != 3 * count else single(LIST, vertices).reshape(-1, 3)

"""The points of a template of which only the texels are known, on other grids."""

import pytest
import torch

from gghead.uv.bake import bake
from gghead.uv.samples import UVSamples, place_uv_samples, regrid
from gghead.uv.template import HeadTemplate


@pytest.fixture(scope="module")
def maps() -> object:
    return bake(HeadTemplate.builtin(), 64)


def test_the_same_grid_gives_the_same_texels(maps: object) -> None:
    texels = place_uv_samples(maps, 64)
    again = regrid(texels, 64)
    assert torch.equal(again.uvs, texels.uvs)
    assert torch.equal(again.positions, texels.positions)


def cells(texels: UVSamples, grid_size: int) -> list[list[int]]:
    return ((texels.uvs + 1) / 2 * (grid_size - 1)).round().int().tolist()


@pytest.mark.parametrize("grid_size", [32, 100, 128])
def test_another_grid_lies_on_the_same_surface(maps: object, grid_size: int) -> None:
    """All of its points are points of the grid that the template itself would give, near the same positions."""
    found, true = regrid(place_uv_samples(maps, 64), grid_size), place_uv_samples(maps, grid_size)
    assert 0.9 * len(true.uvs) < len(found.uvs) <= len(true.uvs)
    places = {tuple(place): index for index, place in enumerate(cells(true, grid_size))}
    same = [places[tuple(place)] for place in cells(found, grid_size)]
    apart = (found.positions - true.positions[same]).norm(dim=1)
    assert apart.median() < 1e-3
    assert apart.quantile(0.99) < 0.02


def test_texels_on_no_grid_are_refused() -> None:
    scattered = UVSamples(torch.tensor([[0.0, 0.1], [0.234, -0.5], [0.7, 0.31]]), torch.zeros(3, 3))
    with pytest.raises(ValueError, match="on no regular grid"):
        regrid(scattered, 8)
    with pytest.raises(ValueError, match="on no regular grid"):
        regrid(UVSamples(torch.zeros(1, 2), torch.zeros(1, 3)), 8)

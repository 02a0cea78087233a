"""Template, bake and texels: the built-in head and small charts that can be worked out by hand."""

from pathlib import Path

import numpy as np
import pytest
import torch

from gghead.uv.bake import bake
from gghead.uv.samples import place_uv_samples, sample_maps
from gghead.uv.template import HeadTemplate

SQUARE = "v -.3 -.3 0\nv .3 -.3 0\nv .3 .3 0\nv -.3 .3 0\nvt 0 0\nvt 1 0\nvt 1 1\nvt 0 1\n"


def from_text(folder: Path, text: str) -> HeadTemplate:
    path = folder / "head.obj"
    path.write_text(text)
    return HeadTemplate.from_obj(path)


@pytest.mark.parametrize(("grid", "count"), [(64, 4080), (256, 65332), (512, 261430)])
def test_texels_of_the_builtin_template(grid: int, count: int) -> None:
    maps = bake(HeadTemplate.builtin(), 256)
    texels = place_uv_samples(maps, grid)
    assert len(texels.uvs) == count
    assert float(texels.uvs.abs().max()) == 1
    low, high = texels.positions.amin(0), texels.positions.amax(0)
    assert bool((low > torch.tensor([-0.45, -0.48, -0.42])).all())
    assert bool((high < torch.tensor([0.45, 0.45, 0.25])).all())


def test_square_has_v_up_and_y_up(tmp_path: Path) -> None:
    maps = bake(from_text(tmp_path, SQUARE + "f 1/1 2/2 3/3 4/4\n"), 8)
    assert bool((maps.coverage == 1).all())
    centers = (np.arange(8) + 0.5) / 8 * 0.6 - 0.3
    np.testing.assert_allclose(maps.positions[0].numpy(), np.tile(centers, (8, 1)), atol=1e-6)
    np.testing.assert_allclose(maps.positions[1].numpy(), np.tile(-centers[:, None], (1, 8)), atol=1e-6)
    uvs = torch.tensor([[0.0, 0.0], [0.5, -0.5]])  # the second one: right of the middle and above it
    torch.testing.assert_close(sample_maps(maps.positions, uvs), torch.tensor([[0, 0, 0], [0.15, 0.15, 0]]))


def test_positions_reach_beyond_the_border(tmp_path: Path) -> None:
    half = SQUARE.replace("vt 1 0", "vt .5 0").replace("vt 1 1", "vt .5 1")
    maps = bake(from_text(tmp_path, half + "f 1/1 2/2 3/3 4/4\n"), 8)
    assert maps.coverage[:, :4].min() == 1
    assert maps.coverage[:, 4:].max() == 0
    assert torch.equal(maps.positions[:, :, 4], maps.positions[:, :, 3])
    texels = place_uv_samples(maps, 17)
    assert 0 < len(texels.uvs) < 17 * 17
    assert float(texels.uvs[:, 0].max()) <= -0.125  # the centre of the last covered column


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("v 0 0 0\nv 1 0 0\nv 0 1 0\nf 1 2 3\n", "line 4.*no texture coordinate"),
        ("v 0 0 0\nv 1 0 0\n", "no texture coordinates"),
        (SQUARE, "no faces"),
        (SQUARE + "f 1/1 2/2 3\n", "line 9.*'3' has no texture coordinate"),
        (SQUARE + "f 1/1 2/2 9/3\n", "line 9.*index 9 of 4 positions"),
        (SQUARE + "f 1/1 2/2\n", "2 corners"),
        (SQUARE.replace("vt 1 1", "vt 2 1") + "f 1/1 2/2 3/3\n", r"inside \[0, 1\]"),
        (SQUARE.replace("vt 1 1", "vt nan 1") + "f 1/1 2/2 3/3\n", "not finite"),
        (SQUARE.replace("v .3 .3 0", "v inf .3 0") + "f 1/1 2/2 3/3\n", "not finite"),
        (SQUARE.replace("v .3 .3 0", "v x .3 0") + "f 1/1 2/2 3/3\n", "line 3"),
        (SQUARE.replace(".3", "30") + "f 1/1 2/2 3/3\n", "longest side is 60 units, about 75 times"),
    ],
)
def test_bad_template_is_refused(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        from_text(tmp_path, text)


def test_chart_that_overlaps_itself_is_refused(tmp_path: Path) -> None:
    second = "v -.3 -.3 .2\nv .3 -.3 .2\nv .3 .3 .2\nf 1/1 2/2 3/3\nf 5/1 6/2 7/3\n"
    with pytest.raises(ValueError, match="lie on each other"):
        bake(from_text(tmp_path, SQUARE + second), 16)

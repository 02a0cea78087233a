""".splat files: bytes by hand, round trip within half a step, damaged files."""

from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from gghead.gaussians.scene import Gaussians
from gghead.gaussians.splat import decode_splat, encode_splat, load_splat
from gghead.geometry.spherical_harmonics import C0
from rasterizer.random_scenes import random_scene


def test_bytes_of_one_gaussian() -> None:
    one = Gaussians(
        means=torch.tensor([[1.0, -2.0, 0.5]]),
        quats=torch.tensor([[1.0, 0.0, 0.0, 0.0]]),
        scales=torch.tensor([[0.25, 2.0, 1.0]]),
        opacities=torch.tensor([0.2]),
        sh=(torch.tensor([[[1.0, 0.4, 0.0]]]) - 0.5) / C0,
    )
    expected = "0000803f 000000c0 0000003f 0000803e 00000040 0000803f ff660033 ff808080"
    assert encode_splat(one) == bytes.fromhex(expected)


def test_round_trip_within_half_a_step(tmp_path: Path) -> None:
    scene = random_scene(200, coefficients=1)
    scene = Gaussians(scene.means, scene.quats, scene.scales, scene.opacities.clamp(0.01, 1), scene.sh.clamp(-1.7, 1.7))
    (tmp_path / "head.splat").write_bytes(encode_splat(scene))
    again = load_splat(tmp_path / "head.splat")
    assert torch.equal(again.means, scene.means)
    assert torch.equal(again.scales, scene.scales)
    torch.testing.assert_close(again.opacities, scene.opacities, rtol=0, atol=0.5001 / 255)
    torch.testing.assert_close(again.sh * C0, scene.sh * C0, rtol=0, atol=0.5001 / 255)
    turn = (again.quats * torch.nn.functional.normalize(scene.quats, dim=-1)).sum(-1).abs()
    assert turn.min() > 0.9999


def test_what_cannot_be_seen_is_left_out() -> None:
    scene = random_scene(10, coefficients=1)
    opacities = torch.linspace(0, 1, 10)
    assert len(encode_splat(Gaussians(scene.means, scene.quats, scene.scales, opacities, scene.sh))) == 9 * 32


def test_colours_with_a_direction_are_refused() -> None:
    with pytest.raises(ValueError, match="freeze them first"):
        encode_splat(random_scene(3, coefficients=4))


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(content: bytes) -> None:
    if content and len(content) % 32 == 0:
        assert decode_splat(content).num_gaussians == len(content) // 32
    else:
        with pytest.raises(ValueError, match="cut off"):
            decode_splat(content, "head.splat")

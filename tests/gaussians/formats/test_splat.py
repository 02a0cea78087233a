""".splat files: bytes by hand, round trip within half a step, damaged files."""

from dataclasses import replace

import pytest
import torch

from gghead.gaussians.formats.splat import decode_splat, encode_splat, out_of_range
from gghead.gaussians.scene import Gaussians
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


def test_round_trip_within_half_a_step() -> None:
    scene = random_scene(200, coefficients=1)
    scene = Gaussians(scene.means, scene.quats, scene.scales, scene.opacities.clamp(0.01, 1), scene.sh.clamp(-1.7, 1.7))
    again = decode_splat(encode_splat(scene))
    assert torch.equal(again.means, scene.means)
    assert torch.equal(again.scales, scene.scales)
    torch.testing.assert_close(again.opacities, scene.opacities, rtol=0, atol=0.5001 / 255)
    torch.testing.assert_close(again.sh * C0, scene.sh * C0, rtol=0, atol=0.5001 / 255)
    turn = (again.quats * torch.nn.functional.normalize(scene.quats, dim=-1)).sum(-1).abs()
    assert turn.min() > 0.9999


def test_colours_that_are_cut_are_known() -> None:
    rgb = torch.tensor([[0.0, 0.5, 1.0], [0.0, 0.5, 1.1], [-0.1, 0.5, 1.0]])
    scene = replace(random_scene(3, coefficients=1), sh=((rgb - 0.5) / C0)[:, None])
    assert out_of_range(scene).tolist() == [False, True, True]


def test_colours_with_a_direction_are_refused() -> None:
    with pytest.raises(ValueError, match="freeze them first"):
        encode_splat(random_scene(3, coefficients=4))


@pytest.mark.parametrize("content", [b"", b"abc", b"\0" * 33])
def test_files_that_are_cut_off_are_named(content: bytes) -> None:
    with pytest.raises(ValueError, match=r"head\.splat has \d+ bytes; expected a multiple of 32"):
        decode_splat(content, "head.splat")


@pytest.mark.parametrize("mark", [b"ply\nformat", b"\x1f\x8b\x08", b"NGSP"])
def test_other_files_of_a_fitting_length_are_not_taken_for_splats(mark: bytes) -> None:
    with pytest.raises(ValueError, match=r"head\.splat is no \.splat but"):
        decode_splat(mark.ljust(64, b"\0"), "head.splat")

""".spz files: bytes by hand, round trip within half a step, damaged files."""

import gzip
import math
import struct
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from gghead.gaussians.scene import Gaussians
from gghead.gaussians.spz import decode_spz, encode_spz, load_spz, pack_quats, unpack_quats
from rasterizer.random_scenes import random_scene

HEADER = struct.pack("<IIIBBBB", 0x5053474E, 3, 1, 1, 20, 0, 0)


def one_gaussian() -> Gaussians:
    return Gaussians(
        means=torch.tensor([[1.0, -(2.0**-20), 0.0]]),
        quats=torch.tensor([[0.5**0.5, 0.0, -(0.5**0.5), 0.0]]),
        scales=torch.tensor([[1.0, math.exp(-5), math.exp(-10)]]),
        opacities=torch.tensor([0.2]),
        sh=torch.tensor([[[0.0, 10 / 3, -10 / 3], [0.0, 0.5, -0.5], [-1.0, 1.0, 0.25], [2.0, -2.0, 0.0]]]),
    )


def test_bytes_of_one_gaussian() -> None:
    body = gzip.decompress(encode_spz(one_gaussian()))
    assert body[:16] == HEADER
    assert body[16:25] == bytes.fromhex("000010 ffffff 000000")
    assert body[25] == 51
    assert list(body[26:29]) == [128, 255, 0]
    assert list(body[29:32]) == [160, 80, 0]
    # (x, y, z, w) = (0, -s, 0, s): y is the largest (the first of equals), so all signs turn: 0, 0, and w = -s.
    assert int.from_bytes(body[32:36], "little") == (1 << 30) | 0x200 | 511
    assert list(body[36:]) == [128, 192, 64, 0, 255, 160, 255, 0, 128]


@pytest.mark.parametrize("coefficients", [1, 4, 9, 16])
def test_round_trip_within_half_a_step(tmp_path: Path, coefficients: int) -> None:
    scene = random_scene(200, coefficients=coefficients)
    opacities, sh = scene.opacities.clamp(0.01, 1), scene.sh.clamp(-0.99, 0.99)
    scene = Gaussians(scene.means, scene.quats, scene.scales, opacities, sh)
    (tmp_path / "head.spz").write_bytes(encode_spz(scene))
    again = load_spz(tmp_path / "head.spz")
    torch.testing.assert_close(again.means, scene.means, rtol=0, atol=2.0**-20)
    torch.testing.assert_close(again.opacities, scene.opacities, rtol=0, atol=0.501 / 255)
    torch.testing.assert_close(again.scales.log(), scene.scales.log(), rtol=0, atol=0.501 / 16)
    torch.testing.assert_close(again.sh[:, 0], scene.sh[:, 0], rtol=0, atol=0.501 / 255 / 0.15)
    torch.testing.assert_close(again.sh[:, 1:], scene.sh[:, 1:], rtol=0, atol=0.501 / 128)


@given(st.lists(st.floats(-1, 1), min_size=4, max_size=4).filter(lambda values: sum(v * v for v in values) > 1e-6))
def test_rotations_are_kept_to_a_tenth_of_a_degree(values: list[float]) -> None:
    quats = torch.nn.functional.normalize(torch.tensor([values]), dim=-1)
    cosine = (unpack_quats(pack_quats(quats)) * quats).sum().abs().clamp(max=1)
    assert math.degrees(2 * math.acos(float(cosine))) < 0.3


def test_large_heads_get_fewer_fractional_bits() -> None:
    scene = random_scene(20)
    large = Gaussians(scene.means * 1000, scene.quats, scene.scales, torch.ones(20), scene.sh)
    torch.testing.assert_close(decode_spz(encode_spz(large)).means, large.means, rtol=1e-5, atol=1e-3)


def test_heads_without_anything_to_see_are_refused() -> None:
    scene = random_scene(3)
    with pytest.raises(ValueError, match="no visible Gaussian"):
        encode_spz(Gaussians(scene.means, scene.quats, scene.scales, torch.zeros(3), scene.sh))
    with pytest.raises(ValueError, match="not finite"):
        encode_spz(Gaussians(scene.means * math.nan, scene.quats, scene.scales, torch.ones(3), scene.sh))


def test_gaussians_smaller_than_the_format_holds_are_refused() -> None:
    scene = random_scene(200)
    scene = replace(scene, opacities=torch.ones(200))
    for scales in (scene.scales * 1e-6, torch.where(torch.arange(200)[:, None] < 3, 1e-6, scene.scales)):
        with pytest.raises(ValueError, match=r"too small for \.spz \(4\.5e-05\); use a larger scale"):
            encode_spz(replace(scene, scales=scales))
    # Discs and needles may be as thin as they like.
    encode_spz(replace(scene, scales=scene.scales * torch.tensor([1.0, 1e-6, 1e-6])))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "cut off"),
        (b"ply\n", "no gzip stream"),
        (encode_spz(one_gaussian())[:-9], "cut off"),
        (gzip.compress(b"short"), "no header"),
        (gzip.compress(b"\0" * 16), "first bytes are others"),
        (gzip.compress(struct.pack("<IIIBBBB", 0x5053474E, 2, 1, 1, 12, 0, 0)), "version 2"),
        (gzip.compress(struct.pack("<IIIBBBB", 0x5053474E, 3, 2**31, 1, 12, 0, 0)), "cut off"),
    ],
)
def test_damaged_files_are_named(content: bytes, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        decode_spz(content, "head.spz")

""".spz files: bytes by hand, round trip within half a step, damaged files."""

import gzip
import math
import struct
from dataclasses import replace

import pytest
import torch
import zstandard
from hypothesis import given, strategies as st

from gghead.gaussians.formats.spz import decode_spz, encode_spz, out_of_range, pack_quats, unpack_quats
from gghead.gaussians.scene import Gaussians
from rasterizer.random_scenes import random_scene

HEADER = struct.pack("<IIIBBBB", 0x5053474E, 3, 1, 1, 20, 0, 0)


def header(version: int = 3, count: int = 1, degree: int = 1, bits: int = 12, flags: int = 0) -> bytes:
    return struct.pack("<IIIBBBB", 0x5053474E, version, count, degree, bits, flags, 0)


def long_header(streams: int = 6, table: int = 32, flags: int = 0) -> bytes:
    return header(4, flags=flags)[:15] + struct.pack("<BI12x", streams, table)


def zstd_stream_of(size: int) -> bytes:
    """A file of version 4 whose positions, nine bytes by the table, unpack to another size."""
    stored = zstandard.compress(b"\0" * size)
    return long_header() + struct.pack("<12Q", len(stored), 9, *[0] * 10) + stored


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
def test_round_trip_within_half_a_step(coefficients: int) -> None:
    scene = random_scene(200, coefficients=coefficients)
    opacities, sh = scene.opacities.clamp(0.01, 1), scene.sh.clamp(-0.99, 0.99)
    scene = Gaussians(scene.means, scene.quats, scene.scales, opacities, sh)
    again = decode_spz(encode_spz(scene))
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


def test_values_that_are_cut_are_known() -> None:
    scene = random_scene(3, coefficients=1)
    scales, sh = scene.scales.clone(), scene.sh.clone()
    scales[1, 2], sh[2, 0, 1] = 400.0, -3.4
    assert out_of_range(replace(scene, scales=scales, sh=sh)).tolist() == [False, True, True]


def test_gaussians_smaller_than_the_format_holds_are_refused() -> None:
    scene = random_scene(200)
    scene = replace(scene, opacities=torch.ones(200))
    with pytest.raises(ValueError, match=r"too small for \.spz \(4\.5e-05\); use a larger scale"):
        encode_spz(replace(scene, scales=scene.scales * 1e-6))
    # Discs and needles may be as thin as they like, and points cover nothing.
    encode_spz(replace(scene, scales=scene.scales * torch.tensor([1.0, 1e-6, 1e-6])))
    encode_spz(replace(scene, scales=torch.where(torch.arange(200)[:, None] < 50, 1e-6, scene.scales)))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "neither a gzip stream"),
        (b"ply\n", "neither a gzip stream"),
        (encode_spz(one_gaussian())[:-9], "cut off"),
        (encode_spz(one_gaussian())[:50], "ends in an error|cut off"),
        (gzip.compress(b"short", mtime=0), "no whole header"),
        (gzip.compress(b"\0" * 16, mtime=0), "does not start with its mark"),
        (gzip.compress(header(version=5), mtime=0), "version 5; versions 1 to 4 are read"),
        (gzip.compress(header(count=2**31), mtime=0), "announces 2147483648 Gaussians"),
        (gzip.compress(header(degree=9), mtime=0), "SH degree 9"),
        (gzip.compress(header(bits=200), mtime=0), "200 fractional bits"),
        (
            gzip.compress(gzip.decompress(encode_spz(one_gaussian())) + b"more", mtime=0),
            "more bytes than its 1 Gaussians need",
        ),
        (header(4), "no whole header"),
        (long_header(), "outside of the file"),
        (long_header(table=2**32 - 1), "outside of the file"),
        (long_header() + struct.pack("<QQ", 2**40, 9) * 6, "cut off or damaged"),
        (long_header() + struct.pack("<QQ", 8, 2**50) * 6 + b"\0" * 99, "cut off or damaged"),
        (long_header() + struct.pack("<12Q", 9, 9, *[0] * 10) + b"no stream" * 9, "ends in an error"),
        (zstd_stream_of(8), "unpacks to other than the 9 bytes"),
        (zstd_stream_of(2**24), "unpacks to other than the 9 bytes"),
    ],
)
def test_damaged_files_are_named(content: bytes, message: str) -> None:
    with pytest.raises(ValueError, match=rf"^head\.spz .*({message})"):
        decode_spz(content, "head.spz")


def test_a_frame_that_is_not_read_is_named() -> None:
    """RUF, which Unity uses, is mirrored."""
    record = struct.pack("<III", 0xADBE0003, 4, 8)
    with pytest.raises(ValueError, match=r"frame number 8 .* only RUB, RDF, LUF and LDB are read"):
        decode_spz(long_header(table=44, flags=2) + record + b"\0" * 96, "head.spz")

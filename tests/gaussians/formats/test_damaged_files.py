"""Any damage to a file of Gaussians ends in Gaussians that can be drawn or in a ValueError that names the file."""

import gzip
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

from gghead.gaussians.checks import drawable
from gghead.gaussians.formats.ply import decode_ply
from gghead.gaussians.formats.splat import decode_splat, encode_splat
from gghead.gaussians.formats.spz import decode_spz
from gghead.gaussians.scene import Gaussians
from rasterizer.random_scenes import random_scene

FOREIGN = Path(__file__).parent / "foreign"
SPZ = {version: (FOREIGN / f"library.v{version}.spz").read_bytes() for version in (2, 3, 4)}
NAMES = [
    *"xyz",
    "f_dc_0",
    "f_dc_1",
    "f_dc_2",
    "opacity",
    "scale_0",
    "scale_1",
    "scale_2",
    *(f"rot_{i}" for i in range(4)),
]
TEXT = "\n".join(
    ["ply", "format ascii 1.0", "element vertex 2", *(f"property float {name}" for name in NAMES), "end_header"]
    + ["0 1 2 0.1 0.2 0.3 1 -4 -4 -5 1 0 0 0"] * 2
).encode()
PLY = {name: (FOREIGN / f"{name}.ply").read_bytes() for name in ("source", "head.compressed")} | {"text": TEXT}
WORDS = [
    b"element",
    b"property",
    b"list",
    b"vertex",
    b"chunk",
    b"float",
    b"uchar",
    b"ascii",
    b"binary_big_endian",
    b"nan",
]
WORDS += [
    b"-1",
    b"0",
    b"2",
    b"99999999999",
    b"\n",
    b"\r",
    b" ",
    b"end_header\n",
    b"comment ",
    b"\xff\xff\xff\x7f",
    b"\0" * 4,
]


PLACES = st.tuples(st.booleans(), st.floats(0, 1, exclude_max=True))
"""Whether among the first bytes, and how far on."""
PIECES = st.sampled_from(WORDS) | st.binary(max_size=9)
DAMAGE = st.tuples(
    st.lists(st.tuples(PLACES, st.sampled_from([0, 1, 2, 4, 8, 300]), PIECES), min_size=1, max_size=4),
    st.just(1.0) | st.floats(0, 1),
)
Damage = tuple[list[tuple[tuple[bool, float], int, bytes]], float]


def damaged(content: bytes, first: int, damage: Damage) -> bytes:
    """The content with a few pieces cut out or put in, half of them in its first bytes, and perhaps without its end."""
    pieces, end = damage
    for (early, share), cut, piece in pieces:
        start = int(share * (first if early else len(content)))
        content = content[:start] + piece + content[start + cut :]
    return content[: int(end * len(content))]


def check(decode: Callable[[bytes, str], Gaussians], content: bytes) -> None:
    """Reads or refuses."""
    try:
        found, told = decode(content, "some file"), "some file"
    except ValueError as error:
        found, told = None, str(error)
    assert "some file" in told
    assert told.isprintable()
    if found is not None:
        assert found.num_gaussians > 0
        assert bool(drawable(found).all())
        assert found.sh_degree <= 3


bounded = settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
)


@pytest.mark.parametrize("kind", PLY)
@bounded
@given(damage=DAMAGE)
def test_ply(kind: str, damage: Damage) -> None:
    check(decode_ply, damaged(PLY[kind], PLY[kind].index(b"end_header"), damage))


def test_a_long_number_takes_no_room_in_the_place_of_others() -> None:
    """A megabyte of text once was a megabyte for each of 840 numbers."""
    row = TEXT.splitlines()[-1]
    header = TEXT.replace(b"vertex 2", b"vertex 60").partition(b"end_header\n")[0]
    rows = [row.replace(b"0.1", b"0." + b"0" * 10**6 + b"1"), *[row] * 59]
    content = b"\n".join([header + b"end_header", *rows])
    tracemalloc.start()
    try:
        assert decode_ply(content).num_gaussians == 60
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 10 * len(content)


@pytest.mark.parametrize("version", SPZ)
@bounded
@given(damage=DAMAGE)
def test_spz(version: int, damage: Damage) -> None:
    check(decode_spz, damaged(SPZ[version], 144, damage))


@bounded
@given(damage=DAMAGE)
def test_spz_below_its_compression(damage: Damage) -> None:
    check(decode_spz, gzip.compress(damaged(gzip.decompress(SPZ[3]), 16, damage), compresslevel=1))


@bounded
@given(damage=DAMAGE, content=st.binary(max_size=128))
def test_splat(damage: Damage, content: bytes) -> None:
    check(decode_splat, damaged(encode_splat(random_scene(4, coefficients=1)), 128, damage))
    check(decode_splat, content)

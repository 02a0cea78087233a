"""PLY files: the layout byte by byte, round trips, headers of other tools, damaged files."""

import logging
import re
from dataclasses import replace

import numpy as np
import pytest
import torch

from gghead.gaussians.formats.ply import decode_ply, encode_ply, property_names, table_of
from gghead.gaussians.scene import Gaussians
from tolerances import EXACT_FLOAT32

FIELDS = ("means", "quats", "scales", "opacities", "sh")
PLAIN = ["x", "y", "z", "f_dc_0", "f_dc_1", "f_dc_2", "opacity", *(f"scale_{i}" for i in range(3))]
PLAIN += [f"rot_{i}" for i in range(4)]
"""What a file must have."""


def random_scene(count: int, sh_degree: int) -> Gaussians:
    generator = torch.Generator().manual_seed(0)
    return Gaussians(
        means=torch.randn(count, 3, generator=generator),
        quats=torch.nn.functional.normalize(torch.randn(count, 4, generator=generator), dim=-1),
        scales=torch.rand(count, 3, generator=generator) * 0.1 + 1e-3,
        opacities=torch.rand(count, generator=generator) * 0.98 + 0.01,
        sh=torch.randn(count, (sh_degree + 1) ** 2, 3, generator=generator),
    )


def write(
    scene: Gaussians, degree: int, order: str = "<", before: str = "", kind: str = "f4", end: str = "\n"
) -> bytes:
    """The file of another tool, which leaves out normals and sorts its properties the other way round."""
    names = [name for name in reversed(property_names(degree)) if name not in ("nx", "ny", "nz")]
    table = table_of(scene, degree)[:, [property_names(degree).index(name) for name in names]]
    formats = {"<": "binary_little_endian", ">": "binary_big_endian", "": "ascii"}
    lines = ["ply", f"format {formats[order]} 1.0", *before.splitlines(), f"element vertex {len(table)}"]
    lines += [f"property {'double' if kind == 'f8' else 'float32'} {name}" for name in names] + ["end_header", ""]
    if order:
        return end.join(lines).encode() + table.astype(order + kind).tobytes()
    return (end.join(lines) + "".join(" ".join(f"{v:.9g}" for v in row) + end for row in table.tolist())).encode()


def assert_same(again: Gaussians, scene: Gaussians) -> None:
    for name in FIELDS:
        torch.testing.assert_close(getattr(again, name), getattr(scene, name), rtol=1e-5, atol=1e-6)


def test_strict_layout_has_62_float_properties_in_the_order_of_the_release() -> None:
    names = property_names(3)
    assert len(names) == 62
    assert names[:9] == ["x", "y", "z", "nx", "ny", "nz", "f_dc_0", "f_dc_1", "f_dc_2"]
    assert names[9] == "f_rest_0"
    assert names[53] == "f_rest_44"
    assert names[54:] == ["opacity", "scale_0", "scale_1", "scale_2", "rot_0", "rot_1", "rot_2", "rot_3"]


def test_bytes_of_one_gaussian() -> None:
    sh = torch.arange(12.0).reshape(1, 4, 3)
    one = Gaussians(
        means=torch.tensor([[1.0, 2.0, 3.0]]),
        quats=torch.tensor([[1.0, 0.0, 0.0, 0.0]]),
        scales=torch.tensor([[1.0, torch.e, torch.e**2]]),
        opacities=torch.tensor([0.5]),
        sh=sh,
    )
    content = encode_ply(one)
    head, body = content.split(b"end_header\n", 1)
    assert head.startswith(b"ply\nformat binary_little_endian 1.0\nelement vertex 1\nproperty float x\n")
    values = np.frombuffer(body, "<f4")
    assert values.shape == (62,)
    np.testing.assert_allclose(values[:9], [1, 2, 3, 0, 0, 0, 0, 1, 2])
    # All red coefficients of the bands come first, then green, then blue; bands 2 and 3 are zero.
    rest = values[9:54].reshape(3, 15)
    np.testing.assert_allclose(rest[:, :3], [[3, 6, 9], [4, 7, 10], [5, 8, 11]])
    assert not rest[:, 3:].any()
    np.testing.assert_allclose(values[54:], [0, 0, 1, 2, 1, 0, 0, 0], atol=1e-6)


@pytest.mark.parametrize("sh_degree", [0, 1, 2, 3])
def test_round_trip(sh_degree: int) -> None:
    """The bands of zeros up to degree 3 are no longer there."""
    assert_same(decode_ply(encode_ply(random_scene(57, sh_degree))), random_scene(57, sh_degree))


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("order", ["<", ">", ""])
@pytest.mark.parametrize("degree", [0, 2])
def test_files_of_other_tools(order: str, degree: int, end: str) -> None:
    scene = random_scene(9, degree)
    assert_same(decode_ply(write(scene, degree, order, end=end)), scene)


@pytest.mark.parametrize("order", ["<", ""])
def test_other_elements_and_comments_are_passed_over(order: str) -> None:
    before = "comment made by hand  \nobj_info a, b\nelement camera 2\nproperty uchar id\nproperty float f"
    cameras = b"1 0.5\n2 0.25\n" if not order else b"\1\0\0\0\0\2\0\0\0\0"
    head, mark, body = write(random_scene(5, 1), 1, order, before).partition(b"end_header\n")
    assert_same(decode_ply(head + mark + cameras + body), random_scene(5, 1))
    after = b"element face 1\nproperty list uchar int vertex_indices\nelement nothing 0\n"
    assert_same(decode_ply(head + after + mark + cameras + body + b"3 0 1 2\n"), random_scene(5, 1))


def test_doubles_and_spaces_at_the_ends_of_lines_are_read() -> None:
    content = write(random_scene(5, 1), 1, kind="f8")
    assert_same(decode_ply(content), random_scene(5, 1))
    head, body = content.split(b"end_header\n", 1)
    assert_same(decode_ply(head.replace(b"\n", b" \t\n") + b"end_header \n" + body), random_scene(5, 1))
    assert_same(decode_ply(b"\xef\xbb\xbf" + content), random_scene(5, 1))


def test_harmonics_of_degree_4_are_left_out_and_told(caplog: pytest.LogCaptureFixture) -> None:
    scene = random_scene(5, 3)
    assert_same(decode_ply(write(scene, 4), "head.ply"), scene)
    assert "head.ply: harmonics above degree 3 are left out" in caplog.text


@pytest.mark.parametrize("missing", [8, 7])
def test_a_number_of_harmonics_that_is_no_degree_is_named(missing: int) -> None:
    content = encode_ply(random_scene(4, 1))
    for number in range(missing, 45):
        content = content.replace(b" f_rest_%d\n" % number, b" other_%d\n" % number)
    with pytest.raises(ValueError, match=rf"head\.ply has {missing} properties f_rest_\*; expected 0, 9, 24 or 45"):
        decode_ply(content, "head.ply")


def test_opacities_and_scales_at_the_ends_stay_finite() -> None:
    scene = random_scene(3, 0)
    scales = torch.tensor([[0.0, 0.1, 0.1]]).repeat(3, 1)
    full = replace(scene, opacities=torch.tensor([-0.001, 0.0, 1.001]), scales=scales)
    assert np.isfinite(table_of(full, 0)).all()
    again = decode_ply(encode_ply(full))
    torch.testing.assert_close(again.opacities, torch.tensor([0.0, 0.0, 1.0]), rtol=0, atol=1e-5)
    torch.testing.assert_close(again.scales, scales, rtol=0, atol=1e-7)


def test_infinite_logits_are_what_they_mean() -> None:
    """Converters make them of a byte of 0 or 255."""
    table = table_of(random_scene(2, 0), 0)
    table[:, property_names(0).index("opacity")] = [np.inf, -np.inf]
    head = encode_ply(random_scene(2, 0)).partition(b"end_header\n")[0]
    lines = [line for line in head.split(b"\n") if b"f_rest" not in line]
    again = decode_ply(b"\n".join(lines) + b"end_header\n" + table.tobytes())
    assert again.opacities.tolist() == [1.0, 0.0]


@pytest.mark.parametrize("name", ["x", "scale_1", "rot_0", "f_dc_2", "f_rest_3", "opacity"])
def test_gaussians_that_are_no_numbers_are_left_out_and_counted(name: str, caplog: pytest.LogCaptureFixture) -> None:
    content = bytearray(encode_ply(random_scene(5, 3)))
    start = content.index(b"end_header\n") + 11 + 4 * (2 * 62 + property_names(3).index(name))
    content[start : start + 4] = np.float32(np.nan).tobytes()
    kept = torch.tensor([0, 1, 3, 4])
    assert_same(decode_ply(bytes(content), "head.ply"), random_scene(5, 3).map(lambda tensor: tensor[kept]))
    assert [record.levelno for record in caplog.records] == [logging.WARNING]
    assert "head.ply: 1 of 5 Gaussians are left out: they have values that are non-finite" in caplog.text


def test_a_file_without_any_number_is_refused() -> None:
    head, mark, body = encode_ply(random_scene(5, 0)).partition(b"end_header\n")
    with pytest.raises(ValueError, match=r"none of the 5 Gaussians of head\.ply can be used"):
        decode_ply(head + mark + b"\xff" * len(body), "head.ply")


def test_several_scenes_are_refused() -> None:
    batch = random_scene(3, 0).map(lambda tensor: tensor[None])
    with pytest.raises(ValueError, match=r"index them first"):
        encode_ply(batch)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("vertex 4", "vertex -1", "'element vertex -1'"),
        ("vertex 4", "vertex 0", "no Gaussians"),
        ("vertex 4", "vertex", "'element vertex'"),
        ("vertex 4", "", "'element'"),
        ("vertex 4", "vertex four", "'element vertex four'"),
        ("vertex 4", "vertex 4.0", "'element vertex 4.0'"),
        ("vertex 4", "vertex 4 5", "'element vertex 4 5'"),
        ("vertex 4", "vertex " + "9" * 5000, r"'element vertex 9+\.\.\. \(5015 characters\)'"),
        ("vertex 4", "vertex 999999999999", "cut off: 999999999999 rows of 248 bytes announced"),
        ("vertex 4", "point 4", "no vertices"),
        ("vertex 4", "vertex 4\nelement vertex 4", "announces an element twice"),
        ("element vertex 4\n", "", "'property float x'"),
        ("float nx", "float", "'property float'"),
        ("float nx", "", "'property'"),
        ("float nx", "real nx", "'property real nx'"),
        ("float nx", "list uchar float nx", "lists"),
        ("float nx", "list uchar nx", "'property list uchar nx'"),
        ("float ny", "float nx", "property of vertex twice"),
        ("float rot_3", "float rot_9", "lacks the properties rot_3"),
        ("float f_rest_3\n", "float f_rest_99\n", "not numbered from 0 to 44"),
        ("binary_little_endian 1.0", "binary_middle_endian 1.0", "the format 'binary_middle_endian 1.0'"),
        ("binary_little_endian 1.0", "binary_little_endian 2.0", "the format 'binary_little_endian 2.0'"),
        ("binary_little_endian 1.0", "", "the format ''"),
        ("binary_little_endian 1.0", "ascii 1.0", "cut off|numbers in 4 lines|words among"),
        ("format binary_little_endian 1.0\n", "", "does not say its format"),
        ("end_header", "end_of_header", "no PLY header"),
        ("ply\n", "plx\n", "no PLY header"),
        ("element vertex", "elephant vertex", "'elephant vertex 4' in its header"),
    ],
)
def test_damaged_headers_are_named(old: str, new: str, message: str) -> None:
    content = encode_ply(random_scene(4, 1))
    assert old.encode() in content
    with pytest.raises(ValueError, match=rf"^head\.ply .*({message})"):
        decode_ply(content.replace(old.encode(), new.encode(), 1), "head.ply")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "no PLY header"),
        (b"ply\r\nend_header\n", "no PLY header"),
        (encode_ply(random_scene(4, 1))[:-3], "cut off"),
        (write(random_scene(4, 0), 0, "")[:-200], "cut off|numbers in 4 lines"),
        (write(random_scene(4, 0), 0, "").replace(b"0.", b"o.", 1), "words among its numbers|in 4 lines"),
        (b"ply\nformat ascii 1.0\nelement vertex 1\n" + b"property int a\n" * 2000 + b"end_header\n", "more than 1000"),
    ],
)
def test_damaged_files_are_named(content: bytes, message: str) -> None:
    with pytest.raises(ValueError, match=rf"^head\.ply .*({message})"):
        decode_ply(content, "head.ply")


def compressed(chunks: int = 1, vertices: int = 3, ranges: str = "min max", sh: tuple[int, int] | None = None) -> bytes:
    """A compressed file of zeros."""
    lines = ["ply", "format binary_little_endian 1.0", f"element chunk {chunks}"]
    axes = ("x", "y", "z", "scale_x", "scale_y", "scale_z")
    lines += [f"property float {end}_{axis}" for end in ranges.split() for axis in axes]
    lines += [f"element vertex {vertices}"]
    lines += [f"property uint packed_{what}" for what in ("position", "rotation", "scale", "color")]
    if sh is not None:
        lines += [f"element sh {sh[0]}", *(f"property uchar f_rest_{i}" for i in range(sh[1]))]
    size = 4 * 6 * len(ranges.split()) * chunks + 16 * vertices + (0 if sh is None else sh[0] * sh[1])
    return "\n".join([*lines, "end_header", ""]).encode() + bytes(size)


def test_a_compressed_file_without_colour_ranges_is_read() -> None:
    """The first ones had none; a byte of 0 is black then."""
    again = decode_ply(compressed(sh=(3, 9)))
    torch.testing.assert_close(again.means, torch.zeros(3, 3))
    torch.testing.assert_close(again.scales, torch.ones(3, 3))
    torch.testing.assert_close(again.sh[:, 0] * 0.28209479 + 0.5, torch.zeros(3, 3), **EXACT_FLOAT32._asdict())
    assert again.sh.shape == (3, 4, 3)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (compressed(chunks=1, vertices=257), "1 chunks for 257 Gaussians"),
        (compressed(ranges="min"), "lacks max_x, max_y, max_z"),
        (compressed(sh=(2, 9)), "harmonics for 2 of its 3 Gaussians"),
        (compressed(sh=(3, 8)), "8 properties f_rest_"),
        (compressed()[:-1], "cut off"),
        (re.sub(rb"element chunk 1\n(property float .*\n){12}", b"", compressed()), "lacks the properties x, y, z"),
    ],
)
def test_damaged_compressed_files_are_named(content: bytes, message: str) -> None:
    with pytest.raises(ValueError, match=rf"^head\.ply .*({message})"):
        decode_ply(content, "head.ply")

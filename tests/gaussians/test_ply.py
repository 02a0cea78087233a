"""PLY files: the layout byte by byte, round trips, damaged files."""

from pathlib import Path

import numpy as np
import pytest
import torch

from gghead.gaussians.ply import decode_ply, encode_ply, load_ply, property_names
from gghead.gaussians.scene import Gaussians


def random_scene(count: int, sh_degree: int) -> Gaussians:
    generator = torch.Generator().manual_seed(0)
    return Gaussians(
        means=torch.randn(count, 3, generator=generator),
        quats=torch.nn.functional.normalize(torch.randn(count, 4, generator=generator), dim=-1),
        scales=torch.rand(count, 3, generator=generator) * 0.1 + 1e-3,
        opacities=torch.rand(count, generator=generator) * 0.98 + 0.01,
        sh=torch.randn(count, (sh_degree + 1) ** 2, 3, generator=generator),
    )


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
def test_round_trip(tmp_path: Path, sh_degree: int) -> None:
    scene = random_scene(57, sh_degree)
    scene.save_ply(tmp_path / "head.ply", sh_degree)
    again = load_ply(tmp_path / "head.ply")
    for name in ("means", "quats", "scales", "opacities", "sh"):
        torch.testing.assert_close(getattr(again, name), getattr(scene, name), rtol=1e-5, atol=1e-6)


def test_headers_may_have_the_line_ends_of_windows() -> None:
    head, mark, body = encode_ply(random_scene(4, 1)).partition(b"end_header\n")
    again = decode_ply((head + mark).replace(b"\n", b"\r\n") + body)
    torch.testing.assert_close(again.means, random_scene(4, 1).means)


def test_a_number_of_harmonics_that_is_no_degree_is_named() -> None:
    content = encode_ply(random_scene(4, 1), 1)
    for missing in (8, 7):
        content = content.replace(b"property float f_rest_%d\n" % missing, b"property float other_%d\n" % missing)
        with pytest.raises(ValueError, match=rf"head\.ply has {missing} properties f_rest_\*; expected 0, 9, 24 or 45"):
            decode_ply(content, "head.ply")


def test_opacities_at_the_ends_stay_finite() -> None:
    scene = random_scene(3, 0)
    full = Gaussians(scene.means, scene.quats, scene.scales, torch.tensor([-0.001, 0.0, 1.001]), scene.sh)
    again = decode_ply(encode_ply(full))
    torch.testing.assert_close(again.opacities, torch.tensor([0.0, 0.0, 1.0]), rtol=0, atol=1e-5)


def test_several_scenes_are_refused() -> None:
    batch = random_scene(3, 0).map(lambda tensor: tensor[None])
    with pytest.raises(ValueError, match=r"index them first"):
        encode_ply(batch)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "no PLY header"),
        (b"ply\nformat ascii 1.0\nelement vertex 0\nend_header\n", "not binary little-endian"),
        (
            b"ply\nformat binary_little_endian 1.0\nelement vertex 0\nproperty float x\nend_header\n",
            "lacks the properties",
        ),
        (encode_ply(random_scene(4, 1))[:-3], "cut off"),
    ],
)
def test_damaged_files_are_named(content: bytes, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        decode_ply(content, "head.ply")

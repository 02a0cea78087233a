"""Files that other programs wrote, and frames."""

from pathlib import Path

import pytest
import torch
from scipy.spatial import KDTree

from gghead.gaussians.formats.ply import decode_ply, load_ply
from gghead.gaussians.formats.splat import load_splat
from gghead.gaussians.formats.spz import load_spz
from gghead.gaussians.scene import Gaussians
from gghead.geometry.rotations import matrices_from_quats

FOREIGN = Path(__file__).parent / "foreign"
"""See the README in it."""


@pytest.fixture(scope="module")
def source() -> Gaussians:
    return load_ply(FOREIGN / "source.ply")


def covariances(scene: Gaussians) -> torch.Tensor:
    """Shapes, whatever quaternions say them: half a turn about an axis of an ellipsoid leaves it as it is."""
    axes = matrices_from_quats(scene.quats) * scene.scales[:, None]
    return axes @ axes.mT


def matched(found: Gaussians, source: Gaussians) -> Gaussians:
    """In the order of the source; converters sort Gaussians by place."""
    order = KDTree(found.means.numpy()).query(source.means.numpy())[1]
    assert len(set(order.tolist())) == source.num_gaussians == found.num_gaussians
    return found.map(lambda tensor: tensor[torch.from_numpy(order)])


def assert_near(found: Gaussians, source: Gaussians, means: float, shapes: float, sh: float) -> None:
    found = matched(found, source)
    torch.testing.assert_close(found.means, source.means, rtol=0, atol=means)
    size = covariances(source).norm(dim=(1, 2))
    assert float(((covariances(found) - covariances(source)).norm(dim=(1, 2)) / size).max()) < shapes
    torch.testing.assert_close(found.opacities, source.opacities, rtol=0, atol=0.501 / 255)
    torch.testing.assert_close(found.sh[:, 0], source.sh[:, 0], rtol=0, atol=0.501 / 255 / 0.15)
    torch.testing.assert_close(found.sh[:, 1:], source.sh[:, 1:], rtol=0, atol=sh)


def test_a_compressed_ply_of_splat_transform(source: Gaussians) -> None:
    assert_near(load_ply(FOREIGN / "head.compressed.ply"), source, means=5e-4, shapes=0.02, sh=0.501 * 8 / 256)


def test_coefficients_that_a_compressed_ply_has_only_as_padding_are_zero() -> None:
    """splat-transform 2.7.1 writes 128 for the 0 of each coefficient that the head does not have."""
    content = (FOREIGN / "head.compressed.ply").read_bytes()
    numbers = content.count(b"property uchar f_rest_") * 291
    assert numbers
    assert decode_ply(content).sh_degree > 0
    assert decode_ply(content[:-numbers] + b"\x80" * numbers).sh_degree == 0


@pytest.mark.parametrize("name", ["library.v2", "library.v3", "library.v4", "library.v4_rdf"])
def test_files_of_the_spz_library(name: str, source: Gaussians) -> None:
    """Version 2 has coarse rotations."""
    shapes = 0.15 if name == "library.v2" else 0.1
    assert_near(load_spz(FOREIGN / f"{name}.spz"), source, means=0.501 / 2**12, shapes=shapes, sh=0.501 / 128)


def test_an_spz_of_splat_transform_has_the_axes_of_its_ply(source: Gaussians) -> None:
    """And 5 bits for harmonics of degree 1, the library's default."""
    found = load_spz(FOREIGN / "converted.v4.spz", up="-y")
    assert_near(found, source, means=0.501 / 2**12, shapes=0.1, sh=0.6 / 16)


def test_captures_with_y_down_are_upright(source: Gaussians) -> None:
    """The file's y points down: what is up in the head space has the least y there."""
    as_written = load_ply(FOREIGN / "source.ply", up="y")
    torch.testing.assert_close(as_written.means * torch.tensor([-1.0, -1.0, 1.0]), source.means)


@pytest.mark.usefixtures("unchecked_shapes")
@pytest.mark.parametrize("load", [load_ply, load_spz, load_splat])
def test_unknown_axes_and_missing_files_are_named(load: object, tmp_path: Path) -> None:
    (tmp_path / "head").write_bytes((FOREIGN / ("source.ply" if load is load_ply else "library.v4.spz")).read_bytes())
    if load is load_splat:
        (tmp_path / "head").write_bytes(bytes(12) + b"\0\0\x80\x3f" * 3 + b"\xff" * 8)
    with pytest.raises(ValueError, match="the axis up is 'x'; expected one of y, -y, z"):
        load(tmp_path / "head", up="x")
    with pytest.raises(FileNotFoundError):
        load(tmp_path / "none")

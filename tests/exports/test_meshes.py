"""Meshes: read by another library, on the Gaussians, closed, coloured as they are."""

import json
import math
from pathlib import Path

import numpy as np
import pytest
import torch
import trimesh

from exports.draw_mesh import draw_mesh
from exports.painted_head import around, psnr
from gghead.exports.baking import TEXTURE, texture_points
from gghead.exports.files import export
from gghead.exports.mesh import fill, head_mesh
from gghead.gaussians.ellipsoids import ellipsoids, sphere
from gghead.gaussians.placement import METERS_PER_UNIT
from gghead.gaussians.scene import Gaussians
from gghead.gaussians.shading import freeze_colors
from gghead.geometry.cameras import Cameras
from gghead.geometry.rotations import matrices_from_quats
from gghead.geometry.spherical_harmonics import C0
from gghead.media.meshes import Mesh, encode_glb
from gghead.model.generator import Generator
from gghead.rasterizer import render
from tolerances import MESH_PSNR


@pytest.fixture(scope="module")
def surface(generator: Generator) -> Gaussians:
    """The template in three colours, small Gaussians on the surface: what a mesh can show, too."""
    points = generator.template_positions
    count = len(points)
    rgb = torch.tensor([0.8, 0.6, 0.5]).repeat(count, 1)
    rgb[points[:, 1] > 0.2] = torch.tensor([0.3, 0.2, 0.1])
    rgb[points[:, 0] > 0.2] = torch.tensor([0.2, 0.7, 0.2])
    scales = torch.full((count, 3), 0.005)
    return Gaussians(
        points, torch.eye(4)[:1].repeat(count, 1), scales, torch.full((count,), 0.99), ((rgb - 0.5) / C0)[:, None]
    )


def read(path: Path) -> trimesh.Trimesh:
    """The one mesh of a file, as another library reads it."""
    return trimesh.load(path, force="mesh", process=False)


@pytest.mark.usefixtures("small_textures")
def test_vertices_lie_a_deviation_above_the_means_in_metres(
    surface: Gaussians, generator: Generator, tmp_path: Path
) -> None:
    export(tmp_path / "head.glb", surface, generator)
    mesh = read(tmp_path / "head.glb")
    lifts = mesh.vertices[: surface.num_gaussians] / METERS_PER_UNIT - surface.means.numpy()
    np.testing.assert_allclose(np.linalg.norm(lifts, axis=1), 0.005, rtol=1e-3)
    height = np.ptp(mesh.vertices[:, 1])
    assert 0.2 < height < 0.4, "head and neck of an adult"
    assert mesh.volume > 0, "triangles look outwards"
    outwards = (mesh.vertex_normals * (mesh.vertices - mesh.vertices.mean(axis=0))).sum(axis=1)
    assert (outwards > 0).mean() > 0.8


def test_normals_are_unit_and_those_of_the_triangles(surface: Gaussians, generator: Generator) -> None:
    mesh = head_mesh(surface, generator)
    np.testing.assert_allclose(np.linalg.norm(mesh.normals, axis=1), 1, atol=1e-5)
    other = trimesh.Trimesh(mesh.vertices, mesh.faces, process=False).vertex_normals
    inner = slice(0, surface.num_gaussians)
    assert ((mesh.normals[inner] * other[inner]).sum(axis=1) > 0.9).mean() > 0.98


def open_length(mesh: Mesh, faces: np.ndarray) -> float:
    """Length of the edges above the shoulders with one triangle only."""
    welded = trimesh.Trimesh(mesh.vertices, faces, process=False)
    welded.merge_vertices(merge_tex=True, merge_norm=True)
    ends = welded.vertices[welded.edges[trimesh.grouping.group_rows(welded.edges_sorted, require_count=1)]]
    high = ends[:, :, 1].min(axis=1) > -0.2
    return float(np.linalg.norm(ends[high, 0] - ends[high, 1], axis=1).sum())


def test_the_seam_at_the_back_is_closed(surface: Gaussians, generator: Generator) -> None:
    mesh = head_mesh(surface, generator)
    cut = mesh.faces[(mesh.faces < surface.num_gaussians).all(axis=1)]
    assert open_length(mesh, cut) > 1.5, "the chart is cut at the back"
    assert open_length(mesh, mesh.faces) < 0.6, "corners of the chart without Gaussians are left"


@pytest.mark.slow
def test_a_mesh_looks_like_the_head(surface: Gaussians, generator: Generator, tmp_path: Path) -> None:
    export(tmp_path / "head.glb", surface, generator, scale=1.0)
    mesh = read(tmp_path / "head.glb")
    texture = np.asarray(mesh.visual.material.baseColorTexture.convert("RGB"))
    uvs = mesh.visual.uv * [1, -1] + [0, 1]  # trimesh turns v around
    drawn = draw_mesh(mesh.vertices, mesh.faces, uvs, texture, around(256))
    expected = render(surface, around(256)).rgb
    values = [psnr(picture, other) for picture, other in zip(drawn, expected, strict=True)]
    assert min(values) >= MESH_PSNR, values


def test_texture_is_the_colour_of_each_texel(surface: Gaussians, generator: Generator) -> None:
    mesh = head_mesh(surface, generator)
    size = generator.config.grid_size
    uvs = mesh.uvs[: surface.num_gaussians]
    texels = mesh.texture[(uvs[:, 1] * size).astype(int), (uvs[:, 0] * size).astype(int)]
    expected = (surface.sh[:, 0] * C0 + 0.5).numpy() * 255
    np.testing.assert_allclose(texels, expected, atol=1)


@pytest.mark.slow
def test_texels_between_vertices_are_points_between_them() -> None:
    corners = np.array([[0.0, 0.0], [1.0, 0.0], [0.0, 1.0], [1.0, 1.0]], np.float32)
    vertices = np.concatenate([2 * corners, np.full((4, 1), 3, np.float32)], axis=1)
    up = np.tile(np.array([0, 0, 2], np.float32), (4, 1))
    square = Mesh(vertices, up, np.array([[0, 1, 2], [1, 3, 2]]), corners, np.zeros((2, 2, 3), np.uint8))
    texels, points, normals = texture_points(square)
    assert len(np.unique(texels)) == TEXTURE**2
    centers = (np.stack([texels % TEXTURE, texels // TEXTURE], axis=1) + 0.5) / TEXTURE
    np.testing.assert_allclose(points.numpy(), np.insert(2 * centers, 2, 3, axis=1), atol=1e-5)
    np.testing.assert_allclose(normals.numpy(), np.tile([0, 0, 1], (len(texels), 1)), atol=1e-6)


def test_transparent_texels_take_what_is_around_them() -> None:
    weights = np.ones((32, 32))
    weights[10:20, 10:20] = 0
    values = np.full((32, 32, 3), 0.25)
    values[weights == 0] = 9
    filled = fill(values, weights)
    np.testing.assert_allclose(filled, 0.25, atol=1e-6)
    assert np.isfinite(fill(values, np.zeros((32, 32)))).all()


def test_a_mesh_of_gaussians_that_are_not_the_generators_is_refused(head: Gaussians, generator: Generator) -> None:
    with pytest.raises(ValueError, match="needs the generator that made the head"):
        head_mesh(head.map(lambda tensor: tensor[:-1]), generator)


def test_ellipsoids_are_the_gaussians_level_sets(head: Gaussians, tmp_path: Path) -> None:
    few = head.map(lambda tensor: tensor[:50])
    export(tmp_path / "few.ellipsoids.glb", few, scale=1.0)
    kept = few.map(lambda tensor: tensor[few.opacities >= 0.1])
    mesh = read(tmp_path / "few.ellipsoids.glb")
    assert len(mesh.vertices) == 18 * kept.num_gaussians
    assert len(mesh.faces) == 32 * kept.num_gaussians
    points = torch.from_numpy(np.array(mesh.vertices)).reshape(-1, 18, 3)
    local = (points - kept.means[:, None]) @ matrices_from_quats(kept.quats).double()
    radii = (local / kept.scales[:, None]).norm(dim=-1)
    torch.testing.assert_close(radii, torch.ones_like(radii), rtol=0, atol=1e-3)
    assert all(part.volume > 0 for part in mesh.split(only_watertight=False)[:5])


def test_the_sphere_is_round_and_closed() -> None:
    points, faces = sphere()
    np.testing.assert_allclose(np.linalg.norm(points, axis=1), 1, rtol=1e-6)
    mesh = trimesh.Trimesh(points, faces, process=False)
    assert mesh.is_watertight
    assert 2.9 < mesh.volume < 4 / 3 * math.pi


def test_vertex_colours_are_linear_light(head: Gaussians) -> None:
    gray = Gaussians(head.means[:1], head.quats[:1], head.scales[:1], torch.ones(1), torch.zeros(1, 1, 3))
    content = encode_glb(ellipsoids(gray))
    length = int.from_bytes(content[12:16], "little")
    document, binary = json.loads(content[20 : 20 + length]), content[28 + length :]
    accessor = document["accessors"][document["meshes"][0]["primitives"][0]["attributes"]["COLOR_0"]]
    view = document["bufferViews"][accessor["bufferView"]]
    colors = np.frombuffer(binary, "<f4", 4 * accessor["count"], view["byteOffset"]).reshape(-1, 4)
    # Half of display white (128 of 255) is 21.6 % of the light.
    np.testing.assert_allclose(colors, [[0.216, 0.216, 0.216, 1.0]] * 18, atol=1e-3)


@pytest.mark.parametrize(("vertices", "faces", "message"), [(1.0, 0, "no triangles"), (math.nan, 1, "not finite")])
def test_empty_and_broken_meshes_are_refused(vertices: float, faces: int, message: str) -> None:
    points = np.full((3, 3), vertices, np.float32)
    with pytest.raises(ValueError, match=message):
        encode_glb(Mesh(points, points, np.zeros((faces, 3), int)))


def test_frozen_colours_are_what_the_mesh_of_a_view_dependent_head_lacks(head: Gaussians, generator: Generator) -> None:
    """The texture holds the constant colour, so that freezing to a camera changes it."""
    frozen = freeze_colors(head, Cameras.frontal(1))
    assert not np.array_equal(head_mesh(frozen, generator).texture, head_mesh(head, generator).texture)

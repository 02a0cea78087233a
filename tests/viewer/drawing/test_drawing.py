"""Each mode shows what its name says."""

import math
from dataclasses import replace
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
import torch

from gghead.gaussians.scene import Gaussians
from gghead.geometry.canonical_head import FFHQ_FOCAL
from gghead.inference.observation import observe
from gghead.model.generator import build_generator
from gghead.viewer.drawing.drawing import adjusted, draw, observation_of, splats
from gghead.viewer.drawing.ellipsoids import draw_ellipsoids
from gghead.viewer.drawing.heads import Head
from gghead.viewer.drawing.template_mesh import build_mesh, edges_of, face_normals
from gghead.viewer.heads_service import HeadsService
from gghead.viewer.state import HeadChoice, Look, Show, Viewpoint
from gghead.viewer.viewpoints import camera_of, preset

SIDE = 48
FRONT = Viewpoint(fov=math.degrees(2 * math.atan(0.5 / FFHQ_FOCAL)))


@pytest.fixture(scope="module")
def head(service: HeadsService, model_file: Path) -> Head:
    return service.head(model_file, HeadChoice(seed=1), FRONT)


def ball(radius: float, scales: tuple[float, float, float] = (1, 1, 1)) -> Gaussians:
    """One opaque white Gaussian at the origin."""
    return Gaussians(
        means=torch.zeros(1, 3),
        quats=torch.tensor([[1.0, 0, 0, 0]]),
        scales=radius * torch.tensor([scales]),
        opacities=torch.ones(1),
        sh=torch.full((1, 1, 3), 0.5 / 0.28209479),
    )


def test_the_first_view_holds_the_crown(head: Head) -> None:
    camera = camera_of(Viewpoint(), SIDE, SIDE)
    seen = torch.from_numpy(head.mesh.vertices) @ camera.viewmats[0, :3, :3].T + camera.viewmats[0, :3, 3]
    pixels = seen @ camera.Ks[0].T
    assert (pixels[:, 1] / pixels[:, 2]).min() > 0


@pytest.mark.parametrize("side", [16, 4 * SIDE])
def test_pictures_finer_than_the_models_are_of_smoothed_heads(head: Head, side: int) -> None:
    model = build_generator(replace(head.generator.config, picture_resolution=32), seed=0)
    made = replace(head, generator=model, gaussians=model.sample(seeds=[0])[0])
    camera = camera_of(FRONT, side, side)
    expected = observe(model.config, camera).apply_smoothing_filter(made.gaussians, model)
    found = adjusted(made, Look(), observation_of(made, Look(), camera))
    torch.testing.assert_close(found.scales, expected.scales)
    torch.testing.assert_close(found.quats, expected.quats)
    assert torch.equal(found.scales, made.gaussians.scales) == (side < 32)


def test_every_mode_shows_something_else(head: Head) -> None:
    camera = camera_of(preset("3/4", FRONT), SIDE, SIDE)
    looks = [Look(show=show) for show in Show] + [Look(mesh=True), Look(size=0.3), Look(opacity=0.3)]
    looks.append(Look(background=(0, 90, 0)))
    pictures = [draw(head, look, camera) for look in looks]
    for (i, a), (j, b) in combinations(enumerate(pictures), 2):
        assert np.abs(a.astype(int) - b).mean() > 0.5, (looks[i], looks[j])


def test_a_picture_has_the_shape_of_the_canvas(head: Head) -> None:
    assert draw(head, Look(), camera_of(FRONT, 40, 24)).shape == (24, 40, 3)


@pytest.mark.parametrize("scales", [(1.0, 1.0, 1.0), (0.5, 1.0, 2.0), (1.0, 1e-3, 1.0)])
def test_an_ellipsoid_covers_its_silhouette(scales: tuple[float, float, float]) -> None:
    radius = 0.08
    picture = draw_ellipsoids(ball(radius, scales), camera_of(FRONT, 128, 128), np.zeros(3, np.float32))
    covered = picture[..., 0] > 0
    # Half-axes of the outline in pixels: f r / sqrt(z^2 - r_z^2).
    focal, depth = 128 * 4.2647, math.sqrt(2.7**2 - (radius * scales[2]) ** 2)
    area = math.pi * scales[0] * scales[1] * (radius * focal / depth) ** 2
    assert covered.sum() == pytest.approx(area, rel=0.02, abs=40)


def test_the_nearest_ellipsoid_hides_those_behind() -> None:
    two = ball(0.1).map(lambda tensor: torch.cat([tensor, tensor]))
    means = torch.tensor([[0.0, 0, -0.3], [0.0, 0, 0.3]])
    sh = two.sh * torch.tensor([1.0, -1.0])[:, None, None]
    picture = draw_ellipsoids(replace(two, means=means, sh=sh), camera_of(FRONT, 33, 33), np.ones(3, np.float32))
    assert picture[16, 16].max() < 0.01
    swapped = replace(two, means=means.flip(0), sh=sh)
    picture = draw_ellipsoids(swapped, camera_of(FRONT, 33, 33), np.ones(3, np.float32))
    assert picture[16, 16].min() > 0.9


def test_an_ellipsoid_around_the_camera_is_left_out() -> None:
    picture = draw_ellipsoids(ball(5.0), camera_of(FRONT, 16, 16), np.zeros(3, np.float32))
    assert not picture.any()


def test_splats_have_the_covariances_of_their_gaussians(head: Head) -> None:
    found = splats(head, Look(size=2.0))
    eigenvalues = np.sort(np.linalg.eigvalsh(found.covariances.astype(float)), axis=1)
    scales = np.sort(2 * head.gaussians.scales.detach().numpy(), axis=1)
    np.testing.assert_allclose(np.sqrt(eigenvalues.clip(0)), scales, rtol=2e-3)


def test_a_ply_has_no_chart_and_no_mesh(head: Head) -> None:
    ply = replace(head, uvs=None, mesh=None)
    camera = camera_of(FRONT, 16, 16)
    with pytest.raises(ValueError, match="no UV map"):
        draw(ply, Look(show=Show.UV), camera)
    with pytest.raises(ValueError, match="no template"):
        draw(ply, Look(mesh=True), camera)


def test_the_mesh_joins_neighbours_and_faces_outwards() -> None:
    axis = np.linspace(-1, 1, 20, dtype=np.float32)
    u, v = (grid.reshape(-1) for grid in np.meshgrid(axis, axis))
    yaw, pitch = u * 2.5, v * 1.2
    sphere = np.stack([np.sin(yaw) * np.cos(pitch), np.sin(pitch), np.cos(yaw) * np.cos(pitch)], axis=1)
    inside = np.hypot(u, v) < 0.9
    for positions in (sphere, sphere * [-1, 1, 1]):
        mesh = build_mesh(np.stack([u, v], axis=1)[inside], positions[inside].astype(np.float32))
        corners = mesh.vertices[mesh.faces]
        assert ((face_normals(corners) * corners.mean(axis=1)).sum(axis=1) > 0).mean() > 0.99
        assert len(mesh.vertices) - len(edges_of(mesh.faces)) + len(mesh.faces) == 1  # Euler: a disc


def test_a_line_between_two_faces_counts_once() -> None:
    assert edges_of(np.array([[0, 1, 2], [2, 1, 3]])).tolist() == [[0, 1], [0, 2], [1, 2], [1, 3], [2, 3]]
    assert edges_of(np.zeros((0, 3), int)).shape == (0, 2)

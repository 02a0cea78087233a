"""Light on whole surfaces: energy, occlusion, scattering, shadows."""

import numpy as np
import pytest

from gghead.geometry.canonical_cameras import posed_label
from gghead.geometry.grids import cell_corners, grid_of
from gghead.synthetic.render.lighting import Lighting, hemisphere_lighting
from gghead.synthetic.render.mesh_rasterizer import vertex_normals
from gghead.synthetic.render.reflectance import COSINES, lobe_table, scattered_light
from gghead.synthetic.render.renderer import Material, Mesh, Scene, Surface, View, render
from gghead.synthetic.render.tone import MIDDLE, TONE_LIMIT, tone_map
from gghead.synthetic.render.visibility import curvatures

NO_LIGHTS = (np.zeros((0, 3)), np.zeros((0, 3)), np.zeros(0))
FURNACE = hemisphere_lighting("furnace", *NO_LIGHTS, (np.ones(3), np.ones(3)))


def ball(material: Material, radius: float = 0.3, center: tuple[float, float, float] = (0.0, 0.0, 0.0)) -> Mesh:
    rings, sectors = 80, 160
    polar, turn = np.linspace(0.01, np.pi - 0.01, rings), np.linspace(0, 2 * np.pi, sectors, endpoint=False)
    flat = np.sin(polar)[:, None]
    out = np.stack(
        [flat * np.cos(turn), np.broadcast_to(np.cos(polar)[:, None], (rings, sectors)), flat * np.sin(turn)]
    )
    normals = out.reshape(3, -1).T.astype(np.float32)
    a, b, c, d = cell_corners(grid_of(rings, sectors, closed=True))
    triangles = np.concatenate([np.stack([a, c, b], 1), np.stack([b, c, d], 1)]).astype(np.int32)
    return _mesh(normals * np.float32(radius) + np.array(center, np.float32), normals, triangles, material)


def floor(material: Material, height: float) -> Mesh:
    side = 80
    z, x = np.meshgrid(np.linspace(-0.5, 0.5, side), np.linspace(-0.5, 0.5, side))
    points = np.stack([x.ravel(), np.full(side * side, height), z.ravel()], 1).astype(np.float32)
    a, b, c, d = cell_corners(grid_of(side, side))
    triangles = np.concatenate([np.stack([a, b, c], 1), np.stack([b, d, c], 1)]).astype(np.int32)
    return _mesh(points, np.tile(np.array([0, 1, 0], np.float32), (side * side, 1)), triangles, material)


def _mesh(points: np.ndarray, normals: np.ndarray, triangles: np.ndarray, material: Material) -> Mesh:
    uvs = np.full((len(triangles), 3, 2), 0.5, np.float32)
    materials = np.full(len(triangles), material, np.int32)
    return Mesh(points, normals, triangles, uvs, materials, np.ones(len(points), np.float32))


def seen(*meshes: Mesh, light: Lighting, color: float = 1.0, pitch: float = 0.0) -> View:
    surfaces = tuple(Surface.plain(m, np.full(3, color)) for m in (Material.BROW, Material.BEARD, Material.SKIN_BODY))
    scene = Scene(Mesh.joined(list(meshes)), Mesh.empty(), surfaces)
    return render(scene, posed_label(0.0, pitch), 64, light, 2)


def test_a_white_ball_in_a_white_furnace_is_not_seen() -> None:
    view = seen(ball(Material.BROW), light=FURNACE)
    inside = view.coverage == 1
    assert inside.sum() > 500
    np.testing.assert_allclose(view.color[inside], tone_map(np.ones_like(view.color[inside])), atol=0.012)


def test_no_surface_of_skin_gives_back_more_than_comes() -> None:
    view = seen(ball(Material.SKIN_BODY), light=FURNACE, color=0.95)
    assert view.color[view.coverage == 1].max() <= tone_map(np.full(1, 1.06, np.float32))


def test_light_does_not_reach_where_a_ball_touches_the_floor() -> None:
    ground, above = floor(Material.BEARD, -0.3), ball(Material.BEARD, 0.12, (0.0, -0.17, 0.0))
    both = seen(ground, above, light=FURNACE, color=0.5, pitch=0.5)
    alone = seen(ground, light=FURNACE, color=0.5, pitch=0.5)
    floor_seen = (both.material == Material.BEARD + 1) & (np.abs(both.depth - alone.depth) < 1e-3) & (alone.depth > 0)
    share = (both.color.mean(2) / np.maximum(alone.color.mean(2), 1e-3))[floor_seen]
    assert share.min() < 0.75, "dark beside the ball"
    assert np.quantile(share, 0.9) > 0.97, "as bright as ever far from it"


def test_wide_lights_have_wide_shadow_edges() -> None:
    edges = []
    for radius in (0.01, 0.3):
        above = np.array([[0.0, 1.0, 0.05]]) / np.linalg.norm([0.0, 1.0, 0.05])
        light = hemisphere_lighting("", above, np.ones((1, 3)), np.array([radius]), (np.zeros(3), np.zeros(3)))
        ground, disc = floor(Material.BEARD, -0.25), ball(Material.BEARD, 0.08, (0.0, 0.0, 0.0))
        view = seen(ground, disc, light=light, color=0.5, pitch=0.6)
        shade = view.color[view.coverage == 1].mean(1)
        lit = np.quantile(shade, 0.9)
        edges.append(((shade > 0.3 * lit) & (shade < 0.9 * lit)).sum())
    assert edges[1] > 1.3 * edges[0]


def test_scattering_keeps_the_light_and_reddens_the_edge_of_night() -> None:
    table, cosines = scattered_light(), np.linspace(-1, 1, COSINES)
    power = np.trapezoid(table, cosines, axis=2)
    np.testing.assert_allclose(power, 0.5, rtol=0.03)
    red, green, blue = table[:, 8, COSINES // 2 - 2]
    assert red > 1.3 * green > 1.3 * blue


@pytest.mark.parametrize("roughness", [0.05, 0.16, 0.4])
def test_a_lobe_reflects_no_more_than_comes(roughness: float) -> None:
    mirror = lobe_table(roughness).sum(1)
    assert (mirror <= 1.001).all()
    assert mirror[-1] > 0.7, "only what meets the surface again is lost"


def test_a_ball_is_as_curved_as_it_is_small() -> None:
    mesh = ball(Material.BROW, 0.2)
    assert np.median(curvatures(mesh.points, mesh.normals, mesh.triangles)) == pytest.approx(5, rel=0.02)
    flat = floor(Material.BROW, 0.0)
    normals = vertex_normals(flat.points, flat.triangles)
    assert curvatures(flat.points, normals, flat.triangles).max() < 1e-3


def test_bumps_of_the_detail_map_show_and_gloss_shines() -> None:
    light = hemisphere_lighting(
        "", np.array([[0.8, 0.0, 0.6]]), np.ones((1, 3)), np.array([0.1]), (np.full(3, 0.1), np.full(3, 0.1))
    )
    corners = np.array([[-1, -1, 0], [1, -1, 0], [1, 1, 0], [-1, 1, 0]], np.float32)
    triangles = np.array([[0, 1, 2], [0, 2, 3]], np.int32)
    uvs = (corners[triangles][..., :2] / 2 + 0.5).astype(np.float32)
    ones = np.ones(4, np.float32)
    front = np.tile(np.array([0, 0, 1], np.float32), (4, 1))
    wall = Mesh(corners * np.float32(0.3), front, triangles, uvs, np.full(2, Material.SKIN_BODY, np.int32), ones)
    texture, level = np.full((64, 64, 3), 128, np.uint8), np.full((64, 64, 2), 128, np.uint8)
    waves, dull = level.copy(), level.copy()
    waves[..., 1] = 128 + 60 * np.sin(np.arange(64) / 2)
    dull[..., 0] = 0
    views = [
        render(
            Scene(wall, Mesh.empty(), (Surface.painted(Material.SKIN_BODY, texture, detail=detail),)),
            posed_label(0.0, 0.0),
            64,
            light,
            2,
        ).color[20:44, 20:44]
        for detail in (level, waves, dull)
    ]
    assert views[1].std() > 5 * views[0].std()
    assert views[2].mean() < views[0].mean()


def test_the_tone_curve_keeps_the_middle_and_clips_nothing() -> None:
    linear = np.linspace(0, TONE_LIMIT, 2000, dtype=np.float32)
    shown = tone_map(linear)
    assert (np.diff(shown) > 0).all()
    assert shown[0] == 0
    assert shown[-1] == pytest.approx(1, abs=1e-4)
    assert tone_map(np.full(1, MIDDLE[0], np.float32))[0] == pytest.approx(MIDDLE[1] ** (1 / 2.2), abs=1e-4)

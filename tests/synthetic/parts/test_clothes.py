from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st
from scipy.spatial import KDTree

from gghead.synthetic.anatomy.head_model import HeadModel
from gghead.synthetic.anatomy.identities import random_person
from gghead.synthetic.parts.clothes import HEM_THICKNESS, Neckline, Outfit, cloth_mesh, neckline_height, random_outfit
from gghead.synthetic.parts.fabrics import HEM_ROWS, SIDE, Fabric, Pattern, paint_fabrics
from gghead.synthetic.parts.glasses import glasses_meshes, random_glasses
from gghead.synthetic.render.mesh_cuts import cut_below, loops
from gghead.synthetic.render.mesh_rasterizer import vertex_normals
from gghead.synthetic.render.renderer import Mesh


@pytest.fixture(scope="module")
def model() -> HeadModel:
    return HeadModel()


def grid(side: int) -> tuple[np.ndarray, np.ndarray]:
    """Points [n, 3] of the unit square and their triangles."""
    y, x = np.mgrid[: side + 1, : side + 1] / side
    points = np.stack([x.ravel(), y.ravel(), 0 * x.ravel()], 1).astype(np.float32)
    corner = (np.arange(side)[:, None] * (side + 1) + np.arange(side)).ravel()
    lower = np.stack([corner, corner + 1, corner + side + 1], 1)
    upper = np.stack([corner + 1, corner + side + 2, corner + side + 1], 1)
    return points, np.concatenate([lower, upper]).astype(np.int32)


def area(points: np.ndarray, triangles: np.ndarray) -> float:
    edges = points[triangles][:, 1:] - points[triangles][:, :1]
    return float(np.cross(edges[:, 0], edges[:, 1])[:, 2].sum() / 2)


@settings(max_examples=40, deadline=None)
@given(st.floats(-1, 1), st.floats(-1, 1), st.floats(-0.9, 0.9))
def test_a_cut_divides_the_area_of_a_mesh(a: float, b: float, c: float) -> None:
    points, triangles = grid(5)
    field = (a * points[:, 0] + b * points[:, 1] + c * (abs(a) + abs(b)) + 1e-3).astype(np.float32)
    below, above = cut_below(triangles, field), cut_below(triangles, -field)
    parts = [area(cut.spread(points), cut.triangles) for cut in (below, above)]
    assert min(parts, default=0) >= -1e-6, "triangles keep their turn"
    assert sum(parts) == pytest.approx(1, abs=1e-4)
    cut_field = below.spread(field[:, None])[:, 0]
    assert (cut_field[below.triangles] <= 1e-6).all()
    np.testing.assert_allclose(cut_field[len(field) :], 0, atol=1e-6)


def test_the_rim_of_a_cut_is_a_closed_line_around_what_was_cut_out() -> None:
    points, triangles = grid(12)
    field = (0.3 - np.hypot(points[:, 0] - 0.5, points[:, 1] - 0.5)).astype(np.float32)
    cut = cut_below(triangles, -field)
    (loop,) = loops(cut.rim)
    ring = cut.spread(points)[loop]
    np.testing.assert_allclose(np.hypot(ring[:, 0] - 0.5, ring[:, 1] - 0.5), 0.3, atol=0.02)
    assert len(loops(cut.rim[:-1])) == 0, "open lines are left out"


PLAIN = Fabric(Pattern.PLAIN, np.full((2, 3), 0.3), 0.5, 1.0, 0.0)
SMOOTH = np.zeros((1, 5))


def outfit_of(neckline: Neckline, shift: float = 0.0) -> Outfit:
    return Outfit(neckline, shift, PLAIN, None, SMOOTH)


def dressed(model: HeadModel, outfit: Outfit) -> Mesh:
    points = model.neutral
    normals = vertex_normals(points, model.triangles)
    place = model.to_canonical(model.morph(np.zeros(model.target_count, np.float32)))
    return cloth_mesh(model, points, normals, outfit, place)


@pytest.mark.parametrize("neckline", Neckline)
def test_clothes_cover_the_shoulders_and_leave_the_face_free(model: HeadModel, neckline: Neckline) -> None:
    outfit = outfit_of(neckline)
    mesh = dressed(model, outfit)
    place = model.to_canonical(model.morph(np.zeros(model.target_count, np.float32)))
    assert np.isfinite(mesh.points).all()
    np.testing.assert_allclose(np.linalg.norm(mesh.normals, axis=1), 1, atol=0.02)
    chin, shoulder = place.points(np.array([[0, 6.2, 1.45], [1.8, 5.4, 0.2]]))
    front = mesh.points[mesh.points[:, 2] > chin[2] - 0.05]
    assert front[:, 1].max(initial=-1) < chin[1], "nothing in front of the face"
    assert KDTree(mesh.points).query(shoulder)[0] < 0.1
    above = neckline_height(model.neutral, outfit)
    covered = place.points(model.neutral[(above < -0.3) & (model.neutral[:, 1] > 4.5)])
    distance = KDTree(mesh.points).query(covered)[0]
    assert distance.max() < 2 * HEM_THICKNESS * np.linalg.norm(place.linear[:, 0])


def test_a_turtleneck_is_higher_and_a_v_lower_than_a_round_collar(model: HeadModel) -> None:
    throat = np.array([[0.0, 5.8, 0.7]])
    heights = {neckline: float(neckline_height(throat, outfit_of(neckline))[0]) for neckline in Neckline}
    assert heights[Neckline.TURTLENECK] < 0 < heights[Neckline.CREW] < heights[Neckline.V]
    raised = outfit_of(Neckline.CREW, 0.1)
    assert neckline_height(throat, raised)[0] == pytest.approx(heights[Neckline.CREW] - 0.1, abs=1e-6)


def test_trunk_and_sleeves_go_down_below_every_picture(model: HeadModel) -> None:
    assert len(model.open_rims) == 3, "a trunk and two sleeves"
    lowest = dressed(model, outfit_of(Neckline.CREW)).points[:, 1].min()
    assert lowest < -1.0, "world units; from 45 degrees above, pictures of FFHQ's lens end at about -0.9"


def test_a_jacket_lies_over_the_clothes_and_shows_its_own_fabric(model: HeadModel) -> None:
    inner = replace(outfit_of(Neckline.CREW), waves=np.array([[3.0, 1.0, 2.0, 0.0, 0.02]]))
    bare, worn = dressed(model, inner), dressed(model, replace(inner, jacket=PLAIN))
    place = model.to_canonical(model.morph(np.zeros(model.target_count, np.float32)))
    extra = slice(len(bare.points), None)
    throat, shoulder = place.points(np.array([[0, 5.4, 1.0], [1.8, 5.4, 0.2]]))
    jacket = KDTree(worn.points[extra])
    assert jacket.query(shoulder)[0] < 0.1
    assert jacket.query(throat)[0] > 0.03, "open in front"
    assert worn.uvs[: len(bare.triangles), :, 0].max() <= 0.5 <= worn.uvs[len(bare.triangles) :, :, 0].min()


@pytest.mark.parametrize("pattern", Pattern)
def test_fabrics_show_their_colours(pattern: Pattern) -> None:
    rng, colors = np.random.default_rng(0), np.array([[0.4, 0.1, 0.1], [0.05, 0.05, 0.3]])
    texture, detail = paint_fabrics(Fabric(pattern, colors, 0.4, 1.0, 0.0), None, rng)
    assert texture.shape == (SIDE, SIDE, 3)
    cloth = texture[HEM_ROWS:].reshape(-1, 3) / 255
    first, second = colors ** (1 / 2.2)
    assert np.abs(cloth - first).max(1).min() < 0.02
    both = np.abs(cloth - second).max(1).min() < 0.02
    assert both == (pattern not in (Pattern.PLAIN, Pattern.KNIT))
    ribbed = detail[HEM_ROWS:, :, 1].astype(float).mean(0).std()
    assert (ribbed > 20) == (pattern == Pattern.KNIT)


def test_outfits_differ_and_follow_from_the_seed() -> None:
    color = np.array([0.4, 0.1, 0.1])
    drawn = [random_outfit(color, 0.0, np.random.default_rng(seed)) for seed in range(80)]
    assert {outfit.neckline for outfit in drawn} == set(Neckline)
    assert {outfit.fabric.pattern for outfit in drawn} == set(Pattern)
    assert 8 < sum(outfit.jacket is not None for outfit in drawn) < 40
    assert (drawn[0].fabric.colors[0] == color).all()
    again = random_outfit(color, 0.0, np.random.default_rng(3)).surface(np.random.default_rng(1)).texture
    assert np.array_equal(again, drawn[3].surface(np.random.default_rng(1)).texture)


@pytest.mark.parametrize("seed", range(6))
def test_glasses_sit_before_the_eyes_and_do_not_cut_the_face(model: HeadModel, seed: int) -> None:
    rng = np.random.default_rng(seed)
    person = random_person(model, rng)
    glasses = next(frame for frame in (random_glasses(person, rng) for _ in range(200)) if frame is not None)
    vertices = model.morph(person.weights)
    place, eyes, skin = model.to_canonical(vertices), model.eyeballs(vertices), model.skin(vertices)
    mesh, _ = glasses_meshes(glasses, eyes, skin, place)
    local = (mesh.points - place.shift) @ np.linalg.inv(place.linear.T)
    for eye in eyes:
        assert (np.abs(local - eye.center)[:, :2] > 0.04).any(1).all(), "the rim goes around the pupil"
        assert np.linalg.norm((local - eye.center)[:, :2], axis=1).min() < 0.4
    front = local[local[:, 2] > eyes[0].center[2]]
    ahead = skin[skin[:, 2] > eyes[0].center[2] - 0.35]
    under = ahead[KDTree(ahead[:, :2]).query(front[:, :2])[1], 2]
    assert (front[:, 2] - under).min() > -0.03
    assert local[:, 2].min() < 0.5, "temples reach the ears"

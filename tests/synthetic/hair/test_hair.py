from dataclasses import replace

import numpy as np
import pytest

from gghead.geometry.canonical_cameras import posed_label
from gghead.synthetic.anatomy.head_model import HeadModel
from gghead.synthetic.anatomy.identities import Person, random_person
from gghead.synthetic.hair.field import FACE_CENTER, FACE_RADII, HairField
from gghead.synthetic.hair.growth import Lines, grow
from gghead.synthetic.hair.hair import HairGrower
from gghead.synthetic.hair.hairline import KNOTS, HairLine, random_hair_line
from gghead.synthetic.hair.styles import (
    AFRICAN_MEN,
    AFRICAN_WOMEN,
    AGE_FACTORS,
    CUTS,
    MEN,
    WOMEN,
    Cut,
    HairStyle,
    random_cut,
    random_style,
)
from gghead.synthetic.hair.texture import Strip, paint_strips
from gghead.synthetic.render.lighting import random_lighting
from gghead.synthetic.render.mesh_rasterizer import vertex_normals
from gghead.synthetic.render.renderer import Material, Mesh, Scene, Surface, project, render
from tolerances import EXACT_FLOAT32

FINEST = 1.5
"""Largest detail that heads are made with."""


@pytest.fixture(scope="module")
def model() -> HeadModel:
    return HeadModel()


@pytest.fixture(scope="module")
def field(model: HeadModel) -> HairField:
    return HairField(model)


@pytest.fixture(scope="module")
def person(model: HeadModel) -> Person:
    return random_person(model, np.random.default_rng(0))


def usual_line(person: Person) -> HairLine:
    return random_hair_line(replace(person, sex="female", years=25.0), 0.0, np.random.default_rng(1))


def grown(field: HairField, count: int, cut: Cut, line: HairLine, rng: np.random.Generator) -> Lines:
    """Hair from the first of the roots inside the line."""
    chosen = np.flatnonzero(line.above(field.roots.azimuth, field.roots.position[:, 1]) > 0)[:count]
    return grow(field, chosen, np.arange(len(chosen)) < count // 4, cut, line, rng)


@pytest.mark.parametrize("chances", [MEN, WOMEN, AFRICAN_MEN, AFRICAN_WOMEN])
def test_chances_are_of_styles_that_can_be_drawn(chances: dict[HairStyle, float]) -> None:
    assert sum(chances.values()) == pytest.approx(1)
    assert set(chances) <= {*CUTS, "bald", "shaved"}
    assert all(set(factors) <= {*CUTS, "bald", "shaved"} for factors in AGE_FACTORS.values())


def test_children_do_not_lose_their_hair(person: Person) -> None:
    child = replace(person, sex="male", years=9.0, ancestry=np.array([0.2, 0.2, 0.6]))
    styles = {random_style(child, np.random.default_rng(seed)) for seed in range(300)}
    assert not styles & {"bald", "ring"}
    assert len(styles) > 4


@pytest.mark.parametrize("receding", [0.0, 0.5, 0.9])
@pytest.mark.parametrize("sex", ["female", "male"])
def test_hair_grows_on_the_back_of_the_head_and_not_on_the_face(person: Person, sex: str, receding: float) -> None:
    for seed in range(20):
        line = random_hair_line(replace(person, sex=sex, years=50.0), receding, np.random.default_rng(seed))
        azimuth = np.array([0, 0, 0.5, np.pi], np.float32)
        brow, nose, cheek, back = line.above(azimuth, np.array([7.45, 6.9, 6.9, 7.4], np.float32))
        assert max(brow, nose, cheek) < 0 < back
    bald_crown = line.above(np.array([np.pi], np.float32), np.array([8.4], np.float32))[0] < 0
    assert bald_crown == (receding == 0.9)


def test_the_line_of_the_hair_differs(person: Person) -> None:
    heights = np.stack([random_hair_line(person, 0.0, np.random.default_rng(seed)).heights for seed in range(20)])
    assert (heights.std(0) > 0.01).sum() > len(KNOTS) / 2


def test_distances_are_those_to_the_skin(model: HeadModel, field: HairField) -> None:
    roots = field.roots
    for offset in (0.0, 0.1, 0.25):
        distance, away = field.probe((roots.position + offset * roots.normal).astype(np.float32))
        assert np.abs(distance - offset).mean() < 0.02
        assert (away * roots.normal).sum(1).mean() > 0.95
    skull = np.array([[0, 7.6, 0.5]], np.float32)
    assert field.probe(skull)[0][0] < -0.3, "inside the head"


def test_the_space_around_the_head_moves_with_the_skin(model: HeadModel, field: HairField) -> None:
    roots = field.roots
    points = (roots.position + 0.1 * roots.normal).astype(np.float32)
    shift = np.array([0.1, -0.2, 0.05], np.float32)
    np.testing.assert_allclose(field.move(points, model.neutral), points, *EXACT_FLOAT32)
    np.testing.assert_allclose(field.move(points, model.neutral + shift), points + shift, rtol=0, atol=1e-4)


def test_roots_cover_the_scalp_evenly_from_the_first(field: HairField) -> None:
    sides = field.roots.position[:400, 0] > 0
    assert 0.4 < sides.mean() < 0.6
    first = field.roots.position[:400]
    apart = np.linalg.norm(first[:, None] - first[None], axis=2) + 9 * np.eye(400)
    assert apart.min(1).min() > 0.5 * np.median(apart.min(1))


@pytest.mark.parametrize("style", [style for style in CUTS if style != "afro"])
def test_hair_stays_out_of_the_head_and_off_the_face(field: HairField, person: Person, style: HairStyle) -> None:
    rng = np.random.default_rng(3)
    line, cut = usual_line(person), random_cut(style, rng)
    assert cut is not None
    lines = grown(field, 400, cut, line, rng)
    assert len(lines.points) > 200
    points = lines.points[:, 1:].reshape(-1, 3)
    assert np.isfinite(points).all()
    assert np.quantile(field.probe(points)[0], 0.01) > -0.06, "decimetres"
    local = (points - FACE_CENTER) / FACE_RADII
    before_face = (np.linalg.norm(local, axis=1) < 0.9) & (points[:, 1] < 7.5) & (points[:, 2] > 1.2)
    assert before_face.mean() < 0.002
    np.testing.assert_array_equal(lines.points[:, 0], field.roots.position[lines.roots])


def test_falling_hair_ends_at_its_hem(field: HairField, person: Person) -> None:
    rng, line = np.random.default_rng(3), usual_line(person)
    cut = replace(CUTS["bob"], hem=6.4)
    lines = grown(field, 400, cut, line, rng)
    assert lines.points[..., 1].min() > 6.4 - 0.2
    assert np.quantile(lines.points[:, -1, 1], 0.3) < 6.6


def test_tied_hair_comes_together(field: HairField, person: Person) -> None:
    rng, line = np.random.default_rng(3), usual_line(person)
    lines = grown(field, 300, CUTS["bun"], line, rng)
    ends = lines.points[:, -1]
    assert np.linalg.norm(ends - np.median(ends, axis=0), axis=1).mean() < 0.2


@pytest.mark.parametrize("style", ["crop", "long", "bun", "ponytail"])
def test_ribbons_are_a_sheer_mesh_within_their_strips(model: HeadModel, person: Person, style: HairStyle) -> None:
    rng = np.random.default_rng(4)
    grower, cut = HairGrower(model, detail=0.35), random_cut(style, rng)
    assert cut is not None
    place = model.to_canonical(model.morph(person.neutral))
    skin = model.skin(model.morph(person.weights))
    mesh = grower.grow(cut, usual_line(person), skin, place, rng)
    assert 2000 < len(mesh.triangles) < 20000
    assert (mesh.materials == Material.HAIR).all()
    assert mesh.triangles.max() < len(mesh.points)
    np.testing.assert_allclose(np.linalg.norm(mesh.normals, axis=1), 1, atol=1e-3)
    strip = mesh.uvs[..., 0] * len(Strip)
    assert (np.floor(strip).max(1) == np.floor(strip).min(1)).all(), "no triangle spans two strips"
    assert mesh.alpha is not None
    assert 0 <= mesh.alpha.min() < mesh.alpha.max() <= 1


def test_there_are_roots_for_all_ribbons_of_a_cut_in_fine_pictures(model: HeadModel, person: Person) -> None:
    roots = HairGrower(model, FINEST)._field.roots
    inside = usual_line(person).above(roots.azimuth, roots.position[:, 1]) > 0
    assert inside.sum() >= 0.95 * np.sqrt(FINEST) * max(cut.cards for cut in CUTS.values())


@pytest.mark.parametrize("detail", [0.35, 0.5, 1.0])
def test_strips_are_opaque_near_the_roots_and_clear_at_the_tips(detail: float) -> None:
    atlas = paint_strips(detail)
    opacity = atlas[..., 3].reshape(len(atlas), len(Strip), -1).mean(2) / 255
    fine = np.array([strip == Strip.FINE for strip in Strip])
    assert (opacity[len(atlas) // 5, ~fine] > 0.35).all()
    assert opacity[:, Strip.FINE].max() < 0.4
    assert opacity[len(atlas) // 2, Strip.BASE] > 0.85, "nothing is seen through the layer below"
    assert (opacity[-1] < 0.2).all()
    assert opacity[len(atlas) // 4, Strip.DENSE_A] > opacity[len(atlas) // 4, Strip.WISPY_B]


@pytest.mark.parametrize("style", ["crop", "curly", "afro", "long", "bun"])
def test_no_scalp_is_seen_from_behind_or_above(model: HeadModel, person: Person, style: HairStyle) -> None:
    rng, line = np.random.default_rng(5), usual_line(person)
    cut, grower = random_cut(style, rng), HairGrower(model, detail=0.35)
    assert cut is not None
    skin, place = model.skin(model.morph(person.neutral)), model.to_canonical(model.morph(person.neutral))
    count = len(model.triangles)
    scalp = Mesh(
        points=place.points(skin),
        normals=place.directions(vertex_normals(skin, model.triangles)),
        triangles=model.triangles,
        uvs=np.zeros((count, 3, 2), np.float32),
        materials=np.full(count, Material.SKIN_HEAD, np.int32),
        reach=np.ones(len(skin), np.float32),
    )
    hair = Surface.dyed(Material.HAIR, paint_strips(0.35), np.full(3, 0.1))
    scene = Scene(scalp, grower.grow(cut, line, skin, place, rng), (hair,))
    roots = grower._field.roots
    deep = line.above(roots.azimuth, roots.position[:, 1]) > 0.25
    points = place.points((skin[roots.corners] * roots.weights[..., None]).sum(1))
    for yaw, pitch in ((np.pi, 0.0), (np.pi, 0.7), (2.2, 0.2), (-2.4, -0.3)):
        label = posed_label(yaw, pitch, focal=3.5)
        view = render(scene, label, 64, random_lighting(rng), 2)
        towards = label[[3, 7, 11]] - points
        facing = (place.directions(roots.normal) * towards).sum(1) > 0.4 * np.linalg.norm(towards, axis=1)
        column, row = project(points[deep & facing], label, 64)[:, :2].T.astype(int)
        inside = (column >= 0) & (column < 64) & (row >= 0) & (row < 64)
        seen = view.material[row[inside], column[inside]]
        assert (seen == Material.HAIR + 1).mean() > 0.95, (yaw, pitch)


def test_foreheads_end_where_those_of_most_people_do(person: Person) -> None:
    """From the brows, at 7.45 dm, to the hair it is a third of the face, 0.5 dm; old men's hair recedes."""
    rngs = [np.random.default_rng(seed) for seed in range(60)]
    young, old = replace(person, sex="female", years=25.0), replace(person, sex="male", years=75.0)
    front = np.array([random_hair_line(young, 0.0, rng).heights[:3].mean() for rng in rngs])
    assert front.min() > 7.7
    assert front.max() < 8.0
    receded = np.array([random_hair_line(old, 0.4, rng).heights[3:5].mean() for rng in rngs])
    temples = np.array([random_hair_line(old, 0.0, rng).heights[3:5].mean() for rng in rngs])
    assert (receded > temples.mean()).mean() > 0.95

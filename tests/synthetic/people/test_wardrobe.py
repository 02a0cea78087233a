from dataclasses import replace

import numpy as np
import pytest

from gghead.geometry.canonical_cameras import posed_label
from gghead.synthetic.anatomy.head_model import Chart, HeadModel
from gghead.synthetic.anatomy.identities import Person, random_person
from gghead.synthetic.anatomy.landmarks import landmarks
from gghead.synthetic.hair.styles import CUTS
from gghead.synthetic.parts.earrings import EarringMaker, Earrings, random_earrings
from gghead.synthetic.parts.glasses import COATED, SHAPES, Glasses, Shape, random_glasses
from gghead.synthetic.parts.headwear import HAT_CHANCES, SCARF_CHANCE, THICKNESS, Headwear, Kind, random_headwear
from gghead.synthetic.people.wardrobe import Wardrobe, Worn, random_worn
from gghead.synthetic.render.lighting import random_lighting
from gghead.synthetic.render.mesh_rasterizer import vertex_normals
from gghead.synthetic.render.renderer import Material, Mesh, Scene, View, project, render

SIDE = 64
NOTHING = Worn(None, None, None)
EYES = slice(36, 48)


@pytest.fixture(scope="module")
def model() -> HeadModel:
    return HeadModel()


@pytest.fixture(scope="module")
def wardrobe(model: HeadModel) -> Wardrobe:
    return Wardrobe(model)


def people(model: HeadModel, count: int) -> list[Person]:
    return [random_person(model, np.random.default_rng([3, seed])) for seed in range(count)]


def body(model: HeadModel, person: Person) -> Mesh:
    skin, place = model.skin(model.morph(person.weights)), model.to_canonical(model.morph(person.neutral))
    count = len(model.triangles)
    return Mesh(
        points=place.points(skin),
        normals=place.directions(vertex_normals(skin, model.triangles)),
        triangles=model.triangles,
        uvs=np.zeros((count, 3, 2), np.float32),
        materials=np.where(model.chart == Chart.HEAD, Material.SKIN_HEAD, Material.SKIN_BODY).astype(np.int32),
        reach=np.ones(len(skin), np.float32),
    )


def seen(model: HeadModel, wardrobe: Wardrobe, person: Person, worn: Worn, label: np.ndarray) -> View:
    bare = body(model, person)
    place = model.to_canonical(model.morph(person.neutral))
    solid, sheer = wardrobe.dress(worn, bare, model.morph(person.weights), place)
    lighting = random_lighting(np.random.default_rng(1))
    scene = Scene(
        Mesh.joined([bare, *solid]), Mesh.joined([Mesh.empty(), *sheer]), worn.surfaces(np.random.default_rng(2))
    )
    return render(scene, label, SIDE, lighting, 2)


def hat(kind: Kind) -> Worn:
    return replace(NOTHING, headwear=Headwear(kind, np.full((2, 3), 0.2), 0.2, 0.5, 30, 1.0))


@pytest.mark.parametrize("kind", list(THICKNESS))
def test_headwear_covers_the_crown_from_all_sides_and_leaves_the_eyes_free(
    model: HeadModel, wardrobe: Wardrobe, kind: Kind
) -> None:
    for person in people(model, 3):
        for yaw, pitch in ((0.0, 0.0), (1.5, 0.1), (np.pi, 0.3), (-2.0, 0.7)):
            label = posed_label(yaw, pitch, focal=3.2)
            material = seen(model, wardrobe, person, hat(kind), label).material
            crown = model.neutral[:, 1] > 8.1
            place = model.to_canonical(model.morph(person.neutral))
            points = place.points(model.skin(model.morph(person.weights))[crown & (model.neutral[:, 2] > -0.5)])
            column, row = project(points, label, SIDE)[:, :2].T.astype(int)
            assert (material[row, column] == Material.HEADWEAR + 1).all(), (yaw, pitch)
        front = seen(model, wardrobe, person, hat(kind), posed_label(0.0, 0.0))
        eyes = landmarks(model, model.morph(person.weights), place)[EYES]
        column, row = project(eyes, posed_label(0.0, 0.0), SIDE)[:, :2].T.astype(int)
        assert not (front.material[row, column] == Material.HEADWEAR + 1).any()


def test_a_scarf_hides_hair_and_ears_and_a_hat_presses_hair() -> None:
    scarf, cap = hat("scarf"), hat("cap")
    assert scarf.hair(CUTS["long"]) is None
    assert NOTHING.hair(CUTS["afro"]) is CUTS["afro"]
    pressed = cap.hair(CUTS["afro"])
    assert pressed is not None
    assert pressed.gap < THICKNESS["cap"] / 2
    assert pressed.comb != "out"


def test_earrings_hang_at_the_ears(model: HeadModel) -> None:
    place = model.to_canonical(model.morph(np.zeros(model.target_count, np.float32)))
    ears = model.neutral[np.abs(model.neutral[:, 0]) > 0.75]
    for kind in ("stud", "hoop", "drop"):
        mesh = EarringMaker(model).mesh(Earrings(kind, 0.05, np.ones(3)), model.neutral, place)
        points = (mesh.points - place.shift) @ np.linalg.inv(place.linear).T
        assert (points[:, 0] > 0).mean() == 0.5
        assert points[:, 1].max() < ears[ears[:, 1] > 6.7][:, 1].min() + 0.2
        assert np.abs(np.abs(points[:, 0]) - 0.75).max() < 0.15


@pytest.mark.parametrize("shape", list(SHAPES))
def test_lenses_reflect_light_and_change_nothing_else(model: HeadModel, wardrobe: Wardrobe, shape: Shape) -> None:
    person = people(model, 1)[0]
    label, frame = posed_label(0.0, 0.0), Glasses(shape, np.array([0.25, 0.19]), 2.5, 0.012, np.full(3, 0.02), 0.07)
    dark = replace(frame, tint=0.9)
    clear = seen(model, wardrobe, person, replace(NOTHING, glasses=frame), label)
    shaded = seen(model, wardrobe, person, replace(NOTHING, glasses=dark), label)
    assert np.array_equal(clear.coverage, shaded.coverage)
    assert not (clear.material == Material.LENS + 1).any(), "what is seen is behind them"
    behind = shaded.material == Material.LENS + 1
    assert 60 < behind.sum() < 500
    assert shaded.color[behind].mean() < 0.7 * clear.color[behind].mean()


def test_coated_lenses_mirror_less(model: HeadModel, wardrobe: Wardrobe) -> None:
    person, label = people(model, 1)[0], posed_label(0.0, 0.0)
    plain = Glasses("square", np.array([0.25, 0.19]), 2.6, 0.012, np.full(3, 0.02), 0.07)
    mirrors, coated = (
        seen(model, wardrobe, person, replace(NOTHING, glasses=frame), label)
        for frame in (plain, replace(plain, coated=True))
    )
    more = mirrors.color - coated.color
    assert 60 < (more.sum(axis=-1) > 0).sum() < 500, "in the lenses, and nowhere else"
    assert more.min() >= 0


def test_who_wears_what(model: HeadModel) -> None:
    person = replace(people(model, 1)[0], sex="female", years=30.0)
    worn = [random_headwear(person, np.random.default_rng(seed)) for seed in range(3000)]
    kinds = [own.kind for own in worn if own is not None]
    assert set(kinds) == set(THICKNESS)
    share = len(kinds) / len(worn)
    assert abs(share - sum(HAT_CHANCES.values()) - SCARF_CHANCE) < 0.015
    men = [random_headwear(replace(person, sex="male"), np.random.default_rng(seed)) for seed in range(1000)]
    assert all(own is None or own.kind != "scarf" for own in men)
    rings = [random_earrings(person, np.random.default_rng(seed)) is not None for seed in range(1000)]
    assert 0.3 < np.mean(rings) < 0.4
    glasses = [g for seed in range(1500) if (g := random_glasses(person, np.random.default_rng(seed))) is not None]
    assert {own.shape for own in glasses} == set(SHAPES)
    clear = [own.coated for own in glasses if own.tint < 0.5]
    assert abs(np.mean(clear) - COATED) < 0.08
    assert not any(own.coated for own in glasses if own.tint > 0.5)
    assert random_worn(person, np.random.default_rng(0)).surfaces(np.random.default_rng(0)) is not None

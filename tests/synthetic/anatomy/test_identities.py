import numpy as np
import pytest

from gghead.synthetic.anatomy.expressions import (
    ACCENT_CHANCES,
    ACCENTS,
    EXPRESSIONS,
    SIDED_UNITS,
    lids_that_follow,
    random_expression,
)
from gghead.synthetic.anatomy.head_model import HeadModel
from gghead.synthetic.anatomy.identities import AGES, Person, age_mix, random_person
from gghead.synthetic.parts.eyeballs import IRIS_SHARE


@pytest.fixture(scope="module")
def model() -> HeadModel:
    return HeadModel()


@pytest.fixture(scope="module")
def people(model: HeadModel) -> list[Person]:
    return [random_person(model, np.random.default_rng(seed)) for seed in range(60)]


def test_a_person_follows_from_the_seed(model: HeadModel, people: list[Person]) -> None:
    again = random_person(model, np.random.default_rng(3))
    assert np.array_equal(again.weights, people[3].weights)
    assert again.years == people[3].years
    assert not np.array_equal(people[3].weights, people[4].weights)


def test_weights_stay_in_their_range_and_expressions_only_move_units(model: HeadModel, people: list[Person]) -> None:
    for person in people:
        assert person.neutral.min() >= 0
        assert person.weights.max() <= 1.001
        moved = {model.names[row] for row in np.flatnonzero(person.weights != person.neutral)}
        assert moved
        assert all(name.startswith("unit/") for name in moved)


def test_expressions_are_drawn_from_their_table(model: HeadModel, people: list[Person]) -> None:
    for chance, units in EXPRESSIONS.values():
        assert 0 < chance < 1
        for unit, (low, high) in units.items():
            names = [f"unit/{unit}Left", f"unit/{unit}Right"] if unit in SIDED_UNITS else [f"unit/{unit}"]
            assert set(names) <= set(model.row)
            assert 0 <= low <= high <= 1
    np.testing.assert_allclose([sum(chance for chance, _ in EXPRESSIONS.values()), sum(ACCENT_CHANCES)], 1)
    assert len(ACCENTS) == len(ACCENT_CHANCES)
    smiles = [person.weights[model.row["unit/mouthSmileLeft"]] > 0.3 for person in people]
    assert 0.3 < np.mean(smiles) < 0.75


def test_every_unit_of_the_face_is_moved_and_mostly_mildly(model: HeadModel) -> None:
    drawn = [random_expression(np.random.default_rng(seed)) for seed in range(3000)]
    moved = {unit for units in drawn for unit, value in units.items() if value > 0.1}
    moved |= {unit for side in (-1, 1) for unit in lids_that_follow(np.array([side, side]))}
    assert {f"unit/{unit}" for unit in moved} == {name for name in model.names if name.startswith("unit/")}
    opened = np.array([units.get("jawOpen", 0.0) for units in drawn])
    assert np.mean(opened > 0.6) < 0.03 < np.mean(opened > 0.2)
    uneven = [abs(units["mouthSmileLeft"] - units["mouthSmileRight"]) > 0.1 for units in drawn]
    assert 0.02 < np.mean(uneven) < 0.3
    shut = np.mean([units["eyeBlinkLeft"] > 0.8 and units["eyeBlinkRight"] > 0.8 for units in drawn])
    assert 0.005 < shut < 0.03


def test_the_lids_follow_the_gaze(model: HeadModel, people: list[Person]) -> None:
    for person in people:
        up, down = (person.weights[model.row[f"unit/eyeLook{way}Left"]] for way in ("Up", "Down"))
        assert (up > 0) == (person.gaze[1] > 0)
        assert (down > 0) == (person.gaze[1] < 0)
    sideways = np.degrees([person.gaze[0] for person in people])
    assert sideways.min() < -3
    assert sideways.max() > 3


def test_people_differ_in_skin_hair_and_age(people: list[Person]) -> None:
    melanin = np.array([person.melanin for person in people])
    assert melanin.min() < 0.2
    assert melanin.max() > 0.6
    assert {person.age for person in people} == set(AGES)
    assert {person.sex for person in people} == {"female", "male"}


def test_ages_of_the_shape_are_mixed_without_a_jump(model: HeadModel) -> None:
    years = np.arange(5, 91)
    shares = [age_mix(float(y)) for y in years]
    np.testing.assert_allclose([sum(share.values()) for share in shares], 1)
    old = [share.get("old", 0.0) for share in shares]
    assert old == sorted(old)
    assert np.abs(np.diff(old)).max() < 0.05
    drawn = [random_person(model, np.random.default_rng([7, seed])) for seed in range(200)]
    ages = np.array([person.years for person in drawn])
    assert 5 <= ages.min() < 12
    assert 75 < ages.max() <= 90
    gray = np.array([person.grayness for person in drawn])
    assert gray[ages < 25].mean() < 0.02
    assert gray[ages < 45].mean() < 0.06, "hair turns grey late"
    assert gray[ages > 70].mean() > 0.7


def test_both_eyes_have_one_colour_with_rare_exceptions(model: HeadModel) -> None:
    drawn = [random_person(model, np.random.default_rng([8, seed])) for seed in range(400)]
    odd = sum(not np.array_equal(*person.iris_colors) for person in drawn)
    assert odd < 10
    assert len({tuple(person.iris_colors[0].round(3)) for person in drawn}) > 300


def test_every_person_stands_in_the_canonical_head_space(model: HeadModel, people: list[Person]) -> None:
    for person in people[:20]:
        neutral = model.morph(person.neutral)
        place = model.to_canonical(neutral)
        left, right = (place.points(ball.center[None])[0] for ball in model.eyeballs(neutral))
        np.testing.assert_allclose(left, [0.085, 0.11, 0.09], atol=0.04)  # the head of FFHQ's cameras
        np.testing.assert_allclose(right, [-0.085, 0.11, 0.09], atol=0.04)
        size = np.linalg.norm(place.linear, axis=0)
        np.testing.assert_allclose(size, size[0], rtol=1e-5)


def test_lids_are_as_far_apart_as_in_portraits(model: HeadModel) -> None:
    heights, strong = [], []
    for seed in range(150):
        person = random_person(model, np.random.default_rng([9, seed]))
        units = {name: float(person.weights[row]) for name, row in model.row.items() if name.startswith("unit/")}
        strong.append(units["unit/jawOpen"] > 0.3)
        if units["unit/eyeBlinkLeft"] < 0.5 and abs(person.gaze[1]) < np.radians(3):
            heights.append(model.lids(model.morph(person.weights)))
    upper, lower = np.array(heights).T / IRIS_SHARE
    assert 0.55 < np.median(upper) < 0.85, "a part of the iris's upper half is covered"
    assert (upper > 0.3).mean() > 0.95, "next to no eye is half shut"
    assert (lower < -1.25).mean() < 0.05, "no white below the iris"
    assert np.mean(strong) < 0.06, "mouths are rarely wide open"

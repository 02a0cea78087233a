import numpy as np
import pytest

from gghead.synthetic.anatomy.head_model import HeadModel
from gghead.synthetic.anatomy.identities import random_person
from gghead.synthetic.anatomy.landmarks import LANDMARK_VERTICES, MIRRORED, landmarks

NOSE_TIP, CHIN, LEFT_EYE, RIGHT_EYE = 30, 8, slice(42, 48), slice(36, 42)


@pytest.fixture(scope="module")
def model() -> HeadModel:
    return HeadModel()


def test_they_are_symmetric(model: HeadModel) -> None:
    points = model.neutral[LANDMARK_VERTICES]
    assert len(points) == len(set(LANDMARK_VERTICES)) == 68
    assert np.array_equal(np.sort(MIRRORED), np.arange(68))
    np.testing.assert_allclose(points[MIRRORED] * [-1, 1, 1], points, atol=1e-6)


def test_they_are_where_faces_have_them(model: HeadModel) -> None:
    rng = np.random.default_rng(0)
    for _ in range(10):
        person = random_person(model, rng)
        neutral = model.morph(person.neutral)
        place = model.to_canonical(neutral)
        points = landmarks(model, neutral, place)
        np.testing.assert_allclose(points[NOSE_TIP], [0, 0.02, 0.20], atol=0.05)  # the head of FFHQ's cameras
        np.testing.assert_allclose(points[CHIN], [0, -0.18, 0.145], atol=0.08)
        np.testing.assert_allclose(points[LEFT_EYE].mean(0), [0.085, 0.11, 0.09], atol=0.05)
        np.testing.assert_allclose(points[RIGHT_EYE].mean(0), [-0.085, 0.11, 0.09], atol=0.05)
        jaw = points[:17]
        assert (np.diff(jaw[1:16, 0]) > 0).all(), "from the person's right, which is at -x, to the left"


def test_they_move_with_the_expression(model: HeadModel) -> None:
    closed = np.zeros(model.target_count, np.float32)
    opened = closed.copy()
    opened[model.row["unit/jawOpen"]] = 1
    place = model.to_canonical(model.morph(closed))
    moved = landmarks(model, model.morph(opened), place) - landmarks(model, model.morph(closed), place)
    assert moved[CHIN, 1] < -0.02
    assert np.abs(moved[27:31]).max() < 0.005, "the bridge of the nose stays"

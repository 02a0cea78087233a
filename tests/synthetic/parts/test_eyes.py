import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from gghead.synthetic.anatomy.head_model import Eyeball, HeadModel
from gghead.synthetic.parts.eyeballs import Eyes, gazes
from gghead.synthetic.parts.irises import EYE_SIDE, IRIS_RADIUS, paint_eyes
from gghead.synthetic.render.renderer import Mesh

BLUE, BROWN = np.array([0.36, 0.44, 0.52]), np.array([0.33, 0.2, 0.12])
BALLS = (Eyeball(np.array([0.31, 7.28, 1.24]), 0.14), Eyeball(np.array([-0.31, 7.28, 1.24]), 0.14))


@pytest.fixture(scope="module")
def model() -> HeadModel:
    return HeadModel()


def radii() -> np.ndarray:
    y, x = np.mgrid[:EYE_SIDE, :EYE_SIDE] / (EYE_SIDE - 1) * 2 - 1
    return np.hypot(x, y)


def test_an_eye_has_a_pupil_an_iris_with_a_dark_rim_and_a_white() -> None:
    radius = radii()
    for seed in range(5):
        eye = paint_eyes(np.stack([BLUE, BLUE]), 30, np.random.default_rng(seed))[:, :EYE_SIDE].astype(float).mean(2)
        pupil, middle = eye[radius < 0.09].mean(), eye[np.abs(radius - 0.28) < 0.04].mean()
        rim, white = eye[np.abs(radius - IRIS_RADIUS + 0.03) < 0.01].mean(), eye[np.abs(radius - 0.6) < 0.05].mean()
        assert pupil < rim < middle < white
        assert white < 215, "no eye is as white as paper"


def test_both_irises_have_the_colour_of_the_person_but_fibres_of_their_own() -> None:
    ring = np.abs(radii() - 0.3) < 0.03
    for colors in (np.stack([BLUE, BLUE]), np.stack([BROWN, BLUE])):
        eyes = paint_eyes(colors, 30, np.random.default_rng(1)).astype(float)
        left, right = eyes[:, :EYE_SIDE][ring], eyes[:, EYE_SIDE:][ring]
        same = np.abs(left.mean(0) - right.mean(0)).max() < 12
        assert same == np.array_equal(*colors)
        assert np.abs(left - right).mean() > 3
    widths = [(paint_eyes(np.stack([BLUE] * 2), 30, np.random.default_rng(s)).max(2) < 40).sum() for s in range(12)]
    assert max(widths) > 1.5 * min(widths), "pupils differ in size"


@settings(max_examples=40, deadline=None)
@given(st.floats(-0.3, 0.3), st.floats(-0.15, 0.15), st.floats(3, 60))
def test_the_lines_of_sight_meet_where_a_person_looks(side: float, up: float, focus: float) -> None:
    lines = []
    for ball, (turn, rise) in zip(BALLS, gazes(BALLS, np.array([side, up]), focus), strict=True):
        way = np.array([np.sin(turn) * np.cos(rise), np.sin(rise), np.cos(turn) * np.cos(rise)])
        lines.append(ball.center + way * np.linalg.norm(_target(side, up, focus) - ball.center))
    np.testing.assert_allclose(lines[0], lines[1], atol=1e-6)
    np.testing.assert_allclose(lines[0], _target(side, up, focus), atol=1e-6)


def _target(side: float, up: float, focus: float) -> np.ndarray:
    way = np.array([np.sin(side) * np.cos(up), np.sin(up), np.cos(side) * np.cos(up)])
    return np.array([0, 7.28, 1.24]) + focus * way


def eyes_of(model: HeadModel, gaze: tuple[float, float] = (0.0, 0.0), **units: float) -> Mesh:
    weights = np.zeros(model.target_count, np.float32)
    for unit, value in units.items():
        weights[model.row[f"unit/{unit}"]] = value
    vertices = model.morph(weights)
    return Eyes(model).mesh(vertices, model.to_canonical(vertices), np.array(gaze), 20.0)


def test_each_eye_shows_its_half_of_the_texture(model: HeadModel) -> None:
    mesh = eyes_of(model)
    left = mesh.points[mesh.triangles].mean(1)[:, 0] > 0
    assert mesh.uvs[left][..., 0].max() <= 0.5 <= mesh.uvs[~left][..., 0].min()
    np.testing.assert_allclose(np.linalg.norm(mesh.normals, axis=1), 1, atol=0.01)


def test_the_iris_lies_behind_the_bulge_of_its_cornea(model: HeadModel) -> None:
    mesh = eyes_of(model)
    front = mesh.points[:, 2] > np.quantile(mesh.points[:, 2], 0.8)
    middle = mesh.normals[front & (mesh.points[:, 0] > 0)]
    assert middle[:, 2].max() > 0.99
    ball = model.neutral_eyes[0]
    place = model.to_canonical(model.morph(np.zeros(model.target_count, np.float32)))
    foremost = place.points(ball.center[None] + np.array([0, 0, ball.radius]))[0, 2]
    turned = (mesh.uvs - [0.25, 0.5]) * [4, 2]
    iris = np.unique(mesh.triangles[(np.linalg.norm(turned, axis=2) < 0.9 * IRIS_RADIUS).all(1)])
    assert mesh.points[iris, 2].max() < foremost - 0.002


def test_the_upper_lid_shades_the_eye_and_more_so_when_it_is_low(model: HeadModel) -> None:
    wide, narrow = eyes_of(model), eyes_of(model, eyeBlinkLeft=0.4, eyeBlinkRight=0.4)
    centers = np.abs(wide.points[:, 2] - wide.points[:, 2].max()) < 0.004
    assert narrow.reach[centers].mean() < wide.reach[centers].mean()
    assert wide.reach.min() > 0.1

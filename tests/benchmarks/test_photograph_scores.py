import math

import numpy as np
import pytest
from hypothesis import given, strategies as st

from benchmarks.photographs.scores import Camera, score_camera, score_mask
from gghead.geometry.canonical_cameras import posed_label
from gghead.photos.crop import Crop
from tolerances import EXACT_FLOAT32, EXACT_FLOAT64

POINTS = np.random.default_rng(0).uniform(-0.2, 0.2, (68, 3))
SEEN = np.ones(68, bool)
K = np.array([[1500.0, 0, 430], [0, 1500.0, 710], [0, 0, 1]])
CROP = Crop((460.0, 690.0), 350.0, 0.3)
ANGLES = st.floats(-1.2, 1.2)


def rolled(yaw: float, pitch: float, roll: float) -> np.ndarray:
    """Camera -> world of a photograph in which the head is turned clockwise by `roll`."""
    cam2world = posed_label(yaw, pitch)[:16].reshape(4, 4).astype(np.float64)
    cos, sin = math.cos(roll), math.sin(roll)
    cam2world[:3, :3] = cam2world[:3, :3] @ np.array([[cos, sin, 0], [-sin, cos, 0], [0, 0, 1]])
    return cam2world


def seen(K: np.ndarray, cam2world: np.ndarray, points: np.ndarray) -> np.ndarray:
    """Pixels of the photograph."""
    places = (points - cam2world[:3, 3]) @ cam2world[:3, :3] @ K.T
    return places[:, :2] / places[:, 2:]


@given(ANGLES, ANGLES, ANGLES, ANGLES)
def test_the_camera_of_a_crop_sees_what_the_photograph_shows_there(
    yaw: float, pitch: float, roll: float, turn: float
) -> None:
    crop, cam2world = Crop((400.0, 650.0), 333.0, turn), rolled(yaw, pitch, roll)
    inside = crop.from_photograph(seen(K, cam2world, POINTS))
    camera = Camera.of_crop(K, cam2world, crop)
    np.testing.assert_allclose(camera.project(POINTS), inside, *EXACT_FLOAT64)
    # Turned to the middle of the crop, it still sees what lies there in the middle.
    middle = camera.cam2world[:3, :3] @ np.append((0.5 - camera.principal) / camera.focal, 1) + camera.cam2world[:3, 3]
    np.testing.assert_allclose(camera.aimed().project(middle[None])[0], [0.5, 0.5], *EXACT_FLOAT32)


@given(ANGLES, ANGLES, ANGLES)
def test_a_perfect_label_scores_zero(yaw: float, pitch: float, roll: float) -> None:
    cam2world = rolled(yaw, pitch, roll)
    camera = Camera.of_crop(K, cam2world, CROP)
    label = np.concatenate([camera.cam2world.ravel(), np.diag([camera.focal, camera.focal, 1]).ravel()])
    label[[18, 21]] = camera.principal
    landmarks = CROP.from_photograph(seen(K, cam2world, POINTS))
    for value in vars(score_camera(Camera.of_label(label), camera, POINTS, landmarks, SEEN)).values():
        assert value == pytest.approx(0, abs=1e-5)


@pytest.mark.parametrize(("yaw", "pitch"), [(3.0, 0.0), (0.0, -2.0), (-40.0, 0.0)])
def test_what_a_label_is_off_by_is_measured_in_degrees_and_sides(yaw: float, pitch: float) -> None:
    truth = Camera.of_label(posed_label(0.0, 0.0))
    label = Camera.of_label(posed_label(math.radians(yaw), math.radians(pitch)))
    larger = Camera(label.cam2world, label.focal * 1.1, label.principal)
    score = score_camera(larger, truth, POINTS, truth.project(POINTS), SEEN)
    looks_at_face = truth.angles()
    assert looks_at_face == pytest.approx((0, 0), abs=1e-5)
    assert (score.yaw, score.pitch) == pytest.approx(label.angles(), abs=1e-5)
    assert score.rotation == pytest.approx(math.hypot(*label.angles()), abs=1e-4)
    moved = Camera(truth.cam2world, truth.focal, truth.principal + np.array([0.01, -0.02]))
    score = score_camera(moved, truth, POINTS, truth.project(POINTS), SEEN)
    assert (score.center_x, score.center_y) == pytest.approx((0.01, -0.02))
    assert score.reprojection == pytest.approx(math.hypot(0.01, 0.02))
    zoomed = score_camera(
        Camera(truth.cam2world, truth.focal * 1.02, truth.principal), truth, POINTS, POINTS[:, :2], ~SEEN
    )
    assert zoomed.scale == pytest.approx(0.02)
    assert math.isnan(zoomed.reprojection)


def test_one_picture_has_one_pose_however_its_principal_point_is_told() -> None:
    truth = Camera.of_crop(K, rolled(0.5, 0.2, 0.1), CROP)
    again = truth.aimed().aimed()
    score = score_camera(truth.aimed(), truth, POINTS, POINTS[:, :2], SEEN)
    assert (score.rotation, score.yaw, score.pitch, score.scale) == pytest.approx((0, 0, 0, 0), abs=1e-5)
    np.testing.assert_allclose(again.cam2world, truth.aimed().cam2world, *EXACT_FLOAT32)


def test_masks_are_compared_inside_of_the_photograph_and_along_the_rim() -> None:
    truth, inside = np.zeros((64, 64)), np.ones((64, 64), bool)
    truth[:, 32:] = 1
    perfect = score_mask(truth, truth, inside)
    assert (perfect.iou, perfect.edge, perfect.everywhere) == (1, 0, 0)
    # A rim that is two pixels off: two of the eight columns within four pixels of it.
    moved = score_mask(np.roll(truth, 2, axis=1) * (np.arange(64) >= 34), truth, inside)
    assert moved.iou == pytest.approx(30 / 32)
    assert moved.edge == pytest.approx(2 / 8)
    # What lies outside of the photograph counts for nothing.
    outside = inside & (np.arange(64) < 48)
    wrong = np.where(outside, truth, 1 - truth)
    assert score_mask(wrong, truth, outside).iou == 1
    assert score_mask(wrong, truth, outside).edge == 0
    nobody = score_mask(np.zeros((64, 64)), np.zeros((64, 64)), inside)
    assert nobody.iou == 1
    assert math.isnan(nobody.edge)

"""Boxes, landmarks and poses agree about where a face is, however the photograph is turned, moved or scaled."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given, strategies as st

from gghead.data.labels import label_faults
from gghead.geometry.cameras import Cameras
from gghead.photos.crop import Crop
from gghead.photos.faces.detection import Box, _windows, distinct
from gghead.photos.faces.landmarks import Face
from gghead.photos.faces.pose import HeadPose
from gghead.photos.faces.template import face_template

place, length = st.floats(-2000, 2000), st.floats(10, 2000)
angle = st.floats(-3, 3)
crops = st.builds(lambda x, y, side, roll: Crop((x, y), side, roll), place, place, length, angle)
boxes = st.builds(
    lambda x, y, side: Box((x, y), side, 0.0, 0.9), st.floats(0, 100), st.floats(0, 100), st.floats(1, 50)
)


@given(crops, st.lists(st.tuples(st.floats(-2, 2), st.floats(-2, 2)), min_size=1, max_size=4))
def test_a_crops_two_ways_undo_each_other(crop: Crop, points: list[tuple[float, float]]) -> None:
    given = np.array(points)
    assert np.allclose(crop.from_photograph(crop.to_photograph(given)), given, atol=1e-8)


@given(crops)
def test_a_crop_turns_clockwise_in_the_photograph(crop: Crop) -> None:
    right = crop.to_photograph(np.array([1.0, 0.5])) - np.array(crop.center)
    assert np.allclose(right, crop.side / 2 * np.array([math.cos(crop.roll), math.sin(crop.roll)]), atol=1e-6)


@given(boxes, boxes)
def test_overlaps_are_symmetric_shares(one: Box, other: Box) -> None:
    assert one.overlap(other) == pytest.approx(other.overlap(one))
    assert 0 <= one.overlap(other) <= 1 + 1e-9
    assert one.overlap(one) == pytest.approx(1)


@given(st.lists(boxes, max_size=8))
def test_faces_are_kept_once(found: list[Box]) -> None:
    kept = distinct(found)
    assert all(box.overlap(other) < 0.3 for box in kept for other in kept if box is not other)
    assert all(any(box.overlap(other) >= 0.3 or box is other for other in kept) for box in found)


@given(st.integers(10, 5000), st.integers(10, 5000), st.integers(0, 4))
def test_windows_cover_the_photograph(width: int, height: int, halvings: int) -> None:
    side = max(width, height) / 2**halvings
    windows = np.array(_windows((width, height), side))
    for axis, size in ((0, width), (1, height)):
        starts = np.unique(windows[:, axis])
        assert starts[0] <= 1e-6
        assert starts[-1] + side >= size - 1e-6
        assert (np.diff(starts) <= side / 2 + 1e-6).all(), "a face at the edge of one lies whole in the next"


@given(crops)
def test_the_box_of_a_face_moves_with_it(crop: Crop) -> None:
    points = _projected(HeadPose(0.2, -0.1, Crop((0.0, 0.0), 1.0, 0.0)))
    still = Face(points, 1.0).box
    moved = Face(np.hstack([crop.to_photograph(points[:, :2] + 0.5), points[:, 2:]]), 1.0).box
    assert np.allclose(moved.center, crop.to_photograph(np.array(still.center) + 0.5), atol=1e-6 * crop.side + 1e-6)
    assert moved.side == pytest.approx(still.side * crop.side)
    assert math.cos(moved.roll - still.roll - crop.roll) == pytest.approx(1)


@given(st.floats(-1.2, 1.2), st.floats(-0.6, 0.6), crops)
def test_a_pose_sees_the_template_where_its_label_does(yaw: float, pitch: float, crop: Crop) -> None:
    pose = HeadPose(yaw, pitch, crop)
    assert not label_faults(pose.label()[None])
    face = Face(_projected(pose), 1.0)
    assert pose.misfit(face, face_template()) < 0.01
    other = HeadPose(yaw + 0.3, pitch, crop)
    assert other.misfit(face, face_template()) > 1


@given(st.floats(-1.2, 1.2), st.floats(1, 8))
def test_another_focal_length_is_another_square_of_the_same_view(yaw: float, focal: float) -> None:
    pose = HeadPose(yaw, 0.1, Crop((300.0, 200.0), 400.0, 0.2))
    points = torch.from_numpy(face_template().points).float()
    seen = [
        crop.to_photograph(Cameras.from_labels(torch.from_numpy(label), 1).project(points)[0].double().numpy())
        for crop, label in ((pose.crop, pose.label()), (pose.framed(focal), pose.label(focal)))
    ]
    assert np.allclose(*seen, atol=0.02)


def test_the_template_is_a_symmetric_face() -> None:
    template = face_template()
    assert (template.mirrored[template.mirrored] == np.arange(468)).all()
    assert np.allclose(template.points[template.mirrored] * [-1, 1, 1], template.points, atol=1e-6)
    assert template.points[template.chin, 1] == template.points[:, 1].min()
    assert template.points[:, 2].argmax() in (1, 4), "the tip of the nose"
    assert (template.deviations > 0).all()


def _projected(pose: HeadPose) -> np.ndarray:
    """The template's points where the pose's camera sees them in the photograph."""
    camera = Cameras.from_labels(torch.from_numpy(pose.label()), resolution=1)
    seen, depth = camera.project(torch.from_numpy(face_template().points).float())
    return np.hstack([pose.crop.to_photograph(seen.double().numpy()), depth.double().numpy()])

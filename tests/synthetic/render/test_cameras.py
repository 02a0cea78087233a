import math

import numpy as np
import pytest
import torch

from gghead.geometry.cameras import Cameras
from gghead.geometry.canonical_cameras import posed_label
from gghead.geometry.canonical_head import FACE_DEPTH, FFHQ_DISTANCE, FFHQ_FOCAL
from gghead.synthetic.render.cameras import Optics, Poses, random_label
from gghead.synthetic.render.renderer import project


def pixels(label: np.ndarray, points: np.ndarray, side: int) -> np.ndarray:
    """By the cameras that training uses, in float64."""
    camera = Cameras.from_labels(torch.from_numpy(label).double(), side)
    local = torch.from_numpy(points).double() @ camera.viewmats[:3, :3].T + camera.viewmats[:3, 3]
    image = local @ camera.Ks.T
    return torch.cat([image[:, :2] / image[:, 2:], local[:, 2:]], 1).numpy()


def test_the_renderer_projects_as_the_labels_say() -> None:
    rng = np.random.default_rng(0)
    for _ in range(5):
        label, points = random_label(rng), rng.uniform(-0.4, 0.4, (50, 3)).astype(np.float32)
        np.testing.assert_allclose(project(points, label, 64), pixels(label, points, 64), rtol=1e-4, atol=1e-3)


def test_cameras_stand_where_yaw_and_pitch_say_and_see_their_target_in_the_middle() -> None:
    label = posed_label(math.radians(30), math.radians(10))
    position = label[:16].reshape(4, 4)[:3, 3]
    assert position[0] > 1
    assert position[1] > 0.4
    np.testing.assert_allclose(np.linalg.norm(position), FFHQ_DISTANCE, rtol=1e-6)
    middle = project(np.array([[0, 0, FACE_DEPTH]], np.float32), label, 100)
    np.testing.assert_allclose(middle[0, :2], [50, 50], atol=1e-3)


def test_turned_cameras_keep_the_head_in_the_picture() -> None:
    head = np.array([[0, 0, -0.37], [0, 0, 0.2], [0, 0.4, -0.12]], np.float32)  # back, nose, top
    for yaw in (-90, -75, 75, 90):
        seen = project(head, posed_label(math.radians(yaw), 0.0), 100)[:, :2]
        assert (seen > -15).all()
        assert (seen < 115).all()
    middle = project(np.zeros((1, 3), np.float32), posed_label(math.radians(90), 0.0), 100)
    np.testing.assert_allclose(middle[0, :2], [50, 50], atol=1e-3)


def poses(kind: Poses) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(1)
    positions = np.stack([random_label(rng, kind)[:16].reshape(4, 4)[:3, 3] for _ in range(2000)])
    yaw = np.degrees(np.arctan2(positions[:, 0], positions[:, 2]))
    return yaw, np.degrees(np.arcsin(positions[:, 1] / FFHQ_DISTANCE))


def test_poses_are_spread_like_those_of_ffhq() -> None:
    yaw, pitch = poses("ffhq")
    assert abs(yaw.mean()) < 1.5
    assert 16 < yaw.std() < 19
    assert np.abs(yaw).max() < 45.01
    assert 7 < pitch.std() < 9
    assert np.abs(pitch).max() < 25.01


def test_wide_poses_go_to_the_profile_on_both_sides() -> None:
    yaw, pitch = poses("wide")
    assert abs(yaw.mean()) < 3
    assert 85 < yaw.max() < 90.01
    assert -90.01 < yaw.min() < -85
    assert 0.25 < (np.abs(yaw) > 45).mean() < 0.35, "half of the half that is even up to 90"
    assert np.abs(pitch).max() < 25.01


def test_poses_all_round_come_from_every_side_and_never_from_below_30_or_above_45_degrees() -> None:
    yaw, pitch = poses("around")
    share, _ = np.histogram(yaw, 8, (-180, 180))
    even, frontal = 2 / 3 / 8, 2 / 3 / 8 + 1 / 3 / 2
    expected = [even, even, even, frontal, frontal, even, even, even]
    assert (np.abs(share / len(yaw) - expected) < 0.03).all(), "a third is spread as in FFHQ, the rest evenly"
    assert -30.01 < pitch.min() < -25
    assert 38 < pitch.max() < 45.01
    assert 2 < pitch.mean() < 7
    assert pitch[np.abs(yaw) > 45].mean() > 5, "of the even ones from a little above"


def size_of_heads(optics: Optics, yaw: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Distances, focal lengths, and how many sides of the picture a world unit spans where the cameras look at."""
    rng = np.random.default_rng(2)
    labels = np.stack([posed_label(yaw, 0.1, *optics.draw(yaw, rng)) for _ in range(300)])
    eyes, focal = labels[:, :16].reshape(-1, 4, 4)[:, :3, 3], labels[:, 16]
    looked_at = np.array([0, 0, FACE_DEPTH if yaw == 0 else 0])
    return np.linalg.norm(eyes, axis=1), focal, focal / np.linalg.norm(eyes - looked_at, axis=1)


@pytest.mark.parametrize("yaw", [0.0, 2.5])
def test_a_nearer_camera_has_a_wider_lens_unless_focal_lengths_are_given(yaw: float) -> None:
    distance, focal, size = size_of_heads(Optics(distance=(1.5, 6)), yaw)
    assert distance.min() < 1.6
    assert distance.max() > 5.6
    assert 0.4 < (distance < 3).mean() < 0.6, "even in the logarithm"
    assert np.corrcoef(distance, focal)[0, 1] > 0.999
    np.testing.assert_allclose(size, size[0], rtol=3e-3)
    distance, focal, size = size_of_heads(Optics(distance=(1.5, 6), focal=(3, 5)), yaw)
    assert abs(np.corrcoef(distance, focal)[0, 1]) < 0.2
    assert 3 <= focal.min() < 3.2 < 4.8 < focal.max() <= 5.001
    assert size.max() > 3 * size.min()


def test_without_bounds_the_labels_are_those_of_ffhq() -> None:
    for poses in ("ffhq", "wide", "around"):
        label = random_label(np.random.default_rng(3), poses)
        assert label[16] == np.float32(FFHQ_FOCAL)
        np.testing.assert_allclose(np.linalg.norm(label[:16].reshape(4, 4)[:3, 3]), FFHQ_DISTANCE, rtol=1e-6)
        given = Optics((FFHQ_DISTANCE, FFHQ_DISTANCE), (FFHQ_FOCAL, FFHQ_FOCAL))
        np.testing.assert_allclose(random_label(np.random.default_rng(3), poses, given), label, atol=1e-6)


@pytest.mark.parametrize("bounds", [(4.0, 2.0), (0.5, 2.0), (2.0, float("nan")), (2.0, 1e9)])
def test_bounds_that_no_camera_can_have_are_refused(bounds: tuple[float, float]) -> None:
    with pytest.raises(ValueError, match="smaller one first"):
        Optics(distance=bounds)

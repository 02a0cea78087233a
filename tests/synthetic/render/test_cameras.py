import math

import numpy as np
import torch

from gghead.geometry.cameras import Cameras
from gghead.geometry.canonical_cameras import posed_label
from gghead.geometry.canonical_head import FACE_DEPTH, FFHQ_DISTANCE
from gghead.synthetic.render.cameras import Poses, random_label
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

"""Cameras against hand-computed projections and round trips."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from gghead.geometry.cameras import FFHQ_FOCAL, Cameras, invert_rigid
from gghead.geometry.trajectories import look_at, on_sphere
from tolerances import EXACT_FLOAT32


def project(cameras: Cameras, point: list[float]) -> torch.Tensor:
    """Pixel position of a world point in every camera, straight from the definition."""
    inside = cameras.viewmats @ torch.tensor([*point, 1.0])
    image = (cameras.Ks @ inside[..., :3, None])[..., 0]
    return image[..., :2] / image[..., 2:]


def test_frontal_camera_sees_the_world_upright() -> None:
    cameras = Cameras.frontal(resolution=512)
    torch.testing.assert_close(project(cameras, [0, 0, 0])[0], torch.tensor([256.0, 256.0]))
    scale = FFHQ_FOCAL * 512 / 2.7
    # The person's left eye is at +x, to the viewer's right; up in the world is up in the picture, where y runs down.
    torch.testing.assert_close(
        project(cameras, [0.1, 0.05, 0])[0], torch.tensor([256 + 0.1 * scale, 256 - 0.05 * scale]), rtol=1e-5, atol=1e-3
    )


def test_label_of_the_frontal_camera() -> None:
    expected = [1, 0, 0, 0, 0, -1, 0, 0, 0, 0, -1, 2.7, 0, 0, 0, 1, FFHQ_FOCAL, 0, 0.5, 0, FFHQ_FOCAL, 0.5, 0, 0, 1]
    torch.testing.assert_close(Cameras.frontal(64).labels()[0], torch.tensor(expected), **EXACT_FLOAT32._asdict())


@given(yaw=st.floats(-3.1, 3.1), pitch=st.floats(-1.4, 1.4), resolution=st.sampled_from([8, 64, 1000]))
def test_labels_round_trip(yaw: float, pitch: float, resolution: int) -> None:
    eyes = on_sphere(torch.tensor([yaw]), torch.tensor([pitch]), 2.7)
    cameras = Cameras.looking_at(eyes, torch.tensor([0.0, 0.0, 0.2]), resolution)
    again = Cameras.from_labels(cameras.labels(), resolution)
    torch.testing.assert_close(again.viewmats, cameras.viewmats, **EXACT_FLOAT32._asdict())
    torch.testing.assert_close(again.Ks, cameras.Ks, **EXACT_FLOAT32._asdict())


@given(yaw=st.floats(-3.1, 3.1), pitch=st.floats(-1.4, 1.4))
def test_poses_are_rotations_that_look_at_the_target(yaw: float, pitch: float) -> None:
    eyes = on_sphere(torch.tensor([yaw], dtype=torch.float64), torch.tensor([pitch], dtype=torch.float64), 2.7)
    pose = look_at(eyes, torch.zeros(3, dtype=torch.float64))
    rotation = pose[0, :3, :3]
    torch.testing.assert_close(rotation @ rotation.T, torch.eye(3, dtype=torch.float64))
    assert torch.linalg.det(rotation) > 0
    torch.testing.assert_close(rotation[:, 2], -eyes[0] / 2.7)
    assert rotation[1, 1] < 0, "down in the picture is down in the world"


def test_looking_straight_down_is_refused() -> None:
    with pytest.raises(ValueError, match="straight up or down"):
        look_at(torch.tensor([[0.0, 2.0, 0.0]]), torch.zeros(3))


def test_orbit_is_the_official_circle() -> None:
    centers = Cameras.orbit(frames=96).centers()
    torch.testing.assert_close(centers[:, 2], torch.full((96,), 2.7))
    torch.testing.assert_close(centers[:, :2].norm(dim=1), torch.full((96,), 0.6))
    step = (centers - centers.roll(1, dims=0)).norm(dim=1)
    torch.testing.assert_close(step, torch.full((96,), 2 * 0.6 * math.sin(math.pi / 96)), rtol=1e-4, atol=1e-5)
    twice = Cameras.orbit(frames=8, turns=2).centers()
    torch.testing.assert_close(twice[:4], twice[4:], rtol=0, atol=1e-5)


def test_a_path_without_cameras_is_refused() -> None:
    with pytest.raises(ValueError, match="a path of 0 cameras; expected at least 1"):
        Cameras.orbit(0)


def test_invert_rigid() -> None:
    pose = look_at(torch.tensor([[1.0, 2.0, 3.0]]), torch.zeros(3))
    torch.testing.assert_close(invert_rigid(pose) @ pose, torch.eye(4)[None], rtol=0, atol=1e-6)

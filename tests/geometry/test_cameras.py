"""Cameras against hand-computed projections and round trips."""

import math

import pytest
import torch
from hypothesis import given, strategies as st
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from gghead.geometry.cameras import Cameras, invert_rigid
from gghead.geometry.canonical_head import FFHQ_FOCAL, FFHQ_FOV, HEAD_MIDDLE, PORTRAIT_FOV
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
    with pytest.raises(ValueError, match="frames is 0; expected a whole number from 1 up"):
        Cameras.orbit(0)


def test_invert_rigid() -> None:
    pose = look_at(torch.tensor([[1.0, 2.0, 3.0]]), torch.zeros(3))
    torch.testing.assert_close(invert_rigid(pose) @ pose, torch.eye(4)[None], rtol=0, atol=1e-6)


@given(
    yaw=st.lists(st.floats(-6.2, 6.2), min_size=1, max_size=4), pitch=st.floats(-1.5, 1.5), distance=st.floats(0.5, 9)
)
def test_cameras_at_angles_look_at_the_head(yaw: list[float], pitch: float, distance: float) -> None:
    target = torch.tensor([0.1, -0.2, 0.3])
    cameras = Cameras.at(yaw, pitch, distance, fov=FFHQ_FOV, resolution=64, target=(0.1, -0.2, 0.3))
    eyes = on_sphere(torch.tensor(yaw), torch.full((len(yaw),), pitch), distance) + target
    expected = Cameras.looking_at(eyes, target, 64)
    torch.testing.assert_close(cameras.viewmats, expected.viewmats, rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(cameras.Ks, expected.Ks, **EXACT_FLOAT32._asdict())
    torch.testing.assert_close(cameras.centers(), eyes, rtol=1e-4, atol=1e-4)


def test_without_arguments_the_whole_head_is_in_the_picture() -> None:
    portrait, ffhq = Cameras.at(resolution=100), Cameras.frontal(100)
    assert portrait.batch_shape == (1,)
    crown, low_hair = [0, 0.41, -0.1], [0, -0.38, 0]
    assert float(project(ffhq, crown)[0, 1]) < 0, "FFHQ's crop cuts the crown"
    assert 2 < float(project(portrait, crown)[0, 1]) < 8
    assert 85 < float(project(portrait, low_hair)[0, 1]) < 100
    frontal = Cameras.at(fov=FFHQ_FOV, resolution=100, target=(0, 0, 0))
    torch.testing.assert_close(frontal.viewmats, ffhq.viewmats, **EXACT_FLOAT32._asdict())
    assert torch.equal(frontal.Ks, ffhq.Ks)
    wide = Cameras.orbit(4, 100, fov=PORTRAIT_FOV, target=HEAD_MIDDLE)
    torch.testing.assert_close(project(wide, list(HEAD_MIDDLE)), torch.full((4, 2), 50.0))


def test_a_camera_stands_straight_above() -> None:
    above = Cameras.at(pitch=math.pi / 2, target=(0, 0, 0))
    torch.testing.assert_close(above.centers()[0], torch.tensor([0.0, 2.7, 0.0]), rtol=0, atol=1e-6)
    assert float(project(above, [0, 0, 0.2])[0, 1]) > 256, "the face is below the middle, as from the front"


@pytest.mark.usefixtures("unchecked_shapes")
@pytest.mark.parametrize(
    ("make", "told"),
    [
        (lambda: Cameras.at(60), "yaw is 60; expected radians from -6.283 to 6.283: math.radians"),
        (lambda: Cameras.at(0, 30), "pitch is 30; expected radians"),
        (lambda: Cameras.at(math.nan), "yaw is nan"),
        (lambda: Cameras.at([0, math.inf]), "yaw is .* expected radians"),
        (lambda: Cameras.at("left"), "yaw is 'left'; expected radians: a number, or a list"),
        (lambda: Cameras.at(None), "yaw is None"),
        (lambda: Cameras.at(True), "yaw is True"),
        (lambda: Cameras.at([]), "yaw is \\[\\]"),
        (lambda: Cameras.at([0, 1, 2], [0, 1]), "3.* yaws and .*2.* pitches do not pair"),
        (lambda: Cameras.at(fov=18), "fov is 18; expected radians between 0 and pi"),
        (lambda: Cameras.at(distance=0), "distance is 0; expected a positive number"),
        (lambda: Cameras.at(target=(0, 0)), "the target is .*expected a point of three numbers"),
        (lambda: Cameras.frontal(0), "resolution is 0; expected a whole number from 1 up"),
        (lambda: Cameras.frontal(-512), "resolution is -512"),
        (lambda: Cameras.frontal(256.0), "resolution is 256.0"),
        (lambda: Cameras.frontal(True), "resolution is True"),
        (lambda: Cameras.frontal(10**30), "resolution is a whole number of 100 bits"),
        (lambda: Cameras.frontal(device="gpu"), "there is no device 'gpu' here"),
        (lambda: Cameras.at(device=""), "there is no device '' here"),
        (lambda: Cameras.orbit(2, device="cuda:99"), "there is no device 'cuda:99' here"),
        (lambda: Cameras.frontal(8).to("gpu"), "there is no device 'gpu' here"),
        (lambda: Cameras.at(fov=10**400), "fov is .*expected radians"),
        (lambda: Cameras.at(distance=torch.tensor(1.0, device="meta")), "distance is .*expected a positive"),
        (lambda: Cameras.looking_at(None, torch.zeros(3), 8), "eyes is None; expected positions"),
        (lambda: Cameras.looking_at(torch.zeros(1, 2), torch.zeros(3), 8), "eyes have shape .1, 2."),
        (lambda: Cameras.looking_at(torch.ones(1, 3), torch.zeros(1, 3), 8), "target has shape .1, 3."),
        (lambda: Cameras.from_labels(None, 8), "labels is None; expected 25 numbers"),
        (lambda: Cameras.orbit(2.5), "frames is 2.5"),
        (lambda: Cameras.orbit(True), "frames is True"),
        (lambda: Cameras.orbit(3, radius=math.nan), "radius is nan"),
        (lambda: Cameras.orbit(3, turns=math.inf), "turns is inf"),
        (lambda: Cameras.from_labels(torch.zeros(2, 24), 8), "labels have shape .2, 24."),
        (lambda: Cameras.from_labels(torch.zeros(2, 25), 0), "resolution is 0"),
        (lambda: Cameras(torch.eye(4), torch.eye(3), 8, 9).labels(), "square pictures"),
    ],
)
def test_what_no_camera_can_be_is_refused(make: object, told: str) -> None:
    with pytest.raises(ValueError, match=told):
        make()


@pytest.mark.usefixtures("unchecked_shapes")
def test_numbers_of_other_libraries_are_numbers() -> None:
    numpy = pytest.importorskip("numpy")
    cameras = Cameras.at(numpy.array([0.0, 1.0]), numpy.float32(0.1), resolution=numpy.int64(8))
    again = Cameras.from_labels(cameras.labels().numpy(), 8)
    torch.testing.assert_close(again.viewmats, cameras.viewmats)
    assert len(Cameras.orbit(2, 8, radius=numpy.array(0.5))) == 2
    standing = Cameras.looking_at([[0, 0, 3]], (0, 0, 0), 8)
    assert standing.centers().tolist() == [[0, 0, 3]]
    assert (cameras.width, type(cameras.width), len(cameras)) == (8, int, 2)


@given(yaw=st.floats(-3.1, 3.1), pitch=st.floats(-1.4, 1.4), depth=st.floats(0.5, 5))
def test_unprojecting_is_the_inverse_of_projecting(yaw: float, pitch: float, depth: float) -> None:
    cameras = Cameras.at([yaw, -yaw], pitch, resolution=64)
    pixels = torch.tensor([[1.5, 2.5], [60.0, 3.0], [32.0, 32.0]])
    points = cameras.unproject(pixels, torch.full((2, 3, 1), depth))
    found, found_depth = cameras.project(points)
    torch.testing.assert_close(found, pixels.expand(2, 3, 2), rtol=0, atol=2e-3)
    torch.testing.assert_close(found_depth, torch.full((2, 3, 1), depth), rtol=1e-4, atol=1e-4)
    for camera, expected in zip(cameras, points, strict=True):
        torch.testing.assert_close(camera.unproject(pixels, torch.full((3, 1), depth)), expected)


class OnOneDevice(TorchDispatchMode):
    """Refuses operations with a tensor that is not on the device "meta", which can be read by nobody."""

    def __torch_dispatch__(self, operation: object, types: object, arguments: tuple = (), named: dict | None = None):
        tensors = [part for part in tree_leaves((arguments, named)) if isinstance(part, torch.Tensor)]
        assert tensors, f"{operation} makes a tensor, which would be copied to the device"
        assert all(tensor.is_meta for tensor in tensors), operation
        return operation(*arguments, **(named or {}))


def test_labels_become_cameras_and_labels_without_the_host() -> None:
    """So that a CUDA graph can capture it."""
    labels = Cameras.orbit(3, 64).labels().to("meta")
    with OnOneDevice():
        cameras = Cameras.from_labels(labels, 64).magnified(2)
        assert cameras.labels().shape == cameras[0].labels().expand(3, 25).shape
        cameras.project(cameras.unproject(torch.empty_like(labels)[:, :2, None].mT, labels[:, :1, None]))


def test_projecting_follows_the_definition() -> None:
    cameras = Cameras.at([-0.5, 0.7], 0.2, resolution=100)
    points = [[0.1, 0.2, 0.3], [-0.2, 0.0, 0.1]]
    found, _ = cameras.project(torch.tensor(points))
    torch.testing.assert_close(found, torch.stack([project(cameras, point) for point in points], dim=1))
    behind, depth = cameras.project(torch.tensor([[0.0, 0.0, 9.0]]))
    assert bool((depth < 0).all())
    assert bool(behind.isfinite().all())


def test_cameras_are_shown_in_one_short_line() -> None:
    assert repr(Cameras.at([0, 1], resolution=64)) == "Cameras(batch [2], 64 x 64 pixels, on cpu)"

"""Other frames: a head that is turned, scaled and moved looks the same to a camera that is, too."""

from dataclasses import fields, replace

import pytest
import torch

from gghead.gaussians.placement import METERS_PER_UNIT, Placement, Up, origin_of, place, rotate_harmonics, unplace
from gghead.gaussians.scene import Gaussians
from gghead.geometry.rotations import matrices_from_quats
from gghead.geometry.spherical_harmonics import basis
from gghead.rasterizer import render
from rasterizer.random_scenes import cameras_around, random_scene
from tolerances import EXACT_FLOAT32, PLY_PICTURE


def unit(*shape: int) -> torch.Tensor:
    return torch.nn.functional.normalize(torch.randn(*shape, generator=torch.Generator().manual_seed(1)), dim=-1)


@pytest.mark.parametrize("degree", [0, 1, 2, 3])
def test_turned_harmonics_give_the_same_colours_in_turned_directions(degree: int) -> None:
    sh, quat, directions = torch.randn(5, (degree + 1) ** 2, 3), unit(4), unit(40, 3)
    turned = rotate_harmonics(sh, quat)
    before = torch.einsum("dk,nkc->ndc", basis(directions, degree), sh)
    after = torch.einsum("dk,nkc->ndc", basis(directions @ matrices_from_quats(quat).T, degree), turned)
    torch.testing.assert_close(after, before, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("up", ["y", "-y", "z"])
def test_a_placed_head_looks_the_same_from_a_placed_camera(up: Up) -> None:
    scene = random_scene(300, coefficients=16)
    placement = Placement(up, scale=0.5, center=True)
    placed = place(scene, placement)
    cameras = cameras_around((2,), 40, 40)
    # Three points of the old frame and their images give the camera's motion, whatever `place` does inside.
    corners = torch.cat([torch.zeros(1, 3), torch.eye(3)])
    probes = Gaussians(corners, torch.eye(4)[:1].repeat(4, 1), torch.ones(4, 3), torch.ones(4), torch.zeros(4, 1, 3))
    moved = place(probes, Placement(up, scale=1.0)).means
    rotation = (moved[1:] - moved[:1]).T
    center = 0.5 * rotation @ origin_of(scene, placement)
    viewmats = cameras.viewmats.clone()
    viewmats[:, :3, :3] = cameras.viewmats[:, :3, :3] @ rotation.T
    viewmats[:, :3, 3] = 0.5 * cameras.viewmats[:, :3, 3] + viewmats[:, :3, :3] @ center
    again = render(placed, type(cameras)(viewmats, cameras.Ks, 40, 40)).rgb
    torch.testing.assert_close(again, render(scene, cameras).rgb, rtol=0, atol=10 * PLY_PICTURE.atol)


def test_where_the_face_looks() -> None:
    """The nose (+z), the crown (+y) and the viewer's right (+x) in each frame."""
    axes = torch.eye(3)
    scene = Gaussians(axes, torch.eye(4)[:1].repeat(3, 1), torch.ones(3, 3), torch.ones(3), torch.zeros(3, 1, 3))
    for up, expected in {
        "y": [[1, 0, 0], [0, 1, 0], [0, 0, 1]],
        "-y": [[-1, 0, 0], [0, -1, 0], [0, 0, 1]],
        "z": [[1, 0, 0], [0, 0, 1], [0, -1, 0]],
    }.items():
        torch.testing.assert_close(place(scene, Placement(up)).means, torch.tensor(expected).float(), atol=1e-6, rtol=0)


def test_life_size() -> None:
    """Pupils of adults are 63 mm apart; those of the head space 0.17 units."""
    assert pytest.approx(0.063, abs=0.001) == 0.17 * METERS_PER_UNIT


def test_centre_is_the_middle_of_what_is_visible() -> None:
    scene = random_scene(50)
    opacities = torch.ones(50)
    opacities[0] = 0.001
    scene.means[0] = 100
    scene = replace(scene, opacities=opacities)
    placed = place(scene, Placement(center=True)).means[1:]
    torch.testing.assert_close(placed.amin(0), -placed.amax(0), **EXACT_FLOAT32._asdict())


@pytest.mark.parametrize("up", ["y", "-y", "z"])
def test_the_way_back(up: Up) -> None:
    scene = random_scene(50, coefficients=16)
    again = unplace(place(scene, Placement(up)), up)
    for field in fields(Gaussians):
        torch.testing.assert_close(getattr(again, field.name), getattr(scene, field.name), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("scale", [0.0, -1.0, float("inf"), float("nan"), 1e-12, 1e30, "2", True])
@pytest.mark.usefixtures("unchecked_shapes")
def test_wrong_scales_are_named(scale: object) -> None:
    with pytest.raises(ValueError, match="the scale is"):
        Placement(scale=scale)


def test_several_heads_are_named() -> None:
    with pytest.raises(ValueError, match="index them first"):
        place(random_scene(3, (2,)), Placement())


@pytest.mark.usefixtures("unchecked_shapes")
def test_unknown_axes_are_named() -> None:
    for odd in ("x", None, ["y"]):
        with pytest.raises(ValueError, match="expected one of y, -y, z"):
            Placement(up=odd)

"""Heads that lie, look backwards or are mirrored are found; upright heads and other shapes are left alone."""

import warnings
from pathlib import Path

import numpy as np
import pytest

from gghead.uv.orientation import describe, is_mirrored, quarter_turns, turned_by
from gghead.uv.template import HeadTemplate, MirroredTemplateWarning

HEAD = HeadTemplate.builtin()
VERTICES = HEAD.vertices.astype(np.float64)
MIDDLES = VERTICES[HEAD.faces].mean(axis=1)
FEW = HEAD.faces[::5]
"""Every fifth triangle says as much, and is read sooner."""
BACKWARDS, LYING = np.diag([-1.0, 1, -1]), np.array([[1.0, 0, 0], [0, 0, -1], [0, 1, 0]])
SIDEWAYS = np.eye(3)[[2, 0, 1]]


def write(path: Path, vertices: np.ndarray, uvs: np.ndarray = HEAD.uvs, faces: np.ndarray = FEW) -> Path:
    """By the format's definition: one texture coordinate a vertex, indices from 1."""
    used, corners = np.unique(faces, return_inverse=True)
    lines = [f"v {x:.6f} {y:.6f} {z:.6f}" for x, y, z in vertices[used]]
    lines += [f"vt {u:.6f} {v:.6f}" for u, v in uvs[used]]
    lines += [f"f {a}/{a} {b}/{b} {c}/{c}" for a, b, c in corners.reshape(-1, 3) + 1]
    path.write_text("\n".join(lines))
    return path


def other_head(faces: np.ndarray = HEAD.faces) -> tuple[np.ndarray, np.ndarray]:
    """A narrower, longer head with a smaller jaw, a little out of place."""
    shape = VERTICES * [0.9, 1.1, 0.95]
    shape[:, 0] *= 1 + 0.4 * (shape[:, 1] - 0.1)
    return shape + np.array([0.01, 0.03, -0.02]), faces


@pytest.mark.parametrize(
    ("turn", "message"),
    [
        (BACKWARDS, r"the face looks along -z and the crown along \+y; turn it by 180 degrees about y, .* -x y -z"),
        (LYING, r"the face looks along -y and the crown along \+z; turn it by -90 degrees about x, .* become x z -y"),
        (np.diag([-1.0, -1, 1]), r"the face looks along \+z and the crown along -y; turn it by 180 degrees about z"),
        (np.diag([1.0, 1, -1]), r"the face looks along -z and the crown along \+y; it is mirrored, .* become x y -z"),
        (np.eye(3)[[0, 2, 1]], r"the face looks along \+y and the crown along \+z; it is mirrored, .* become x z y"),
        (SIDEWAYS, r"the face looks along \+x and the crown along \+z; turn it, so that x y z become y z x"),
    ],
)
def test_turned_heads_are_refused_with_the_way_back(turn: np.ndarray, message: str, tmp_path: Path) -> None:
    vertices, _ = other_head()
    path = write(tmp_path / "head.obj", vertices @ turn.T)
    with pytest.raises(ValueError, match=f"head.obj is a head that is turned: {message}"):
        HeadTemplate.from_obj(path)


@pytest.mark.slow
def test_every_turn_is_found_and_described() -> None:
    vertices, faces = other_head()
    assert turned_by(vertices, faces, HEAD.vertices, HEAD.faces) is None
    turns = quarter_turns()
    assert len({turn.tobytes() for turn in turns}) == 24
    for turn in turns[1::5]:
        found = turned_by(vertices @ turn.T, faces, HEAD.vertices, HEAD.faces)
        assert found is not None
        np.testing.assert_array_equal(found @ turn, np.eye(3))
    assert len({describe(turn, mirrored=False) for turn in turns[1:]}) == 23


@pytest.mark.parametrize(
    "part", [MIDDLES[:, 2] > 0, MIDDLES[:, 1] > 0, MIDDLES[:, 1] > -0.2], ids=["face", "cap", "without a neck"]
)
def test_parts_of_heads_are_known_too(part: np.ndarray) -> None:
    vertices, faces = other_head(HEAD.faces[part])
    assert turned_by(vertices, faces, HEAD.vertices, HEAD.faces) is None
    found = turned_by(vertices @ BACKWARDS, faces, HEAD.vertices, HEAD.faces)
    np.testing.assert_array_equal(found, BACKWARDS)


def sphere(radii: tuple[float, float, float], z: float) -> tuple[np.ndarray, np.ndarray]:
    latitude, longitude = np.meshgrid(np.linspace(0, np.pi, 16), np.linspace(0, 2 * np.pi, 32), indexing="ij")
    points = np.stack([np.sin(latitude) * np.sin(longitude), np.cos(latitude), np.sin(latitude) * np.cos(longitude)], 2)
    index = np.arange(16 * 32).reshape(16, 32)
    a, b, c, d = index[:-1, :-1], index[1:, :-1], index[1:, 1:], index[:-1, 1:]
    faces = np.concatenate([np.stack([a, b, c], 2).reshape(-1, 3), np.stack([a, c, d], 2).reshape(-1, 3)])
    return points.reshape(-1, 3) * radii + [0, 0, z], faces


@pytest.mark.parametrize("z", [-0.1, 0, 0.1])
@pytest.mark.parametrize("radii", [(0.4, 0.4, 0.4), (0.3, 0.42, 0.36)])
def test_other_shapes_are_nobodys_head(radii: tuple[float, float, float], z: float) -> None:
    assert turned_by(*sphere(radii, z), HEAD.vertices, HEAD.faces) is None


def test_patches_are_nobodys_head() -> None:
    square = np.array([[-0.3, -0.3, 0], [0.3, -0.3, 0], [0.3, 0.3, 0], [-0.3, 0.3, 0]])
    faces = np.array([[0, 1, 2], [0, 2, 3]])
    for z in (-0.2, 0, 0.2):
        assert turned_by(square + np.array([0, 0, z]), faces, HEAD.vertices, HEAD.faces) is None


@pytest.mark.slow
def test_mirrored_charts_are_told(tmp_path: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        HeadTemplate.from_obj(write(tmp_path / "head.obj", VERTICES))
        # Corners in the other order turn surface and chart round.
        HeadTemplate.from_obj(write(tmp_path / "head.obj", VERTICES, faces=FEW[:, ::-1]))
    for vertices, uvs in ((VERTICES * [-1, 1, 1], HEAD.uvs), (VERTICES, HEAD.uvs * [-1, 1] + [1, 0])):
        path = write(tmp_path / "head.obj", vertices, uvs)
        with pytest.warns(MirroredTemplateWarning, match="head.obj is a mirror image"):
            HeadTemplate.from_obj(path)
    assert not is_mirrored(VERTICES, HEAD.faces, HEAD.uvs)
    flat = np.array([[-0.3, -0.3, 0], [0.3, -0.3, 0], [0.3, 0.3, 0]])
    assert not is_mirrored(flat, np.array([[0, 1, 2]]), flat[::-1, :2])


@pytest.mark.parametrize(
    ("scale", "shift", "message"),
    [
        (100, 0, "longest side is 78.* units, about 98 times what it should be"),
        (3, 0, "longest side is 2.3"),
        (0.3, 0, r"longest side is 0.2\d+ units, about 0.29 times"),
        (1, 0.9, r"middle is at \(-?0.0., 0.88, -0.0"),
    ],
)
def test_heads_in_other_units_or_places_are_refused(scale: float, shift: float, message: str, tmp_path: Path) -> None:
    path = write(tmp_path / "head.obj", VERTICES * scale + np.array([0, shift, 0]))
    with pytest.raises(ValueError, match=f"head.obj: the template's {message}"):
        HeadTemplate.from_obj(path)

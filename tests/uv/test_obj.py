"""OBJ files as other programs write them: one mesh in many spellings, faces of any shape, and what is refused."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from gghead.uv.obj import ObjMesh, read_obj
from gghead.uv.polygons import MAX_CONCAVE_CORNERS, triangulate
from tolerances import EXACT_FLOAT64

POINTS = "v -.3 -.3 .2\nv .3 -.3 .2\nv .3 .3 .2\nv -.3 .3 .2\n"
CHART = "vt 0 0\nvt 1 0\nvt 1 1\nvt 0 1\n"
FACE = "f 1/1 2/2 3/3 4/4\n"
SQUARE = POINTS + CHART + FACE


def read(folder: Path, content: bytes | str) -> ObjMesh:
    path = folder / "head.obj"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return read_obj(path)


def area(points: np.ndarray, triangles: list[tuple[int, int, int]]) -> np.ndarray:
    """Sum of the triangles' areas, as a vector."""
    a, b, c = (points[[triangle[corner] for triangle in triangles]] for corner in range(3))
    return np.cross(b - a, c - a).sum(axis=0) / 2


SPELLINGS = {
    "byte order mark": b"\xef\xbb\xbf" + SQUARE.encode(),
    "ends of Windows": SQUARE.replace("\n", "\r\n"),
    "ends of old Macs": SQUARE.replace("\n", "\r"),
    "no end of the last line": SQUARE.rstrip(),
    "continued line": SQUARE.replace(" 3/3", " \\\n  3/3"),
    "continued line of Windows": SQUARE.replace(" 3/3", " \\\r\n  3/3"),
    "continued within a position": SQUARE.replace("v .3 .3 .2", "v .3 \\\n.3 .2"),
    "normals": "vn 0 0 1\n" + SQUARE.replace("/2", "/2/1").replace("/4", "/4/1"),
    "indices from the end": POINTS + CHART + "f -4/-4 -3/-3 -2/-2 -1/-1\n",
    "face before its vertices": FACE + POINTS + CHART,
    "colours": POINTS.replace(".2\n", ".2 .5 .5 1\n") + CHART + FACE,
    "weights": POINTS.replace(".2\n", ".2 1.0\n") + CHART + FACE,
    "chart of three numbers": POINTS + CHART.replace("0\n", "0 0\n").replace("1\n", "1 0.0\n") + FACE,
    "slash without a normal": SQUARE.replace("1/1 2", "1/1/ 2"),
    "exponents": SQUARE.replace("-.3", "-3e-1").replace(".2", "2.0E-01"),
    "tabs, blanks and comments": "\n# by hand\n" + SQUARE.replace(" ", " \t") + "   \n  # end",
    "comment with a back-slash": "# C:\\heads\\\n" + SQUARE.replace("vt 1 1\n", "vt 1 1 # C:\\\n"),
    "groups and materials": b"mtllib k\xf6pfe.mtl\no head\ng face\ns 1\nusemtl \xff\n"
    + SQUARE.encode()
    + b"l 1 2\np 3\n",
    "faces of old files": POINTS + CHART + "fo 1/1 2/2 3/3 4/4\n",
}


@pytest.mark.parametrize("content", SPELLINGS.values(), ids=SPELLINGS.keys())
def test_a_square_in_every_spelling(content: bytes | str, tmp_path: Path) -> None:
    mesh = read(tmp_path, content)
    assert mesh.positions.tolist() == [[-0.3, -0.3, 0.2], [0.3, -0.3, 0.2], [0.3, 0.3, 0.2], [-0.3, 0.3, 0.2]]
    assert mesh.uvs.tolist() == [[0, 0], [1, 0], [1, 1], [0, 1]]
    assert mesh.corners[..., 0].tolist() == [[0, 1, 2], [0, 2, 3]]
    assert (mesh.corners[..., 0] == mesh.corners[..., 1]).all()


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("f 1/1", "f 1", "line 9: the corner '1' has no texture coordinate"),
        ("f 1/1", "f 1//1", "line 9: the corner '1//1' has no texture coordinate"),
        ("f 1/1", "f 0/1", "line 9: the index '0' is none"),
        ("f 1/1", "f -5/1", "line 9: the index -5 reaches back"),
        ("f 1/1", "f 99999999999999999999/1", "line 9: the index '99999999999999999999' is none"),
        ("f 1/1", "f 1/5", "line 9: index 5 of 4 texture coordinates"),
        ("f 1/1", "f 1.0/1", "line 9: the corner '1.0/1' is none"),
        ("f 1/1 2/2 3/3 4/4", "f", "line 9: a face with 0 corners"),
        ("v .3 .3 .2", "v 0,3 0,3 0,2", "line 3: '0,3' is no number"),
        ("v .3 .3 .2", "v .3 nan .2", "line 3: 'nan' is not finite"),
        ("v .3 .3 .2", "v .3 -inf .2", "line 3: '-inf' is not finite"),
        ("v .3 .3 .2", "v .3 1e999 .2", "line 3: '1e999' is not finite"),
        ("v .3 .3 .2", "v .3 .3", "line 3: 2 numbers"),
        ("vt 1 1", "vt 1 \x1b[2J", r"line 7: '\\x1b\[2J' is no number"),
        ("v .3 .3 .2", "v .3 .3 .2\0", "zero bytes"),
    ],
)
def test_what_is_refused(old: str, new: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=f"head.obj.*{message}"):
        read(tmp_path, SQUARE.replace(old, new))


TURNS = np.linalg.qr(np.random.default_rng(0).normal(size=(3, 3)))[0]
DART = [[-0.3, -0.3], [0.3, -0.3], [0.0, -0.1], [0.0, 0.3]]
POLYGONS = {
    "dart": (DART, 0.12),
    "dart from the reflex corner": (DART[2:] + DART[:2], 0.12),
    "dart clockwise": (DART[::-1], 0.12),
    "square with corners on its edges": ([[0, 0], [0.5, 0], [1, 0], [1, 0.5], [1, 1], [0, 1], [0, 0.5]], 1),
    "L": ([[0, 0], [2, 0], [2, 1], [1, 1], [1, 2], [0, 2]], 3),
    "comb": ([[0, 0], [7, 0], [7, 5], [6, 1], [5, 5], [4, 1], [3, 5], [2, 1], [1, 5]], 20.5),
    "frame with a cut": ([[0, 0], [3, 0], [3, 3], [0, 3], [0, 0], [1, 1], [1, 2], [2, 2], [2, 1], [1, 1]], 8),
    "line": ([[0, 0], [1, 0], [2, 0], [3, 0]], 0),
    "corner twice": ([[0, 0], [1, 0], [1, 0], [1, 1], [0, 1]], 1),
}


@pytest.mark.parametrize(("corners", "expected"), POLYGONS.values(), ids=POLYGONS.keys())
@pytest.mark.parametrize("first", range(4))
def test_polygons_keep_their_area(corners: list[list[float]], expected: float, first: int) -> None:
    points = np.roll(np.array([[x, y, 0.5] for x, y in corners]), first, axis=0) @ TURNS.T
    triangles = triangulate(points)
    assert len(triangles) == len(points) - 2
    total = sum(np.linalg.norm(area(points, [triangle])) for triangle in triangles)
    np.testing.assert_allclose(total, expected, **EXACT_FLOAT64._asdict())
    np.testing.assert_allclose(np.linalg.norm(area(points, triangles)), expected, **EXACT_FLOAT64._asdict())


@settings(max_examples=60, deadline=None)
@given(st.integers(4, 40), st.integers(0, 2**32 - 1))
def test_stars_of_any_shape_are_filled_once(count: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    angles = np.sort(rng.uniform(0, 2 * np.pi, count))
    radii = rng.uniform(0.05, 1, count)
    points = np.stack([radii * np.cos(angles), radii * np.sin(angles), np.zeros(count)], axis=1)
    x, y = points[:, 0], points[:, 1]
    signed = float((x * np.roll(y, -1) - y * np.roll(x, -1)).sum() / 2)
    gaps = np.diff(np.append(angles, angles[0] + 2 * np.pi))
    triangles = triangulate(points)
    np.testing.assert_allclose(area(points, triangles)[2], signed, atol=1e-9)
    if gaps.max() < np.pi:  # the middle sees all corners: the polygon does not cross itself
        sizes = [area(points, [triangle])[2] for triangle in triangles]
        assert min(sizes) > -1e-9


def test_bent_quads_and_crossed_polygons_give_triangles() -> None:
    bent = np.array([[0, 0, 0], [1, 0, 0.3], [1, 1, 0], [0, 1, 0.3]])
    assert triangulate(bent) == [(0, 1, 2), (0, 2, 3)]
    crossed = np.array([[0, 0, 0], [1, 1, 0], [1, 0, 0], [0, 1, 0.0]])
    assert len(triangulate(crossed)) == 2


def test_large_faces_may_be_convex_only() -> None:
    angles = np.linspace(0, 2 * np.pi, 5 * MAX_CONCAVE_CORNERS, endpoint=False)
    circle = np.stack([np.cos(angles), np.sin(angles), 0 * angles], axis=1)
    assert len(triangulate(circle)) == len(circle) - 2
    circle[::2] *= 0.5
    with pytest.raises(ValueError, match="concave face of 5000 corners"):
        triangulate(circle)


KINDS = ["v", "vt", "vn", "f", "o", "#", "\\", "\r", "\ufeff", "\xff"]
CORNERS = ["1/1", "2/2", "3/3", "4/4", "-1/-1", "1//2", "1/", "/", "--1", "9/9"]
WORDS = st.sampled_from([*KINDS, *CORNERS, "0", ".5", "1e-3", "nan", "1e400"])
LINES = st.lists(st.lists(WORDS, max_size=6).map(" ".join), max_size=12).map("\n".join)


@settings(max_examples=80, deadline=None)
@given(LINES | st.binary(max_size=60).map(lambda data: data.decode("latin-1")))
def test_any_text_gives_a_mesh_or_names_the_file(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    folder = tmp_path_factory.getbasetemp()
    for content in (text, SQUARE + text, POINTS + CHART + text + "\n" + FACE):
        mesh, message = None, ""
        try:
            mesh = read(folder, content)
        except ValueError as error:
            message = str(error)
        if mesh is None:
            assert "head.obj" in message
        else:
            assert mesh.corners.min() >= 0
            assert mesh.corners[..., 0].max() < len(mesh.positions)
            assert mesh.corners[..., 1].max() < len(mesh.uvs)
            assert np.isfinite(mesh.positions).all()

"""Wavefront OBJ, as far as a template needs it: positions, texture coordinates, faces with both.

Source: "Object Files (.obj)", appendix B1 of Wavefront's Advanced Visualizer manual.
"""

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float, Int

from gghead.config.printable import shown
from gghead.uv.polygons import triangulate

MAX_BYTES = 2**30
"""Templates are not larger: ten million triangles."""
CORNER = re.compile(r"([+-]?[0-9]+)(?:/([+-]?[0-9]*)(?:/[+-]?[0-9]*)?)?")
"""v, v/vt, v//vn or v/vt/vn."""

Polygon = list[tuple[int, int]]
"""For each corner the indices of its position and its texture coordinate."""


@dataclass(frozen=True)
class ObjMesh:
    """Triangles of an OBJ file.

    Attributes:
        positions: as in the file.
        uvs: as in the file.
        corners: for each corner of each triangle the indices of its position and its texture coordinate.
    """

    positions: Float[np.ndarray, "P 3"]
    uvs: Float[np.ndarray, "T 2"]
    corners: Int[np.ndarray, "F 3 2"]


def read_obj(path: Path) -> ObjMesh:
    """Reads the `v`, `vt` and `f` lines of a file; all others (normals, groups, materials) are passed over.

    Numbers behind x y z (a weight, a colour) and behind u v are passed over, too. Polygons become triangles, concave
    ones by their shape. Faces may stand before their vertices.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: see HeadTemplate.from_obj.
    """
    positions: list[list[float]] = []
    uvs: list[list[float]] = []
    faces: list[tuple[int, Polygon]] = []  # and the lines that they stand in
    for number, line in _statements(_read_text(path)):
        kind, *words = line.split() or [""]
        try:
            if kind == "v":
                positions.append(_numbers(words, 3))
            elif kind == "vt":
                uvs.append(_numbers(words, 2))
            elif kind in ("f", "fo"):  # fo: the same in old files
                if len(words) < 3:
                    raise ValueError(f"a face with {len(words)} corners; expected at least 3")
                faces.append((number, [_corner(word, len(positions), len(uvs)) for word in words]))
        except ValueError as error:
            raise ValueError(f"{path}, line {number}: {error}") from error
    if not uvs:
        raise ValueError(f"{path} has no texture coordinates (vt); unwrap the mesh and export it with UVs")
    if not faces:
        raise ValueError(f"{path} has no faces (f); export the mesh with its triangles or quads")
    points = np.array(positions, np.float64).reshape(-1, 3)
    corners: list[Polygon] = []
    for number, face in faces:
        try:
            _require_indices(face, len(positions), len(uvs))
            triangles = [(0, 1, 2)]
            if len(face) > 3:
                triangles = triangulate(points[[position for position, _ in face]])
        except ValueError as error:
            raise ValueError(f"{path}, line {number}: {error}") from error
        corners.extend([face[a], face[b], face[c]] for a, b, c in triangles)
    return ObjMesh(points, np.array(uvs, np.float64), np.array(corners))


def _read_text(path: Path) -> str:
    """Text with "\\n" at the ends of lines; names of materials may be in any encoding, numbers are ASCII in all."""
    if path.is_file() and path.stat().st_size > MAX_BYTES:
        raise ValueError(f"{path} has {path.stat().st_size} bytes; expected a head of at most {MAX_BYTES}")
    content = path.read_bytes()
    if b"\0" in content:
        raise ValueError(f"{path} is no OBJ: it holds zero bytes; export the mesh as OBJ text in UTF-8")
    text = content.decode("utf-8-sig", errors="replace")
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _statements(text: str) -> Iterator[tuple[int, str]]:
    """Lines without comments, with the number of their first one; a back-slash at the end goes on in the next."""
    begun, start = "", 1
    for number, line in enumerate(text.split("\n"), start=1):
        if not begun:
            start = number
        code = line.split("#")[0].rstrip()  # a comment may end in a back-slash that means nothing
        if code.endswith("\\"):
            begun += code[:-1] + " "
            continue
        yield start, begun + code
        begun = ""
    if begun:
        yield start, begun


def _numbers(words: list[str], count: int) -> list[float]:
    if len(words) < count:
        raise ValueError(f"{len(words)} numbers; expected {count}")
    return [_number(word) for word in words[:count]]


def _number(word: str) -> float:
    try:
        number = float(word)
    except ValueError:
        raise ValueError(f"{shown(word)} is no number; write it like -0.25 or 1e-3") from None
    if not math.isfinite(number):
        raise ValueError(f"{shown(word)} is not finite; repair the mesh")
    return number


def _corner(word: str, num_positions: int, num_uvs: int) -> tuple[int, int]:
    """Indices of a corner like 7/3 or 7/3/5, from 0; in the file they run from 1 or, if negative, from the end."""
    match = CORNER.fullmatch(word)
    if match is None:
        raise ValueError(f"the corner {shown(word)} is none; expected indices like 7/3 or 7/3/5")
    if not match[2]:
        raise ValueError(f"the corner {shown(word)} has no texture coordinate; export the mesh with UVs on every face")
    return _index(match[1], num_positions), _index(match[2], num_uvs)


def _index(word: str, count: int) -> int:
    """From 0; whether so many lines are there is known at the end of the file."""
    if len(word) > 12 or int(word) == 0:
        raise ValueError(f"the index {shown(word)} is none; the file is damaged: export it again")
    index = int(word)
    if index < -count:
        raise ValueError(
            f"the index {index} reaches back over {count} lines only; the file is damaged: export it again"
        )
    return index - 1 if index > 0 else index + count


def _require_indices(face: Polygon, num_positions: int, num_uvs: int) -> None:
    for position, uv in face:
        for index, count, name in ((position, num_positions, "positions"), (uv, num_uvs, "texture coordinates")):
            if index >= count:
                raise ValueError(f"index {index + 1} of {count} {name}; the file is damaged: export it again")

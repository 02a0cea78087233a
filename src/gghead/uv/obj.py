"""Wavefront OBJ, as far as a template needs it: positions, texture coordinates, faces with both."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float, Int


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

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: see HeadTemplate.from_obj.
    """
    positions: list[list[float]] = []
    uvs: list[list[float]] = []
    corners: list[list[tuple[int, int]]] = []
    for number, line in enumerate(path.read_text(encoding="utf-8", errors="replace").splitlines(), start=1):
        kind, *words = line.split("#")[0].split() or [""]
        try:
            if kind == "v":
                positions.append(_numbers(words, 3))
            elif kind == "vt":
                uvs.append(_numbers(words, 2))
            elif kind == "f":
                polygon = [_corner(word, len(positions), len(uvs)) for word in words]
                if len(polygon) < 3:
                    raise ValueError(f"a face with {len(polygon)} corners; expected at least 3")
                corners.extend([polygon[0], polygon[i], polygon[i + 1]] for i in range(1, len(polygon) - 1))
        except ValueError as error:
            raise ValueError(f"{path}, line {number}: {error}") from error
    if not uvs:
        raise ValueError(f"{path} has no texture coordinates (vt); unwrap the mesh and export it with UVs")
    if not corners:
        raise ValueError(f"{path} has no faces (f); export the mesh with its triangles or quads")
    return ObjMesh(np.array(positions), np.array(uvs), np.array(corners))


def _numbers(words: list[str], count: int) -> list[float]:
    if len(words) < count:
        raise ValueError(f"{len(words)} numbers; expected {count}")
    return [float(word) for word in words[:count]]


def _corner(word: str, num_positions: int, num_uvs: int) -> tuple[int, int]:
    """Indices of a corner like 7/3 or 7/3/5, from 1 or, if negative, from the end."""
    position, uv, *_ = [*word.split("/"), ""]
    if not uv:
        raise ValueError(f"the corner {word!r} has no texture coordinate; export the mesh with UVs on every face")
    return _index(position, num_positions, "positions"), _index(uv, num_uvs, "texture coordinates")


def _index(word: str, count: int, name: str) -> int:
    index = int(word)
    index = index - 1 if index > 0 else index + count
    if not 0 <= index < count or int(word) == 0:
        raise ValueError(f"index {word} of {count} {name} so far; the file is damaged: export it again")
    return index

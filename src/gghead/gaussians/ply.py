"""Gaussians <-> PLY in the layout of 3D Gaussian Splatting, which viewers and editors open.

One vertex a Gaussian, binary little-endian floats: x y z, nx ny nz (zeros), f_dc_0..2, f_rest_* (channel-major),
opacity (logit), scale_0..2 (log), rot_0..3 (w x y z). With degree 3 these are the 62 properties that strict readers
expect.

Source: Kerbl et al. 2023, the files of its release.
"""

import re
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from gghead.gaussians.placement import require_single
from gghead.gaussians.scene import Gaussians
from gghead.geometry.spherical_harmonics import MAX_DEGREE, num_coefficients

OPACITY_MARGIN = 1e-6
"""Opacities are kept this far from 0 and 1, where the logit is infinite; float32 and the eye can't tell."""
NUMBERS_OF_REST = [3 * (num_coefficients(degree) - 1) for degree in range(MAX_DEGREE + 1)]
"""Properties f_rest_* of each degree."""
SCALAR_TYPES = {"float": "<f4", "float32": "<f4", "double": "<f8", "float64": "<f8", "uchar": "u1", "uint8": "u1"}
SCALAR_TYPES |= {"char": "i1", "int8": "i1", "short": "<i2", "int16": "<i2", "ushort": "<u2", "uint16": "<u2"}
SCALAR_TYPES |= {"int": "<i4", "int32": "<i4", "uint": "<u4", "uint32": "<u4"}


def property_names(sh_degree: int) -> list[str]:
    """Properties of a vertex in their order; 62 of them at degree 3."""
    rest = 3 * (num_coefficients(sh_degree) - 1)
    names = ["x", "y", "z", "nx", "ny", "nz", "f_dc_0", "f_dc_1", "f_dc_2"]
    names += [f"f_rest_{i}" for i in range(rest)]
    return [*names, "opacity", "scale_0", "scale_1", "scale_2", "rot_0", "rot_1", "rot_2", "rot_3"]


def encode_ply(gaussians: Gaussians, sh_degree: int = MAX_DEGREE) -> bytes:
    """Content of a PLY file.

    Args:
        gaussians: a single scene.
        sh_degree: degree in the file, 0 to 3; missing bands are written as zeros, higher ones are left out.

    Raises:
        ValueError: not a single scene, or a degree outside of 0 to 3.
    """
    require_single(gaussians)
    if not 0 <= sh_degree <= MAX_DEGREE:
        raise ValueError(f"the SH degree is {sh_degree}; expected 0 to {MAX_DEGREE}")
    lines = ["ply", "format binary_little_endian 1.0", f"element vertex {gaussians.num_gaussians}"]
    lines += [f"property float {name}" for name in property_names(sh_degree)]
    return "\n".join([*lines, "end_header", ""]).encode() + table_of(gaussians, sh_degree).astype("<f4").tobytes()


def table_of(gaussians: Gaussians, sh_degree: int) -> Float[np.ndarray, "N P"]:
    """One row a Gaussian of a single scene, in the order of `property_names`; float32."""
    count, coefficients = gaussians.num_gaussians, num_coefficients(sh_degree)
    sh = gaussians.sh.new_zeros(count, coefficients, 3)
    known = min(coefficients, gaussians.sh.shape[-2])
    sh[:, :known] = gaussians.sh[:, :known]
    opacities = gaussians.opacities.double().clamp(OPACITY_MARGIN, 1 - OPACITY_MARGIN)
    columns = [
        gaussians.means,
        torch.zeros_like(gaussians.means),
        sh[:, 0],
        sh[:, 1:].mT.flatten(1),
        opacities.logit()[:, None],
        gaussians.scales.double().log(),
        gaussians.quats,
    ]
    rows = torch.cat([column.detach().cpu().float() for column in columns], dim=1)
    assert rows.shape == (count, len(property_names(sh_degree)))
    return rows.numpy()


def decode_ply(content: bytes, name: str = "PLY") -> Gaussians:
    """Reads a PLY of 3D Gaussian Splatting, of any SH degree.

    Args:
        content: the file's bytes.
        name: what to call the file in errors.

    Raises:
        ValueError: no PLY, not binary little-endian, cut off, a property is missing, or the harmonics are of no degree.
    """
    mark = re.search(rb"^end_header\r?\n", content, re.MULTILINE)
    lines = content[: mark.start()].decode("ascii", errors="replace").splitlines() if mark else []
    if not mark or not lines or lines[0].strip() != "ply":
        raise ValueError(f"{name} is no PLY file: it has no PLY header")
    if "format binary_little_endian 1.0" not in lines:
        raise ValueError(f"{name} is not binary little-endian; convert it, Gaussian PLY files are")
    elements = [line.split() for line in lines if line.startswith("element ")]
    if not elements or elements[0][1] != "vertex":
        raise ValueError(f"{name} has no vertices first; expected the layout of 3D Gaussian Splatting")
    count = int(elements[0][2])
    table = _read_vertices(lines, content[mark.end() :], count, name)
    missing = [key for key in property_names(0) if key not in table and key not in ("nx", "ny", "nz")]
    if missing:
        raise ValueError(
            f"{name} lacks the properties {', '.join(missing)}; it holds no Gaussians but maybe plain points"
        )
    rest = sorted((key for key in table if re.fullmatch(r"f_rest_\d+", key)), key=lambda key: int(key[7:]))
    if len(rest) not in NUMBERS_OF_REST:
        raise ValueError(f"{name} has {len(rest)} properties f_rest_*; expected 0, 9, 24 or 45 (degree 0 to 3)")
    bands = _columns(table, rest).unflatten(1, (3, -1)).mT if rest else torch.zeros(count, 0, 3)
    sh = torch.cat([_columns(table, ["f_dc_0", "f_dc_1", "f_dc_2"])[:, None], bands], dim=1)
    return Gaussians(
        means=_columns(table, ["x", "y", "z"]),
        quats=torch.nn.functional.normalize(_columns(table, [f"rot_{i}" for i in range(4)]), dim=-1),
        scales=_columns(table, [f"scale_{i}" for i in range(3)]).exp(),
        opacities=_columns(table, ["opacity"])[:, 0].sigmoid(),
        sh=sh,
    )


def _read_vertices(lines: list[str], body: bytes, count: int, name: str) -> dict[str, np.ndarray]:
    """Columns of the vertex element by property."""
    start = next(i for i, line in enumerate(lines) if line.startswith("element "))
    fields = []
    for line in lines[start + 1 :]:
        if line.startswith("element "):
            break
        if line.startswith("property "):
            _, kind, *rest = line.split()
            if kind not in SCALAR_TYPES:
                raise ValueError(f"{name} has a vertex property of type {kind}; expected numbers")
            fields.append((rest[0], SCALAR_TYPES[kind]))
    row = np.dtype(fields)
    if len(body) < row.itemsize * count:
        raise ValueError(
            f"{name} is cut off: {count} vertices of {row.itemsize} bytes announced, {len(body)} bytes there"
        )
    rows = np.frombuffer(body, row, count)
    return {key: rows[key] for key, _ in fields}


def _columns(table: dict[str, np.ndarray], names: list[str]) -> Tensor:
    return torch.from_numpy(np.stack([table[name].astype(np.float32) for name in names], axis=1))


def load_ply(path: Path | str) -> Gaussians:
    """Reads a scene from a PLY file; see `decode_ply`.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: it holds no Gaussians.
    """
    return decode_ply(Path(path).read_bytes(), str(path))

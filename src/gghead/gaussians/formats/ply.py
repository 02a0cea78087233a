"""Gaussians <-> PLY in the layout of 3D Gaussian Splatting, which viewers and editors open.

One vertex a Gaussian, binary little-endian floats: x y z, nx ny nz (zeros), f_dc_0..2, f_rest_* (channel-major),
opacity (logit), scale_0..2 (log), rot_0..3 (w x y z). Files have degree 3, with zeros where a head has less: these are
the 62 properties that strict readers expect. Read is any order and type of properties, text and both byte orders, and
the compressed kind.

Source: Kerbl et al. 2023, the files of its release.
"""

import re
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from gghead.gaussians.checks import as_read, require_drawable
from gghead.gaussians.formats.compressed_ply import PACKED_PROPERTIES, unpack
from gghead.gaussians.formats.ply_tables import read_tables
from gghead.gaussians.placement import UP_IN_FILES, Up, unplace
from gghead.gaussians.scene import Gaussians
from gghead.geometry.spherical_harmonics import MAX_DEGREE, num_coefficients

OPACITY_MARGIN = 1e-6
"""Opacities are kept this far from 0 and 1, where the logit is infinite; float32 and the eye can't tell."""
MIN_SCALE = 1e-12
"""Discs may be flat, but their logarithm must be finite."""
DEGREES_READ = 4
"""Some tools write a degree more than is drawn here."""
NUMBERS_OF_REST = [3 * (num_coefficients(degree) - 1) for degree in range(DEGREES_READ + 1)]
"""Properties f_rest_* of each degree."""


def property_names(sh_degree: int) -> list[str]:
    """Properties of a vertex in their order; 62 of them at degree 3."""
    rest = 3 * (num_coefficients(sh_degree) - 1)
    names = ["x", "y", "z", "nx", "ny", "nz", "f_dc_0", "f_dc_1", "f_dc_2"]
    names += [f"f_rest_{i}" for i in range(rest)]
    return [*names, "opacity", "scale_0", "scale_1", "scale_2", "rot_0", "rot_1", "rot_2", "rot_3"]


def encode_ply(gaussians: Gaussians, sh_degree: int = MAX_DEGREE) -> bytes:
    """Content of a PLY file.

    Args:
        gaussians: a single scene that can be drawn.
        sh_degree: degree in the file, 0 to 3; missing bands are written as zeros, higher ones are left out.

    Raises:
        ValueError: not a single scene, Gaussians that can't be drawn, or a degree outside of 0 to 3.
    """
    if not 0 <= sh_degree <= MAX_DEGREE:
        raise ValueError(f"the SH degree is {sh_degree}; expected 0 to {MAX_DEGREE}")
    lines = ["ply", "format binary_little_endian 1.0", f"element vertex {gaussians.num_gaussians}"]
    lines += [f"property float {name}" for name in property_names(sh_degree)]
    return "\n".join([*lines, "end_header", ""]).encode() + table_of(gaussians, sh_degree).astype("<f4").tobytes()


def table_of(gaussians: Gaussians, sh_degree: int) -> Float[np.ndarray, "N P"]:
    """One row a Gaussian of a single scene, in the order of `property_names`; float32."""
    require_drawable(gaussians)
    known = min(num_coefficients(sh_degree), gaussians.sh.shape[1])
    sh = gaussians.sh.new_zeros(gaussians.num_gaussians, num_coefficients(sh_degree), 3)
    sh[:, :known] = gaussians.sh[:, :known]
    opacities = gaussians.opacities.double().clamp(OPACITY_MARGIN, 1 - OPACITY_MARGIN)
    columns = [
        gaussians.means,
        torch.zeros_like(gaussians.means),
        sh[:, 0],
        sh[:, 1:].mT.flatten(1),
        opacities.logit()[:, None],
        gaussians.scales.double().clamp_min(MIN_SCALE).log(),
        torch.nn.functional.normalize(gaussians.quats.double(), dim=1),
    ]
    rows = torch.cat([column.detach().cpu().float() for column in columns], dim=1)
    assert rows.shape[1] == len(property_names(sh_degree))
    return rows.numpy()


def decode_ply(content: bytes, name: str = "PLY") -> Gaussians:
    """Reads a PLY of 3D Gaussian Splatting, in the file's own frame; what can't be drawn is left out and told.

    Raises:
        ValueError: no PLY, cut off, a property is missing, the harmonics are of no degree, or nothing can be drawn.
    """
    vertices, chunks, packed_sh = read_tables(content, name, ("vertex", "chunk", "sh"))
    if vertices is None:
        raise ValueError(f"{name} has no vertices; expected the layout of 3D Gaussian Splatting")
    names = vertices.dtype.names or ()
    if chunks is not None and set(PACKED_PROPERTIES) <= set(names):
        return as_read(unpack(chunks, vertices, _packed_harmonics(packed_sh, len(vertices), name), name), name)
    unused = ("nx", "ny", "nz")
    missing = [key for key in property_names(0) if key not in names and key not in unused]
    if missing:
        raise ValueError(
            f"{name} lacks the properties {', '.join(missing)}; it holds no Gaussians but maybe plain points"
        )
    rest = _rest_of(vertices, name)
    sh = [_columns(vertices, ["f_dc_0", "f_dc_1", "f_dc_2"])[:, None]]
    sh += [_columns(vertices, rest).reshape(len(vertices), 3, len(rest) // 3).mT] if rest else []
    found = Gaussians(
        means=_columns(vertices, ["x", "y", "z"]),
        quats=_columns(vertices, [f"rot_{i}" for i in range(4)]),
        scales=_columns(vertices, [f"scale_{i}" for i in range(3)]).exp(),
        opacities=_columns(vertices, ["opacity"])[:, 0].sigmoid(),
        sh=torch.cat(sh, dim=1),
    )
    return as_read(found, name)


def load_ply(path: Path | str, *, up: Up = UP_IN_FILES[".ply"]) -> Gaussians:
    """Reads a PLY of 3D Gaussian Splatting, of `export` or any other tool, also a compressed one of PlayCanvas.

    Args:
        path: to read.
        up: axis of the file that points up, as `export` was told; captures have y down. Unit and origin stay as they
            are in the file.

    Returns:
        A single scene in the head space, y up. Gaussians that can't be drawn (non-finite values, a zero quaternion, a
        negative scale) and harmonics above degree 3 are left out, which is logged as a warning; bands of zeros, too.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: it holds no Gaussians, is damaged, or there is no such axis.

    Example:
        >>> import gghead
        >>> gghead.export("head.ply", gghead.load().sample(seeds=[7])[0])
        >>> gghead.load_ply("head.ply").batch_shape
        torch.Size([])
    """
    return unplace(decode_ply(Path(path).read_bytes(), str(path)), up)


def _packed_harmonics(table: np.ndarray | None, count: int, name: str) -> Float[np.ndarray, "N R"]:
    """Bytes of the harmonics of a compressed file."""
    if table is None:
        return np.zeros((count, 0))
    if len(table) != count:
        raise ValueError(f"{name} has harmonics for {len(table)} of its {count} Gaussians; expected all")
    rest = _rest_of(table, name)
    return np.stack([table[key].astype(np.float64) for key in rest], axis=1) if rest else np.zeros((count, 0))


def _rest_of(table: np.ndarray, name: str) -> list[str]:
    """Names of the harmonics above degree 0, in order."""
    numbers = sorted(int(key[7:]) for key in table.dtype.names or () if re.fullmatch(r"f_rest_[0-9]{1,3}", key))
    if len(numbers) not in NUMBERS_OF_REST:
        raise ValueError(f"{name} has {len(numbers)} properties f_rest_*; expected 0, 9, 24 or 45 (degree 0 to 3)")
    if numbers != list(range(len(numbers))):
        raise ValueError(f"{name} has properties f_rest_* that are not numbered from 0 to {len(numbers) - 1}")
    return [f"f_rest_{number}" for number in numbers]


def _columns(table: np.ndarray, names: list[str]) -> Tensor:
    with np.errstate(over="ignore"):  # float64 beyond float32 is infinite, and found later
        return torch.as_tensor(np.stack([table[name].astype(np.float32) for name in names], axis=1))

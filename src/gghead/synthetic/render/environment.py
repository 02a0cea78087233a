"""Light of real places: what surfaces need of an environment map, read from the package.

Directions are unit vectors of canonical head space, y up. Light is linear. Octahedral maps hold the upper half of all
directions in the inner square and fold the lower half over its edges.
"""

from dataclasses import dataclass
from functools import cache
from importlib.resources import as_file, files

import numpy as np
from jaxtyping import Float, Float32

ASSET = "light.npz"
LEVEL_SIDES = (64, 32, 16, 16)
"""Texels along the sides of the reflections, from the sharpest to the softest."""
LEVEL_ROUGHNESS = (0.02, 0.12, 0.25, 0.45)
"""Their GGX roughness, alpha."""
LEVEL_STARTS = (0, 4096, 5120, 5376)
"""The first texel of each level; all levels lie behind each other."""
TEXELS = 5632
MAX_SOURCES = 2
"""Compact sources that a map may have beside what its reflections show."""
BANDS = np.array([np.pi, 2 * np.pi / 3, np.pi / 4])
"""Radiance -> irradiance, factors of the harmonics of degree 0, 1 and 2."""


@dataclass(frozen=True)
class Sources:
    """Compact lights far away.

    Attributes:
        directions: unit vectors towards them.
        colors: irradiance of a surface that faces them, divided by pi: a white one shows this.
        radii: half of the angle under which they are seen, radians.
    """

    directions: Float[np.ndarray, "l 3"]
    colors: Float[np.ndarray, "l 3"]
    radii: Float[np.ndarray, " l"]


@dataclass(frozen=True)
class Environment:
    """Light from all sides.

    Attributes:
        ambient: symmetric matrix A of each channel: a white surface with normal n shows (n, 1) A (n, 1); the sources
            are not in it.
        reflections: radiance, without the sources, filtered for each level of roughness, texels behind each other.
        sources: what is so small that it casts shadows with an edge.
    """

    ambient: Float[np.ndarray, "3 4 4"]
    reflections: Float32[np.ndarray, "t 3"]
    sources: Sources


@cache
def environments() -> dict[str, Environment]:
    """The packaged environments by name, each as bright as 1 on average over all directions."""
    with as_file(files("gghead") / "assets" / ASSET) as path, np.load(path, allow_pickle=False) as pack:
        arrays = {key: pack[key] for key in pack.files}
    made = {}
    for i, name in enumerate(arrays["names"]):
        shining = arrays["source_radii"][i] > 0
        columns = [arrays[f"source_{key}"][i][shining].astype(np.float64) for key in ("directions", "colors", "radii")]
        reflections = arrays["reflections"][i].astype(np.float32)
        made[str(name)] = Environment(irradiance_form(arrays["harmonics"][i]), reflections, Sources(*columns))
    return made


def irradiance_form(harmonics: Float[np.ndarray, "9 3"]) -> Float[np.ndarray, "3 4 4"]:
    """Spherical harmonics of radiance -> `Environment.ambient`: irradiance divided by pi, as a quadratic form.

    Source: Ramamoorthi and Hanrahan 2001, "An efficient representation for irradiance environment maps", equation 12.
    """
    degrees = BANDS[[0, 1, 1, 1, 2, 2, 2, 2, 2]][:, None] / np.pi
    c, cy, cz, cx, cxy, cyz, czz, cxz, cxx = harmonic_factors()[:, None] * degrees * harmonics
    zero = np.zeros_like(c)
    rows = [
        [cxx, cxy / 2, cxz / 2, cx / 2],
        [zero, -cxx, cyz / 2, cy / 2],
        [zero, zero, 3 * czz, cz / 2],
        [zero, zero, zero, c - czz],
    ]
    upper = np.moveaxis(np.array(rows), 2, 0)
    return np.triu(upper) + np.swapaxes(np.triu(upper, 1), 1, 2)


def harmonic_factors() -> Float[np.ndarray, "9"]:
    """Factors of 1, y, z, x, xy, yz, 3 z^2 - 1, xz and x^2 - y^2 that make them orthonormal on the sphere."""
    linear, product = np.sqrt(3 / (4 * np.pi)), np.sqrt(15 / (4 * np.pi))
    squares = product / np.sqrt(12)
    return np.array([np.sqrt(1 / (4 * np.pi)), *[linear] * 3, product, product, squares, product, product / 2])


def harmonic_basis(directions: Float[np.ndarray, "n 3"]) -> Float[np.ndarray, "n 9"]:
    """Real spherical harmonics of degree 0 to 2 in unit directions."""
    x, y, z = directions.T
    polynomials = [np.ones_like(x), y, z, x, x * y, y * z, 3 * z * z - 1, x * z, x * x - y * y]
    return np.stack(polynomials, 1) * harmonic_factors()


def gradient_form(down: Float[np.ndarray, "3"], up: Float[np.ndarray, "3"]) -> Float[np.ndarray, "3 4 4"]:
    """`Environment.ambient` that is linear in height: what white surfaces show that look down and up."""
    form = np.zeros((3, 4, 4))
    form[:, 3, 3] = (up + down) / 2
    form[:, 1, 3] = form[:, 3, 1] = (up - down) / 4
    return form


def gradient_reflections(down: Float[np.ndarray, "3"], up: Float[np.ndarray, "3"]) -> Float32[np.ndarray, "t 3"]:
    """Radiance that is linear in height and lights surfaces as `gradient_form` does; the same on all levels."""
    slope = 1.5 * (up - down) / 2  # irradiance keeps 2 / 3 of the first degree
    return np.maximum((up + down) / 2 + _heights()[:, None] * slope, 0).astype(np.float32)


@cache
def _heights() -> Float[np.ndarray, " t"]:
    return np.concatenate([octahedral_directions(side)[:, 1] for side in LEVEL_SIDES])


def octahedral_directions(side: int) -> Float[np.ndarray, "s2 3"]:
    """Directions of the texels' centers, row by row.

    Source: Meyer et al. 2010, "On floating-point normal vectors", section 3.3.
    """
    v, u = np.divmod(np.arange(side * side), side)
    return octahedral_points((u + 0.5) / side * 2 - 1, (v + 0.5) / side * 2 - 1)


def octahedral_points(u: Float[np.ndarray, " n"], v: Float[np.ndarray, " n"]) -> Float[np.ndarray, "n 3"]:
    """Directions of positions in -1 .. 1 on an octahedral map."""
    y = 1 - np.abs(u) - np.abs(v)
    fold = np.maximum(-y, 0)
    x, z = u - np.copysign(fold, u), v - np.copysign(fold, v)
    points = np.stack([x, y, z], 1)
    return points / np.linalg.norm(points, axis=1, keepdims=True)


def turned_form(ambient: Float[np.ndarray, "3 4 4"], turn: float) -> Float[np.ndarray, "3 4 4"]:
    """`Environment.ambient` of the environment turned about the vertical, as `turned_directions` turns."""
    rotation = np.eye(4)
    rotation[:3, :3] = turned_directions(np.eye(3), turn).T
    return rotation @ ambient @ rotation.T


def turned_directions(directions: Float[np.ndarray, "*n 3"], turn: float) -> Float[np.ndarray, "*n 3"]:
    """Directions turned about the vertical by an angle in radians, from +z towards +x."""
    c, s = np.cos(turn), np.sin(turn)
    x, y, z = np.moveaxis(directions, -1, 0)
    return np.stack([c * x + s * z, y, c * z - s * x], -1)

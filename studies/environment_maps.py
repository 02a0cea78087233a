"""Makes the packaged light of real places from environment maps.

    python -m studies.environment_maps MAPS --out src/gghead/assets/light.npz

MAPS is a folder of maps in equal steps of longitude and latitude, as OpenEXR (which needs the wheel `OpenEXR`, used
nowhere else). Of each map are kept: the harmonics of its radiance up to degree 2, reflections filtered for a few levels
of roughness, and its most compact bright sources, which are taken out of both.
"""

import argparse
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float

from gghead.synthetic.render.environment import (
    LEVEL_ROUGHNESS,
    LEVEL_SIDES,
    MAX_SOURCES,
    Sources,
    harmonic_basis,
    octahedral_directions,
    octahedral_points,
)

DISCS = (0.05, 0.09, 0.15, 0.22, 0.3)
"""Angular radii within which a source is looked for, radians."""
RIM = 0.05
"""Width of the ring around a disc that says how bright the map would be without the source, radians."""
GROWTH = 1.1
"""A wider disc is taken if it has so much more light than the one before."""
MIN_SHARE = 0.1
"""Least irradiance of a source on a surface that faces it, as a share of the mean irradiance."""
LOWEST = -0.2
"""Least height of a source, sine: spots on the floor stay in the map."""
MIN_RADIUS = 0.01
"""Of a source, radians: about a texel."""
SHARP_SAMPLES = 6
"""Positions along the side of a texel of the sharpest level that are averaged."""
SOFT_ROWS = (0, 128, 64, 64)
"""Rows of the map that each filtered level is made from."""


@dataclass(frozen=True)
class Sphere:
    """Equal steps of longitude and latitude, the first row at the zenith.

    Attributes:
        directions: of the texels [h, w, 3].
        areas: their solid angles [h, w].
    """

    directions: Float[np.ndarray, "h w 3"]
    areas: Float[np.ndarray, "h w"]


def sphere(height: int) -> Sphere:
    """The texels of a map with so many rows and twice as many columns."""
    edges = np.cos(np.arange(height + 1) * np.pi / height)
    polar = (np.arange(height) + 0.5) * np.pi / height
    around = (np.arange(2 * height) + 0.5) * np.pi / height
    flat = np.sin(polar)[:, None]
    x, z = flat * np.sin(around), flat * np.cos(around)
    y = np.broadcast_to(np.cos(polar)[:, None], x.shape)
    areas = np.broadcast_to((edges[:-1] - edges[1:])[:, None] * np.pi / height, (height, 2 * height))
    return Sphere(np.stack([x, y, z], 2), areas)


def split_sources(image: Float[np.ndarray, "h w 3"]) -> tuple[Float[np.ndarray, "h w 3"], Sources]:
    """A map without its strongest compact sources, and these: together they are as bright as the map."""
    rest, found = image.copy(), []
    grid = sphere(len(image))
    for _ in range(MAX_SOURCES):
        source = _strongest(rest, grid)
        if source is None:
            break
        found.append(source)
    if not found:
        return rest, Sources(np.zeros((0, 3)), np.zeros((0, 3)), np.zeros(0))
    directions, colors, radii = zip(*found, strict=True)
    return rest, Sources(np.array(directions), np.array(colors), np.array(radii))


def _strongest(rest: np.ndarray, grid: Sphere) -> tuple[np.ndarray, np.ndarray, float] | None:
    """Takes the strongest source out of a map, in place: direction, color and radius; None if it is weak."""
    gray = np.where(grid.directions[..., 1] > LOWEST, rest.mean(2), 0)
    direction = grid.directions[np.unravel_index(gray.argmax(), gray.shape)]
    chosen = None
    for radius in DISCS:
        for _ in range(3):
            angle = np.arccos(np.clip(grid.directions @ direction, -1, 1))
            inside, ring = angle < radius, (angle >= radius) & (angle < radius + RIM)
            base = np.median(rest[ring], 0)
            excess = (rest[inside] - base) * grid.areas[inside][:, None]
            weight = np.maximum(excess.mean(1), 0)
            center = weight @ grid.directions[inside]
            if not weight.any():
                return None  # nothing is brighter than what is around it
            direction = center / np.linalg.norm(center)
        if chosen is not None and excess.mean(1).sum() < GROWTH * chosen[0]:
            break
        spread = np.sqrt(2 * (weight @ angle[inside] ** 2) / weight.sum())
        chosen = (excess.mean(1).sum(), inside, base, excess.sum(0), direction, max(float(spread), MIN_RADIUS))
    assert chosen is not None, "there are discs"
    power, inside, base, color, direction, spread = chosen
    mean = (rest.mean(2) * grid.areas).sum() / 4  # mean irradiance of all normals
    if power < MIN_SHARE * mean:
        return None
    rest[inside] = base
    return direction, np.maximum(color, 0) / np.pi, spread


def harmonics(image: Float[np.ndarray, "h w 3"]) -> Float[np.ndarray, "9 3"]:
    """Spherical harmonics of radiance up to degree 2."""
    grid = sphere(len(image))
    basis = harmonic_basis(grid.directions.reshape(-1, 3)) * grid.areas.reshape(-1, 1)
    return basis.T @ image.reshape(-1, 3)


def reflections(image: Float[np.ndarray, "h w 3"]) -> Float[np.ndarray, "t 3"]:
    """Radiance filtered for each level of roughness, seen along the normal.

    Source: Karis 2013, "Real shading in Unreal Engine 4", whose sum over samples is an integral here.
    """
    levels = [_sharp(image, LEVEL_SIDES[0])]
    for side, roughness, rows in zip(LEVEL_SIDES[1:], LEVEL_ROUGHNESS[1:], SOFT_ROWS[1:], strict=True):
        step = max(1, len(image) // rows)
        small = image.reshape(len(image) // step, step, -1, step, 3).mean((1, 3))
        levels.append(_filtered(small, side, roughness))
    return np.concatenate(levels)


def _sharp(image: np.ndarray, side: int) -> np.ndarray:
    fine = side * SHARP_SAMPLES
    v, u = np.divmod(np.arange(fine * fine), fine)
    directions = octahedral_points((u + 0.5) / fine * 2 - 1, (v + 0.5) / fine * 2 - 1)
    height, width = image.shape[:2]
    row = np.arccos(np.clip(directions[:, 1], -1, 1)) / np.pi * height
    column = np.arctan2(directions[:, 0], directions[:, 2]) / (2 * np.pi) % 1 * width
    seen = image[row.astype(int).clip(0, height - 1), column.astype(int) % width]
    return seen.reshape(side, SHARP_SAMPLES, side, SHARP_SAMPLES, 3).mean((1, 3)).reshape(-1, 3)


def _filtered(image: np.ndarray, side: int, roughness: float) -> np.ndarray:
    grid = sphere(len(image))
    directions, areas = grid.directions.reshape(-1, 3), grid.areas.ravel()
    rows = []
    for normals in np.array_split(octahedral_directions(side), 8):
        cosine = normals @ directions.T
        half = (1 + cosine) / 2  # squared cosine of the half angle
        weights = np.maximum(cosine, 0) / (half * (roughness**2 - 1) + 1) ** 2 * areas
        rows.append(weights @ image.reshape(-1, 3) / weights.sum(1, keepdims=True))
    return np.concatenate(rows)


def pack(images: dict[str, Float[np.ndarray, "h w 3"]]) -> dict[str, np.ndarray]:
    """The arrays of the asset; each map is scaled to a mean of 1 over all directions."""
    columns: dict[str, list[np.ndarray]] = {}
    for image in images.values():
        grid = sphere(len(image))
        bright = image / ((image.mean(2) * grid.areas).sum() / (4 * np.pi))
        rest, sources = split_sources(bright)
        rest = np.maximum(rest, 0)  # what resampling left below 0 beside small lights
        row = {"harmonics": harmonics(rest), "reflections": reflections(rest)}
        missing = MAX_SOURCES - len(sources.radii)
        for key, values in vars(sources).items():
            row[f"source_{key}"] = np.concatenate([values, np.zeros((missing, *values.shape[1:]))])
        for key, values in row.items():
            columns.setdefault(key, []).append(values)
    arrays = {key: np.array(values, np.float32) for key, values in columns.items()}
    halves = arrays["reflections"].clip(0, 60000).astype(np.float16)
    return {"names": np.array(list(images)), **arrays, "reflections": halves}


def read(folder: Path) -> dict[str, Float[np.ndarray, "h w 3"]]:
    """The maps of a folder by name, linear light."""
    import OpenEXR  # pyright: ignore[reportMissingImports] - needed here only, see the module

    images = {}
    for path in sorted(folder.glob("*.exr")):
        with OpenEXR.File(str(path)) as file:
            images[path.stem] = next(iter(file.channels().values())).pixels[..., :3].astype(np.float64)
    if not images:
        raise ValueError(f"{folder} has no file that ends in .exr; name the folder of the environment maps")
    return images


def main() -> None:
    """Reads, makes and writes."""
    parser = argparse.ArgumentParser(description="Makes the packaged light of real places from environment maps.")
    parser.add_argument("maps", type=Path, help="folder of OpenEXR files")
    parser.add_argument("--out", type=Path, required=True, help="the asset, .npz")
    options = parser.parse_args()
    arrays = pack(read(options.maps))
    np.savez_compressed(options.out, **arrays)  # pyright: ignore[reportArgumentType]
    for name, radii, colors in zip(arrays["names"], arrays["source_radii"], arrays["source_colors"], strict=True):
        lights = zip(colors.mean(1), np.degrees(radii), strict=True)
        print(name, "sources:", [f"{color:.2f} of radius {degrees:.1f} deg" for color, degrees in lights if degrees])


if __name__ == "__main__":
    main()

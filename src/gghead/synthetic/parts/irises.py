"""Textures of eyeballs: white, iris, pupil."""

import numpy as np
from jaxtyping import Float, Float32, UInt8
from scipy.ndimage import gaussian_filter

IRIS_RADIUS, PUPIL_RADIUS = 0.405, 0.15
"""Shares of half of the eye texture's side."""
EYE_SIDE = 128
TURN_CELLS, DEPTH_CELLS = 256, 32
"""Size of the iris when it is unrolled: around the pupil and away from it."""


def paint_eye(iris_color: Float[np.ndarray, "3"], age: str, rng: np.random.Generator) -> UInt8[np.ndarray, "s s 3"]:
    """Eyeball seen from the front, display colours: shaded white with veins, iris, pupil, the upper lid's shadow.

    Args:
        iris_colour: display colour of the middle of the iris.
        age: old whites are yellowish, old irises have a pale rim.
        rng: decides about fibres, crypts, veins and the width of the pupil.
    """
    y, x = (np.mgrid[:EYE_SIDE, :EYE_SIDE] / (EYE_SIDE - 1) * 2 - 1).astype(np.float32)
    radius, angle = np.hypot(x, y), np.arctan2(y, x)
    image = _white(x, y, radius, age == "old", rng)
    pupil = PUPIL_RADIUS * rng.uniform(0.85, 1.25)
    share = np.clip((radius - pupil) / (IRIS_RADIUS - pupil), 0, 1)
    unrolled = _iris(iris_color, age == "old", rng)
    column = ((angle / np.pi * 0.5 + 0.5) * TURN_CELLS).astype(int) % TURN_CELLS
    iris = unrolled[(share * (DEPTH_CELLS - 1)).astype(int), column]
    image += (iris - image) * _inside(radius, IRIS_RADIUS, 0.022)[..., None]
    image *= 1 - 0.97 * _inside(radius, pupil, 0.016)[..., None]
    lid_shadow = np.clip((-y + 0.1) / 0.7, 0, 1) * 0.5 + np.clip(y - 0.25, 0, 1) * 0.15
    return (np.clip(image * (1 - lid_shadow)[..., None], 0, 1) * 255).round().astype(np.uint8)


def _white(x: np.ndarray, y: np.ndarray, radius: np.ndarray, old: bool, rng: np.random.Generator) -> np.ndarray:
    color = np.array([0.83, 0.79, 0.75]) if old else np.array([0.86, 0.835, 0.815])
    corners = np.clip((np.abs(x) - 0.5) / 0.45, 0, 1) ** 1.5
    veins = np.abs(gaussian_filter(rng.standard_normal(x.shape, dtype=np.float32), (1.2, 6)))
    veins = (
        np.clip(1 - veins / (0.35 * veins.std()), 0, 1) * np.clip((radius - 0.5) / 0.4, 0, 1) * rng.uniform(0.1, 0.5)
    )
    redness = (0.30 * corners + 0.25 * veins)[..., None] * np.array([0.25, 0.8, 0.75])
    return (color * (1 - redness) * (1 - 0.10 * np.clip(radius - 0.45, 0, 1))[..., None]).astype(np.float32)


def _iris(color: np.ndarray, old: bool, rng: np.random.Generator) -> Float32[np.ndarray, "d t 3"]:
    """The iris from the pupil (row 0) to its rim: two layers of fibres, a collarette, crypts, the dark limbal ring."""
    depth = np.linspace(0, 1, DEPTH_CELLS)[:, None]
    fine = _fibres(rng, (1.5, 0.8))
    coarse = _fibres(rng, (3.0, 2.5))
    crypts = np.clip(_fibres(rng, (2.0, 2.2)) - 1.1, 0, 1) * np.exp(-0.5 * ((depth - 0.45) / 0.18) ** 2)
    wobble = rng.uniform(0.28, 0.4) + 0.03 * _fibres(rng, (0.1, 6))[:1]
    collarette = np.exp(-0.5 * ((depth - wobble) / 0.05) ** 2)
    light = 1 + 0.13 * fine + 0.12 * coarse * (depth > 0.15) + 0.22 * collarette - 0.4 * crypts
    light = light * (0.80 + 0.35 * depth) * (1 - 0.72 * np.clip((depth - 0.82) / 0.18, 0, 1) ** 1.3)
    inner = color * rng.uniform(0.9, 1.15) * np.array([1.12, 0.98, 0.75])  # pigment gathers around the pupil
    share = np.clip((wobble + 0.12 - depth) / 0.2, 0, 1)[..., None] * rng.uniform(0.2, 1)
    painted = (color * (1 - share) + inner * share) * light[..., None]
    if old:
        painted += np.exp(-0.5 * ((depth - 0.9) / 0.06) ** 2)[..., None] * np.array([0.12, 0.13, 0.14])
    return painted.astype(np.float32)


def _fibres(rng: np.random.Generator, spread: tuple[float, float]) -> np.ndarray:
    noise = gaussian_filter(
        rng.standard_normal((DEPTH_CELLS, TURN_CELLS)),
        (spread[0] * 3, spread[1]),
        mode=("nearest", "wrap"),  # pyright: ignore[reportArgumentType] - one for each axis, which the stubs don't know
    )
    return noise / noise.std()


def _inside(radius: np.ndarray, edge: float, softness: float) -> np.ndarray:
    return np.clip((edge - radius) / softness + 0.5, 0, 1)

"""Lights that a portrait may stand in."""

from dataclasses import dataclass
from enum import IntEnum

import numpy as np
from jaxtyping import Float


class LightKind(IntEnum):
    """Where the light comes from."""

    STUDIO = 0
    WINDOW = 1
    FLASH = 2
    OVERCAST = 3
    BACKLIGHT = 4
    SUN = 5


KIND_CHANCES = (0.34, 0.2, 0.1, 0.18, 0.1, 0.08)
EXPOSURE = (0.85, 1.4)
"""Light on a face that looks at the viewer, range; 1 shows a white face white."""
WARMTH = 0.09
"""Standard deviation of the warmth of the first light: red times 1 + warmth, blue times 1 - warmth."""


@dataclass(frozen=True)
class Lighting:
    """Distant lights: unit directions towards them, linear colours, and a hemisphere from below and from above.

    The first light casts the shadow.
    """

    directions: Float[np.ndarray, "l 3"]
    colors: Float[np.ndarray, "l 3"]
    ambient_down: Float[np.ndarray, "3"]
    ambient_up: Float[np.ndarray, "3"]


@dataclass(frozen=True)
class _Setup:
    """Lights before their exposure: azimuths (0 from the front, positive from +x) and elevations in radians."""

    azimuths: list[float]
    elevations: list[float]
    strengths: list[float]
    ambient: float


def random_lighting(rng: np.random.Generator) -> Lighting:
    """Lights of a kind drawn by `KIND_CHANCES`, warm or cool, exposed for a face that looks at the viewer."""
    kind = LightKind(rng.choice(len(LightKind), p=KIND_CHANCES))
    side, warmth, exposure = rng.choice([-1.0, 1.0]), rng.normal(0, WARMTH), rng.uniform(*EXPOSURE)
    setup = _random_setup(kind, float(side), rng)
    azimuths, elevations = np.array(setup.azimuths), np.array(setup.elevations)
    flat = np.cos(elevations)
    directions = np.stack([np.sin(azimuths) * flat, np.sin(elevations), np.cos(azimuths) * flat], 1)
    tint = np.array([1 + warmth, 1.0, 1 - warmth])
    colors = np.array(setup.strengths)[:, None] * tint
    colors[1:] = colors[1:] / tint**1.5  # fills and back lights are of the other kind
    ambient = setup.ambient / tint**0.5
    down, up = ambient * [0.56, 0.5, 0.45], ambient * [0.97, 1.0, 1.05]
    on_face = (colors.mean(1) * np.maximum(directions[:, 2], 0)).sum() + (down + up).mean() / 2
    scale = exposure / on_face
    return Lighting(directions, colors * scale, down * scale, up * scale)


def _random_setup(kind: LightKind, side: float, rng: np.random.Generator) -> _Setup:
    if kind == LightKind.STUDIO:
        other = -side * rng.uniform(0.5, 2.2)
        fill = rng.uniform(0.1, 0.5)
        return _Setup(
            [side * rng.uniform(0.1, 1.1), other], [rng.uniform(0.15, 0.9), 0.2], [1.0, fill], rng.uniform(0.3, 0.6)
        )
    if kind == LightKind.WINDOW:
        # Three lights in a row: the soft edge of an area light.
        middle, wide, height = side * rng.uniform(0.6, 1.35), rng.uniform(0.2, 0.4), rng.uniform(0.1, 0.5)
        spread = [middle, middle - wide, middle + wide]
        return _Setup(spread, [height, height + 0.1, height - 0.1], [0.45, 0.4, 0.4], rng.uniform(0.2, 0.5))
    if kind == LightKind.FLASH:
        return _Setup([rng.uniform(-0.2, 0.2)], [rng.uniform(0.02, 0.3)], [1.0], rng.uniform(0.12, 0.4))
    if kind == LightKind.OVERCAST:
        return _Setup([rng.uniform(-1.5, 1.5)], [rng.uniform(0.7, 1.2)], [rng.uniform(0.15, 0.5)], 1.0)
    if kind == LightKind.BACKLIGHT:
        behind = [side * rng.uniform(2.0, 2.7), -side * rng.uniform(1.9, 2.8)]
        key = side * rng.uniform(0.0, 0.8)
        rims = [rng.uniform(0.8, 1.6), rng.uniform(0.2, 1.2)]
        return _Setup([key, *behind], [rng.uniform(0.1, 0.6), 0.35, 0.35], [0.6, *rims], rng.uniform(0.4, 0.7))
    return _Setup([side * rng.uniform(0.2, 1.2)], [rng.uniform(0.5, 1.0)], [1.6], rng.uniform(0.3, 0.5))

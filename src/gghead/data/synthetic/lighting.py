"""Lights that a portrait may stand in."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float


@dataclass(frozen=True)
class Lighting:
    """Distant lights: unit directions towards them, linear colours, and a hemisphere from below and from above.

    The first light casts the shadow.
    """

    directions: Float[np.ndarray, "l 3"]
    colours: Float[np.ndarray, "l 3"]
    ambient_down: Float[np.ndarray, "3"]
    ambient_up: Float[np.ndarray, "3"]


def random_lighting(rng: np.random.Generator) -> Lighting:
    """A key light in front, a weak light on the other side and a hemisphere."""
    azimuth, elevation, warm = rng.uniform(-1.1, 1.1), rng.uniform(0.15, 1.0), rng.normal(0, 0.05)
    other = -np.sign(azimuth) * rng.uniform(0.6, 2.2)
    directions = np.array(
        [
            [np.sin(azimuth) * np.cos(elevation), np.sin(elevation), np.cos(azimuth) * np.cos(elevation)],
            [np.sin(other), 0.2, np.cos(other)],
        ]
    )
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    key = rng.uniform(0.9, 1.6) * np.array([1 + warm, 1, 1 - warm])
    fill = rng.uniform(0.1, 0.5) * np.array([1 - warm, 1, 1 + warm])
    ambient = rng.uniform(0.35, 0.7)
    return Lighting(
        directions,
        np.stack([key, fill]),
        ambient * np.array([0.55, 0.5, 0.45]),
        ambient * np.array([0.95, 1, 1.08]),
    )

"""Lights that a portrait may stand in."""

from dataclasses import dataclass, replace
from enum import IntEnum

import numpy as np
from jaxtyping import Float, Float32

from gghead.synthetic.render.environment import (
    environments,
    gradient_form,
    gradient_reflections,
    turned_directions,
    turned_form,
)


class LightKind(IntEnum):
    """Where the light comes from, if not from a real place."""

    STUDIO = 0
    WINDOW = 1
    FLASH = 2
    OVERCAST = 3
    BACKLIGHT = 4
    SUN = 5


MAP_PREFIX = "map/"
"""Before the names of real places, of which one is a studio, too."""
REAL_CHANCE = 0.65
"""Share of people in the light of a real place."""
KIND_CHANCES = (0.34, 0.2, 0.1, 0.18, 0.1, 0.08)
EXPOSURE = (0.85, 1.4)
"""Light on a face that looks at the viewer, range; 1 shows a white face white."""
WARMTH = 0.09
"""Standard deviation of the warmth of the first light: red times 1 + warmth, blue times 1 - warmth."""
LIGHT_RADII = {
    LightKind.STUDIO: (0.1, 0.3),
    LightKind.WINDOW: (0.2, 0.4),
    LightKind.FLASH: (0.02, 0.05),
    LightKind.OVERCAST: (0.3, 0.5),
    LightKind.BACKLIGHT: (0.1, 0.25),
    LightKind.SUN: (0.01, 0.01),
}
"""Half of the angle under which lights are seen, range, radians."""
GRAY_SHARE = 0.5
"""How far the colors of a real place are drawn to gray: cameras and eyes see less of two lights of different colors."""
TINT_SHARE = 0.75
"""How far their green is drawn to the mean of red and blue besides: cameras take the tint of leaves and meadows off,
with which fair hair, whose own hue is next to yellow, is olive in the shade."""
MOST_DIRECT = 0.7
"""Share of the light on a face that comes from compact sources of a real place at most: no face is half black."""
BALANCE = (0.6, 1.0)
"""Share of the color of a real place's light that the camera takes for white, range."""
BALANCE_ERROR = 0.025
"""Standard deviation of the camera's error in red and in blue."""
TURNS = 2
"""Ways to turn that are tried in a real place: photographers choose the one in which light falls on the face."""
FACE_NORMALS = np.array([[0.0, 0.1, 1.0], [0.6, 0.1, 0.8], [-0.6, 0.1, 0.8], [0.0, 0.6, 0.8]])
"""Of the parts of a face that are metered."""
METERING = 0.5
"""Stops by which the darkest skin is exposed longer than the lightest."""


@dataclass(frozen=True)
class Lighting:
    """Light on a person.

    Attributes:
        kind: name of a `LightKind` in lower case, or of an environment after `MAP_PREFIX`.
        turn: angle about the vertical by which the environment is turned, radians, from +z towards +x.
        exposure: light on a face that looks at the viewer.
        directions: unit vectors towards distant lights; the first casts the sharpest shadow.
        colors: what a white surface shows that faces a light, linear.
        radii: half of the angle under which a light is seen, radians.
        ambient: all other light on a white surface with normal n as a quadratic form, (n, 1) A (n, 1), linear.
        reflections: radiance of the environment, not turned, as `Environment.reflections`.
        gain: factor of the reflections.
    """

    kind: str
    turn: float
    exposure: float
    directions: Float[np.ndarray, "l 3"]
    colors: Float[np.ndarray, "l 3"]
    radii: Float[np.ndarray, " l"]
    ambient: Float[np.ndarray, "3 4 4"]
    reflections: Float32[np.ndarray, "t 3"]
    gain: Float[np.ndarray, "3"]

    def scaled(self, factor: Float[np.ndarray, "3"] | float) -> "Lighting":
        """Brighter by a factor, in each channel or in all."""
        factor = np.broadcast_to(np.asarray(factor, np.float64), 3)
        return replace(
            self,
            exposure=self.exposure * float(factor.mean()),
            colors=self.colors * factor,
            ambient=self.ambient * factor[:, None, None],
            gain=self.gain * factor,
        )

    def turned(self, angle: float) -> "Lighting":
        """Turned about the vertical by an angle in radians, from +z towards +x."""
        return replace(
            self,
            turn=self.turn + angle,
            directions=turned_directions(self.directions, angle),
            ambient=turned_form(self.ambient, angle),
        )

    def on(self, normals: Float[np.ndarray, "n 3"]) -> Float[np.ndarray, "n 3"]:
        """What white surfaces with these unit normals show that nothing shades."""
        extended = np.concatenate([normals, np.ones((len(normals), 1))], 1)
        around = np.einsum("ni,kij,nj->nk", extended, self.ambient, extended)
        return around + np.maximum(normals @ self.directions.T, 0) @ self.colors


def hemisphere_lighting(
    kind: str,
    directions: Float[np.ndarray, "l 3"],
    colors: Float[np.ndarray, "l 3"],
    radii: Float[np.ndarray, " l"],
    ambient: tuple[Float[np.ndarray, "3"], Float[np.ndarray, "3"]],
) -> Lighting:
    """Lights in a hall: what white surfaces show that look down and up is all else that it needs."""
    form, reflections = gradient_form(*ambient), gradient_reflections(*ambient)
    return Lighting(kind, 0.0, 1.0, directions, colors, radii, form, reflections, np.ones(3))


def random_lighting(rng: np.random.Generator) -> Lighting:
    """Light of a real place or of a `LightKind`, warm or cool, exposed for a face that looks at the viewer."""
    real, exposure = rng.random() < REAL_CHANCE, rng.uniform(*EXPOSURE)
    lighting = _random_place(rng) if real else _random_kind(rng)
    return replace(lighting.scaled(exposure / _on_face(lighting)), exposure=float(exposure))


def metered(lighting: Lighting, melanin: float) -> Lighting:
    """The exposure that a camera takes for a skin, melanin from 0 to 1."""
    return lighting.scaled(2 ** (METERING * (melanin - 0.3)))


def _on_face(lighting: Lighting) -> float:
    normals = FACE_NORMALS / np.linalg.norm(FACE_NORMALS, axis=1, keepdims=True)
    return float(lighting.on(normals).mean())


def _random_place(rng: np.random.Generator) -> Lighting:
    known = environments()
    name = list(known)[rng.integers(len(known))]
    place = known[name]
    colors, ambient, reflections = (
        _calmed(values, axis)
        for values, axis in ((place.sources.colors, 1), (place.ambient, 0), (place.reflections, 1))
    )
    sources = (place.sources.directions, colors, place.sources.radii)
    plain = Lighting(f"{MAP_PREFIX}{name}", 0.0, 1.0, *sources, ambient, reflections.astype(np.float32), np.ones(3))
    tried = [plain.turned(angle) for angle in rng.uniform(-np.pi, np.pi, TURNS)]
    lighting = max(tried, key=_on_face)
    around = replace(lighting, colors=0 * lighting.colors)
    direct = _on_face(lighting) - _on_face(around)
    dimmed = min(1.0, MOST_DIRECT / (1 - MOST_DIRECT) * _on_face(around) / max(direct, 1e-6))
    lighting = replace(lighting, colors=dimmed * lighting.colors)
    normals = FACE_NORMALS / np.linalg.norm(FACE_NORMALS, axis=1, keepdims=True)
    seen = lighting.on(normals).mean(0)
    balance = (seen.mean() / seen) ** rng.uniform(*BALANCE)
    balance[[0, 2]] *= 1 + np.clip(rng.normal(0, BALANCE_ERROR, 2), -2 * BALANCE_ERROR, 2 * BALANCE_ERROR)
    return lighting.scaled(balance)


def _calmed(light: np.ndarray, axis: int) -> np.ndarray:
    """Light whose colors, along an axis, are nearer to gray, and still nearer to those between warm and cool."""
    calmed = light + GRAY_SHARE * (light.mean(axis, keepdims=True) - light)
    red, green, blue = np.moveaxis(calmed, axis, 0)
    green += TINT_SHARE * ((red + blue) / 2 - green)
    return calmed


@dataclass(frozen=True)
class _Setup:
    """Lights before their exposure: azimuths (0 from the front, positive from +x) and elevations in radians."""

    azimuths: list[float]
    elevations: list[float]
    strengths: list[float]
    ambient: float


def _random_kind(rng: np.random.Generator) -> Lighting:
    kind = LightKind(rng.choice(len(LightKind), p=KIND_CHANCES))
    side, warmth = rng.choice([-1.0, 1.0]), rng.normal(0, WARMTH)
    setup = _random_setup(kind, float(side), rng)
    azimuths, elevations = np.array(setup.azimuths), np.array(setup.elevations)
    flat = np.cos(elevations)
    directions = np.stack([np.sin(azimuths) * flat, np.sin(elevations), np.cos(azimuths) * flat], 1)
    tint = np.array([1 + warmth, 1.0, 1 - warmth])
    colors = np.array(setup.strengths)[:, None] * tint
    colors[1:] = colors[1:] / tint**1.5  # fills and back lights are of the other kind
    ambient = setup.ambient / tint**0.5
    radii = np.full(len(azimuths), rng.uniform(*LIGHT_RADII[kind]))
    around = (ambient * [0.56, 0.5, 0.45], ambient * [0.97, 1.0, 1.05])
    return hemisphere_lighting(kind.name.lower(), directions, colors, radii, around)


def _random_setup(kind: LightKind, side: float, rng: np.random.Generator) -> _Setup:
    if kind == LightKind.STUDIO:
        other = -side * rng.uniform(0.5, 2.2)
        fill = rng.uniform(0.1, 0.5)
        return _Setup(
            [side * rng.uniform(0.1, 1.1), other], [rng.uniform(0.15, 0.9), 0.2], [1.0, fill], rng.uniform(0.3, 0.6)
        )
    if kind == LightKind.WINDOW:
        azimuth, elevation = side * rng.uniform(0.5, 1.25), rng.uniform(0.1, 0.5)
        return _Setup([azimuth], [elevation], [1.25], rng.uniform(0.2, 0.5))
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

"""Growing lines of hair around the neutral head: combed, pulled down, kept off the skin and the face, trimmed.

All arrays of points are decimetres of the neutral head.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Float32

from gghead.synthetic.anatomy.face_chart import azimuths
from gghead.synthetic.hair.field import HairField
from gghead.synthetic.hair.hairline import HairLine
from gghead.synthetic.hair.styles import Cut

CROWN = np.array([0.0, 8.40, 0.20], np.float32)
"""Where the whorl is."""
WHORL_RADIUS = 0.28
DOWN = np.array([0.0, -1.0, 0.0], np.float32)
FRINGE = 1.25
"""Length that fringes grow to before they are trimmed."""
BROWS = 7.60
"""Fringes end above this height."""
CLOTHES, CLOTHES_BELOW = 0.15, (-6.35, -5.85)
"""Thickness of what is worn over neck and shoulders, and minus the heights between which it begins."""
FADE, SHORTEST_AT_LINE = 0.32, 0.4
"""How far inside of the line of the hair cut hair has its full length, dm, and its share of that at the line."""
LAYER_BELOW = 0.45
"""Where loose hair begins above the layer below, and the length of that where hair stands off, as shares."""
LOWEST_LAYER = 0.22
"""Distance of the layer below from the skin, as a share of the outermost one's."""
RAGGED = 0.05
"""Standard deviation of the heights of ends: were it less than the width of ribbons, fringes would be rows of tufts."""
SHORTEST = 0.3
"""Of a trimmed ribbon, as a share of what it would be; shorter ones are left out."""


@dataclass(frozen=True)
class Lines:
    """Lines of hair.

    Attributes:
        points: [n, s, 3].
        outward: unit directions away from the head [n, s, 3].
        roots: index of the root of each [n]; -1 for hair that does not start on the scalp.
    """

    points: Float32[np.ndarray, "n s 3"]
    outward: Float32[np.ndarray, "n s 3"]
    roots: np.ndarray


def grow(
    field: HairField, chosen: np.ndarray, below: np.ndarray, cut: Cut, line: HairLine, rng: np.random.Generator
) -> Lines:
    """One line from each root inside the line of the hair.

    Args:
        field: where the head and the neck are.
        chosen: indices of the roots [n].
        below: whether each belongs to the layer below the others [n].
        cut: the style.
        line: where hair grows; what grows near it is shorter.
        rng: decides about every line.
    """
    tie = tie_point(field, cut)
    root, normal = field.roots.position[chosen], field.roots.normal[chosen]
    count, waves = len(chosen), _Waves(rng)
    disorder = 0.6 * waves(root) + rng.normal(0, 1, (count, 3)).astype(np.float32)
    comb = _combed(root, root, cut)
    direction = _unit(cut.lift * normal + comb + cut.stray * disorder)
    azimuth = field.roots.azimuth[chosen]
    step = (_lengths(root, azimuth, cut) * rng.uniform(0.85, 1.1, count) / cut.steps)[:, None]
    if cut.comb == "forward" and cut.hem > 0:
        # Trimmed above the brows anyway: short steps follow the forehead where long ones would leave it.
        step = np.where(_fringe(root)[:, None] > 0.5, np.minimum(step, FRINGE / cut.steps), step)
    if cut.hem == 0 and cut.comb != "tied":
        faded = _smooth(line.above(azimuth, root[:, 1]), 0, FADE)
        step *= (SHORTEST_AT_LINE + (1 - SHORTEST_AT_LINE) * faded)[:, None]
    if cut.comb == "out":
        step *= np.where(below, LAYER_BELOW, 1)[:, None]
    free = 0.25 + 0.75 * _smooth(root[:, 1], 6.9, 8.2) * rng.uniform(LAYER_BELOW, 1, count)
    layer = np.where(below, LOWEST_LAYER, free if cut.comb != "out" else 1)
    points, outward = [root], [normal]
    for k in range(cut.steps):
        here = points[-1]
        comb = (tie - here) if cut.comb == "tied" else _combed(here, root, cut)
        pull = 0.9 if cut.comb == "tied" else 0.45
        direction = _unit(direction + pull * _unit(comb) + cut.gravity * DOWN)
        if cut.comb == "tied":
            step = np.linalg.norm(comb, axis=1, keepdims=True) / (cut.steps - k) * (1 + 0.15 * (k < cut.steps - 1))
        moved, away = _keep_off(field, here + direction * step, cut.gap * layer * min(1, (k + 1) / 2.5), cut)
        direction = _unit(moved - here)
        points.append(moved)
        outward.append(away)
    lines = Lines(np.stack(points, 1).astype(np.float32), np.stack(outward, 1).astype(np.float32), chosen)
    return _waved(_trimmed(lines, cut, line, rng), cut, waves)


def tie_point(field: HairField, cut: Cut) -> Float32[np.ndarray, "3"]:
    """Where tied hair comes together, at the back of the head."""
    point = np.array([[0, cut.tie, -0.8]], np.float32)
    for _ in range(6):
        distance, away = field.probe(point)
        point = (point - away * (distance - cut.gap) * [0, 0, 1]).astype(np.float32)
    return point[0]


class _Waves:
    """Smooth random vectors: what neighbours have in common."""

    def __init__(self, rng: np.random.Generator) -> None:
        self._frequencies = rng.normal(0, 3.0, (5, 3)).astype(np.float32)
        self._phases = rng.uniform(0, 2 * np.pi, (5, 3)).astype(np.float32)

    def __call__(self, points: Float32[np.ndarray, "n 3"]) -> Float32[np.ndarray, "n 3"]:
        angles = (points[:, None, :] * self._frequencies).sum(2)
        return np.sin(angles[..., None] + self._phases).sum(1) / np.float32(1.6)


def _lengths(root: np.ndarray, azimuth: np.ndarray, cut: Cut) -> np.ndarray:
    top = _smooth(root[:, 1], 7.55, 8.1)
    back = _smooth(azimuth, 1.4, 2.2)
    return cut.top * top + (1 - top) * (cut.side * (1 - back) + cut.nape * back)


def _combed(here: np.ndarray, root: np.ndarray, cut: Cut) -> np.ndarray:
    """Where the comb draws hair at `here` that grows at `root`, both [n, 3]; not of unit length everywhere."""
    from_crown = _from_crown(here)
    high = _smooth(here[:, 1], 7.75, 8.2)[:, None]
    front = _smooth(root[:, 2], 0.5, 1.2)[:, None]
    side = np.sign(root[:, :1])
    falling = DOWN + np.float32(0.25) * from_crown
    if cut.comb == "parted":
        across = np.concatenate([np.tanh((root[:, :1] - cut.parting) * 12), 0 * high, -0.25 - 0.6 * front], 1)
        behind = 1 - _smooth(root[:, 2], 0.05, 0.55)[:, None]  # the parting ends at the whorl
        across = (1 - behind) * across + behind * from_crown
        return high * across + (1 - high) * (falling + np.array([0, 0, -0.3]) * front)
    if cut.comb == "back":
        back = np.concatenate([0.2 * side, 0 * high, -1 + 0 * high], 1)
        return high * back + (1 - high) * np.array([0, -0.55, -0.75])
    if cut.comb == "forward":
        forward = np.concatenate([0.15 * root[:, :1] - 0.3 * cut.parting, 0 * high, 1 + 0 * high], 1)
        ahead = _fringe(root)[:, None]
        falling = falling - np.array([0, 0, 0.35], np.float32) * front * (cut.hem > 0)
        return ahead * (high * forward + (1 - high) * DOWN) + (1 - ahead) * (high * from_crown + (1 - high) * falling)
    if cut.comb == "out":
        return _unit(here - np.array([0, 7.75, 0.5], np.float32))
    return high * from_crown + (1 - high) * falling


def _fringe(root: np.ndarray) -> np.ndarray:
    """1 for roots [n, 3] whose hair is combed over the forehead, 0 for others."""
    return _smooth(root[:, 2], 0.1, 0.5) * _smooth(root[:, 1], 7.7, 8.0) * _smooth(-np.abs(root[:, 0]), -0.62, -0.42)


def _from_crown(here: np.ndarray) -> np.ndarray:
    """Away from the whorl and down, turning clockwise around it as most people's hair does."""
    flat = (here - CROWN) * [1, 0, 1]
    turn = np.exp(-((np.linalg.norm(flat, axis=1, keepdims=True) / WHORL_RADIUS) ** 2))
    return _unit(flat * (1 - 0.6 * turn) + 0.9 * turn * flat[:, [2, 1, 0]] * [-1, 0, 1] + [0, -0.1, 0])


def _keep_off(field: HairField, points: np.ndarray, gap: np.ndarray, cut: Cut) -> tuple[np.ndarray, np.ndarray]:
    """Points pushed out to their gap, and pulled back where hair would stand off; and the way out there."""
    points = points.astype(np.float32)
    distance, away = field.probe(points)
    if cut.comb == "out":
        return points, away
    gap = gap + CLOTHES * _smooth(-points[:, 1], *CLOTHES_BELOW)
    loose = np.float32(0.25) if cut.hem == 0 else 0.7 - 0.45 * _smooth(points[:, 1], 6.6, 7.4)
    loose = loose * (1 - _smooth(points[:, 2], 0.95, 1.15) * _smooth(points[:, 1], 7.2, 7.4))  # fringes lie
    target = np.clip(distance, gap, gap + 0.05 + loose * np.maximum(0, distance - gap - 0.05))
    return points + away * (target - distance)[:, None].astype(np.float32), away


def _trimmed(lines: Lines, cut: Cut, line: HairLine, rng: np.random.Generator) -> Lines:
    """Lines cut off at the hem and before they reach the brows, with as many points as before."""
    points = lines.points
    count, steps = points.shape[:2]
    height, side, depth = points[..., 1], np.abs(points[..., 0]), points[..., 2]
    ragged = rng.normal(0, RAGGED, (count, 1))
    in_front = (depth > 1.0) & (side < 0.56) | (depth > 1.12)
    limit = np.where(in_front, BROWS + np.maximum(ragged + 0.02, 0) + 0.12 * (side > 0.45), cut.hem + ragged)
    if cut.comb != "forward":
        edge = height - line.above(azimuths(points), height) - 0.04
        limit = np.where(in_front & (side < 0.5), np.maximum(limit, edge), limit)
    low = height < limit
    first = np.where(low.any(1), low.argmax(1), steps - 1)
    end = first.astype(np.float64)
    rows = np.flatnonzero(low.any(1) & (first > 0))
    before, after = first[rows] - 1, first[rows]
    over, under = (height - limit)[rows, before], (limit - height)[rows, after]
    end[rows] = before + over / np.maximum(over + under, 1e-6)
    kept = np.flatnonzero(end > SHORTEST * (steps - 1))
    at = np.linspace(0, 1, steps) * end[kept, None]
    left = np.minimum(at.astype(int), steps - 2)
    share = (at - left)[..., None].astype(np.float32)
    row = kept[:, None]

    def resampled(values: np.ndarray) -> np.ndarray:
        return values[row, left] * (1 - share) + values[row, left + 1] * share

    return Lines(resampled(points), _unit(resampled(lines.outward)), lines.roots[kept])


def _waved(lines: Lines, cut: Cut, waves: _Waves) -> Lines:
    if cut.wave <= 0 or not len(lines.points):
        return lines
    tangent = _unit(np.gradient(lines.points, axis=1))
    across = _unit(np.cross(tangent, lines.outward))
    t = np.linspace(0, 1, lines.points.shape[1], dtype=np.float32)[None, :, None]
    phase = 3 * waves(lines.points[:, 0])[:, None, :2]
    angle = 2 * np.pi * cut.turns * t
    rising = np.minimum(1, 2.5 * t) * cut.wave
    offset = across * np.sin(angle + phase[..., :1]) + 0.4 * lines.outward * (1 + np.cos(angle + phase[..., 1:]))
    return Lines((lines.points + rising * offset).astype(np.float32), lines.outward, lines.roots)


def _smooth(values: np.ndarray, low: float, high: float) -> np.ndarray:
    t = np.clip((values - low) / (high - low), 0, 1)
    return t * t * (3 - 2 * t)


def _unit(vectors: Float[np.ndarray, "*P 3"]) -> Float32[np.ndarray, "*P 3"]:
    return (vectors / (np.sqrt(vectors[..., :1] ** 2 + vectors[..., 1:2] ** 2 + vectors[..., 2:] ** 2) + 1e-9)).astype(
        np.float32
    )

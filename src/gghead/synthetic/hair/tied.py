"""What is behind the knot of tied hair: a tail, a braid or a bun. All arrays are decimetres of the neutral head."""

import numpy as np
from jaxtyping import Float32

from gghead.synthetic.hair.field import HairField
from gghead.synthetic.hair.growth import DOWN, Lines

TAIL_CARDS, TAIL_STEPS = 90, 11
BRAID_CARDS, BRAID_STEPS, BRAID_LENGTH = 20, 40, 0.34
"""Ribbons of each of a braid's three strands, straight pieces, and the length of one round of braiding."""
BUN_CARDS, BUN_STEPS = 110, 8


def tail(field: HairField, tie: Float32[np.ndarray, "3"], share: float, rng: np.random.Generator) -> Lines:
    """A tail that leaves the knot backwards and falls.

    Args:
        field: where the head and the neck are.
        tie: the knot.
        share: of the ribbons of full detail.
        rng: decides about length and disorder.
    """
    count = round(TAIL_CARDS * share)
    length, thickness = rng.uniform(0.8, 1.9), rng.uniform(0.09, 0.17)
    ring = _directions(rng, count) * [1, 1, 0.3]
    own = length * rng.uniform(0.75, 1.05, count)[:, None] / (TAIL_STEPS - 1)
    points = _falling(field, tie + 0.05 * ring, np.array([0, 0.35, -1]) + 0.35 * ring, own, TAIL_STEPS)
    t = np.linspace(0, 1, TAIL_STEPS)
    swell = thickness * np.sin(np.pi * np.clip(0.15 + 0.8 * t, 0, 1))
    lines = points + ring[:, None] * swell[None, :, None]
    outward = np.broadcast_to(ring[:, None], lines.shape) + np.array([0, 0, -0.3])
    return Lines(lines.astype(np.float32), _unit(outward).astype(np.float32), np.full(count, -1))


def braid(field: HairField, tie: Float32[np.ndarray, "3"], share: float, rng: np.random.Generator) -> Lines:
    """Three strands that go over and under each other, thinner towards the end; arguments as of `tail`."""
    count = 3 * round(BRAID_CARDS * share)
    length, thickness = rng.uniform(1.3, 2.2), rng.uniform(0.10, 0.15)
    spine = _falling(field, tie[None], np.array([[0, 0.2, -1.0]]), np.full((1, 1), length / BRAID_STEPS), BRAID_STEPS)[
        0
    ]
    along = _unit(np.gradient(spine, axis=0))
    side = np.broadcast_to(np.array([1.0, 0, 0]), along.shape)
    out = _unit(np.cross(along, side))
    out = out * np.sign(-out[:, 2:] + 1e-6)  # away from the back
    strand, ring = np.repeat(np.arange(3), count // 3), _directions(rng, count)
    turn = 2 * np.pi * (np.linspace(0, length, BRAID_STEPS) / BRAID_LENGTH + strand[:, None] / 3)
    size = thickness * np.interp(np.linspace(0, 1, BRAID_STEPS), [0, 0.1, 0.8, 0.92, 1], [0.6, 1, 0.75, 0.35, 0.7])
    across, over = np.sin(turn) * size, 0.45 * np.sin(2 * turn) * size
    middle = spine + across[..., None] * side + (over + 0.04)[..., None] * out
    lines = middle + (0.55 * size)[None, :, None] * ring[:, None] * [1, 0.5, 1]
    outward = ring[:, None] + 0.6 * out + 0.5 * np.sin(turn)[..., None] * side
    return Lines(lines.astype(np.float32), _unit(outward).astype(np.float32), np.full(count, -1))


def _falling(field: HairField, start: np.ndarray, direction: np.ndarray, own: np.ndarray, steps: int) -> np.ndarray:
    """Lines [n, steps, 3] that leave in a direction and fall, off head and neck, by steps of their own length."""
    points = [start]
    for _ in range(1, steps):
        pull = 0.32 * TAIL_STEPS / steps
        direction = direction / np.linalg.norm(direction, axis=1, keepdims=True) + pull * DOWN
        here = points[-1] + own * direction / np.linalg.norm(direction, axis=1, keepdims=True)
        distance, away = field.probe(here.astype(np.float32))
        here = here + away * np.maximum(0, 0.07 - distance)[:, None]
        direction = here - points[-1]
        points.append(here)
    return np.stack(points, 1)


def bun(field: HairField, tie: Float32[np.ndarray, "3"], share: float, rng: np.random.Generator) -> Lines:
    """A ball of hair wound around the knot; arguments as of `tail`."""
    count = round(BUN_CARDS * share)
    radius = rng.uniform(0.19, 0.30)
    _, away = field.probe(tie[None])
    center = tie + 0.75 * radius * away[0]
    axis = _unit(0.9 * away[0] + 0.8 * _directions(rng, count))
    first = _unit(np.cross(axis, _directions(rng, count)))
    second = np.cross(axis, first)
    turn = (np.linspace(0, 2.2, BUN_STEPS)[None] + rng.uniform(0, 2 * np.pi, (count, 1)))[..., None]
    tilt = rng.uniform(-0.85, 0.85, (count, 1, 1))
    circle = np.sqrt(1 - tilt**2) * (first[:, None] * np.cos(turn) + second[:, None] * np.sin(turn))
    unit = circle + tilt * axis[:, None]
    lines = center + radius * rng.uniform(0.85, 1.0, (count, 1, 1)) * unit * [1, 0.9, 0.85]
    return Lines(lines.astype(np.float32), _unit(unit).astype(np.float32), np.full(count, -1))


def _directions(rng: np.random.Generator, count: int) -> np.ndarray:
    return _unit(rng.normal(0, 1, (count, 3)))


def _unit(vectors: np.ndarray) -> np.ndarray:
    return vectors / (np.linalg.norm(vectors, axis=-1, keepdims=True) + 1e-9)

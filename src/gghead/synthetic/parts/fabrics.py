"""Fabrics: plain, striped, checked, speckled and knitted cloth as textures with relief."""

from dataclasses import dataclass
from enum import IntEnum

import numpy as np
from jaxtyping import Float, Float32, UInt8

SIDE, HEM_ROWS = 256, 16
"""Texels of one fabric along its sides, and how many rows on top are the hem."""
SPAN = 6.6
"""Decimetres that a texture covers across and along."""
RIB = 0.13
"""Width of a rib of knitted cloth, decimetres."""


class Pattern(IntEnum):
    """How two colours, or one, make a fabric."""

    PLAIN = 0
    STRIPES = 1
    PINSTRIPES = 2
    CHECK = 3
    SPECKLED = 4
    KNIT = 5


PATTERN_CHANCES = (0.46, 0.16, 0.05, 0.10, 0.11, 0.12)
JACKET_CHANCES = (0.6, 0.0, 0.08, 0.08, 0.16, 0.08)
DENIM = np.array([0.035, 0.06, 0.13])
"""Linear light."""


@dataclass(frozen=True)
class Fabric:
    """One cloth.

    Attributes:
        pattern: how it is patterned.
        colors: of the cloth and of its pattern [2, 3], linear light.
        period: of stripes and checks, decimetres.
        hem: brightness of the hem as a share of the cloth's.
        weave: contrast of the threads.
    """

    pattern: Pattern
    colors: Float[np.ndarray, "2 3"]
    period: float
    hem: float
    weave: float


def random_fabric(color: Float[np.ndarray, "3"], rng: np.random.Generator) -> Fabric:
    """A fabric whose cloth has a colour, linear light."""
    return _random(color, PATTERN_CHANCES, rng)


def random_jacket(rng: np.random.Generator) -> Fabric:
    """What jackets are made of: darker, calmer, a fifth of denim."""
    color = rng.uniform(0.008, 0.16) * np.clip(1 + rng.normal(0, 0.18, 3), 0.3, 2)
    color = DENIM * rng.uniform(0.5, 2) if rng.random() < 0.2 else color
    return _random(color, JACKET_CHANCES, rng)


def paint_fabrics(
    inner: Fabric, outer: Fabric | None, rng: np.random.Generator
) -> tuple[UInt8[np.ndarray, "s w 3"], UInt8[np.ndarray, "s w 2"]]:
    """Display colours, and gloss and height, of one fabric, and of a second one to the right of it.

    Args:
        inner: on the left.
        outer: on the right; None leaves it out, and the texture is half as wide.
        rng: decides about threads.
    """
    painted = [_paint(fabric, rng) for fabric in (inner, outer) if fabric is not None]
    return np.concatenate([p[0] for p in painted], 1), np.concatenate([p[1] for p in painted], 1)


def _random(color: np.ndarray, chances: tuple[float, ...], rng: np.random.Generator) -> Fabric:
    pattern = Pattern(rng.choice(len(Pattern), p=chances))
    other = np.clip(rng.uniform(0.02, 0.7) * (1 + rng.normal(0, 0.2, 3)), 0.01, 0.85)
    if pattern in (Pattern.PINSTRIPES, Pattern.SPECKLED):
        other = np.clip(color * rng.choice([0.45, 1.9]) + 0.01, 0.01, 0.85)
    return Fabric(
        pattern=pattern,
        colors=np.stack([color, other]),
        period=rng.uniform(0.12, 0.3) if pattern == Pattern.PINSTRIPES else rng.uniform(0.2, 0.9),
        hem=rng.uniform(0.75, 1.1),
        weave=rng.uniform(0.01, 0.05),
    )


def _paint(fabric: Fabric, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    first, second = (np.clip(fabric.colors, 0, 1) ** (1 / 2.2)).astype(np.float32)
    threads = rng.standard_normal((SIDE, SIDE), dtype=np.float32)
    ribs = np.cos(2 * np.pi * _across() / RIB).astype(np.float32)
    share = _share(fabric, threads)[..., None]
    color = first + (second - first) * share
    height = 8 * threads
    if fabric.pattern == Pattern.KNIT:
        height = 14 * threads + 60 * ribs
        color = color * (0.93 + 0.07 * ribs)[None, :, None]
    color[:HEM_ROWS] = first * np.float32(fabric.hem ** (1 / 2.2)) * (0.96 + 0.04 * ribs)[None, :, None]
    height[:HEM_ROWS] = 50 * ribs
    color = color * (1 + np.float32(fabric.weave) * threads)[..., None]
    detail = np.stack([np.full_like(height, 128.0), 128 + height], 2)
    return (np.clip(color, 0, 1) * 255 + 0.5).astype(np.uint8), np.clip(detail, 0, 255).astype(np.uint8)


def _share(fabric: Fabric, threads: Float32[np.ndarray, "s s"]) -> Float32[np.ndarray, "s s"]:
    """Share of the second colour in each texel."""
    turn = 2 * np.pi / fabric.period
    upright, level = np.cos(turn * _across())[None, :], np.cos(turn * _across())[:, None]
    if fabric.pattern == Pattern.STRIPES:
        share = np.clip(6 * (level - 0.3) + 0.5, 0, 1) + 0 * upright
    elif fabric.pattern == Pattern.PINSTRIPES:
        share = np.clip(8 * (upright - 0.85) + 0.5, 0, 1) + 0 * level
    elif fabric.pattern == Pattern.CHECK:
        share = (np.clip(6 * (level - 0.4) + 0.5, 0, 1) + np.clip(6 * (upright - 0.4) + 0.5, 0, 1)) / 2
    elif fabric.pattern == Pattern.SPECKLED:
        share = np.clip(0.4 + 0.35 * threads, 0, 1)
    else:
        share = 0 * upright + 0 * level
    return share.astype(np.float32)


def _across() -> Float[np.ndarray, " s"]:
    """Decimetres from the middle of a texture."""
    return ((np.arange(SIDE) + 0.5) / SIDE - 0.5) * SPAN

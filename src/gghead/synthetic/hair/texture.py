"""Painted strips of hair: luminance and opacity of many thin strands, side by side in one atlas; made once."""

from enum import IntEnum

import numpy as np
from jaxtyping import UInt8

from gghead.synthetic.hair.strokes import pooled

STRIP_WIDTH, STRIP_HEIGHT = 96, 256
"""Texels of one strip; the strands run from the roots in the top row to the tips in the bottom row."""
FINE_DETAIL = 1.2
"""Below this detail strips have half as many columns."""
BLURRED_ALPHA = 0.75
"""Exponent of the alpha of those: strands that are blurred would let too much through."""
TEXTURE_SEED = 41


class Strip(IntEnum):
    """Kinds of strips."""

    DENSE_A = 0
    DENSE_B = 1
    WISPY_A = 2
    WISPY_B = 3
    WAVY = 4
    CURLY_A = 5
    CURLY_B = 6
    COILS = 7
    BASE = 8
    FINE = 9
    COIL_BASE = 10


def paint_strips(detail: float) -> UInt8[np.ndarray, "h w 4"]:
    """All strips side by side: grey luminance (about 130 = the hair's colour) and opacity.

    Args:
        detail: share of the full size; below 0.6 the texture is halved, below 0.4 quartered.
    """
    rng = np.random.default_rng(TEXTURE_SEED)
    strips = [
        _strip(rng, 130, 1.0, 0.0, 0.0, 0.03),
        _strip(rng, 110, 1.0, 0.03, 1.0, 0.08),
        _strip(rng, 50, 1.0, 0.02, 0.7, 0.1),
        _strip(rng, 32, 0.75, 0.05, 1.2, 0.3),
        _strip(rng, 95, 0.95, 0.13, 2.2, 0.4),
        _strip(rng, 64, 0.9, 0.20, 5.0, 0.25),
        _strip(rng, 50, 0.85, 0.24, 7.0, 0.2),
        _strip(rng, 58, 0.85, 0.16, 12.0, 0.0),
        _strip(rng, 190, 1.0, 0.02, 0.8, 0.15, filled=0.78),
        _strip(rng, 3, 1.0, 0.09, 1.3, 0.0, thick=4.0),
        _strip(rng, 90, 0.9, 0.16, 9.0, 0.0, filled=0.5),
    ]
    atlas = np.concatenate(strips, 1)
    if detail < FINE_DETAIL:
        # Ribbons are a dozen samples wide there: texels finer than a sample would only flicker.
        atlas = atlas.reshape(len(atlas), -1, 2, 4).mean(2)
        atlas[..., 3] **= BLURRED_ALPHA
    return pooled(atlas, detail)


def _strip(
    rng: np.random.Generator,
    count: int,
    longest: float,
    wave: float,
    turns: float,
    clump: float,
    filled: float = 0.0,
    thick: float = 1.0,
) -> np.ndarray:
    """One strip [h, w, 4] in 0 .. 1.

    Args:
        rng: decides about the strands.
        count: strands.
        longest: share of the strip's height that the longest strand reaches.
        wave: width of the strands' waves, share of the strip's width.
        turns: number of waves.
        clump: how much strands come together towards the tip, 0 to 1.
        filled: share of the height up to which nothing is seen between the strands but at the sides.
        thick: factor of the strands' width.
    """
    v = np.linspace(0, 1, STRIP_HEIGHT)[:, None]
    x = (np.arange(STRIP_WIDTH) + 0.5) / STRIP_WIDTH
    light, solid = np.full((STRIP_HEIGHT, STRIP_WIDTH), 0.4), np.zeros((STRIP_HEIGHT, STRIP_WIDTH))
    centers = rng.uniform(0.25, 0.75, 4)
    for _ in range(count):
        start, target = rng.uniform(0.06, 0.94), centers[rng.integers(4)]
        phase, own = rng.uniform(0, 2 * np.pi) if wave > 0.15 else rng.normal(0, 0.5), rng.uniform(0.6, 1.1)
        line = start + (target - start) * clump * v**1.5
        line = line + wave * own * np.sin(2 * np.pi * turns * v + phase) * np.minimum(1, 4 * v)
        line = 0.5 + (line - 0.5) * np.minimum(1, 0.44 / np.maximum(np.abs(line - 0.5), 1e-6))
        begin, end = (
            rng.uniform(0, 0.07),
            longest * rng.uniform(0.55, 1) if rng.random() < 0.8 else rng.uniform(0.3, 0.6),
        )
        taper = np.clip((v - begin) / 0.04, 0, 1) * np.clip((end - v) / 0.22, 0, 1) ** 0.7
        half = thick * rng.uniform(0.008, 0.021)
        alpha = np.clip((half - np.abs(x - line)) / 0.01 + 0.5, 0, 1) * taper
        shade = rng.uniform(0.36, 0.66) * (1 - 0.25 * np.abs(x - line) / half)
        light += (shade - light) * alpha
        solid = solid + (1 - solid) * alpha
    if filled:
        ends = np.clip((0.42 - np.abs(x - 0.5)) / 0.08, 0, 1) * np.clip((filled - v) / 0.2, 0, 1)
        solid = np.maximum(solid, ends)
    return np.stack([light, light, light, solid], -1)

"""Linear light -> display values, as a camera's picture has them: contrast in the middle, nothing clips."""

from functools import cache

import numpy as np
from jaxtyping import Float32

TONE_STEPS, TONE_LIMIT = 4096, 16.0
"""Size and largest linear value of the table of display values; its steps are even in the square root."""
CONTRAST = 1.35
"""Exponent of dark and middle values."""
SHOULDER = 0.96
"""How soon bright values bend off: 1 is a hyperbola, less is later."""
MIDDLE = (0.26, 0.27)
"""A linear value and what is displayed of it, linear: the skin of a face, so that its exposure is kept."""
DISPLAY_GAMMA = 2.2


def tone_map(linear: Float32[np.ndarray, "*P"]) -> Float32[np.ndarray, "*P"]:
    """Display values in [0, 1] of linear light; `TONE_LIMIT` and all above is white.

    Source: Lottes 2016, "Advanced techniques and optimization of HDR color pipelines" (GDC): x^a / (b x^(a d) + c).
    """
    before, after = MIDDLE
    a, ad = CONTRAST, CONTRAST * SHOULDER
    low, high = before**ad, TONE_LIMIT**ad
    scale = (TONE_LIMIT**a * after - before**a) / ((high - low) * after)
    offset = (high * before**a - TONE_LIMIT**a * low * after) / ((high - low) * after)
    exposed = np.clip(linear, 0, TONE_LIMIT)
    shown = exposed**a / (scale * exposed**ad + offset)
    return np.minimum(shown, 1).astype(np.float32) ** np.float32(1 / DISPLAY_GAMMA)


@cache
def tone_table() -> Float32[np.ndarray, " s"]:
    """Display values of sqrt(linear / `TONE_LIMIT`) in `TONE_STEPS` even steps."""
    return tone_map(((np.arange(TONE_STEPS) / (TONE_STEPS - 1)) ** 2 * TONE_LIMIT).astype(np.float32))

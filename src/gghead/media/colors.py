"""Colours as people name them: a grey, three numbers, a word, or hexadecimal digits."""

import re
from collections.abc import Iterable

from gghead.config.numbers import require_finite, shortened

EXPECTED = "expected a grey from 0 (black) to 1 (white), red, green and blue from 0 to 1, or a name or #rrggbb"


def parse_color(color: object) -> tuple[float, float, float]:
    """Display red, green and blue in [0, 1].

    Args:
        color: a number for a grey; three numbers; a name of CSS ("white", "skyblue"); "#rrggbb" or "#rgb".

    Raises:
        ValueError: it is none of these, or brighter than 1.

    Example:
        >>> parse_color("#ff0080"), parse_color(0.5)
        ((1.0, 0.0, 0.5019607843137255), (0.5, 0.5, 0.5))
    """
    if isinstance(color, str):
        return _named(color)
    remedy = f"{EXPECTED}; divide by 255 what is counted from 0 to 255"
    if not isinstance(color, Iterable) or getattr(color, "ndim", 1) == 0:
        gray = require_finite("the colour", color, 0, 1, remedy)
        return gray, gray, gray
    values = list(color)
    if len(values) != 3:
        raise ValueError(f"the colour {shortened(color)} has {len(values)} parts; {EXPECTED}")
    red, green, blue = (require_finite("the colour", value, 0, 1, remedy) for value in values)
    return red, green, blue


def _named(text: str) -> tuple[float, float, float]:
    from PIL import ImageColor  # takes 30 ms to import, and the command line asks early

    name = text.strip().lower()
    if not re.fullmatch(r"[a-z]+|#[0-9a-f]{3}|#[0-9a-f]{6}", name):
        raise ValueError(f"there is no colour {shortened(text)}; {EXPECTED}")
    try:
        red, green, blue = ImageColor.getrgb(name)[:3]
    except ValueError as error:
        raise ValueError(f"there is no colour {shortened(text)}; {EXPECTED}") from error
    return red / 255, green / 255, blue / 255

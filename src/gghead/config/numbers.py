"""Numbers that people give: whole ones and finite ones, and what is said of anything else."""

import math
from numbers import Integral, Real
from operator import index

from gghead.config.printable import shown

MAX_INT = 2**63 - 1
"""Larger whole numbers are none that tensors could hold."""
LARGEST_SIDE = 8192
"""Of maps, pictures and grids, in texels, pixels or points; far above what any memory trains."""


def require_whole(name: str, value: object, low: int, high: int = MAX_INT, *, example: str = "") -> int:
    """A whole number as Python's int, whichever library's type it has; True and False are none. The message shows an
    example instead of the largest number, if there is one.

    Raises:
        ValueError: it is no whole number, or out of bounds.
    """
    try:
        number = None if isinstance(value, bool) else index(value)  # type: ignore[arg-type]
    except TypeError:
        number = None
    if number is None or not low <= number <= high:
        bounds = f"{low} up, like {example}" if example else f"{low} to {high}"
        raise ValueError(f"{name} is {shortened(value)}; expected a whole number from {bounds}")
    return number


def require_finite(name: str, value: object, low: float, high: float, remedy: str = "") -> float:
    """A number within bounds as Python's float. Messages end with the remedy, else with the bounds.

    Raises:
        ValueError: it is no number, not finite, or out of bounds.
    """
    number = math.nan
    if not isinstance(value, bool) and (isinstance(value, Real) or getattr(value, "ndim", None) == 0):
        try:
            number = float(value)  # type: ignore[arg-type]
        except (OverflowError, RuntimeError, TypeError, ValueError):  # of 400 digits, or a tensor without a value
            number = math.nan
    if not (math.isfinite(number) and low <= number <= high):
        raise ValueError(f"{name} is {shortened(value)}; {remedy or f'expected a value from {low} to {high}'}")
    return number


def require_power_of_two(name: str, value: int, low: int) -> None:
    """Raises ValueError unless value is a power of two, not below low and not above the largest side."""
    if not isinstance(value, Integral) or not low <= value <= LARGEST_SIDE or value & (value - 1):
        raise ValueError(
            f"{name} is {shortened(value)}; expected a power of two from {low} to {LARGEST_SIDE}, like 64, 256 or 512"
        )


def shortened(value: object) -> str:
    """What a message shows of a value: its repr on one line while that is short, else its type."""
    if isinstance(value, int):
        return shown(value)
    text = " ".join(repr(value).split())
    return text if len(text) <= 60 else f"a {type(value).__name__}"

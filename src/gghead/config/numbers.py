"""Numbers that people give: whole ones and finite ones, and what is said of anything else."""

import math
from numbers import Real
from operator import index

MAX_INT = 2**63 - 1
"""Larger whole numbers are none that tensors could hold."""


def require_whole(name: str, value: object, low: int, example: str) -> int:
    """A whole number as Python's int, whichever library's type it has; True and False are none.

    Args:
        name: what the number is, for the message.
        value: what a person gave.
        low: the smallest number that can be meant.
        example: for the message.

    Raises:
        ValueError: it is no whole number, below, or beyond 64 bits.
    """
    try:
        number = None if isinstance(value, bool) else index(value)  # type: ignore[arg-type]
    except TypeError:
        number = None
    if number is None or not low <= number <= MAX_INT:
        raise ValueError(f"{name} is {shortened(value)}; expected a whole number from {low} up, like {example}")
    return number


def require_finite(name: str, value: object, low: float, high: float, remedy: str) -> float:
    """A number within bounds as Python's float.

    Args:
        name: what the number is, for the message.
        value: what a person gave.
        low: smallest number allowed.
        high: largest number allowed.
        remedy: end of the message, what to give instead.

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
        raise ValueError(f"{name} is {shortened(value)}; {remedy}")
    return number


def shortened(value: object) -> str:
    """What a message shows of a value: its repr on one line while that is short, else its type."""
    text = " ".join(repr(value).split())
    return text if len(text) <= 60 else f"a {type(value).__name__}"

"""Plain values out of the attributes of pickled objects: NumPy and torch write numbers as objects."""

import math
import struct
from typing import TypeGuard

from torch import Tensor

from gghead.config.printable import printable, shown as shown_value
from gghead.model.official.safe_pickle import Record

NUMPY_CODES = {
    "f8": "d", "f4": "f", "f2": "e", "i8": "q", "i4": "i", "i2": "h", "i1": "b",
    "u8": "Q", "u4": "I", "u2": "H", "u1": "B", "b1": "?",
}  # fmt: skip
"""Types of NumPy's scalars as pickles and as `struct` call them."""
MAX_LISTED = 8
"""Members of a list that is looked into: settings have 5 at most."""
MAX_WHOLE = 2**20
"""Sizes above this are no sizes of a network."""


def plain(value: object) -> object:
    """A value of a setting without NumPy and torch around it: flat lists, numbers, texts, None; others as they are."""
    if isinstance(value, list | tuple) and len(value) <= MAX_LISTED:
        return [_scalar(member) for member in value]
    return _scalar(value)


def same(value: object, expected: object) -> bool:
    """Whether a value of the file is the expected one, which is ours; never compares what is nested or large."""
    value = plain(value)
    if isinstance(value, list) and isinstance(expected, list):
        return len(value) == len(expected) and all(map(same, value, expected))
    simple = (bool, int, float, str, type(None))
    return isinstance(value, simple) and isinstance(expected, simple) and value == expected


def shown(value: object) -> str:
    """A setting in a message: its value, the members of a short flat list, else what kind of thing it is."""
    value = plain(value)
    if isinstance(value, list) and len(value) <= MAX_LISTED:
        return f"[{', '.join(shown_value(member) for member in value)}]"
    return printable(str(value.reference)) if isinstance(value, Record) else shown_value(value)


def whole(value: object, name: str) -> int:
    """A size, which must be a natural number.

    Raises:
        ValueError: it is none, or no size of a network.
    """
    number = plain(value)
    if type(number) is not int or not 0 <= number <= MAX_WHOLE:
        raise ValueError(f"its setting {name} is {shown(value)}; expected a whole number up to {MAX_WHOLE}")
    return number


def number(value: object, name: str) -> float:
    """A finite number.

    Raises:
        ValueError: it is none.
    """
    found = plain(value)
    if isinstance(found, bool) or not isinstance(found, int | float) or not math.isfinite(found):
        raise ValueError(f"its setting {name} is {shown(value)}; expected a number")
    return float(found)


def _scalar(value: object) -> object:
    if isinstance(value, Tensor) and value.numel() == 1:
        return value.item()
    if isinstance(value, Record) and value.reference.name == "scalar" and value.reference.module.startswith("numpy."):
        return _numpy_scalar(value)
    return value


def _numpy_scalar(record: Record) -> object:
    """The number of a call `scalar(dtype, bytes)`, or the record if it is of another form."""
    match record.arguments:
        case (Record(arguments=arguments, state=state), content) if arguments and _is_code(arguments[0]):
            code = arguments[0]
            if isinstance(content, Record) and content.reference.name == "encode" and content.arguments:
                # Old protocols write bytes as a text in Latin-1.
                text = content.arguments[0]
                content = text[:16].encode("latin-1", errors="ignore") if isinstance(text, str) else None
            big = isinstance(state, tuple) and ">" in state[1:2]
            form = (">" if big else "<") + NUMPY_CODES[code]
            if isinstance(content, bytes) and len(content) == struct.calcsize(form):
                return struct.unpack(form, content)[0]
    return record


def _is_code(value: object) -> TypeGuard[str]:
    return isinstance(value, str) and value in NUMPY_CODES

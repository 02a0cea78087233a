"""Frozen dataclasses <-> JSON, strictly: every value of its type, nothing unknown; what is absent has its default, what
was retired is read over.

Knows what configurations are made of: nested dataclasses, str, int, float, bool, None, Literal, unions and tuples.
"""

import dataclasses
import json
import sys
import types
import typing
from collections.abc import Collection
from difflib import get_close_matches
from typing import Any, Literal, NoReturn, TypeVar

from gghead.config.printable import MAX_CHARACTERS, printable, shown
from gghead.config.retired import RETIRED_SETTINGS

T = TypeVar("T")

MAX_FLOAT = sys.float_info.max
"""Farthest number from zero that a float may be."""


def to_json(value: object, without: Collection[str] = ()) -> str:
    """Text of a configuration, one field a line, keys in the order of the fields; some fields may be left out."""
    fields = dataclasses.asdict(value)  # type: ignore[call-overload]
    return json.dumps({name: field for name, field in fields.items() if name not in without}, indent=2)


def from_json(cls: type[T], text: str) -> T:
    """Reads what `to_json` wrote.

    Args:
        cls: the dataclass to read.
        text: JSON. A field that came into the class after it was written may be absent and has its default, which
            must therefore be what was done before; `to_json` writes every field, so no other default matters to it. A
            field that left the class is read over, see `config.retired`.

    Raises:
        ValueError: no JSON, a field unknown, twice, or missing without a default, a value of another type or no
            finite number; names the field.
    """
    try:
        data = json.loads(text, object_pairs_hook=_object, parse_constant=_refuse_constant)
    except json.JSONDecodeError as error:
        raise ValueError(f"the configuration is no valid JSON: {error}") from error
    except RecursionError as error:
        raise ValueError("the configuration is no valid JSON: its brackets are nested too deeply") from error
    except ValueError as error:
        raise ValueError(f"the configuration can't be read: {printable(str(error), 200)}") from error
    return _read(cls, data, cls.__name__)


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object of the JSON text, whose names must differ: of two values for one field neither is the right one."""
    data: dict[str, Any] = {}
    for name, value in pairs:
        if name in data:
            raise ValueError(f"it has the field {shown(name)} twice")
        data[name] = value
    return data


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"it holds {name}; expected numbers")


def _read(kind: Any, data: Any, where: str) -> Any:
    """Value of a type from what the JSON parser gave."""
    origin = typing.get_origin(kind)
    if dataclasses.is_dataclass(kind):
        return _read_dataclass(kind, data, where)
    if origin is Literal:
        return _expect(
            isinstance(data, str) and data in typing.get_args(kind), data, f"one of {typing.get_args(kind)}", where
        )
    if origin in (typing.Union, types.UnionType):
        return _read_union(typing.get_args(kind), data, where)
    if origin is tuple:
        _expect(isinstance(data, list), data, "a list", where)
        return tuple(_read(typing.get_args(kind)[0], item, f"{where}[{i}]") for i, item in enumerate(data))
    if kind is float:
        _expect(isinstance(data, int | float) and not isinstance(data, bool), data, "a number", where)
        return float(_expect(-MAX_FLOAT <= data <= MAX_FLOAT, data, "a number of double precision", where))
    if kind is int:
        return _expect(isinstance(data, int) and not isinstance(data, bool), data, "an integer", where)
    return _expect(isinstance(data, kind), data, "true or false" if kind is bool else f"a {kind.__name__}", where)


def _read_union(kinds: tuple[Any, ...], data: Any, where: str) -> Any:
    if data is None and type(None) in kinds:
        return None
    inner = [kind for kind in kinds if kind is not type(None)]
    assert len(inner) == 1, f"{where}: configurations know only unions with None"
    return _read(inner[0], data, where)


def _read_dataclass(cls: Any, data: Any, where: str) -> Any:
    _expect(isinstance(data, dict), data, "an object", where)
    kinds = typing.get_type_hints(cls)
    names, retired = [field.name for field in dataclasses.fields(cls)], RETIRED_SETTINGS.get(cls.__name__, {})
    for key in data:
        if key not in names and key not in retired:
            wanted: str = key[:MAX_CHARACTERS]
            near = get_close_matches(wanted, names, n=1)
            hint = f"; perhaps you meant {near[0]}" if near else f"; known are {', '.join(names)}"
            raise ValueError(f"{where} has an unknown field {shown(key)}{hint}")
    missing = [field.name for field in dataclasses.fields(cls) if field.name not in data and not _has_default(field)]
    if missing:
        raise ValueError(f"{where} lacks {', '.join(missing)}; it was written by another version of gghead")
    return cls(**{name: _read(kinds[name], value, f"{where}.{name}") for name, value in data.items() if name in names})


def _has_default(field: dataclasses.Field[Any]) -> bool:
    return field.default is not dataclasses.MISSING or field.default_factory is not dataclasses.MISSING


def _expect(fine: bool, data: Any, expected: str, where: str) -> Any:
    if not fine:
        raise ValueError(f"{where} is {shown(data)}; expected {expected}")
    return data

"""What the fields of a configuration are: their kinds, values, and the docstrings below them."""

import ast
import inspect
import json
import types
import typing
from dataclasses import dataclass, fields
from typing import Any, Literal

KINDS = {int: "whole number", float: "number", bool: "true or false", str: "text"}


@dataclass(frozen=True)
class FieldHelp:
    """A field, as a person who sets it has to know it.

    Attributes:
        name: of the field.
        kind: what its value is, in words.
        value: that it has, as `--set` takes it.
        text: its docstring, on one line.
    """

    name: str
    kind: str
    value: str
    text: str

    def __str__(self) -> str:
        """All of it in a line or two."""
        return f"{self.name}={self.value} ({self.kind}): {self.text}"


def describe_fields(config: object) -> list[FieldHelp]:
    """The fields of a configuration in their order, with its values.

    Example:
        >>> from gghead.config.training import TrainingConfig
        >>> print(describe_fields(TrainingConfig())[1])
        batch_size=32 (whole number): Pictures of a step.
    """
    kinds, texts = typing.get_type_hints(type(config)), field_docstrings(type(config))
    names = [field.name for field in fields(config)]  # type: ignore[arg-type]
    values = [getattr(config, name) for name in names]
    said = [value if isinstance(value, str) else json.dumps(value) for value in values]
    return [FieldHelp(name, kind_of(kinds[name]), value, texts[name]) for name, value in zip(names, said, strict=True)]


def field_docstrings(cls: type) -> dict[str, str]:
    """The texts below the fields of a class, on one line each; empty where there is none."""
    (definition,) = ast.parse(inspect.getsource(cls)).body
    assert isinstance(definition, ast.ClassDef)
    texts: dict[str, str] = {}
    last = ""
    for statement in definition.body:
        if isinstance(statement, ast.AnnAssign):
            last = ast.unparse(statement.target)
            texts[last] = ""
        elif isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant) and last:
            texts[last] = " ".join(str(statement.value.value).split())
    return texts


def kind_of(kind: Any) -> str:
    """A type in words: "true or false", "logistic or relativistic", "whole number or null"."""
    origin, inner = typing.get_origin(kind), typing.get_args(kind)
    if origin is Literal:
        return " or ".join(map(str, inner))
    if origin in (typing.Union, types.UnionType):
        return " or ".join("null" if part is type(None) else kind_of(part) for part in inner)
    return KINDS[kind]

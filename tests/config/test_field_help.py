"""Fields of configurations explain themselves."""

from dataclasses import dataclass, fields
from typing import Literal

import pytest

from gghead.config.field_help import describe_fields, field_docstrings
from gghead.config.model import DiscriminatorConfig, GeneratorConfig
from gghead.config.presets import PRESETS
from gghead.config.training import RunConfig, TrainingConfig


@dataclass(frozen=True)
class Dishes:
    """What there is."""

    soup: Literal["hot", "cold"] = "hot"
    """Before
    all else."""
    plates: int | None = None
    salt: bool = True
    """White."""


def test_fields_have_kinds_values_and_docstrings() -> None:
    found = [(field.name, field.kind, field.value, field.text) for field in describe_fields(Dishes(plates=3))]
    assert found == [
        ("soup", "hot or cold", "hot", "Before all else."),
        ("plates", "whole number or null", "3", ""),
        ("salt", "true or false", "true", "White."),
    ]


def test_every_field_of_a_training_is_explained() -> None:
    known = describe_fields(PRESETS["demo"].training)
    assert [field.name for field in known] == [field.name for field in fields(TrainingConfig)]
    assert all(field.text for field in known)
    assert next(field for field in known if field.name == "batch_size").value == "8"


@pytest.mark.parametrize("config", [GeneratorConfig(), DiscriminatorConfig(), RunConfig("demo", "heads.zip")])
def test_other_configurations_have_docstrings_too(config: object) -> None:
    bare = [name for name, text in field_docstrings(type(config)).items() if not text]
    assert bare in ([], ["model", "training"])

"""Settings that configurations of earlier versions have, and this one has not any more: read over, never acted upon."""

import json
from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class RetiredSetting:
    """A field that left a configuration.

    Attributes:
        inert: the value with which it did nothing; what has it is described in full by the fields that stayed.
        reason: why it left, for people.
    """

    inert: object
    reason: str


_NO_GAIN = "the relativistic loss with R1 and R2 learned no faster than the logistic one (docs/experiments.md)"
RETIRED_SETTINGS: Mapping[str, Mapping[str, RetiredSetting]] = {
    "TrainingConfig": {"loss": RetiredSetting("logistic", _NO_GAIN), "r2_gamma": RetiredSetting(0.0, _NO_GAIN)}
}
"""By the class whose field it was, and the field's name."""


def refuse_retired(class_name: str, values: Mapping[str, object]) -> None:
    """Makes sure that settings do not ask for what this version no longer does.

    Raises:
        ValueError: one does; names it and why it left.
    """
    for name, setting in RETIRED_SETTINGS.get(class_name, {}).items():
        if name in values and values[name] != setting.inert:
            raise ValueError(
                f"{name} is {json.dumps(values[name])}, a setting that this version no longer has: {setting.reason}"
            )

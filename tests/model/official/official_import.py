"""Small official checkpoints of our own making, what becomes of them, and why they are refused."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import nn

from gghead.model.official.reader import OfficialCheckpoint, convert, open_official
from official_writer import Content, write_official
from tiny_run import MODEL
from tolerances import EXACT_FLOAT32

CONFIG = replace(MODEL.generator, map_resolution=8, mapping_layers=1, quaternion_order="zwxy")


def read_official(path: Path) -> OfficialCheckpoint:
    return convert(open_official(path))


def imported(path: Path, content: object, protocol: int = 4) -> OfficialCheckpoint:
    return read_official(write_official(path / "x.pkl", content, protocol))


def refusal(path: Path, content: Content) -> str:
    """Why a checkpoint is refused of which the EMA generator is the odd one."""
    content = {"G_ema": content["G_ema"]}
    with pytest.raises(ValueError, match=r"x\.pkl can't be imported: ") as error:
        imported(path, content)
    return str(error.value)


def assert_same(one: nn.Module | None, other: nn.Module) -> None:
    assert one is not None
    found, expected = one.state_dict(), other.state_dict()
    assert found.keys() == expected.keys()
    for name, value in expected.items():
        torch.testing.assert_close(found[name], value, **EXACT_FLOAT32._asdict())

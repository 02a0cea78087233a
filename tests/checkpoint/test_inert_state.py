"""States of networks from torch files of the old format, read without running anything of them."""

import io

import pytest
import torch
from torch import nn

from gghead.checkpoint.inert_pickle import UnsafePickleError
from gghead.checkpoint.inert_state import read_state


def old_format(value: object) -> bytes:
    buffer = io.BytesIO()
    torch.save(value, buffer, _use_new_zipfile_serialization=False)
    return buffer.getvalue()


def test_a_state_is_read_bit_for_bit() -> None:
    state = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4)).state_dict()
    found = read_state(old_format(state))
    assert found.keys() == state.keys()
    assert all(torch.equal(found[name], state[name]) for name in state)


def test_what_is_no_state_is_refused() -> None:
    content = old_format(nn.Linear(2, 2).state_dict())
    with pytest.raises(UnsafePickleError):
        read_state(old_format(nn.Linear(2, 2)))
    with pytest.raises(ValueError, match="no tensor"):
        read_state(old_format({"a": 3}))
    with pytest.raises(ValueError, match="bytes instead of"):
        read_state(content[:-2])
    with pytest.raises(ValueError, match=r"cut off or damaged|no torch file"):
        read_state(b"not a torch file")

"""Checkpoints that differ from what we know: imported where the difference does not matter, else refused by name."""

import io
import pickle
import struct
from pathlib import Path

import pytest
import torch

from gghead.checkpoint.inert_pickle import Record, UnsafePickleError
from gghead.checkpoint.inert_tensors import read_tensor_pickle
from gghead.model import official
from gghead.model.official import PACKAGES, read_official
from official_fixture import official_file


@pytest.fixture
def content() -> dict[str, Record]:
    return read_tensor_pickle(io.BytesIO(official_file("official_a.pkl").read_bytes()), PACKAGES)


def test_another_activation_is_refused(content: dict[str, Record]) -> None:
    content["G_ema"].state["_config"].state["use_periodic_rotation_activation"] = True
    with pytest.raises(ValueError, match="use_periodic_rotation_activation is True; gghead reproduces only False"):
        official._convert(content)


def test_unknown_tensor_is_named(content: dict[str, Record]) -> None:
    content["G_ema"].state["_buffers"]["_secret"] = torch.zeros(1)
    with pytest.raises(ValueError, match="G_ema has unknown tensors _secret"):
        official._convert(content)


def test_missing_tensor_is_named(content: dict[str, Record]) -> None:
    del content["G_ema"].state["_buffers"]["_uv_grid"]
    with pytest.raises(ValueError, match="no tensors _uv_grid"):
        official._convert(content)


def test_sizes_are_checked_against_the_tensors(content: dict[str, Record]) -> None:
    content["G_ema"].state["_config"].state["synthesis_network_config"].state["channel_max"] = 16
    with pytest.raises(ValueError, match="network G_ema do not fit its configuration"):
        official._convert(content)


def test_grown_discriminator_is_left_out_with_a_note(content: dict[str, Record]) -> None:
    content["D"].state["pretrained_resolution"] = 64
    checkpoint = official._convert(content)
    assert checkpoint.discriminator is None
    assert "grown from 64 pixels" in checkpoint.notes[0]


def test_modules_inside_of_themselves_are_refused(content: dict[str, Record]) -> None:
    content["G_ema"].state["_modules"]["backbone"] = content["G_ema"]
    with pytest.raises(ValueError, match="no state that could be read"):
        official._convert(content)


def test_the_file_is_named(tmp_path: Path) -> None:
    path = tmp_path / "x.pkl"
    path.write_bytes(pickle.dumps({"G_ema": 1}))
    with pytest.raises(ValueError, match=r"x\.pkl can't be imported: it holds no network G_ema"):
        read_official(path)
    path.write_bytes(pickle.dumps({"G_ema": print}))
    with pytest.raises(UnsafePickleError, match=r"x\.pkl can't be imported: the pickle refers to builtins\.print"):
        read_official(path)
    with pytest.raises(FileNotFoundError, match="there is no file"):
        read_official(tmp_path / "y.pkl")


@pytest.mark.parametrize("content", [b"\x89PNG\r\n\x1a\n" + bytes(20), b"PK\3\4" + bytes(20), b"<html>", b""])
def test_what_is_no_pickle_is_called_so(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "x.pkl"
    path.write_bytes(content)
    with pytest.raises(
        ValueError, match=r"it is (no pickle|a zip archive); expected network-snapshot-\*\.pkl"
    ) as refusal:
        read_official(path)
    assert type(refusal.value) is ValueError


def test_a_length_beyond_all_memory_is_damage(tmp_path: Path) -> None:
    path = tmp_path / "x.pkl"
    path.write_bytes(b"\x80\x04\x8e" + struct.pack("<Q", 2**62))
    with pytest.raises(ValueError, match="damaged"):
        read_official(path)

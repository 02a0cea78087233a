"""Pickles that would run something are refused by name of what they tried, and nothing runs."""

import io
import os
import pickle
import struct
import subprocess
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from gghead.model.official.pickled_tensors import read_tensor_pickle
from gghead.model.official.safe_pickle import Record, UnsafePickleError


class Calls:
    """Pickles as a call of something."""

    def __init__(self, function: Callable[..., object], *arguments: object) -> None:
        self.function, self.arguments = function, arguments

    def __reduce__(self) -> tuple[Callable[..., object], tuple[object, ...]]:
        return self.function, self.arguments


def read(content: bytes) -> object:
    return read_tensor_pickle(io.BytesIO(content), ("gghead",))


def text(value: str) -> bytes:
    """SHORT_BINUNICODE."""
    return b"\x8c" + bytes([len(value)]) + value.encode()


@pytest.fixture
def trap(tmp_path: Path) -> Path:
    """A file that every attack would create."""
    return tmp_path / "trapped"


def attacks(trap: Path) -> dict[str, tuple[bytes, str]]:
    """Pickles and what their refusal must name."""
    command = f"touch {trap}"
    code = f"open({str(trap)!r}, 'w')"
    system = b"cposix\nsystem\n"
    nested = pickle.dumps(Calls(os.system, command))
    storage = b"ctorch.storage\n_load_from_bytes\n"
    return {
        "reduce": (nested, "posix.system"),
        "protocol 0": (pickle.dumps(Calls(os.system, command), protocol=0), "posix.system"),
        "exec": (pickle.dumps(Calls(exec, code)), "builtins.exec"),
        "eval": (pickle.dumps(Calls(eval, code)), "builtins.eval"),
        "popen": (pickle.dumps(Calls(subprocess.Popen, ["touch", str(trap)])), "subprocess.Popen"),
        "import": (pickle.dumps(Calls(__import__, "os")), "builtins.__import__"),
        "inst": (b"(V" + command.encode() + b"\niposix\nsystem\n.", "posix.system"),
        "obj": (b"(" + system + b"V" + command.encode() + b"\no.", "posix.system"),
        "newobj": (b"\x80\x04" + system + b"(V" + command.encode() + b"\nt\x81.", "posix.system"),
        "stack global": (b"\x80\x04" + text("os") + text("system") + b"\x93(" + text(command) + b"tR.", "os.system"),
        "memo": (
            b"\x80\x04" + text("os") + b"q\x00" + text("system") + b"q\x0100h\x00h\x01\x93(" + text(command) + b"tR.",
            "os.system",
        ),
        "torch function": (pickle.dumps(Calls(torch.load, str(trap))), "torch.serialization.load"),
        "inside a storage": (storage + b"(" + pickle.dumps(nested, 3)[2:-1] + b"tR.", "posix.system"),
        "getattr of a module": (
            b"cbuiltins\ngetattr\n(ctorch\nFloatStorage\nV__class__\ntR.",
            "getattr(torch.FloatStorage, __class__)",
        ),
        "getattr of getattr": (
            b"cbuiltins\ngetattr\n(cbuiltins\ngetattr\n(ctorch._C\n_VariableFunctionsClass\nVload\ntRVx\ntR.",
            "getattr(builtins.getattr, x)",
        ),
        "call of an attribute": (
            b"cbuiltins\ngetattr\n(ctorch._C\n_VariableFunctionsClass\nVfrom_file\ntR(V"
            + str(trap).encode()
            + b"\ntR.",
            "builtins.getattr(...)",
        ),
        "state of a name": (b"cgghead.x\nY\n}(V__init__\nK\x01ub.", "gghead.x.Y"),
        "items into an object": (b"cgghead.x\nY\n(tR(K\x01K\x02u.", "gghead.x.Y"),
        "extension": (b"\x80\x02\x82\x01.", "EXT1"),
        "outside object": (b"\x80\x02" + text("secret") + b"Q.", "secret"),
    }


@pytest.mark.parametrize("name", attacks(Path("x")))
def test_attack_is_refused_by_name_and_nothing_runs(name: str, trap: Path) -> None:
    content, named = attacks(trap)[name]
    with pytest.raises(UnsafePickleError) as refusal:
        read(content)
    assert named in str(refusal.value)
    assert not trap.exists()


def test_the_attacks_are_real(trap: Path) -> None:
    """Without the machine the same bytes do run: the tests above would notice."""
    pickle.loads(attacks(trap)["reduce"][0])
    assert trap.exists()


def test_state_does_not_reach_setstate_of_a_class() -> None:
    content = b"cgghead.model.generator\nGenerator\n)\x81}(V__setstate__\nVx\nub."
    record = read(content)
    assert isinstance(record, Record)
    assert record.state == {"__setstate__": "x"}
    assert str(record.reference) == "gghead.model.generator.Generator"


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\x80\x04",
        b"\x80\x04.",
        b"no pickle at all",
        b"\x80\x63N.",
        b"\x80\x04K\x01K\x02.",
        b"\x80\x04h\x07.",
        b"\x80\x040.",
        b"\x80\x04e.",
        b"\x80\x04(K\x01t)a.",
        b"\x80\x04\x8e" + struct.pack("<Q", 2**62) + b"x.",
        b"\x80\x04\x8b" + struct.pack("<i", 2**31 - 1) + b"x.",
        b"\x80\x04}]K\x01s.",
        pickle.dumps([1, 2, 3])[:-4],
    ],
)
def test_damaged_pickle_is_an_error_of_ours(content: bytes) -> None:
    with pytest.raises(ValueError, match=r"damaged|refused"):
        read(content)


def test_deep_nesting_neither_recurses_nor_hashes_deeply() -> None:
    depth = 50_000
    nested = read(b"\x80\x04)" + b"\x85" * depth + b".")
    for _ in range(depth):
        (nested,) = nested
    with pytest.raises(ValueError, match="as a key"):
        read(b"\x80\x04})" + b"\x85" * depth + b"Ns.")


def test_shared_parts_are_not_copied() -> None:
    """Forty pairs of one and the same pair would be 2^40 members if they were."""
    value = read(b"\x80\x04N" + b"2\x86" * 40 + b".")
    for _ in range(40):
        assert value[0] is value[1]
        value = value[0]


def test_plain_values_survive() -> None:
    value = {"a": [1, -2, 2**70, 0.5, None, True], "b": ("x", b"y"), "c": {1, 2}, "d": frozenset([3])}
    for protocol in range(2, 6):
        plain = value if protocol >= 4 else {key: value[key] for key in "ab"} | {"b": ("x",)}
        assert read(pickle.dumps(plain, protocol)) == plain


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.float16, torch.int64, torch.uint8, torch.bool])
def test_tensors_survive(dtype: torch.dtype) -> None:
    base = torch.arange(24).reshape(2, 3, 4).to(dtype)
    value = [base, base[:, 1:].transpose(0, 2), torch.empty(0, 3, dtype=dtype), torch.tensor(1, dtype=dtype)]
    for actual, expected in zip(read(pickle.dumps(value)), value, strict=True):
        assert torch.equal(actual, expected)
        assert actual.dtype == dtype


def test_modules_become_records() -> None:
    layer = nn.Linear(3, 2)
    record = read(pickle.dumps(layer))
    assert isinstance(record, Record)
    assert torch.equal(record.state["_parameters"]["weight"], layer.weight)
    assert isinstance(read(pickle.dumps(np.float64(0.5))), Record)


def test_tensor_beyond_its_storage_is_refused() -> None:
    content = pickle.dumps(torch.zeros(4))
    assert content.count(b"K\x04\x85") == 1
    with pytest.raises(ValueError, match="beyond its storage"):
        read(content.replace(b"K\x04\x85", b"K\x05\x85"))

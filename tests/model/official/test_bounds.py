"""Pickles made to cost more than they weigh: each ends with a named error, in steps and memory bounded by its size."""

import io
import pickle
import struct
import tracemalloc

import pytest
import torch

from gghead.model.official.bounds import MAX_OPCODES, Budget
from gghead.model.official.pickled_tensors import Storage, check_sharing, interpret, read_tensor_pickle
from gghead.model.official.safe_pickle import Policy, no_persistent_ids, read_inert

HEAD = b"\x80\x04"
REBUILD = b"ctorch._utils\n_rebuild_tensor_v2\n"
LOAD = b"ctorch.storage\n_load_from_bytes\n"


def read(content: bytes) -> object:
    return read_tensor_pickle(io.BytesIO(content), ("gghead",))


def text(value: str) -> bytes:
    """BINUNICODE."""
    return b"X" + struct.pack("<I", len(value.encode())) + value.encode()


def stored(count: int) -> bytes:
    """The torch file of a storage of zeros, as a value."""
    file = pickle.dumps(torch.zeros(count), 4)
    start = file.index(b"B", file.index(b"_load_from_bytes"))
    (size,) = struct.unpack("<I", file[start + 1 : start + 5])
    return file[start : start + 5 + size]


def storage(count: int = 4) -> bytes:
    """A call that loads a storage of zeros."""
    return LOAD + stored(count) + b"\x85R"


def plain(value: int | tuple[int, ...]) -> bytes:
    """A number, or a tuple of some, without entries in the memo."""
    if isinstance(value, tuple):
        return b"(" + b"".join(map(plain, value)) + b"t"
    if isinstance(value, bool):
        return b"\x88" if value else b"\x89"
    size = value.bit_length() // 8 + 1
    return b"\x8a" + bytes([size]) + value.to_bytes(size, "little", signed=True)


def tensor(offset: int, size: tuple[int, ...], stride: tuple[int, ...]) -> bytes:
    """A call that makes a tensor of the storage in place 0 of the memo."""
    return REBUILD + b"(h\0" + plain(offset) + plain(size) + plain(stride) + b"tR"


WIDE = b"(" + b"N" * 10_000 + b"tq\0" + b"0"
LONG_TEXT = text("x" * 1_000_000) + b"q\0" + text("x" * 1_000_000) + b"q\1"
COLLIDING = b"".join(b"\x8a\x10" + (k * (2**61 - 1)).to_bytes(16, "little") + b"N" for k in range(1, 5_001))
COSTLY = {
    "wide tuples as keys": HEAD + WIDE + b"}(" + b"h\0N" * 1_000 + b"u.",
    "wide tuples in a set": HEAD + WIDE + b"(" + b"h\0" * 1_000 + b"\x91.",
    "huge numbers as keys": HEAD
    + b"\x8b"
    + struct.pack("<i", 10**6)
    + b"\x7f" * 10**6
    + b"q\0}("
    + b"h\0N" * 9
    + b"u.",
    "numbers whose hashes collide": HEAD + b"}(" + COLLIDING + b"u.",
    "small numbers as keys": HEAD + b"}(" + b"".join(b"M" + struct.pack("<H", k) + b"N" for k in range(5_000)) + b"u.",
    "long equal texts as keys": HEAD + LONG_TEXT + b"}(h\0N" + b"h\1N" * 1_000 + b"u.",
    "a long name again and again": HEAD + text("gghead." + "x" * 10**6) + b"q\0" + b"0" + b"h\0h\0\x93" * 1_000 + b".",
    "places in the memo that collide": HEAD
    + b"N"
    + b"".join(b"p%d\n" % (k * (2**61 - 1)) for k in range(5_000))
    + b".",
    "a place in the memo far away": HEAD + b"Nr\xff\xff\xff\x7f.",
    "places counted from the end": HEAD + b"Nq\0g-1\n.",
    "keywords that copy arguments": HEAD + WIDE + b"cgghead.x\nY\nh\0}\x92.",
    "declared terabytes": HEAD + b"\x8e" + struct.pack("<Q", 2**42) + b"x.",
    "a storage in the format of files": HEAD + LOAD + b"C\4PK\3\4\x85R.",
    "declared negative bytes": HEAD + b"\x8b" + struct.pack("<i", -5) + b"x.",
}


@pytest.mark.parametrize("name", COSTLY)
def test_what_costs_more_than_it_weighs_is_refused(name: str) -> None:
    content = COSTLY[name]
    with pytest.raises(ValueError, match=r"damaged|refused") as refusal:
        read(content)
    assert len(str(refusal.value)) < 500


def test_opcodes_are_counted_through_pickles_inside_of_pickles() -> None:
    content = HEAD + storage() + b"."
    spent = Budget.of_file(10**6)
    policy = Policy(lambda _: True, lambda record: interpret(record, spent), no_persistent_ids, spent)
    read_inert(io.BytesIO(content), policy)
    assert 40 < MAX_OPCODES - spent.opcodes < 80
    spent.opcodes = 40
    with pytest.raises(ValueError, match="more than 1000000 opcodes"):
        read_inert(io.BytesIO(content), policy)


def test_memory_is_bounded_by_opcodes() -> None:
    """Empty sets are the largest thing that one byte makes."""
    count = 5_000
    tracemalloc.start()
    try:
        read(HEAD + b"(" + b"\x8f" * count + b"l.")
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak / count * MAX_OPCODES < 300e6


def test_a_storage_is_not_loaded_again_and_again() -> None:
    with pytest.raises(ValueError, match="storages are larger than the file"):
        read(HEAD + stored(1000) + b"q\0" + b"0(" + (LOAD + b"h\0\x85R") * 50 + b"l.")


def test_tensors_that_share_a_storage_are_counted() -> None:
    view = tensor(0, (1000,), (1,))
    few = HEAD + storage(1000) + b"q\0" + b"0(" + view + b"t."
    assert read(few)[0].shape == (1000,)
    with pytest.raises(ValueError, match="tensors are larger than the file"):
        read(HEAD + storage(1000) + b"q\0" + b"0(" + view * 50 + b"t.")
    numbers = torch.zeros(10)
    check_sharing({"a": numbers, "b": numbers.flip(0), "c": numbers[2:]})
    with pytest.raises(ValueError, match="share numbers"):
        check_sharing({str(i): numbers for i in range(3)})


@pytest.mark.parametrize(
    ("offset", "size", "stride"),
    [
        (0, (0, 2**47, 2**47), (1, 1, 1)),
        (0, (2**40, 2**40), (0, 0)),
        (0, (1000,), (0,)),
        (0, (2, 2), (3, 1)),
        (5, (1,), (1,)),
        (-1, (1,), (1,)),
        (0, (-1,), (1,)),
        (0, (2,), (-1,)),
        (0, (2,), (1, 1)),
        (0, (1,) * 20, (1,) * 20),
        (0, (True,), (1,)),
        (0, (2**100,), (1,)),
    ],
)
def test_sizes_that_lie_are_refused(offset: int, size: tuple[int, ...], stride: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="tensor"):
        read(HEAD + storage(4) + b"q\0" + b"0" + tensor(offset, size, stride) + b".")


def test_a_tensor_is_no_storage() -> None:
    """A view of nothing at an offset would reach beyond it."""
    inner = tensor(2, (0,), (1,))
    with pytest.raises(ValueError, match="no storage"):
        read(HEAD + storage(4) + b"q\0" + b"0" + inner + b"q\0" + b"0" + tensor(0, (4,), (1,)) + b".")
    assert isinstance(read(HEAD + storage(4) + b"."), Storage)


def test_nothing_of_a_name_reaches_the_terminal_raw() -> None:
    with pytest.raises(ValueError, match="refers to") as refusal:
        read(HEAD + text("\x1b[2J\x1b]0;x\x07os") + text("sys\ntem\u202e") + b"\x93.")
    assert str(refusal.value).isprintable()
    for content in (b"Fnot\x1b[2Ja number\n.", b"S\x1b[2J\n.", b"I\x1b[2J\n."):
        with pytest.raises(ValueError, match="damaged") as refusal:
            read(content)
        assert str(refusal.value).isprintable()


def test_deep_records_are_dropped_without_recursion() -> None:
    depth = 4_000
    nested = HEAD + b"cgghead.x\nY\nq\0" + b"0)" + b"h\0" * depth + b"N" + b"\x85R" * depth + b"0."
    assert read(nested) == ()

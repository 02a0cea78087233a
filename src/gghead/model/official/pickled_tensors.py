"""Torch tensors and storages out of pickles, by the format alone: torch.load is not involved.

A tensor is a call of _rebuild_tensor_v2 with a storage, an offset, sizes and strides. A storage inside of a pickle is a
call of _load_from_bytes with a small torch file of the old format: four pickles and a fifth with the order of the
storages, then for each storage its length and its numbers. Those pickles pass the same reader.
"""

import io
import math
import os
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from io import BufferedIOBase
from typing import TypeVar

import torch
from torch import Tensor

from gghead.config.printable import printable, shown
from gghead.model.official.bounds import MAX_PARTS, Budget
from gghead.model.official.safe_pickle import (
    Policy,
    Record,
    Reference,
    UnsafePickleError,
    no_persistent_ids,
    read_inert,
)

LEGACY_MAGIC = 0x1950A86A20F9469CFC6C
"""First value of a torch file of the old format."""
LEGACY_PROTOCOL = 1001
STORAGE_TYPES = {
    "FloatStorage": torch.float32,
    "DoubleStorage": torch.float64,
    "HalfStorage": torch.float16,
    "BFloat16Storage": torch.bfloat16,
    "LongStorage": torch.int64,
    "IntStorage": torch.int32,
    "ShortStorage": torch.int16,
    "CharStorage": torch.int8,
    "ByteStorage": torch.uint8,
    "BoolStorage": torch.bool,
}
T = TypeVar("T")

ORDERED_DICT = Reference("collections", "OrderedDict")
REBUILD_TENSOR = Reference("torch._utils", "_rebuild_tensor_v2")
REBUILD_PARAMETER = Reference("torch._utils", "_rebuild_parameter")
REBUILD_PARAMETER_WITH_STATE = Reference("torch._utils", "_rebuild_parameter_with_state")
REBUILD_WITH_STATE = Reference("torch._tensor", "_rebuild_from_type_v2")
LOAD_STORAGE = Reference("torch.storage", "_load_from_bytes")
GETATTR = Reference("builtins", "getattr")
HARMLESS = frozenset(
    [ORDERED_DICT, REBUILD_TENSOR, REBUILD_PARAMETER, LOAD_STORAGE, GETATTR]
    + [Reference("torch", name) for name in (*STORAGE_TYPES, "device", "Size")]
    + [Reference("torch._C", "_VariableFunctionsClass"), Reference("torch.nn.functional", "normalize")]
    + [Reference("torch.nn.parameter", "Parameter"), Reference("builtins", "set"), Reference("numpy", "dtype")]
    + [Reference(f"numpy.{core}.multiarray", name) for core in ("core", "_core") for name in ("scalar", "_reconstruct")]
    + [Reference("numpy", "ndarray"), Reference("_codecs", "encode")]
    + [REBUILD_PARAMETER_WITH_STATE, REBUILD_WITH_STATE, Reference("torch", "Tensor")]
    + [Reference("torch", str(dtype).removeprefix("torch.")) for dtype in STORAGE_TYPES.values()]
    + [Reference("pathlib", name) for name in ("PosixPath", "PurePosixPath", "WindowsPath", "PureWindowsPath")]
)
"""Names of torch, numpy and Python that checkpoints contain. Seven of them have a meaning here, others are inert."""
HARMLESS_MODULES = ("torch.nn.modules.", "torch.nn.parallel.", "torch.distributed.algorithms.")
"""Modules of which every name may appear: classes of layers and wrappers, which become inert records."""
MAX_COUNT = 2**48
"""Of numbers along an axis of a tensor, or in a storage."""


@dataclass(frozen=True, eq=False)
class Storage:
    """Numbers [n] that tensors lie in; no tensor itself, so that none passes for it."""

    numbers: Tensor


def read_tensor_pickle(stream: BufferedIOBase, packages: tuple[str, ...]) -> object:
    """Reads a pickle with tensors in it.

    Args:
        stream: a seekable binary file.
        packages: top-level packages whose classes may appear, as inert records.

    Returns:
        As `read_inert`; tensors are CPU tensors, ordered dicts are dicts.

    Raises:
        UnsafePickleError: the pickle tries something that no checkpoint needs.
        ValueError: it is damaged or no pickle, or a tensor does not fit its storage.
    """

    start = stream.tell()
    budget = Budget.of_file(stream.seek(0, os.SEEK_END) - start)
    stream.seek(start)

    def allowed(reference: Reference) -> bool:
        return (
            reference in HARMLESS
            or reference.module.startswith(HARMLESS_MODULES)
            or reference.module.split(".")[0] in packages
        )

    return read_inert(stream, Policy(allowed, lambda record: interpret(record, budget), no_persistent_ids, budget))


def interpret(record: Record, budget: Budget) -> object:
    """The value of a call that has a meaning here; other records stay as they are."""
    if record.reference == ORDERED_DICT and not record.arguments:
        return {}
    if record.reference == LOAD_STORAGE:
        return load_storage(_expect(record, bytes), budget)
    if record.reference == REBUILD_TENSOR:
        return view(*tensor_arguments(record), budget)
    if record.reference == REBUILD_WITH_STATE:  # a tensor with attributes of its own, which are dropped
        match record.arguments:
            case (Reference() as inner, _, tuple(arguments), *_) if inner == REBUILD_TENSOR:
                return interpret(Record(inner, arguments), budget)
    if record.reference in (REBUILD_PARAMETER, REBUILD_PARAMETER_WITH_STATE):
        return _expect(record, Tensor)
    if record.reference == GETATTR:
        _check_attribute(record)
    return record


def tensor_arguments(record: Record) -> tuple[object, tuple[int, ...], tuple[int, ...], int]:
    """Storage, sizes, strides and offset of a tensor, whose calls name them in another order.

    Raises:
        ValueError: they are none, or the sizes are beyond all memory.
    """
    match record.arguments if len(record.arguments) <= MAX_PARTS else ():
        case (storage, int(offset), tuple(size), tuple(stride), *_) if len(size) == len(stride) <= MAX_PARTS:
            numbers = (offset, *size, *stride)
            is_natural = all(type(n) is int and 0 <= n < MAX_COUNT for n in numbers)
            if is_natural and math.prod(n for n in size if n) < MAX_COUNT:
                return storage, size, stride, offset
    raise ValueError("a tensor's sizes, strides or offset are no natural numbers, or beyond all memory")


def load_storage(content: bytes, budget: Budget) -> Storage:
    """The numbers of a storage that was saved as a torch file of its own.

    Raises:
        UnsafePickleError: the file tries something that no storage needs.
        ValueError: it is damaged or in another format.
    """
    budget.spend_storage(len(content))
    if content[:2] == b"PK":
        raise ValueError("a storage is a zip archive, in which torch saves files, but nothing inside of pickles")
    stream = io.BytesIO(content)
    policy = Policy(HARMLESS.__contains__, lambda record: record, described, budget)
    magic, protocol, system, stored, keys = (read_inert(stream, policy) for _ in range(5))
    check_format(magic, protocol, system)
    dtype, key, count = described_storage(stored)
    if not isinstance(keys, list) or keys[:2] != [key]:
        raise ValueError("a storage's file holds something else")
    length, numbers = stream.read(8), memoryview(content)[stream.tell() :]
    if length != struct.pack("<q", count):
        raise ValueError("a storage's length is not the stated one")
    return storage_numbers(numbers, dtype, count)


def view(storage: object, size: tuple[int, ...], stride: tuple[int, ...], offset: int, budget: Budget) -> Tensor:
    """The tensor of given sizes and strides in a storage.

    Raises:
        ValueError: it reaches beyond the storage, or the tensors together are larger than the file.
    """
    if not isinstance(storage, Storage):
        raise ValueError("a tensor has no storage")
    numbers = storage.numbers
    last = offset + sum((n - 1) * step for n, step in zip(size, stride, strict=True))
    count = math.prod(size)
    if count and (last >= len(numbers) or count > len(numbers)):
        raise ValueError(f"a tensor of shape {tuple(size)} reaches beyond its storage of {len(numbers)} numbers")
    budget.spend_tensor(count * numbers.itemsize)
    return numbers.as_strided(size, stride, offset) if count else numbers.new_empty(size)


def described(identifier: object) -> object:
    """A persistent id of a torch file: ("storage", type, key, location, count[, view of another storage])."""
    return ("described", identifier)


def check_format(magic: object, protocol: object, system: object) -> None:
    """Refuses what is no torch file of the old format, as little-endian machines write it, by the first three pickles.

    Raises:
        ValueError: it is none.
    """
    if magic != LEGACY_MAGIC or protocol != LEGACY_PROTOCOL or not isinstance(system, dict):
        raise ValueError("a torch file is in another format than the old one, which pickles hold")
    if system.get("little_endian") is not True:
        raise ValueError("a torch file was written on a big-endian machine")


def described_storage(value: object) -> tuple[torch.dtype, str, int]:
    """Type, key and length of the one storage of a torch file."""
    match value:
        case ("described", ("storage", Reference("torch", kind), str(key), str(), int(count)) | (
            "storage", Reference("torch", kind), str(key), str(), int(count), None
        )) if kind in STORAGE_TYPES and 0 <= count < MAX_COUNT:  # fmt: skip
            return STORAGE_TYPES[kind], key, count
    raise ValueError("a storage's file describes no storage of a known type")


def storage_numbers(content: bytes | memoryview, dtype: torch.dtype, count: int) -> Storage:
    """The numbers of a storage as they lie in a file."""
    if len(content) != count * dtype.itemsize:
        raise ValueError(f"a storage holds {len(content)} bytes instead of {count * dtype.itemsize}")
    # The copy is writable, as tensors must be.
    return Storage(torch.frombuffer(bytearray(content), dtype=dtype) if count else torch.empty(0, dtype=dtype))


def check_sharing(tensors: Mapping[str, Tensor]) -> None:
    """Refuses named tensors that are copied into more than twice the memory of the storages they lie in.

    Raises:
        ValueError: they are.
    """
    storages = {tensor.untyped_storage().data_ptr(): tensor.untyped_storage().nbytes() for tensor in tensors.values()}
    needed, held = sum(tensor.nbytes for tensor in tensors.values()), sum(storages.values())
    if needed > 2 * held:
        raise ValueError(f"its tensors share numbers: {needed} bytes of them lie in {held}")


def _expect(record: Record, kind: type[T]) -> T:
    """The first argument of a call, which must be of a kind."""
    first = record.arguments[0] if record.arguments else None
    if not isinstance(first, kind):
        raise ValueError(f"{record.reference} is called with something that is no {kind.__name__}")
    return first


def _check_attribute(record: Record) -> None:
    """Checkpoints hold methods of torch's functions and of the network; any other attribute is refused by name."""
    match record.arguments:
        case (Reference("torch._C", "_VariableFunctionsClass"), str(name)) if not name.startswith("__"):
            return
        case (Record(reference), str(name)) if reference != GETATTR and not name.startswith("__"):
            return
    tried = ", ".join(_tried(part) for part in record.arguments[:3])
    raise UnsafePickleError(f"the pickle calls getattr({tried}); nothing was run, the file is refused")


def _tried(part: object) -> str:
    if isinstance(part, Record | Reference):
        return str(part.reference if isinstance(part, Record) else part)
    return printable(part) if isinstance(part, str) else shown(part)

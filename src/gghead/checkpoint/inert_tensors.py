"""Torch tensors and storages out of pickles, by the format alone: torch.load is not involved.

A tensor is a call of _rebuild_tensor_v2 with a storage, an offset, sizes and strides. A storage inside of a pickle is a
call of _load_from_bytes with a small torch file: four pickles and a fifth with the order of the storages, then for each
storage its length and its numbers (the old format), or a zip archive (the new one). Those pickles pass the same reader.
"""

import io
import math
import struct
import zipfile
from io import BufferedIOBase

import torch
from torch import Tensor

from gghead.checkpoint.inert_pickle import (
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
ORDERED_DICT = Reference("collections", "OrderedDict")
REBUILD_TENSOR = Reference("torch._utils", "_rebuild_tensor_v2")
REBUILD_PARAMETER = Reference("torch._utils", "_rebuild_parameter")
LOAD_STORAGE = Reference("torch.storage", "_load_from_bytes")
GETATTR = Reference("builtins", "getattr")
HARMLESS = frozenset(
    [ORDERED_DICT, REBUILD_TENSOR, REBUILD_PARAMETER, LOAD_STORAGE, GETATTR]
    + [Reference("torch", name) for name in (*STORAGE_TYPES, "device", "Size")]
    + [Reference("torch._C", "_VariableFunctionsClass"), Reference("torch.nn.functional", "normalize")]
    + [Reference("torch.nn.parameter", "Parameter"), Reference("builtins", "set"), Reference("numpy", "dtype")]
    + [Reference(f"numpy.{core}.multiarray", name) for core in ("core", "_core") for name in ("scalar", "_reconstruct")]
    + [Reference("numpy", "ndarray"), Reference("_codecs", "encode")]
)
"""Names of torch, numpy and Python that checkpoints contain. Five of them have a meaning here, the others are inert."""
HARMLESS_MODULES = ("torch.nn.modules.",)
"""Modules of which every name may appear: classes of layers, which become inert records."""


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

    def allowed(reference: Reference) -> bool:
        return (
            reference in HARMLESS
            or reference.module.startswith(HARMLESS_MODULES)
            or reference.module.split(".")[0] in packages
        )

    return read_inert(stream, Policy(allowed, interpret, no_persistent_ids))


def interpret(record: Record) -> object:
    """The value of a call that has a meaning here; other records stay as they are."""
    if record.reference == ORDERED_DICT and not record.arguments:
        return {}
    if record.reference == LOAD_STORAGE:
        return load_storage(*_expect(record, bytes))
    if record.reference == REBUILD_TENSOR:
        storage, offset, size, stride, *_ = record.arguments
        return view(storage, offset, size, stride)
    if record.reference == REBUILD_PARAMETER:
        return _expect(record, Tensor)[0]
    if record.reference == GETATTR:
        _check_attribute(record)
    return record


def load_storage(content: bytes) -> Tensor:
    """The numbers [n] of a storage that was saved as a torch file of its own."""
    return _load_zipped(content) if content[:2] == b"PK" else _load_legacy(content)


def view(storage: object, offset: object, size: object, stride: object) -> Tensor:
    """The tensor of given sizes and strides in a storage.

    Raises:
        ValueError: it reaches beyond the storage.
    """
    shape = (offset, *size, *stride)
    if not isinstance(storage, Tensor) or not all(type(n) is int and 0 <= n < 2**48 for n in shape):
        raise ValueError("a tensor has no storage, or sizes that are no natural numbers")
    if len(size) != len(stride):
        raise ValueError(f"a tensor has {len(size)} sizes and {len(stride)} strides")
    last = offset + sum((n - 1) * step for n, step in zip(size, stride, strict=True))
    count = math.prod(size)
    if count and (last >= len(storage) or count > len(storage)):
        raise ValueError(f"a tensor of shape {tuple(size)} reaches beyond its storage of {len(storage)} numbers")
    return storage.as_strided(size, stride, offset) if count else storage.new_empty(size)


def _load_legacy(content: bytes) -> Tensor:
    stream = io.BytesIO(content)
    policy = Policy(HARMLESS.__contains__, _inert, _described)
    magic, protocol, system, described, keys = (read_inert(stream, policy) for _ in range(5))
    if magic != LEGACY_MAGIC or protocol != LEGACY_PROTOCOL:
        raise ValueError("a storage is in no known torch format")
    if not isinstance(system, dict) or system.get("little_endian") is not True:
        raise ValueError("a storage was written on a big-endian machine")
    dtype, key, count = described_storage(described)
    if keys != [key]:
        raise ValueError("a storage's file holds something else")
    written, numbers = content[stream.tell() : stream.tell() + 8], content[stream.tell() + 8 :]
    if len(written) != 8 or struct.unpack("<q", written)[0] != count:
        raise ValueError("a storage's length is not the stated one")
    return storage_numbers(numbers, dtype, count)


def _load_zipped(content: bytes) -> Tensor:
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            if any(entry.compress_type != zipfile.ZIP_STORED for entry in archive.infolist()):
                raise ValueError("a storage's archive is compressed; torch never does that")
            root = archive.namelist()[0].split("/")[0]
            if f"{root}/byteorder" in archive.namelist() and archive.read(f"{root}/byteorder") != b"little":
                raise ValueError("a storage was written on a big-endian machine")
            policy = Policy(HARMLESS.__contains__, _inert, _described)
            described = read_inert(io.BytesIO(archive.read(f"{root}/data.pkl")), policy)
            dtype, key, count = described_storage(described)
            return storage_numbers(archive.read(f"{root}/data/{key}"), dtype, count)
    except (zipfile.BadZipFile, KeyError, IndexError, RuntimeError, NotImplementedError) as error:
        raise ValueError(f"a storage's archive is damaged ({error})") from error


def _described(identifier: object) -> object:
    """A persistent id of a torch file: ("storage", type, key, location, count[, view of another storage])."""
    return ("described", identifier)


def _inert(record: Record) -> object:
    """For pickles in which no call has a meaning."""
    return record


def described_storage(value: object) -> tuple[torch.dtype, str, int]:
    """Type, key and length of the one storage of a torch file."""
    match value:
        case ("described", ("storage", Reference("torch", kind), str(key), str(), int(count), *rest)):
            if kind in STORAGE_TYPES and rest in ([], [None]) and 0 <= count < 2**48:
                return STORAGE_TYPES[kind], key, count
    raise ValueError("a storage's file describes no storage of a known type")


def storage_numbers(content: bytes, dtype: torch.dtype, count: int) -> Tensor:
    """The numbers of a storage as they lie in a file."""
    if len(content) != count * dtype.itemsize:
        raise ValueError(f"a storage holds {len(content)} bytes instead of {count * dtype.itemsize}")
    # The copy is writable, as tensors must be.
    return torch.frombuffer(bytearray(content), dtype=dtype) if count else torch.empty(0, dtype=dtype)


def _expect(record: Record, kind: type) -> tuple[object, ...]:
    """The arguments of a call, of which the first must be of a kind."""
    if not record.arguments or not isinstance(record.arguments[0], kind):
        raise ValueError(f"{record.reference} is called with something that is no {kind.__name__}")
    return record.arguments[:1]


def _check_attribute(record: Record) -> None:
    """Checkpoints hold methods of torch's functions and of the network; any other attribute is refused by name."""
    match record.arguments:
        case (Reference("torch._C", "_VariableFunctionsClass"), str(name)) if not name.startswith("__"):
            return
        case (Record(reference), str(name)) if reference != GETATTR and not name.startswith("__"):
            return
    tried = ", ".join(
        part if isinstance(part, str) else str(getattr(part, "reference", part)) for part in record.arguments
    )
    raise UnsafePickleError(f"the pickle calls getattr({tried[:200]}); nothing was run, the file is refused")

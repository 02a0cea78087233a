"""Tensors by name out of a torch file of the old format (`torch.save` before 1.6), by the format alone.

Five pickles (magic, protocol, system, the named tensors, the order of the storages), then for each storage its length
and its numbers. Nothing in the file is executed.
"""

import io
import struct
from collections.abc import Mapping

from torch import Tensor

from gghead.checkpoint.inert_pickle import Policy, Record, read_inert
from gghead.checkpoint.inert_tensors import (
    HARMLESS,
    LEGACY_MAGIC,
    LEGACY_PROTOCOL,
    ORDERED_DICT,
    REBUILD_TENSOR,
    described_storage,
    storage_numbers,
    view,
)


def read_state(content: bytes) -> dict[str, Tensor]:
    """The tensors of a network's state as `torch.save(network.state_dict(), file)` wrote it.

    Raises:
        UnsafePickleError: the file tries something that no state needs.
        ValueError: it is damaged, or holds something else.
    """
    stream = io.BytesIO(content)
    policy = Policy(HARMLESS.__contains__, _interpret, lambda identifier: ("described", identifier))
    magic, protocol, system, named, keys = (read_inert(stream, policy) for _ in range(5))
    if magic != LEGACY_MAGIC or protocol != LEGACY_PROTOCOL:
        raise ValueError("this is no torch file of the old format")
    if not isinstance(system, dict) or system.get("little_endian") is not True:
        raise ValueError("the torch file was written on a big-endian machine")
    if not isinstance(named, Mapping) or not isinstance(keys, list):
        raise ValueError("the torch file holds no tensors by name")
    records = {name: _tensor_call(name, value) for name, value in named.items()}
    kinds = {key: (dtype, count) for dtype, key, count in (described_storage(call[0]) for call in records.values())}
    storages = {}
    for key in keys:
        if key not in kinds:
            raise ValueError("the torch file holds a storage that no tensor uses")
        dtype, count = kinds[key]
        written = stream.read(8)
        if len(written) != 8 or struct.unpack("<q", written)[0] != count:
            raise ValueError("a storage's length is not the stated one")
        storages[key] = storage_numbers(stream.read(count * dtype.itemsize), dtype, count)
    return {name: view(storages.get(described_storage(call[0])[1]), *call[1:4]) for name, call in records.items()}


def _interpret(record: Record) -> object:
    return {} if record.reference == ORDERED_DICT and not record.arguments else record


def _tensor_call(name: object, value: object) -> tuple[object, ...]:
    """Storage, offset, sizes and strides of a tensor."""
    if not isinstance(name, str) or not isinstance(value, Record) or value.reference != REBUILD_TENSOR:
        raise ValueError(f"the torch file holds something that is no tensor under the name {name!r}")
    if len(value.arguments) < 4:
        raise ValueError(f"the tensor {name} lacks its sizes")
    return value.arguments

"""Tensors by name out of a torch file of the old format (`torch.save` before 1.6), by the format alone.

Five pickles (magic, protocol, system, the named tensors, the order of the storages), then for each storage its length
and its numbers. Nothing in the file is executed.
"""

import io
import struct
from collections.abc import Mapping

from torch import Tensor

from gghead.checkpoint.inert_bounds import Budget
from gghead.checkpoint.inert_pickle import Policy, Record, read_inert
from gghead.checkpoint.inert_tensors import (
    HARMLESS,
    ORDERED_DICT,
    REBUILD_TENSOR,
    check_format,
    described,
    described_storage,
    storage_numbers,
    tensor_arguments,
    view,
)
from gghead.config.printable import shown


def read_state(content: bytes) -> dict[str, Tensor]:
    """The tensors of a network's state as `torch.save(network.state_dict(), file)` wrote it.

    Raises:
        UnsafePickleError: the file tries something that no state needs.
        ValueError: it is damaged, or holds something else.
    """
    stream, budget = io.BytesIO(content), Budget.of_file(len(content))
    policy = Policy(HARMLESS.__contains__, _interpret, described, budget)
    magic, protocol, system, named, keys = (read_inert(stream, policy) for _ in range(5))
    check_format(magic, protocol, system)
    if not isinstance(named, Mapping) or not isinstance(keys, list):
        raise ValueError("the torch file holds no tensors by name")
    calls = {name: _tensor_call(name, value) for name, value in named.items()}
    kinds = {key: (dtype, count) for dtype, key, count in (described_storage(call[0]) for call in calls.values())}
    if not all(isinstance(key, str) for key in keys) or sorted(keys) != sorted(kinds):
        raise ValueError("the torch file holds other storages than its tensors use")
    storages = {}
    for key in keys:
        dtype, count = kinds[key]
        if stream.read(8) != struct.pack("<q", count):
            raise ValueError("a storage's length is not the stated one")
        storages[key] = storage_numbers(stream.read(count * dtype.itemsize), dtype, count)
    return {
        name: view(storages[described_storage(storage)[1]], *where, budget) for name, (storage, *where) in calls.items()
    }


def _interpret(record: Record) -> object:
    return {} if record.reference == ORDERED_DICT and not record.arguments else record


def _tensor_call(name: object, value: object) -> tuple[object, tuple[int, ...], tuple[int, ...], int]:
    """Storage, sizes, strides and offset of a tensor."""
    if not isinstance(name, str) or not isinstance(value, Record) or value.reference != REBUILD_TENSOR:
        raise ValueError(f"the torch file holds something that is no tensor under the name {shown(name)}")
    return tensor_arguments(value)

"""A pickled module of the official release as data: tensors by dotted names, and the attributes of each module."""

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from gghead.config.printable import printable
from gghead.model.official.safe_pickle import Record

MAX_MODULE_DEPTH = 32
"""Modules nested deeper than this are refused; the official ones reach 5."""
MAX_MEMBERS = 20_000
"""Tensors and modules of a network, of which the official ones have some 300: a small file can name one set of them in
many places."""
MAX_PATH = 256
"""Characters of a dotted name of a module; the official ones have up to 30. Each tensor inside of it repeats them."""
HOOKS = ("_forward_hooks", "_forward_pre_hooks")
"""Functions that would change what a module computes; no official module has any."""
GROUPS = ("_parameters", "_buffers", "_modules")
"""Members of a module."""


@dataclass(frozen=True)
class OfficialModule:
    """A pickled module and all modules inside of it.

    Attributes:
        kind: name of its class.
        parameters: what is learned, by dotted names.
        buffers: other tensors, likewise.
        attributes: plain attributes of the modules by the modules' dotted names, "" for the outermost.
    """

    kind: str
    parameters: Mapping[str, Tensor]
    buffers: Mapping[str, Tensor]
    attributes: Mapping[str, Mapping[object, object]]

    @property
    def tensors(self) -> dict[str, Tensor]:
        """Parameters and buffers."""
        return {**self.parameters, **self.buffers}

    def mapping_layers(self, path: str) -> int:
        """Fully connected layers of the mapping network at a dotted name."""
        return sum(name.startswith(f"{path}.fc") and name.endswith(".weight") for name in self.parameters)


def read_module(root: Record) -> OfficialModule:
    """Collects the tensors and attributes of a module.

    Raises:
        ValueError: it is no module, or one that is changed from outside.
    """
    root = _unwrapped(root)
    tensors: dict[str, dict[str, Tensor]] = {"_parameters": {}, "_buffers": {}}
    attributes: dict[str, Mapping[object, object]] = {}
    pending = [("", root, 0)]
    seen: set[int] = set()
    members = 0
    while pending:
        prefix, record, depth = pending.pop()
        state = _state(record)
        if len(prefix) > MAX_PATH:
            raise ValueError(f"the name of its module {printable(prefix)!r} is too long")
        if depth > MAX_MODULE_DEPTH or not isinstance(state, dict):
            raise ValueError(f"its module {printable(prefix) or 'at the top'!r} has no state that could be read")
        if id(record) in seen:
            raise ValueError(f"its module {printable(prefix)!r} is inside of another one, too")
        seen.add(id(record))
        if not all(isinstance(hooks := state.get(name, {}), dict) and not hooks for name in HOOKS):
            raise ValueError(f"functions were hung onto its module {printable(prefix) or 'at the top'!r}")
        attributes[prefix.removesuffix(".")] = state
        members += sum(len(group) for group in map(state.get, GROUPS) if isinstance(group, dict))
        if members > MAX_MEMBERS:
            raise ValueError(f"it has more than {MAX_MEMBERS} tensors and modules; official networks have some 300")
        for group, found in tensors.items():
            for name, value in _members(state, group):
                if isinstance(value, Tensor):
                    found[f"{prefix}{name}"] = value
                elif value is not None:
                    raise ValueError(f"its {printable(prefix + name)} is no tensor")
        for name, value in _members(state, "_modules"):
            if isinstance(value, Record):
                pending.append((f"{prefix}{name}.", value, depth + 1))
            elif value is not None:
                raise ValueError(f"its {printable(prefix + name)} is no module")
    return OfficialModule(class_name(root), tensors["_parameters"], tensors["_buffers"], attributes)


def class_name(record: Record) -> str:
    """Name of the class of a pickled object."""
    stated = _wrapped(record).get("class_name")
    return printable(stated if isinstance(stated, str) else record.reference.name)


def single(name: str, tensor: Tensor) -> Tensor:
    """A copy of a tensor in single precision and plain order: in the file several may share a storage.

    Raises:
        ValueError: it holds values that are not finite.
    """
    dtype = torch.float32 if tensor.is_floating_point() else tensor.dtype
    copy = tensor.detach().to(dtype, memory_format=torch.contiguous_format, copy=True)
    if not copy.isfinite().all():
        raise ValueError(f"its tensor {printable(name)} holds values that are not finite; its training diverged")
    return copy


def _unwrapped(record: Record) -> Record:
    """The network inside of DistributedDataParallel and the like, which hold it as their only module, `module`."""
    for _ in range(MAX_MODULE_DEPTH):
        match _state(record):
            case {"_modules": {"module": Record() as network} as modules} if len(modules) == 1:
                record = network
            case _:
                break
    return record


def _state(record: Record) -> object:
    """The attributes of a pickled module: its state, or that inside of the wrapper that carries its source text."""
    return _wrapped(record).get("state") if record.state is None else record.state


def _wrapped(record: Record) -> dict[object, object]:
    """What a wrapper that carries the source text of the class says of the object; nothing if the record is none."""
    first = record.arguments[0] if record.arguments else None
    return first if isinstance(first, dict) else {}


def _members(state: Mapping[object, object], group: str) -> list[tuple[str, object]]:
    members = state.get(group, {})
    if not isinstance(members, dict) or not all(isinstance(name, str) for name in members):
        raise ValueError(f"a module's {group} are damaged")
    return list(members.items())

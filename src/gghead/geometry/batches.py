"""Data whose tensors share their first axes, the batch: checked when made; indexed, moved and joined alike."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import fields, replace
from functools import cache
from typing import Any, ClassVar, TypeVar, cast

import torch
from torch import Tensor

from gghead.config.numbers import shortened
from gghead.geometry.devices import require_device

B = TypeVar("B", bound="Batched")


class Batched:
    """What a frozen dataclass of tensors derives from to be a batch.

    Its annotations name the axes of each tensor, the batch's first: `Float[Tensor, "*B N 3"]`. Axes of one name are of
    one length, and all tensors have the type and the device of the first one.
    """

    ONE: ClassVar[str]
    """What the batch is of, for messages: "a single camera"."""

    def __post_init__(self) -> None:
        """Raises ValueError unless the tensors fit together; reads no number of them, so that no GPU is waited for."""
        first, lengths = "", dict[str, int]()
        like: Any = None
        batch = torch.Size()
        for name, axes in axes_of(type(self)).items():
            tensor = getattr(self, name)
            require_tensor(name, tensor, axes)
            if not first:
                first, like, batch = name, tensor, tensor.shape[: -len(axes)]
            # The first tensor that has an axis says how long it is.
            ends = zip(axes, tensor.shape[-len(axes) :], strict=True)
            expected = [int(axis) if axis.isdigit() else lengths.setdefault(axis, length) for axis, length in ends]
            require_beside(name, tensor, (*batch, *expected), first, like)

    @property
    def batch_shape(self) -> torch.Size:
        """Shape of the batch, the starred axes."""
        name, axes = next(iter(axes_of(type(self)).items()))
        return getattr(self, name).shape[: -len(axes)]

    def map(self: B, function: Callable[[Tensor], Tensor]) -> B:
        """Applies a function to every tensor."""
        return replace(cast(Any, self), **{name: function(getattr(self, name)) for name in axes_of(type(self))})

    def to(self: B, target: torch.device | torch.dtype | str) -> B:
        """The same on another device, or in another precision; raises ValueError if there is no such device."""
        if not isinstance(target, torch.dtype):
            require_device(target)
        return self.map(lambda tensor: tensor.to(target))

    def detach(self: B) -> B:
        """The same values outside of the autograd graph."""
        return self.map(Tensor.detach)

    @classmethod
    def cat(cls: type[B], parts: Sequence[B], axis: int = 0) -> B:
        """Batches one after the other along an axis of the batch.

        Raises:
            ValueError: there are none, or they differ in more than the length of that axis.
        """
        names, batch = axes_of(cls), len(parts[0].batch_shape) if parts else 0
        others = {tuple(value for name, value in vars(part).items() if name not in names) for part in parts}
        try:
            if len(others) != 1 or not -batch <= axis < batch:
                raise ValueError
            joined = {name: torch.cat([getattr(part, name) for part in parts], axis % batch) for name in names}
            return replace(cast(Any, parts[0]), **joined)
        except (RuntimeError, ValueError) as error:
            raise ValueError(
                f"{list(parts[:3])} can't be joined along axis {axis}; expected batches that differ in its length alone"
            ) from error

    @classmethod
    def stack(cls: type[B], parts: Sequence[B]) -> B:
        """Batches of one shape along a new first axis; errors as in `cat`."""
        return cls.cat([part[None] for part in parts])

    def __getitem__(self: B, index: object) -> B:
        """Indexes the batch, by what `batch_index` takes; raises IndexError where there is no such axis or place."""
        name = next(iter(axes_of(type(self))))
        at = batch_index(index, getattr(self, name), self.batch_shape, f"these {type(self).__name__}")
        return self.map(lambda tensor: tensor[at])

    def __len__(self) -> int:
        """Length of the batch's first axis."""
        if not self.batch_shape:
            raise TypeError(f"this is {self.ONE}; it has no length")
        return self.batch_shape[0]

    def __iter__(self: B) -> Iterator[B]:
        """The parts along the batch's first axis."""
        return (self[place] for place in range(len(self)))


@cache
def axes_of(kind: type[Batched]) -> dict[str, tuple[str, ...]]:
    """The axes behind the batch's of each tensor of a class, as its annotations name them."""
    names = {field.name: getattr(field.type, "dim_str", None) for field in fields(kind)}  # type: ignore[arg-type]
    return {name: tuple(axes.split()[1:]) for name, axes in names.items() if axes is not None}


def require_tensor(name: str, tensor: object, axes: tuple[str, ...]) -> None:
    """Raises ValueError unless this is a dense tensor in floating point with these axes behind a batch's."""
    if not isinstance(tensor, Tensor):
        raise ValueError(f"{name} are {shortened(tensor)}; expected a tensor: torch.as_tensor makes one of an array")
    if tensor.layout != torch.strided or not tensor.is_floating_point():
        raise ValueError(
            f"{name} are {tensor.dtype} on {tensor.device} ({tensor.layout}); expected dense numbers in floating point"
        )
    if tensor.ndim < len(axes):
        raise ValueError(f"{name} have shape {list(tensor.shape)}; expected [*batch, {', '.join(axes)}]")


def require_beside(name: str, tensor: Tensor, shape: tuple[int, ...], first: str, like: Tensor) -> None:
    """Raises ValueError unless a tensor has a shape, and the type and the device of the first of a batch."""
    if tensor.shape != shape:
        raise ValueError(f"{name} have shape {list(tensor.shape)}; expected {list(shape)}, as the {first} say")
    if tensor.device != like.device or tensor.dtype != like.dtype:
        raise ValueError(
            f"{name} are {tensor.dtype} on {tensor.device}, the {first} are {like.dtype} on {like.device}; move them "
            "with .to()"
        )


def batch_index(index: object, like: Tensor, batch: torch.Size, what: str) -> tuple[Any, ...]:
    """An index that means the same on every tensor whose shape begins with the batch's.

    Args:
        index: as a tensor takes it: numbers, slices, None, an ellipsis, lists, masks.
        like: any tensor on the device of those that will be indexed.
        batch: shape of the batch.
        what: what is indexed, for the message.

    Raises:
        IndexError: the batch has fewer axes, or is shorter.

    Example:
        >>> batch_index(..., torch.ones(1), torch.Size([2, 3]), "cameras")
        (slice(None, None, None), slice(None, None, None))
    """
    whole: Any = index
    parts: tuple[Any, ...] = whole if isinstance(index, tuple) else (whole,)
    if any(isinstance(part, bool) for part in parts):
        raise IndexError(f"{what} can't be indexed by True or False; expected numbers, slices or masks")
    places = [place for place, part in enumerate(parts) if part is Ellipsis]
    used = sum(part.ndim if _is_mask(part) else part is not None and part is not Ellipsis for part in parts)
    if used > len(batch) or len(places) > 1:
        raise IndexError(f"{what} have batch {list(batch)}, {_axes(len(batch))} to index; this index has {used}")
    try:
        like.new_empty(()).expand(batch)[parts]  # raises IndexError by itself where the batch is shorter
    except (TypeError, ValueError) as error:
        raise IndexError(f"{what} can't be indexed by {shortened(whole)}; expected numbers, slices or masks") from error
    if not places:
        return parts
    between: list[Any] = [slice(None)] * (len(batch) - used)
    return (*parts[: places[0]], *between, *parts[places[0] + 1 :])


def _is_mask(part: object) -> bool:
    return getattr(part, "ndim", None) is not None and str(getattr(part, "dtype", "")).endswith("bool")


def _axes(count: int) -> str:
    return ("no axis", "one axis")[count] if count < 2 else f"{count} axes"

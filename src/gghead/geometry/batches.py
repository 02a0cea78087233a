"""Indices of a batch: they choose scenes or cameras and never reach into the tensors behind the batch's axes."""

import torch
from torch import Tensor

from gghead.config.numbers import shortened


def batch_index(index: object, like: Tensor, batch: torch.Size, what: str) -> tuple:
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
    parts = index if isinstance(index, tuple) else (index,)
    if any(isinstance(part, bool) for part in parts):
        raise IndexError(f"{what} can't be indexed by True or False; expected numbers, slices or masks")
    places = [place for place, part in enumerate(parts) if part is Ellipsis]
    used = sum(part.ndim if _is_mask(part) else part is not None and part is not Ellipsis for part in parts)
    if used > len(batch) or len(places) > 1:
        raise IndexError(f"{what} have batch {list(batch)}, {_axes(len(batch))} to index; this index has {used}")
    try:
        like.new_empty(()).expand(batch)[parts]  # raises IndexError by itself where the batch is shorter
    except (TypeError, ValueError) as error:
        raise IndexError(f"{what} can't be indexed by {shortened(index)}; expected numbers, slices or masks") from error
    if not places:
        return parts
    return (*parts[: places[0]], *[slice(None)] * (len(batch) - used), *parts[places[0] + 1 :])


def _is_mask(part: object) -> bool:
    return getattr(part, "ndim", None) is not None and str(getattr(part, "dtype", "")).endswith("bool")


def _axes(count: int) -> str:
    return ("no axis", "one axis")[count] if count < 2 else f"{count} axes"

"""What follows from weights alone, computed once for as long as the weights stay as they are."""

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar
from weakref import WeakKeyDictionary

import torch
from torch import Tensor, nn

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Folded:
    """A result and the tensors that it was made of: where the numbers of each were, and how often it was written to."""

    result: Any
    sources: tuple[Tensor, ...]
    marks: tuple[tuple[int, int], ...]

    @classmethod
    def of(cls, result: Any, sources: Sequence[Tensor]) -> "Folded":
        """A result of tensors as they are now."""
        return cls(result, tuple(sources), tuple((source.data_ptr(), source._version) for source in sources))

    def holds(self, sources: Sequence[Tensor]) -> bool:
        """Whether the result is still that of these tensors."""
        # Every layer of every head asks this: a loop is the fastest way.
        for source, then, (place, writes) in zip(sources, self.sources, self.marks, strict=True):
            if source is not then or source.requires_grad:
                return False
            if source._version != writes or source.data_ptr() != place:
                return False
        return True


class Folding:
    """Results by name. Each is computed anew when a tensor that it was made of is another one or was written to.

    torch counts what is written into a tensor in place: by optimizers, `load_state_dict`, `copy_` and so on. It counts
    nothing that is written through `.data`, nor does this class see it.
    """

    def __init__(self) -> None:
        self._results: dict[Hashable, Folded] = {}

    def get(self, name: Hashable, sources: Sequence[Tensor], compute: Callable[[], T]) -> T:
        """The result of a name; with its gradients, and not remembered, if one of the sources takes any.

        Args:
            name: of the result.
            sources: all tensors that it is made of, always as many for a name.
            compute: makes it.
        """
        known = self._results.get(name)
        if known is not None and known.holds(sources):
            return known.result
        if any(source.requires_grad or source.is_inference() for source in sources):
            return compute()
        with torch.inference_mode(False), torch.no_grad():
            result = compute()
        self._results[name] = Folded.of(result, sources)
        return result

    def __reduce__(self) -> tuple[type["Folding"], tuple[()]]:
        """Copies begin empty: their weights are others."""
        return Folding, ()


WHOLE_NETWORKS: WeakKeyDictionary[nn.Module, Folding] = WeakKeyDictionary()
"""Results of all tensors of a network."""


def folded_network(network: nn.Module, name: Hashable, compute: Callable[[], T]) -> T:
    """The result of a name, which follows from a network's weights and buffers; remembered while it is frozen."""
    folding = WHOLE_NETWORKS.setdefault(network, Folding())
    return folding.get(name, (*network.parameters(), *network.buffers()), compute)


class FoldingLayer(nn.Module):
    """A layer some of whose numbers follow from its weights alone: once it is frozen, a GPU computes them once.

    On the CPU they are computed each time, which takes 2 % of a head's time.
    """

    def __init__(self) -> None:
        super().__init__()
        self._folding: Folding | None = None

    def folded(self, name: str, dtype: torch.dtype, source: Tensor, compute: Callable[[], Tensor]) -> Tensor:
        """The result of a computation in a type; remembered while the layer is frozen."""
        if self._folding is None or not source.is_cuda:
            return compute().to(dtype)
        return self._folding.get((name, dtype), (source,), lambda: _quick(compute().to(dtype)))

    def _apply(self, fn: Callable[[Tensor], Tensor], recurse: bool = True) -> "FoldingLayer":
        """Moves the layer, as `.to()` and its like do, and lets go of results on the device where it was."""
        if self._folding is not None:
            self._folding = Folding()
        return super()._apply(fn, recurse)


def freeze(network: nn.Module) -> None:
    """Has a network take no gradients, and answer faster on a GPU.

    It may be changed and trained all the same: weights that take gradients again, by `requires_grad_()`, are used as
    they are, and so are those that were written to in place. Only what is written through `.data` on a GPU, where torch
    itself loses track of it, needs `freeze` again.
    """
    network.requires_grad_(False)
    for module in network.modules():
        if isinstance(module, FoldingLayer):
            module._folding = Folding()


def _quick(weight: Tensor) -> Tensor:
    """A weight as a GPU reads it fastest."""
    return weight.contiguous(memory_format=torch.channels_last) if weight.ndim == 4 else weight

"""What follows from weights alone, computed once for as long as the weights stay as they are."""

from collections.abc import Callable, Hashable, Sequence
from typing import TypeVar

import torch
from torch import Tensor, nn

T = TypeVar("T")


class Folding:
    """Results by name. Each is computed anew when a tensor that it was made of is another one or was written to.

    torch counts what is written into a tensor in place: by optimizers, `load_state_dict`, `copy_` and so on. It counts
    nothing that is written through `.data`, nor does this class see it.
    """

    def __init__(self) -> None:
        self._results: dict[Hashable, tuple[Sequence[Tensor], list[tuple[int, int]], object]] = {}

    def get(self, name: Hashable, sources: Sequence[Tensor], compute: Callable[[], T]) -> T:
        """The result of a name.

        Args:
            name: of the result.
            sources: all tensors that it is made of, none of which takes gradients.
            compute: makes it.
        """
        state = [(source.data_ptr(), 0 if source.is_inference() else source._version) for source in sources]
        known, then, result = self._results.get(name, ((), [], None))
        if not known or state != then or any(a is not b for a, b in zip(known, sources, strict=True)):
            with torch.inference_mode(False), torch.no_grad():
                result = compute()
            self._results[name] = (tuple(sources), state, result)
        return result  # type: ignore[return-value]

    def __reduce__(self) -> tuple[type["Folding"], tuple[()]]:
        """Copies begin empty: their weights are others."""
        return Folding, ()


class FoldingLayer(nn.Module):
    """A layer some of whose numbers follow from its weights alone: a GPU computes them once when it is frozen.

    On the CPU they are computed each time, which takes 2 % of a head's time.
    """

    def __init__(self) -> None:
        super().__init__()
        self._folding: Folding | None = None

    def folds(self, sources: Sequence[Tensor]) -> bool:
        """Whether results of these weights are remembered: those that take gradients never are."""
        return self._folding is not None and all(
            source.is_cuda and not source.requires_grad and not source.is_inference() for source in sources
        )

    def folded(self, name: str, dtype: torch.dtype, source: Tensor, compute: Callable[[], Tensor]) -> Tensor:
        """The result of a computation in a type; remembered while the layer is frozen.

        Args:
            name: of the result.
            dtype: of the result.
            source: the layer's parameter that it follows from.
            compute: makes it.
        """
        if self._folding is None or not self.folds((source,)):
            return compute().to(dtype)

        def own() -> Tensor:
            result = compute().detach().to(dtype)
            return result.contiguous(memory_format=torch.channels_last) if result.ndim == 4 else result.clone()

        return self._folding.get((name, dtype), (source,), own)

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

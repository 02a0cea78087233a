"""Heads of a frozen generator on a GPU, one at a time, as CUDA graphs: Python takes five times as long to launch their
three hundred kernels as the GPU takes to run them.
"""

import threading
from collections.abc import Callable, Hashable, Sequence

import torch
from jaxtyping import Float
from torch import Tensor, nn

from gghead.cuda.availability import is_available
from gghead.cuda.graphs import Replayer, nothing_to_watch, on_gpu
from gghead.gaussians.scene import Gaussians
from gghead.stylegan.folding import FoldingLayer

Decode = Callable[[Float[Tensor, "1 L W"]], Gaussians]
"""From the styles of a head to the head."""


class Recorder:
    """Launches the first heads as they are, and replays those after them; for any threads and streams.

    Args:
        layers: what decodes; their folded weights, which a graph reads, live as long as it.
    """

    def __init__(self, layers: Sequence[nn.Module]) -> None:
        self._kept = [layer._folding for layer in layers if isinstance(layer, FoldingLayer)]
        self._is_known = False
        self._replayer: Replayer | None = None
        self._done: torch.cuda.Event | None = None
        self._lock = threading.Lock()

    def __call__(self, decode: Decode, styles: Float[Tensor, "1 L W"]) -> Gaussians:
        """The head; its tensors are the caller's own."""
        # Heads made only once are not worth a graph.
        if not self._is_known:
            self._is_known = True
            return decode(styles)
        with self._lock, on_gpu(styles.device), torch.inference_mode(False), torch.no_grad():
            if self._replayer is None or self._done is None:
                self._replayer, self._done = Replayer(nothing_to_watch), torch.cuda.Event()
            stream = torch.cuda.current_stream()
            stream.wait_event(self._done)  # a graph's memory serves one head at a time
            head = self._replayer("head", decode, styles, ())
            self._done.record(stream)
        return head


class Replay(FoldingLayer):
    """Replays the heads of a generator that is frozen."""

    def recorder(
        self, network: nn.Module, more: Sequence[Tensor], styles: Tensor, *settings: Hashable
    ) -> Recorder | None:
        """Who replays a head of these styles, or None if it is to be launched as it is: unless the generator is frozen,
        several heads at once, which keep a GPU busy by themselves, styles that take gradients, and where a graph is
        being captured around it.

        Args:
            network: what decodes.
            more: further tensors that heads depend on.
            styles: of the head.
            settings: what else heads depend on; each combination has a graph.
        """
        if self._folding is None or not is_replayable(styles):
            return None
        layers: list[nn.Module] = self._folding.get("layers", (), lambda: list(network.modules()))
        # In the way of getattr, these hundred would take as long as what they save.
        sources = [tensor for layer in layers for tensor in layer._parameters.values() if tensor is not None]
        sources += [tensor for layer in layers for tensor in layer._buffers.values() if tensor is not None]
        tf32 = torch.backends.cudnn.allow_tf32, torch.backends.cuda.matmul.allow_tf32
        return self._folding.get((*settings, *tf32), [*sources, *more], lambda: Recorder(layers))


def is_replayable(styles: Tensor) -> bool:
    """Whether a head of these styles may be replayed, as far as they tell."""
    is_single = isinstance(styles, Tensor) and styles.is_cuda and styles.ndim == 3 and len(styles) == 1
    if not is_single or not is_available(styles.device):
        return False
    wants_gradient = torch.is_grad_enabled() and styles.requires_grad
    return not (wants_gradient or torch.compiler.is_compiling() or torch.cuda.is_current_stream_capturing())

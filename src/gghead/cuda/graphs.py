"""Work as CUDA graphs: launched kernel by kernel once, replayed ever after.

A small network is thousands of short kernels, which Python launches more slowly than a GPU runs them. A replayed pass
is one launch. Memory in a graph has the size that it was captured with; where a kernel may need more the next time, as
the rasterizer's lists do, a watch says so, and the pass is captured again.
"""

import threading
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, fields, is_dataclass, replace
from typing import Any, Protocol, TypeVar, runtime_checkable

import torch
from torch import Tensor, nn

from gghead.cuda.availability import is_available

WARMUP = 2
"""Passes of a kind that run as they are, before one is captured: libraries choose, memory of lists is measured."""

Inputs = TypeVar("Inputs")
"""What a pass is given: a tensor, None, or a tuple or frozen dataclass of such."""
Outputs = TypeVar("Outputs")
"""What it returns: likewise."""
Pass = Callable[[Inputs], Outputs]
"""From inputs to outputs; may leave gradients in parameters."""


def named_tensors(inputs: object, place: str = "") -> Iterator[tuple[str, Tensor]]:
    """The tensors of a pass's inputs in the order of their fields, each with its place: `.real.images`, `.noise.0`."""
    if isinstance(inputs, Tensor):
        yield place, inputs
    elif isinstance(inputs, tuple):
        for index, item in enumerate(inputs):
            yield from named_tensors(item, f"{place}.{index}")
    elif inputs is not None:
        for name, value in _values_of(inputs).items():
            yield from named_tensors(value, f"{place}.{name}")


def map_tensors(function: Callable[[Tensor], Tensor], inputs: Inputs) -> Inputs:
    """The same inputs with the replacement that a function makes of each tensor."""
    whole: Any = inputs
    if whole is None:
        return inputs
    if isinstance(whole, Tensor):
        return function(whole)  # type: ignore[return-value]
    if isinstance(whole, tuple):
        return tuple(map_tensors(function, item) for item in whole)  # type: ignore[return-value]
    return replace(whole, **{name: map_tensors(function, value) for name, value in _values_of(whole).items()})


def _values_of(inputs: object) -> dict[str, object]:
    assert is_dataclass(inputs), f"inputs of a pass are tensors, tuples and dataclasses of them, not {type(inputs)}"
    return {field.name: getattr(inputs, field.name) for field in fields(inputs)}


class Watch(Protocol):
    """What the kernels of a captured pass report each time it is replayed."""

    @property
    def is_idle(self) -> bool:
        """Whether nothing in the pass reports."""
        ...

    def reset(self) -> None:
        """To be called before each replay."""

    def fullness(self) -> float:
        """Largest share of its room that the last replay needed; above 1 its results are not to be used."""
        ...


Watching = Callable[[], AbstractContextManager[Watch]]
"""Watches what is captured inside of the block: `gghead.rasterizer.cuda.device_report.watch_lists`."""


@contextmanager
def nothing_to_watch() -> Iterator["Unwatched"]:
    """Watches what never outgrows its room."""
    yield Unwatched()


class Unwatched:
    """A Watch of nothing."""

    is_idle = True

    def reset(self) -> None:
        """Nothing is reported."""

    def fullness(self) -> float:
        """No room is needed."""
        return 0.0


@runtime_checkable
class Runner(Protocol):
    """Runs passes."""

    def __call__(
        self, name: str, function: Pass[Inputs, Outputs], inputs: Inputs, parameters: Sequence[nn.Parameter]
    ) -> Outputs:
        """Runs a pass; afterwards the parameters' gradients are those of this pass alone.

        Args:
            name: names all that the function depends on beside its inputs.
            function: the pass.
            inputs: all that changes from one call to the next.
            parameters: whose gradients the pass leaves.
        """
        ...


def run_directly(
    name: str, function: Pass[Inputs, Outputs], inputs: Inputs, parameters: Sequence[nn.Parameter]
) -> Outputs:
    """Runs a pass as it is; see `Runner`."""
    for parameter in parameters:
        parameter.grad = None
    return function(inputs)


@dataclass
class _Recording:
    """A captured pass, and the tensors that it reads and writes."""

    graph: torch.cuda.CUDAGraph
    watch: Watch
    inputs: object
    outputs: Any
    gradients: list[Tensor | None]


class _Warm(threading.local):
    """How often each kind of pass ran as it is, in each thread: a library that a thread calls for the first time takes
    memory of the GPU, which it can't while the thread captures.
    """

    def __init__(self) -> None:
        self.runs: Counter[tuple] = Counter()


class Replayer:
    """A Runner that captures each kind of pass in a CUDA graph of the current GPU and replays it.

    A kind is a name, and which tensors of which sizes there are. Of passes of one name only the last kind is kept: when
    images are no longer blurred, say, inputs lose one tensor for good, and the graph with it is several hundred
    megabytes that nobody needs.

    A pass that outgrows its room, as its watch says, is captured and run again before anybody sees its result. What it
    changes beside gradients it then changes twice: in training the running mean of styles.
    """

    def __init__(self, watching: Watching, any_process: Callable[[bool], bool] = bool) -> None:
        """Makes a runner without recordings.

        Args:
            watching: watches the passes that are captured.
            any_process: whether it is so in any of the processes that run the passes together, so that all of them run
                one again: it may wait for the others within.
        """
        self._watching, self._any_process = watching, any_process
        self._recordings: dict[tuple, _Recording] = {}
        self._warm = _Warm()
        self._pool = torch.cuda.graph_pool_handle()
        # torch's own stream for captures stays on the GPU of a process's first one.
        self._stream = torch.cuda.Stream()

    def __call__(
        self, name: str, function: Pass[Inputs, Outputs], inputs: Inputs, parameters: Sequence[nn.Parameter]
    ) -> Outputs:
        """See `Runner`."""
        kind = (name, *((place, tensor.shape, tensor.dtype) for place, tensor in named_tensors(inputs)))
        if kind not in self._recordings:
            self._warm.runs[kind] += 1
            if self._warm.runs[kind] <= WARMUP:
                return run_directly(name, function, inputs, parameters)
            self._record(kind, function, inputs, parameters)
        while not self._replay(kind, inputs):
            if self._recordings[kind].watch.fullness() > 1:
                self._record(kind, function, inputs, parameters)
        recording = self._recordings[kind]
        for parameter, gradient in zip(parameters, recording.gradients, strict=True):
            parameter.grad = gradient
        return map_tensors(torch.clone, recording.outputs)

    def _replay(self, kind: tuple, inputs: object) -> bool:
        """Whether all drawings have the room they need, in all processes. The host waits, while the GPU goes on."""
        recording = self._recordings[kind]
        for (_, own), (_, given) in zip(named_tensors(recording.inputs), named_tensors(inputs), strict=True):
            own.copy_(given, non_blocking=True)
        recording.watch.reset()
        recording.graph.replay()
        return recording.watch.is_idle or not self._any_process(recording.watch.fullness() > 1)

    def _record(
        self, kind: tuple, function: Pass[Inputs, Any], inputs: Inputs, parameters: Sequence[nn.Parameter]
    ) -> None:
        """Captures a pass, in place of what is recorded under its name."""
        self._forget(kind[0])
        own = map_tensors(torch.clone, inputs)
        for parameter in parameters:
            parameter.grad = None
        torch.cuda.synchronize()
        torch.cuda.empty_cache()
        graph = torch.cuda.CUDAGraph()
        # Threads that load data may use the GPU meanwhile.
        capture = torch.cuda.graph(graph, self._pool, self._stream, capture_error_mode="thread_local")
        with self._watching() as watch, capture:
            outputs = function(own)
        gradients = [parameter.grad for parameter in parameters]
        self._recordings[kind] = _Recording(graph, watch, own, outputs, gradients)

    def _forget(self, name: str) -> None:
        """Frees what is recorded under a name, when the GPU is done with it."""
        torch.cuda.synchronize()
        for kind in [kind for kind in self._recordings if kind[0] == name]:
            del self._recordings[kind]


def on_gpu(device: torch.device | str) -> AbstractContextManager[object]:
    """As long as the block lasts a GPU is the current one, on which graphs are captured; other devices need nothing."""
    return torch.cuda.device(device) if torch.device(device).type == "cuda" else nullcontext()


def fastest_runner(device: torch.device, watching: Watching, any_process: Callable[[bool], bool] = bool) -> Runner:
    """A Replayer where one can work: on a GPU with the CUDA backend."""
    return Replayer(watching, any_process) if is_available(device) else run_directly

"""Says where a training step's time goes: its kernels by family, with what they compute, read and write.

    python -m benchmarks.step_profile                      # ffhq256 and ffhq512, mixed precision

Appends a row of JSON for each preset to benchmarks/results/step_profile.jsonl. Times are of a replayed step without R1,
by torch's profiler, with Gaussians as large as a trained generator's. Bytes read and written are those of tensors, each
counted once a kernel; of the rasterizer, whose tensors are places in one piece of memory, they are not known.
"""

import argparse
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from unittest.mock import patch

import torch
from torch import Tensor
from torch.autograd import DeviceType
from torch.profiler import ProfilerActivity, profile
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from torch.utils.flop_counter import FlopCounterMode

from benchmarks.rows import append, commit
from benchmarks.train_step import BATCHES, WARMUP, Step, official_config
from gghead.cuda import program
from gghead.training.precision import multiplication

REPEATS = 3
FAMILIES = {
    "convolutions": ("xmma_fprop", "xmma_dgrad", "xmma_wgrad", "conv", "wgrad", "dgrad", "fprop", "cudnn"),
    "filters and activations": ("smooth", "halve_", "enlarge_", "_activation", "read_pictures"),
    "rasterizer": ("composite", "project", "allocate", "fill"),
    "decoder": ("decode", "gather"),
    "Adam and means of weights": ("adam", "multi_tensor", "lerp"),
    "products of matrices": ("gemm", "nvjet", "splitk", "bmm"),
    "elementwise, sums, copies": ("",),
}
"""Families, and parts of the names of their kernels; the first that fits."""
OURS = ("filters and activations", "rasterizer", "decoder")
"""Families of our kernels, which have no namespace."""
PRODUCTS = ("mm", "bmm", "addmm", "baddbmm")


@dataclass(frozen=True)
class Family:
    """What kernels of a kind take in a step.

    Attributes:
        ms: time.
        launches: number of them.
        tflop: arithmetic, 10^12 operations, of convolutions and products.
        gigabytes: read and written, 10^9 bytes.
    """

    ms: float
    launches: float
    tflop: float
    gigabytes: float


@dataclass(frozen=True)
class Row:
    """One line of the results; idle_ms is the time of a step in which no kernel runs."""

    preset: str
    batch: int
    step_ms: float
    idle_ms: float
    families: dict[str, Family]
    gpu: str
    torch: str
    commit: str
    date: str


def main() -> None:
    """Runs the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--presets", nargs="*", default=["ffhq256", "ffhq512"])
    parser.add_argument("--commit", help="of this copy, if it has no history")
    arguments = parser.parse_args()
    for preset in arguments.presets:
        with multiplication("mixed"):
            append("step_profile", measure(preset, arguments.commit))


def measure(preset: str, version: str | None) -> Row:
    """The profile of a preset."""
    step = Step(official_config(preset, "trained", "mixed", BATCHES[preset]), "cuda")
    for _ in range(WARMUP):
        step(with_r1=False)
    torch.cuda.synchronize()
    with profile(activities=[ProfilerActivity.CUDA]) as found:
        for _ in range(REPEATS):
            step(with_r1=False)
        torch.cuda.synchronize()
    kernels = [event for event in found.events() if event.device_type == DeviceType.CUDA]
    ms, launches = Counter[str](), Counter[str]()
    for kernel in kernels:
        ms[family_of(kernel.name)] += kernel.time_range.elapsed_us() / 1e3 / REPEATS
        launches[family_of(kernel.name)] += 1 / REPEATS
    begin, end = min(k.time_range.start for k in kernels), max(k.time_range.end for k in kernels)
    whole = (end - begin) / 1e3 / REPEATS
    step.launch_directly()
    with FlopCounterMode(display=False) as counter, counted_bytes() as traffic:
        step(with_r1=False)
    tflop = Counter[str]()
    for operation, count in counter.get_flop_counts()["Global"].items():
        tflop[family_of_operation(str(operation))] += count / 1e12
    families = {
        name: Family(round(ms[name], 3), round(launches[name], 1), round(tflop[name], 2), round(traffic[name] / 1e9, 2))
        for name in FAMILIES
    }
    return Row(
        preset, BATCHES[preset], round(whole, 2), round(whole - sum(ms.values()), 2), families,
        torch.cuda.get_device_name(), torch.__version__, version or commit(), datetime.now(UTC).date().isoformat(),
    )  # fmt: skip


def family_of(kernel: str) -> str:
    """The family of a kernel by its name."""
    candidates = [name for name in FAMILIES if name not in OURS or "::" not in kernel]
    return next(name for name in candidates if any(part in kernel.lower() for part in FAMILIES[name]))


def family_of_operation(operation: str) -> str:
    """The family of torch's operation, like aten.convolution, by its name."""
    name = operation.removeprefix("aten.").split(".")[0]
    return "convolutions" if "conv" in name else "products of matrices" if name in PRODUCTS else list(FAMILIES)[-1]


class Traffic(TorchDispatchMode):
    """Counts the bytes of the tensors that torch's operations read and write, by family."""

    def __init__(self, counted: Counter[str]) -> None:
        super().__init__()
        self.counted = counted

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Runs an operation, and counts unless it is a view or makes empty memory."""
        result = func(*args, **(kwargs or {}))
        is_view = any(r.alias_info is not None and not r.alias_info.is_write for r in func._schema.returns)
        if not is_view and "empty" not in func.name():
            self.counted[family_of_operation(str(func))] += bytes_of(
                [*tree_leaves((args, kwargs)), *tree_leaves(result)]
            )
        return result


def bytes_of(tensors: Sequence[object]) -> int:
    """Bytes of all tensors on a GPU among some objects, each place counted once."""
    sizes = {t.data_ptr(): t.numel() * t.element_size() for t in tensors if isinstance(t, Tensor) and t.is_cuda}
    return sum(sizes.values())


@contextmanager
def counted_bytes() -> Iterator[Counter[str]]:
    """Bytes by family of all that is launched inside of the block, by torch or by our kernels but the rasterizer's."""
    counted, run = Counter[str](), program.run

    def run_and_count(source: Any, name: str, device: Any, blocks: Any, arguments: Sequence[Any]) -> None:
        counted[family_of(name)] += bytes_of(arguments)
        run(source, name, device, blocks, arguments)

    with patch.object(program, "run", run_and_count), Traffic(counted):
        yield counted


if __name__ == "__main__":
    main()

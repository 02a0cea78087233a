"""Times of work on a GPU."""

from collections.abc import Callable

import torch

from benchmarks.rows import Spread, spread_of


def milliseconds(call: Callable[[], object], repeats: int, warmup: int = 0) -> Spread:
    """Times a call, each on an idle GPU, between two events; so the host's part counts."""
    for _ in range(warmup):
        call()
    times = []
    for _ in range(repeats):
        torch.cuda.synchronize()
        start, end = torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True)
        start.record()
        call()
        end.record()
        torch.cuda.synchronize()
        times.append(start.elapsed_time(end))
    return spread_of(times)

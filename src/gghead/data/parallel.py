"""Work on many items by threads, results in order, only a little ahead of their use.

Threads suffice: Pillow decodes and resizes outside of Python's lock (measured: 1.7 times as fast on 2 cores).
"""

import os
import threading
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

T = TypeVar("T")
R = TypeVar("R")

CPU_QUOTA = Path("/sys/fs/cgroup/cpu.max")
"""Where Linux tells a container which share of a period all of its threads together may run (cgroups, version 2)."""
ITEMS_PER_THREAD = 4
"""That are submitted before the first result is taken: bounds the memory."""


def thread_count() -> int:
    """Cores that this process may use: a container may have a share of those that it sees."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    try:
        quota, period = CPU_QUOTA.read_text(encoding="ascii").split()
        return min(cores, max(1, -(-int(quota) // int(period))))
    except (OSError, ValueError):  # no Linux, no second version of control groups, or "max"
        return cores


def in_order(function: Callable[[T], R], items: Iterable[T], waiting: int | None = None) -> Iterator[R]:
    """function(item) for each item, by one thread a core.

    Args:
        function: called by several threads.
        items: what it is called with.
        waiting: results that wait for their use at most; by default `ITEMS_PER_THREAD` for each thread.

    Raises:
        Exception: what `function` raised, when its turn comes; threads have ended then.
    """
    threads = thread_count()
    most = ITEMS_PER_THREAD * threads
    for results in prefetch(function, ([item] for item in items), min(most, waiting or most) - 1, threads):
        yield from results


def prefetch(
    function: Callable[[T], R],
    groups: Iterable[Iterable[T]],
    ahead: int,
    threads: int,
    unwanted: threading.Event | None = None,
) -> Generator[list[R], None, None]:
    """function(item) for each item, group by group in their order; threads work a few groups ahead of their use.

    Args:
        function: called by several threads.
        groups: items of which the results are wanted at a time; taken by the thread that takes the results.
        ahead: groups that threads work on while the results of one are used.
        threads: that do the work.
        unwanted: is set when no more results will be taken, so that a function that takes long can end early.

    Raises:
        Exception: what `function` raised, when its turn comes; threads have ended then.
    """
    waiting: deque[list[Future[R]]] = deque()
    with ThreadPoolExecutor(threads, "gghead-data") as pool:
        try:
            for group in groups:
                waiting.append([pool.submit(function, item) for item in group])
                if len(waiting) > ahead:
                    yield [future.result() for future in waiting.popleft()]
            while waiting:
                yield [future.result() for future in waiting.popleft()]
        finally:
            if unwanted is not None:
                unwanted.set()
            pool.shutdown(wait=True, cancel_futures=True)

"""What the GPU tells the host while it draws: how long the lists are, and what is wrong with the cameras."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

import torch

from gghead.rasterizer.checks import raise_problems
from gghead.rasterizer.cuda.list_capacity import ListCapacity

SPIN_SECONDS = 2e-4
"""Seconds for which the host looks without pause: it is about as long as the GPU takes to get there."""
SLEEP_SECONDS = 5e-5
"""Seconds between looks after that, in which other threads may run."""
MAX_WATCHED = 8
"""Drawings in one captured graph that can be watched."""


class DeviceReport:
    """Two numbers in the host's memory that a kernel writes: entries of all lists, and the bits of CameraProblem."""

    def __init__(self) -> None:
        self.numbers = torch.empty(2, dtype=torch.int64, pin_memory=True)
        self.view = self.numbers.numpy()
        self.address = self.numbers.data_ptr()

    def reset(self) -> None:
        """To be called before the kernel is launched."""
        self.view[:] = -1

    def read(self) -> int:
        """Waits until the GPU has counted, which is long before it has drawn; returns the number of entries.

        Raises:
            ValueError: the cameras can't be drawn.
        """
        until = time.perf_counter() + SPIN_SECONDS
        while self.view[0] < 0:
            if time.perf_counter() > until:
                time.sleep(SLEEP_SECONDS)
                # Raises what made the GPU stop, if it did.
                if torch.cuda.current_stream().query() and self.view[0] < 0:
                    raise RuntimeError("the GPU has finished without a report; please file an issue")
        raise_problems(int(self.view[1]))
        return int(self.view[0])


class ListWatch:
    """What captured graphs report each time they are replayed: how full the room for their lists is."""

    def __init__(self) -> None:
        # Made now: while a graph is captured no memory of the host can be pinned.
        self._spare = [DeviceReport() for _ in range(MAX_WATCHED)]
        self._drawings: list[tuple[DeviceReport, ListCapacity, int]] = []

    def add(self, history: ListCapacity, capacity: int) -> DeviceReport:
        """A report for a drawing that is being captured; lives as long as the watch, which must outlive the graph."""
        if not self._spare:
            raise ValueError(f"one graph may draw {MAX_WATCHED} times at most; capture it in parts")
        report = self._spare.pop()
        report.view[:] = 0
        self._drawings.append((report, history, capacity))
        return report

    @property
    def is_idle(self) -> bool:
        """Whether the graph draws nothing."""
        return not self._drawings

    def reset(self) -> None:
        """To be called before each replay."""
        for report, _, _ in self._drawings:
            report.reset()

    def fullness(self) -> float:
        """Largest share of the room that the last replay needs; waits until the GPU has counted, as
        `DeviceReport.read` does.

        Above 1 a drawing has NaN in it. The needs are remembered: a graph captured anew gets more room.

        Raises:
            ValueError: cameras can't be drawn.
        """
        shares = [0.0]
        for report, history, capacity in self._drawings:
            length = report.read()
            history.note(length)
            shares.append(length / capacity)
        return max(shares)


WATCHES: list[ListWatch] = []
"""Those of the captures that are under way in this process."""


@contextmanager
def watch_lists() -> Iterator[ListWatch]:
    """Watches the drawings that are captured in a CUDA graph inside of the block."""
    watch = ListWatch()
    WATCHES.append(watch)
    try:
        yield watch
    finally:
        WATCHES.remove(watch)


def watched(history: ListCapacity, capacity: int) -> int:
    """Where a drawing that is being captured reports to: an address, or null where nobody watches."""
    return WATCHES[-1].add(history, capacity).address if WATCHES else 0

"""Room for the lists of the tiles: how long they are is known only on the GPU, and nobody waits for it."""

from dataclasses import dataclass

import torch
from torch import Tensor

from gghead.rasterizer.cuda_kernels import MAX_LOCAL_TILES, THREADS, TILE

SLACK = 1.25
"""Room beyond what the last pictures of this kind needed."""
CAPTURE_SLACK = 2.0
"""The same in a captured graph, which can't be given more later."""
STEP = 2**16
"""Room is made in steps of so many entries, so that torch's allocator can use a block again."""
CLASSES = 64
"""Classes of the length of a list, by which tiles are ordered; lists.cu says the same."""
KINDS = 256
"""Kinds of jobs that are remembered."""
PROBLEMS = {
    1: "viewmats hold numbers that are not finite; check how the cameras were made",
    2: "Ks hold numbers that are not finite; check how the cameras were made",
    4: "Ks have skew (their element [0, 1] is not 0); only cameras without skew can be drawn",
}
"""What a kernel may find wrong with the cameras, by the bit that projection.cu sets."""


@dataclass(frozen=True)
class Job:
    """What is drawn, but for the numbers themselves."""

    device: int
    pictures: int
    views: int
    count: int
    width: int
    height: int

    @property
    def tiles(self) -> int:
        """Tiles of a picture."""
        return -(-self.width // TILE) * -(-self.height // TILE)

    @property
    def local_tiles(self) -> int:
        """Tiles for which a block counts in shared memory; 0 if a picture has too many."""
        return self.tiles if self.tiles <= MAX_LOCAL_TILES else 0

    @property
    def blocks(self) -> int:
        """Blocks of threads that the Gaussians of one picture take."""
        return -(-self.count // THREADS)


@dataclass(frozen=True)
class Lists:
    """The lists of all tiles.

    Attributes:
        counts: how many splats each tile lists, [tiles] int32.
        starts: where its list starts, [tiles] int64.
        order: the tiles, those with the longest lists first, [tiles] int32.
        entries: camera z and row of each listed splat, [capacity] int64, in no order within a tile.
        sorted: rows in the order of drawing as far as they were drawn, [capacity] int32; None without gradients.
    """

    counts: Tensor
    starts: Tensor
    order: Tensor
    entries: Tensor
    sorted: Tensor | None


class Report:
    """What the GPU writes into the host's memory once it has counted: the entries of all lists, and PROBLEMS."""

    def __init__(self) -> None:
        self.numbers = torch.zeros(2, dtype=torch.int64, pin_memory=True)
        self.view = self.numbers.numpy()
        self.counted = torch.cuda.Event()

    def read(self) -> int:
        """Waits until the GPU has counted, which is long before it has drawn; returns the number of entries.

        Raises:
            ValueError: the cameras can't be drawn.
        """
        self.counted.synchronize()
        length, problems = int(self.view[0]), int(self.view[1])
        for bit, message in PROBLEMS.items() if problems else ():
            if problems & bit:
                raise ValueError(message)
        return length


class Reports:
    """Reports that nobody waits for, by device: pinned memory is slow to get."""

    def __init__(self) -> None:
        self.free: dict[int, list[Report]] = {}

    def take(self, device: int) -> Report:
        """A report for one call; lists of Python are safe among threads."""
        waiting = self.free.setdefault(device, [])
        return waiting.pop() if waiting else Report()

    def give_back(self, device: int, report: Report) -> None:
        """Once it has been read for the last time."""
        self.free[device].append(report)


class Memory:
    """How long the lists of recent jobs were: the guess for the next one."""

    def __init__(self) -> None:
        self.lengths: dict[Job, int] = {}

    def guess(self, job: Job, slack: float = SLACK) -> int | None:
        """Entries to make room for; None before the first job of a kind."""
        length = self.lengths.get(job)
        return None if length is None else roomy(length, slack)

    def note(self, job: Job, length: int) -> None:
        """Remembers a length."""
        if len(self.lengths) >= KINDS and job not in self.lengths:
            self.lengths.clear()
        # Longer lists are forgotten slowly, lest short and long ones that take turns are drawn twice.
        self.lengths[job] = max(length, int(0.95 * self.lengths.get(job, 0)))


def roomy(length: int, slack: float = SLACK) -> int:
    """A length with slack, in whole steps."""
    return max(1, -(-int(length * slack) // STEP)) * STEP

"""Several processes, one measurement: torchrun starts them, files carry what they find."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta

import torch.distributed

LONGEST_WAIT = timedelta(hours=12)
"""A process waits so long for the slowest."""


@dataclass(frozen=True)
class Rank:
    """Which of the processes this is.

    Attributes:
        number: 0 to count - 1; 0 reports.
        count: processes.
        local: which of those on this machine, hence which GPU.
    """

    number: int = 0
    count: int = 1
    local: int = 0

    def wait(self) -> None:
        """Until all processes are here."""
        if self.count > 1:
            torch.distributed.barrier()


@contextmanager
def join_ranks() -> Iterator[Rank]:
    """This process's rank as torchrun tells it; a single process if it was not started by torchrun."""
    count = int(os.environ.get("WORLD_SIZE", "1"))
    if count == 1:
        yield Rank()
        return
    torch.distributed.init_process_group("gloo", timeout=LONGEST_WAIT)
    try:
        yield Rank(int(os.environ["RANK"]), count, int(os.environ["LOCAL_RANK"]))
    finally:
        torch.distributed.destroy_process_group()

"""Trains a run undisturbed, and another that is killed again and again: `kill_runs.py UNDISTURBED KILLED KILLS SEED`.

A program of its own, because it forks: children are ready at once, and nothing that runs in threads may be there then.
Prints after how many images each kill came.
"""

import os
import random
import select
import signal
import sys
import time
from pathlib import Path

import torch

from gghead.runs.run_folder import RunFolder
from gghead.training.loop import train
from gghead.training.observe.telemetry import Monitor
from gghead.training.state import new_state


class StepTeller(Monitor):
    """Writes a byte into a pipe after each step."""

    def __init__(self, pipe: int) -> None:
        self._pipe = pipe

    def advance(self, images: int) -> None:
        os.write(self._pipe, b".")


def start(run: RunFolder) -> tuple[int, int]:
    """A process that trains; its id and the pipe that tells of steps."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reading)
        train(run, StepTeller(writing))
        os._exit(0)
    os.close(writing)
    return child, reading


def wait_for_steps(pipe: int, steps: int) -> None:
    """Until so many steps were made, or the process ended."""
    for _ in range(steps):
        select.select([pipe], [], [])
        if not os.read(pipe, 1):
            return


def finish(run: RunFolder) -> tuple[float, float]:
    """Trains to the end; seconds to the first step and to the end."""
    begin = time.monotonic()
    child, pipe = start(run)
    wait_for_steps(pipe, 1)
    first = time.monotonic() - begin
    _, status = os.waitpid(child, 0)
    os.close(pipe)
    assert status == 0, "training failed"
    return first, time.monotonic() - begin


def main() -> None:
    """Does it."""
    undisturbed, killed = (RunFolder.open(Path(path)) for path in sys.argv[1:3])
    kills, moment = int(sys.argv[3]), random.Random(int(sys.argv[4]))
    torch.set_num_threads(1)
    new_state(killed.config, "cpu")  # what every process would compile and load
    ready, total = finish(undisturbed)
    config = killed.config.training
    between = total * config.snapshot_every / config.total_images
    for _ in range(kills):
        child, pipe = start(killed)
        steps = moment.choice((0, 1, 2, 3))  # a checkpoint comes with every second
        wait_for_steps(pipe, steps)
        time.sleep(moment.uniform(0, between if steps else ready))
        os.kill(child, signal.SIGKILL)
        _, status = os.waitpid(child, 0)
        os.close(pipe)
        assert os.WIFSIGNALED(status), "the run is too short for so many kills, or failed"
        print(*(folder.name for folder in killed.checkpoints()[-1:]), flush=True)
    finish(killed)


main()

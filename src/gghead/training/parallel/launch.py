"""Processes of a run: started here for the GPUs of one machine, or by torchrun on many; each finds its place."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta

import torch
import torch.distributed

from gghead.training.interruption import stop_signals
from gghead.training.parallel.distributed import SINGLE_PROCESS, ProcessGroup, told_as_lost

LONGEST_SILENCE = timedelta(minutes=30)
"""A process that hangs is given up after it; one that dies is noticed at once. The first one measures meanwhile."""
GRACE_SECONDS = 20.0
"""When one process has failed, the others have so long to say what they know of it."""
INTERRUPTED = 130
"""Exit code of a process that saved because it was asked to stop."""
PROGRAM = "from gghead.cli.main import main; main()"


@contextmanager
def join_team(device: str) -> Iterator[ProcessGroup]:
    """This process's place among those that torchrun, or `--gpus`, started; alone if it was not started by them.

    Args:
        device: where the processes train; on CUDA each takes the GPU of its local rank.

    Raises:
        ConnectionError: the others don't come, or one is gone.
        ValueError: there are more processes than GPUs.
    """
    if not is_launched():
        yield SINGLE_PROCESS
        return
    rank, world_size, local_rank = (int(os.environ[name]) for name in ("RANK", "WORLD_SIZE", "LOCAL_RANK"))
    on_cuda = torch.device(device).type == "cuda"
    if on_cuda:
        require_gpus(local_rank + 1)
        torch.cuda.set_device(local_rank)
    with told_as_lost(ProcessGroup(rank, world_size)):
        torch.distributed.init_process_group("nccl" if on_cuda else "gloo", timeout=LONGEST_SILENCE)
        control = torch.distributed.new_group(backend="gloo", timeout=LONGEST_SILENCE)
    yield ProcessGroup(rank, world_size, local_rank, control)
    # Not after an error: it would wait for processes that are gone.
    torch.distributed.destroy_process_group()


def is_launched() -> bool:
    """Whether torchrun, or `launch`, started this process as one of several."""
    return int(os.environ.get("WORLD_SIZE", 1)) > 1


def require_gpus(count: int) -> None:
    """Raises ValueError if this machine has fewer GPUs."""
    there = torch.cuda.device_count()
    if there < count:
        raise ValueError(f"{count} processes on a machine with {there} GPUs; expected one GPU for each: start fewer")


def launch(arguments: Sequence[str], count: int) -> int:
    """Runs `gghead ARGUMENTS` in processes of this machine that know of each other as torchrun's do.

    What asks a run to stop (SIGINT, SIGTERM, SIGHUP) is passed on to them. They share the processor's cores, unless
    OMP_NUM_THREADS says otherwise.

    Returns:
        Exit code that all agree on: 0, or that of an interrupted run.

    Raises:
        ChildProcessError: one of them failed; the others were ended.
    """
    shared = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(free_port()), "WORLD_SIZE": str(count)}
    threads = {"OMP_NUM_THREADS": str(max(torch.get_num_threads() // count, 1))}
    workers = [
        subprocess.Popen(
            [sys.executable, "-c", PROGRAM, *arguments],
            env=threads | os.environ | shared | {"RANK": str(rank), "LOCAL_RANK": str(rank)},
        )
        for rank in range(count)
    ]
    try:
        with _passed_on(workers):
            failed = _wait(workers)
    finally:
        for worker in workers:
            worker.kill()
            worker.wait()
    if failed is not None:
        code = workers[failed].returncode
        if code < 0:
            ended = f"was ended by {signal.Signals(-code).name}; go on with `gghead resume`"
        else:
            ended = f"failed with exit code {code}; what it said stands above"
        raise ChildProcessError(f"the run stopped: process {failed} of {count} {ended}")
    return max(worker.returncode for worker in workers)


def _wait(workers: Sequence[subprocess.Popen[bytes]]) -> int | None:
    """Until all have ended, or one has failed and the others had their time; returns the first that failed."""
    failed, deadline = None, float("inf")
    while any(worker.poll() is None for worker in workers) and time.monotonic() < deadline:
        time.sleep(0.05)
        if failed is None:
            bad = [rank for rank, worker in enumerate(workers) if worker.poll() not in (None, 0, INTERRUPTED)]
            if bad:
                failed, deadline = bad[0], time.monotonic() + GRACE_SECONDS
    return failed


@contextmanager
def _passed_on(workers: Sequence[subprocess.Popen[bytes]]) -> Iterator[None]:
    """Hands signals to the workers for as long as the block lasts."""

    def hand_on(number: int, frame: object) -> None:
        for worker in workers:
            if worker.poll() is None:
                worker.send_signal(number)

    before = {number: signal.signal(number, hand_on) for number in stop_signals()}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def free_port() -> int:
    """A port of this machine that nobody uses now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]

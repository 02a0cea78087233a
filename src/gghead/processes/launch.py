"""Processes of this machine that do one job, started by torchelastic, the engine of torchrun."""

import logging
import multiprocessing
import os
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NoReturn, TypeVar

import torch
from torch.distributed.elastic.multiprocessing import DefaultLogsSpecs
from torch.distributed.elastic.multiprocessing.errors import ChildFailedError
from torch.distributed.launcher.api import LaunchConfig, elastic_launch

from gghead.processes.interruption import INTERRUPTED, catch_interruption

T = TypeVar("T")

POLL_SECONDS = 0.1
"""Time between two looks at the processes."""


def launch(
    entry: Callable[..., T], arguments: tuple[object, ...], count: int, *, restarts: int = 0, remedy: str = ""
) -> list[T]:
    """Calls a function in processes of this machine, which find each other by `join_group`, as torchrun's do.

    A first signal that asks to stop (SIGINT, SIGTERM, SIGHUP) is passed on: the function decides what it means. A
    second one stops all at once. The processes share the processor's cores, unless OMP_NUM_THREADS says otherwise.

    Args:
        entry: a function of a module, called once in each process. What it returns is pickled.
        arguments: of the function; pickled.
        count: processes.
        restarts: how often all are started again after one has ended with an error, or was killed.
        remedy: what to do about a process that was killed, for the message.

    Returns:
        What the processes returned, in the order of their ranks.

    Raises:
        ChildProcessError: one of them failed, or was killed, for the last time; the others were ended.
        KeyboardInterrupt: they were asked to stop and did so without an answer.
    """
    # Else processes that start again look for each other at the addresses of those that are gone (torch 2.11, 2.13).
    os.environ.setdefault("TORCH_DISABLE_SHARE_RDZV_TCP_STORE", "1")
    with tempfile.TemporaryDirectory(prefix="gghead_processes_") as folder:
        stop = Path(folder, "stop")
        config = LaunchConfig(
            min_nodes=1,
            max_nodes=1,
            nproc_per_node=count,
            run_id=Path(folder).name,
            rdzv_backend="c10d",
            rdzv_endpoint="localhost:0",
            local_addr="localhost",
            max_restarts=restarts,
            monitor_interval=POLL_SECONDS,
            # Others are ours: torchelastic would kill after 30 seconds what is still saving.
            signals_to_handle="SIGQUIT",
            logs_specs=DefaultLogsSpecs(log_dir=folder),
        )
        try:
            with _pass_on_signals(stop), _quiet():
                results = elastic_launch(config, _enter)(entry, arguments, stop)
        except ChildFailedError as error:
            if stop.exists():
                raise KeyboardInterrupt from error
            raise ChildProcessError(_describe(error, count, remedy)) from error
        if stop.exists() and None in results.values():
            raise KeyboardInterrupt
    return [results[rank] for rank in range(count)]


def end_after_loss(error: ConnectionError) -> NoReturn:
    """Ends a process that has lost another one, once who started it had time to see which one that was.

    An orderly exit would wait for what the lost process left undone on the GPU.
    """
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    time.sleep(10 * POLL_SECONDS)
    print(f"Error: {error}", file=sys.stderr, flush=True)
    os._exit(1)


def _enter(entry: Callable[..., T], arguments: tuple[object, ...], stop: Path) -> T | None:
    """What each process does; None if it was started again although somebody asked to stop meanwhile."""
    if stop.exists():
        return None
    starts, most = (int(os.environ[f"TORCHELASTIC_{name}"]) for name in ("RESTART_COUNT", "MAX_RESTARTS"))
    if starts and os.environ["RANK"] == "0":
        print(f"a process was lost, so all start again: {starts} of {most} times", file=sys.stderr, flush=True)
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # until the function has handlers of its own
    if "OMP_NUM_THREADS" not in os.environ:
        torch.set_num_threads(max(torch.get_num_threads() // int(os.environ["LOCAL_WORLD_SIZE"]), 1))
    try:
        return entry(*arguments)
    except KeyboardInterrupt:
        os._exit(INTERRUPTED)  # torch would take it for an answer that is still to come
    except ConnectionError as error:
        end_after_loss(error)
    except Exception as error:
        if starts < most:  # after the last start, `launch` says it
            print(f"Error: {type(error).__name__}: {error}", file=sys.stderr, flush=True)
        raise


@contextmanager
def _pass_on_signals(stop: Path) -> Iterator[None]:
    """Hands signals to the processes that were started in this block, and notes that there was one."""
    before = multiprocessing.active_children()

    def pass_on(number: int) -> None:
        stop.touch()
        for process in multiprocessing.active_children():
            if process not in before and process.pid is not None:
                os.kill(process.pid, number)

    with catch_interruption(pass_on):
        yield


@contextmanager
def _quiet() -> Iterator[None]:
    """Mutes what torch logs of processes that end, tracebacks included: the error says it in one line."""
    loggers = [
        logging.getLogger(name) for name in ("torch.multiprocessing", "torch.distributed.elastic.multiprocessing")
    ]
    before = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        for logger, level in zip(loggers, before, strict=True):
            logger.setLevel(level)


def _describe(error: ChildFailedError, count: int, remedy: str) -> str:
    rank, failure = error.get_first_failure()
    told = failure.error_file_data.get("message")
    if failure.exitcode < 0:
        ended = f"was ended by {failure.signal_name()}; {remedy}"
    elif isinstance(told, dict):
        ended = f"failed: {told['message']}"
    else:
        ended = f"failed with exit code {failure.exitcode}; what it said stands above"
    return f"process {rank} of {count} {ended}"

"""Processes that are started together: what they answer, how they end, and when they start again."""

import multiprocessing
import os
import signal
import threading
import time
from pathlib import Path

import pytest
import torch

from gghead.processes.group import join_group
from gghead.processes.interruption import ECHO_SECONDS, catch_interruption
from gghead.processes.launch import launch

pytestmark = pytest.mark.slow
PATIENCE = 60
"""Seconds that a test waits for processes; they need a tenth of it."""


def meet() -> tuple[int, int, float]:
    """Rank, threads, and the mean of the ranks."""
    with join_group("cpu") as group:
        return group.rank, torch.get_num_threads(), float(group.mean(torch.tensor(float(group.rank))))


def refuse() -> None:
    """Fails in one process, while the other waits for it."""
    with join_group("cpu") as group:
        if group.rank == 1:
            raise ValueError("7 is no number of heads")
        group.wait()


def be_killed(folder: Path, times: int) -> int:
    """Rank 1 kills itself in its first starts; returns how many there were."""
    with join_group("cpu") as group:
        starts = len(list(folder.iterdir()))
        group.wait()
        if group.rank == 1 and starts < times:
            (folder / str(starts)).touch()
            os.kill(os.getpid(), signal.SIGKILL)
        group.wait()
        return starts


def wait_for_a_signal(folder: Path) -> bool:
    """Waits until it is asked to stop."""
    with join_group("cpu") as group, catch_interruption() as interruption:
        (folder / str(group.rank)).touch()
        while not interruption.requested:
            time.sleep(0.02)
        return interruption.requested


def be_deaf(folder: Path) -> None:
    """Takes a first signal for none."""
    with catch_interruption():
        (folder / os.environ["RANK"]).touch()
        time.sleep(PATIENCE)


def sleep(folder: Path) -> None:
    """Handles no signal."""
    (folder / os.environ["RANK"]).touch()
    time.sleep(PATIENCE)


def send_signals(folder: Path, number: int, times: int) -> threading.Thread:
    """Signals this process once two others are there, as a cluster does."""

    def send() -> None:
        while len(list(folder.iterdir())) < 2:
            time.sleep(0.02)
        for _ in range(times):
            os.kill(os.getpid(), number)
            time.sleep(ECHO_SECONDS + 0.2)

    thread = threading.Thread(target=send)
    thread.start()
    return thread


@pytest.fixture(autouse=True)
def share_a_core(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "1")


def test_processes_find_each_other_and_share_the_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OMP_NUM_THREADS")
    threads = max(len(os.sched_getaffinity(0)) // 2, 1) if hasattr(os, "sched_getaffinity") else None
    first, second = launch(meet, (), 2)
    assert (first[0], second[0]) == (0, 1)
    assert first[2] == second[2] == 0.5
    assert threads in (first[1], None)


def test_a_process_that_fails_ends_the_others(capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(ChildProcessError, match="process 1 of 2 failed: ValueError: 7 is no number of heads"):
        launch(refuse, (), 2)
    assert capfd.readouterr().err == "", "the error says it all"


def test_a_process_that_is_killed_ends_the_others(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    begin = time.monotonic()
    with pytest.raises(ChildProcessError, match="process 1 of 2 was ended by SIGKILL; try again"):
        launch(be_killed, (tmp_path, 1), 2, remedy="try again")
    assert time.monotonic() - begin < PATIENCE / 2
    assert capfd.readouterr().err == ""
    assert not multiprocessing.active_children()


def test_lost_processes_start_again_as_often_as_wanted(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert launch(be_killed, (tmp_path, 2), 2, restarts=3) == [2, 2]
    told = capfd.readouterr().err
    assert "start again: 1 of 3 times" in told
    assert "start again: 2 of 3 times" in told
    assert "Traceback" not in told


def test_one_signal_is_passed_on_and_leaves_an_answer(tmp_path: Path) -> None:
    before = signal.getsignal(signal.SIGTERM)
    thread = send_signals(tmp_path, signal.SIGTERM, 1)
    assert launch(wait_for_a_signal, (tmp_path,), 2, restarts=1) == [True, True]
    thread.join()
    assert signal.getsignal(signal.SIGTERM) is before


@pytest.mark.parametrize(("entry", "times"), [(sleep, 1), (be_deaf, 2)], ids=["not handled", "second"])
def test_a_signal_that_stops_at_once_starts_nothing_again(
    entry: object, times: int, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    begin = time.monotonic()
    thread = send_signals(tmp_path, signal.SIGINT, times)
    with pytest.raises(KeyboardInterrupt):
        launch(entry, (tmp_path,), 2, restarts=1)
    thread.join()
    assert time.monotonic() - begin < PATIENCE / 2
    assert not multiprocessing.active_children()

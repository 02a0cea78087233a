"""Ctrl-C, a polite kill and a terminal that is closed as a question that the loop asks between two steps."""

import os
import signal
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from types import FrameType

INTERRUPTED = 130
"""Exit code of a process that was asked to stop, as shells have it."""
ECHO_SECONDS = 1.0
"""Signals that come so soon after the first are its echo: some tools signal the process and then its whole group."""
STANDARD_STREAMS = (1, 2)
"""File descriptors of stdout and stderr."""


class Interruption:
    """Whether somebody asked the job to stop.

    Args:
        pass_on: is told the number of each signal.
    """

    def __init__(self, pass_on: Callable[[int], None]) -> None:
        self.requested = False
        self._since = 0.0
        self._pass_on = pass_on
        self._terminals = [stream for stream in STANDARD_STREAMS if _is_terminal(stream)]

    def handle(self, number: int, frame: FrameType | None) -> None:
        """Signal handler: the first signal asks, a second one stops at once."""
        self._let_go_of_closed_terminals()
        self._pass_on(number)
        if self.requested and time.monotonic() - self._since > ECHO_SECONDS:
            raise KeyboardInterrupt
        if not self.requested:
            self.requested, self._since = True, time.monotonic()

    def _let_go_of_closed_terminals(self) -> None:
        """Sends to nowhere what would be written to a terminal that is closed: an error of it would end the run before
        it is saved."""
        for stream in self._terminals:
            if not _is_terminal(stream):
                nowhere = os.open(os.devnull, os.O_WRONLY)
                os.dup2(nowhere, stream)
                os.close(nowhere)


def stop_signals() -> list[int]:
    """The signals that ask a run to save and stop: SIGINT, SIGTERM, and SIGHUP where there is one and where it is not
    ignored, as nohup has it."""
    hangup = getattr(signal, "SIGHUP", None)
    if hangup is None or signal.getsignal(hangup) is signal.SIG_IGN:
        return [signal.SIGINT, signal.SIGTERM]
    return [signal.SIGINT, signal.SIGTERM, hangup]


@contextmanager
def catch_interruption(pass_on: Callable[[int], None] = lambda number: None) -> Iterator[Interruption]:
    """Turns these signals into a request for as long as the block lasts; `pass_on` is told the number of each."""
    interruption = Interruption(pass_on)
    with handled_signals(stop_signals(), interruption.handle):
        yield interruption


@contextmanager
def handled_signals(numbers: Iterable[int], handler: Callable[[int, FrameType | None], None]) -> Iterator[None]:
    """Handles signals for as long as the block lasts; in other threads than the main one it leaves them as they are, as
    Python does."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.signal(number, handler) for number in numbers}
    try:
        yield
    finally:
        for number, previous in before.items():
            signal.signal(number, previous)


def _is_terminal(stream: int) -> bool:
    try:
        return os.isatty(stream)
    except OSError:  # closed
        return False

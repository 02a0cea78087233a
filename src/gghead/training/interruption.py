"""Ctrl-C and a polite kill as a question that the loop asks between two steps."""

import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

ECHO_SECONDS = 1.0
"""Signals that come so soon after the first are its echo: some tools signal the process and then its whole group."""


class Interruption:
    """Whether somebody asked the run to stop."""

    def __init__(self) -> None:
        self.requested = False
        self._since = 0.0

    def handle(self, number: int, frame: FrameType | None) -> None:
        """Signal handler: the first signal asks, a second one stops at once."""
        if self.requested and time.monotonic() - self._since > ECHO_SECONDS:
            raise KeyboardInterrupt
        if not self.requested:
            self.requested, self._since = True, time.monotonic()


@contextmanager
def catch_interruption() -> Iterator[Interruption]:
    """Turns SIGINT and SIGTERM into a request for as long as the block lasts; in other threads than the main one it
    leaves signals alone, as Python does."""
    interruption = Interruption()
    if threading.current_thread() is not threading.main_thread():
        yield interruption
        return
    before = {number: signal.signal(number, interruption.handle) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield interruption
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)

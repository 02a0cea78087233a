"""A polite kill, or a terminal that is closed, as an orderly end: temporary files are removed on the way out."""

import signal
from contextlib import AbstractContextManager
from types import FrameType

from gghead.processes.interruption import handled_signals


def orderly_end() -> AbstractContextManager[None]:
    """Makes SIGTERM and SIGHUP leave through every `finally` for as long as the block lasts.

    The exit code is 128 + the signal's number. A second signal ends the process at once. What is ignored, as nohup has
    SIGHUP ignored, stays so.
    """
    numbers = {signal.SIGTERM, getattr(signal, "SIGHUP", signal.SIGTERM)}  # Windows has no SIGHUP
    return handled_signals([number for number in numbers if signal.getsignal(number) is signal.SIG_DFL], _leave)


def _leave(number: int, frame: FrameType | None) -> None:
    signal.signal(number, signal.SIG_DFL)
    raise SystemExit(128 + number)

"""Whose turn it is: long work of many visitors is done one after the other, and who waits knows how many are before."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

LOOK_SECONDS = 0.2
"""Time between two looks at whether who waits has been stopped."""


class Stopped(Exception):
    """Whoever waited or worked was asked to stop."""


class Turns:
    """A line of waiting threads."""

    def __init__(self) -> None:
        self._line: list[object] = []
        self._changed = threading.Condition()

    @contextmanager
    def turn(self, on_place: Callable[[int], None], stopped: Callable[[], bool]) -> Iterator[None]:
        """Waits for its turn, which lasts as long as the block.

        Args:
            on_place: is told how many are before, whenever that changes, and not where nobody is.
            stopped: asked while waiting whether to give up.

        Raises:
            Stopped: `stopped` said so.
        """
        ticket = object()
        with self._changed:
            self._line.append(ticket)
        try:
            told = 0
            while True:
                with self._changed:
                    place = self._line.index(ticket)
                    if place == told and place > 0:
                        self._changed.wait(LOOK_SECONDS)
                        place = self._line.index(ticket)
                if stopped():
                    raise Stopped
                if place == 0:
                    break
                if place != told:
                    told = place
                    on_place(place)
            yield
        finally:
            with self._changed:
                self._line.remove(ticket)
                self._changed.notify_all()

"""What a page asks for, one thing after another, in a thread of its own.

viser calls back in threads that all visitors share: a page that asks faster than it is answered would take them all.
Here a widget that is used again before its turn comes waits once, with its newest event, so that no more waits than the
page has widgets.
"""

import functools
import threading
from collections.abc import Callable


class Requests:
    """The requests of a page. Its methods may be called from any thread; after `close` nothing more is done."""

    def __init__(self) -> None:
        self._waiting: dict[Callable[..., None], tuple] = {}
        self._changed = threading.Condition()
        self._closed = False
        threading.Thread(target=self._work, name="page requests", daemon=True).start()

    def queued(self, function: Callable[..., None]) -> Callable[..., None]:
        """A function that has `function` called, soon, with the newest arguments; it must not raise."""

        @functools.wraps(function)
        def call(*arguments: object) -> None:
            with self._changed:
                if not self._closed:
                    self._waiting[function] = arguments
                    self._changed.notify()

        return call

    def close(self) -> None:
        """Ends the thread; what waits is not done."""
        with self._changed:
            self._closed = True
            self._waiting.clear()
            self._changed.notify()

    def _work(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._closed or self._waiting)
                if self._closed:
                    return
                function = next(iter(self._waiting))
                arguments = self._waiting.pop(function)
            function(*arguments)

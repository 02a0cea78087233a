"""Files are made one at a time for a visitor, a few at a time for all, and not too many a minute."""

import threading
import time
from collections import deque
from collections.abc import Callable

from gghead.viewer.downloads import Download
from gghead.viewer.page import Page

MAX_A_MINUTE = 30
"""Files that one page may ask for."""
MAX_CONCURRENT = 2
"""Files that are made at once for all visitors; the others wait."""

_workers = threading.Semaphore(MAX_CONCURRENT)


class ClientLeft(Exception):
    """The visitor left while something was made for them."""


class Saver:
    """Makes the files of a page for its visitor, each in a thread that lives as long as that takes."""

    def __init__(self, page: Page) -> None:
        self._page = page
        self._busy = threading.Lock()
        self._started: deque[float] = deque(maxlen=MAX_A_MINUTE)

    def save(self, make: Callable[[], Download]) -> None:
        """Begins to make a file and to send it; an error of `make` becomes a note on the page, `ClientLeft` nothing.

        Raises:
            ValueError: one is being made already, or there were too many in the last minute.
        """
        now = time.monotonic()
        if len(self._started) == MAX_A_MINUTE and now - self._started[0] < 60:
            raise ValueError(f"{MAX_A_MINUTE} files were saved in a minute; wait a little")
        if not self._busy.acquire(blocking=False):
            raise ValueError("a file is being made already; save this one when it is there")
        self._started.append(now)
        threading.Thread(target=self._make, args=(make,), name="saving", daemon=True).start()

    def _make(self, make: Callable[[], Download]) -> None:
        try:
            self._page.guarded(self._send)(make)
        finally:
            self._busy.release()

    def _send(self, make: Callable[[], Download]) -> None:
        with _workers:
            if self._page.session.gone:
                return
            try:
                download = make()
            except ClientLeft:
                return
        self._page.keep(download)

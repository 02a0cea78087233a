"""The photograph of one visitor, fitted in a thread of its own, which ends when the visitor wants or leaves."""

import logging
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

import torch

from gghead.inversion.qualities import Quality
from gghead.viewer.access.uploads import MAX_UPLOAD
from gghead.viewer.photographs.fitter import FitProgress, FittedPerson, PhotographFitter, Upload
from gghead.viewer.photographs.turns import Stopped

log = logging.getLogger(__name__)


class FitScreen(Protocol):
    """Where a visitor sees what becomes of the photograph; called from the fit's thread, and not after they left."""

    def progress(self, progress: FitProgress) -> None:
        """The fit goes on."""

    def finished(self, path: Path, fitted: FittedPerson) -> None:
        """The head is there; `path` is the model's."""

    def ended(self, text: str) -> None:
        """There is none, and why."""


class VisitorFit:
    """At most one fit at a time for a visitor.

    Args:
        fitter: of all visitors.
        screen: of this one.
        gone: whether the visitor has left.
    """

    def __init__(self, fitter: PhotographFitter, screen: FitScreen, gone: Callable[[], bool]) -> None:
        self._fitter, self._screen, self._gone = fitter, screen, gone
        self._busy = threading.Lock()
        self._cancelled = threading.Event()

    def begin(self, path: Path, upload: Upload, quality: Quality) -> None:
        """Begins with a photograph.

        Args:
            path: of the model.
            upload: the photograph.
            quality: how long it may take.

        Raises:
            ValueError: one is fitted already, or the file is empty, as it is where it was too large.
        """
        if not upload.content:
            raise ValueError(
                f"the file is empty, or larger than {MAX_UPLOAD / 1e6:.0f} MB, which is not taken; expected a "
                "photograph: make it smaller, or save it as JPEG"
            )
        if not self._busy.acquire(blocking=False):
            raise ValueError("a photograph is being fitted already; cancel it first, or wait until it is done")
        self._cancelled.clear()
        threading.Thread(target=self._work, args=(path, upload, quality), name="photograph", daemon=True).start()

    def cancel(self) -> None:
        """Ends the fit, after its step; nothing of it is left."""
        self._cancelled.set()

    def _work(self, path: Path, upload: Upload, quality: Quality) -> None:
        try:
            fitted = self._fitter.fit(path, upload, quality, self._tell, self._stopped)
        except Stopped:
            end = "cancelled"
        except (ValueError, OSError) as error:
            log.warning("a photograph was not fitted: %s", error)
            end = str(error)
        except (MemoryError, torch.OutOfMemoryError) as error:
            log.warning("a photograph was not fitted: %s", error)
            end = "the memory of this machine is full; try again later, or with a smaller photograph"
        except Exception as error:  # a page shows no traceback, the log does
            log.exception("a photograph could not be fitted")
            end = f"this failed ({type(error).__name__}); the viewer's log tells more"
        else:
            self._busy.release()
            if not self._gone():
                self._screen.finished(path, fitted)
            return
        self._busy.release()
        if not self._gone():
            self._screen.ended(end)

    def _tell(self, progress: FitProgress) -> None:
        if not self._gone():
            self._screen.progress(progress)

    def _stopped(self) -> bool:
        return self._cancelled.is_set() or self._gone()

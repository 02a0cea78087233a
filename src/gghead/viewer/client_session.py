"""One visitor: their view, and the thread that keeps their screen in step with it."""

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

import numpy as np
from jaxtyping import UInt8

from gghead.viewer.drawing.drawing import Splats
from gghead.viewer.drawing.heads import Head
from gghead.viewer.drawing.template_mesh import TemplateMesh
from gghead.viewer.heads_service import HeadsService
from gghead.viewer.state import View, Viewpoint
from gghead.viewer.viewpoints import Motion, advance

SMOOTH_SECONDS = 0.05
"""While the view changes pictures are made smaller until they take no longer than this."""
SETTLE_SECONDS = 0.2
"""After so long without a change the picture is drawn at its full size."""
MIN_SIDE = 128
"""Pictures of a moving view are not made smaller than this, pixels."""
SECONDS_A_TURN = 12.0
"""Time that a camera that moves by itself takes for a turn."""
FRAME_SECONDS = 1 / 30
"""Pictures and camera steps do not follow each other faster."""

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class DrawReport:
    """What the page tells of the work behind the last picture.

    Attributes:
        head_seconds: time that making the head took.
        frame_seconds: time that drawing took.
        frames_per_second: pictures that reached the visitor, over the last second; 0 where nothing moves.
    """

    head_seconds: float
    frame_seconds: float
    frames_per_second: float


class Screen(Protocol):
    """What a visitor looks at. Its methods are called from the visitor's thread and may raise when nobody is there."""

    def size(self) -> tuple[int, int]:
        """Width and height of the canvas, pixels."""
        ...

    def framed(self, viewpoint: Viewpoint) -> Viewpoint:
        """The browser's camera for a view, which depends on the window."""
        ...

    def show_picture(self, picture: UInt8[np.ndarray, "H W 3"], final: bool) -> None:
        """Shows a streamed picture and hides splats; `final` pictures stay, others are followed by more."""

    def show_splats(self, splats: Splats, mesh: TemplateMesh | None, background: tuple[int, int, int]) -> None:
        """Gives the browser a head to draw and hides streamed pictures."""

    def move_camera(self, view: View) -> None:
        """Puts the visitor's camera where the view says."""

    def report(self, report: DrawReport, /) -> None:
        """Tells of the last picture."""

    def complain(self, text: str) -> None:
        """Shows what went wrong."""


class ClientSession:
    """Keeps a screen in step with a view. Changes may come from any thread; the newest one wins.

    Attributes:
        path: the model file that is looked at; `look_at` changes it.
        view: what is seen now; `change` changes it.
        motion: how the camera moves by itself; `move` changes it.
        gone: whether the visitor has left; long work asks this and stops.
    """

    def __init__(self, service: HeadsService, screen: Screen, path: Path, view: View) -> None:
        self.service, self.screen = service, screen
        self.motion = Motion.STILL
        self.path, self.view, self.gone = path, view, False
        self._changed = threading.Condition()
        self._version, self._done = 1, 0
        self._scale = 1.0
        self._frames: list[float] = []
        self._shown: tuple | None = None
        self._anything_shown = threading.Event()
        self._thread = threading.Thread(target=self._work, name="visitor", daemon=True)

    def start(self) -> None:
        """Begins to show."""
        self._thread.start()

    def wait_until_shown(self) -> None:
        """Returns after the first picture, or when the visitor leaves."""
        self._anything_shown.wait()

    def leave(self) -> None:
        """Ends the thread, soon."""
        self._anything_shown.set()
        with self._changed:
            self.gone = True
            self._changed.notify()

    def change(self, function: Callable[[View], View]) -> None:
        """Changes the view.

        Raises:
            ValueError: the new view is none; the old one stays.
        """
        with self._changed:
            view = function(self.view)
            if view != self.view:
                self.view = view
                self._version += 1
                self._changed.notify()

    def look_at(self, path: Path) -> None:
        """Changes the model file; the same one is read again if it was written anew."""
        with self._changed:
            self.path = path
            self._version += 1
            self._changed.notify()

    def move(self, motion: Motion) -> None:
        """Lets the camera move by itself, or stand still."""
        with self._changed:
            self.motion = motion
            self._version += 1
            self._changed.notify()

    def head(self) -> Head:
        """The head that is seen now; errors as of `HeadsService.head`."""
        return self.service.head(self.path, self.view.head, self.view.viewpoint)

    def _work(self) -> None:
        begun = last = time.monotonic()
        settled = True
        while True:
            with self._changed:
                moving = self.motion != Motion.STILL
                timeout = FRAME_SECONDS if moving else (None if settled else SETTLE_SECONDS)
                fresh = self._changed.wait_for(lambda: self.gone or self._version != self._done, timeout)
                if self.gone:
                    return
                self._done = self._version
                now = time.monotonic()
                if moving:
                    share = (now - last) / SECONDS_A_TURN
                    viewpoint = advance(self.view.viewpoint, self.motion, share, (now - begun) / SECONDS_A_TURN)
                    self.view = replace(self.view, viewpoint=viewpoint)
                else:
                    begun = now
                last = now
                path, view = self.path, self.view
            try:
                if moving:
                    self.screen.move_camera(view)
                settled = self._show(path, view, final=not moving and not fresh)
            except (ValueError, OSError) as error:
                settled = True
                if path == self.path:  # else the visitor has turned to another one, and this one may be forgotten
                    self._complain(str(error))
            except Exception as error:  # a visitor's page shows no traceback, the log does
                if self.gone:
                    return
                settled = True
                log.exception("a view could not be shown")
                self._complain(f"this could not be shown ({type(error).__name__}); the viewer's log tells more")

    def _complain(self, text: str) -> None:
        log.warning("%s", text)
        self._shown = None
        with self._changed:
            self.motion = Motion.STILL
        if not self.gone:
            self.screen.complain(text)

    def _show(self, path: Path, view: View, final: bool) -> bool:
        """Shows a view; says whether it is shown as well as it can be."""
        head = self.service.head(path, view.head, view.viewpoint)
        start = time.monotonic()
        if view.streams:
            width, height = self.screen.size()
            scale = 1.0 if final else self._scale
            side = min(view.look.side, max(MIN_SIDE, round(view.look.side * scale)))
            wide = min(max(16, round(side * width / max(height, 1))), 4 * side)
            picture = self.service.picture(head, view.look, self.screen.framed(view.viewpoint), wide, side)
            taken = time.monotonic() - start
            if not final:
                # Time goes with the number of pixels, at least.
                self._scale = min(1.0, max(0.1, self._scale * min(1.5, max(0.5, (SMOOTH_SECONDS / taken) ** 0.5))))
            full = final or side >= view.look.side
            self.screen.show_picture(picture, full)
            self._shown = None
        else:
            key = (id(head), view.look)
            if key == self._shown:
                return True
            mesh = head.mesh if view.look.mesh else None
            self.screen.show_splats(self.service.splats(head, view.look), mesh, view.look.background)
            self._shown, full, taken = key, True, time.monotonic() - start
        self._anything_shown.set()
        self._frames = [moment for moment in self._frames if start - moment < 1] + [start]
        self.screen.report(DrawReport(head.seconds, taken, len(self._frames) if len(self._frames) > 1 else 0.0))
        return full

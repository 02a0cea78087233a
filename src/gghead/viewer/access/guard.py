"""Every request and message passes here before viser sees it.

viser has no hook for that: it calls `websockets.asyncio.server.serve` when it starts. While it does, that name stands
for a function that adds the checks by the public means of websockets: `process_request` and `create_connection`.
"""

import asyncio
import contextlib
import logging
import threading
import time
from collections.abc import Callable, Iterator
from http import HTTPStatus
from typing import Any

import websockets.asyncio.server
from websockets.asyncio.server import ServerConnection
from websockets.http11 import Request, Response

from gghead.viewer.access import client_messages
from gghead.viewer.access.admission import Admission
from gghead.viewer.access.uploads import Uploads

MAX_VISITORS = 32
"""Pages that may be open at once."""
MESSAGES_A_SECOND, BURST = 100.0, 200
"""Messages of one page that are read; one that is dragged about sends 20 a second. The rest waits in its own queue."""
MAX_REFUSALS_LOGGED = 50
"""Different refusals that are logged; a hostile site could send any number."""
REFUSED = (
    "This viewer is not served at the address that you asked for, or another site asked for it. If you trust that "
    "address, start the viewer with --allow-origin and the address; its log has the words.\n"
)

log = logging.getLogger(__name__)


class Refusals:
    """Logs each refusal once."""

    def __init__(self) -> None:
        self._seen: set[str] = set()

    def tell(self, objection: str) -> None:
        """Logs it, unless it was or too many were."""
        if objection not in self._seen and len(self._seen) < MAX_REFUSALS_LOGGED:
            self._seen.add(objection)
            log.warning("refused %s", objection)


class GuardedConnection(ServerConnection):
    """Gives on what is a message, and not faster than a page needs."""

    _allowance, _refilled, _told = float(BURST), 0.0, False

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._uploads = Uploads()

    async def recv(self, decode: bool | None = None) -> str | bytes:
        """The next message that nothing speaks against; others are dropped, the first with a line in the log."""
        while True:
            raw = await super().recv(decode)
            now = time.monotonic()
            self._allowance = min(float(BURST), self._allowance + (now - self._refilled) * MESSAGES_A_SECOND) - 1
            self._refilled = now
            if self._allowance < 0:
                await asyncio.sleep(-self._allowance / MESSAGES_A_SECOND)
            try:
                admitted = self._uploads.admit(client_messages.read(raw), raw)
            except client_messages.Unwanted as objection:
                if not self._told:
                    self._told = True
                    log.warning(
                        "dropped a message of a visitor that no page of gghead sends: %s", ascii(str(objection))
                    )
                continue
            if admitted is not None:
                return admitted


@contextlib.contextmanager
def guarded(admission: Admission) -> Iterator[None]:
    """Servers of websockets that start in this block are guarded.

    Raises:
        RuntimeError: none started: this viser does it in another way, and would serve everybody.
    """
    original = websockets.asyncio.server.serve
    started = threading.Event()
    refusals = Refusals()

    def serve(handler: Callable, host: str, port: int, *, process_request: Callable, **options: Any) -> object:
        started.set()
        asyncio.get_running_loop().set_exception_handler(_report)

        def process(connection: ServerConnection, request: Request) -> Response | None:
            return _answer(connection, request, admission, refusals) or _framed(
                process_request(connection, request), admission
            )

        limits = {"max_size": client_messages.MAX_PART_MESSAGE, "create_connection": GuardedConnection}
        return original(handler, host, port, process_request=process, **(options | limits))

    websockets.asyncio.server.serve = serve
    try:
        yield
    finally:
        websockets.asyncio.server.serve = original
    if not started.is_set():
        raise RuntimeError("this version of viser can't be guarded against other sites; install viser 1.1")


def _answer(
    connection: ServerConnection, request: Request, admission: Admission, refusals: Refusals
) -> Response | None:
    """A refusal, or None for whoever may come in."""
    objection = admission.objection(request.headers.get_all("Host"), request.headers.get_all("Origin"))
    if objection is not None:
        refusals.tell(objection)
        return connection.respond(HTTPStatus.FORBIDDEN, REFUSED)
    if "Upgrade" in request.headers and len(connection.server.connections) >= MAX_VISITORS:
        refusals.tell(f"another visitor: {MAX_VISITORS} pages are open already")
        return connection.respond(HTTPStatus.SERVICE_UNAVAILABLE, "Too many pages of this viewer are open.\n")
    return None


def _framed(response: Response | None, admission: Admission) -> Response | None:
    """Forbids other sites to show the page in a frame, where clicks could be stolen, or to use parts of it."""
    if response is not None:
        sites = " ".join(["'self'", *sorted(map(str, admission.allowed))])
        response.headers["Content-Security-Policy"] = f"frame-ancestors {sites}"
        response.headers["Cross-Origin-Resource-Policy"] = "same-origin"
        response.headers["X-Content-Type-Options"] = "nosniff"
    return response


def _report(_loop: asyncio.AbstractEventLoop, context: dict[str, object]) -> None:
    """A message that viser could not handle is a line in the log; the others go on."""
    reason = ascii(context.get("exception") or context.get("message"))[:300]
    log.warning("a message of a visitor failed: %s", reason)

"""The server: its port, its visitors, its watch over a run, and what it says in the log."""

import contextlib
import errno
import getpass
import logging
import math
import socket
import sys
import threading
import warnings
from collections.abc import Iterator

import viser

from gghead.viewer.access.admission import Address, Admission
from gghead.viewer.access.guard import guarded
from gghead.viewer.follow import RunNews, RunWatch
from gghead.viewer.heads_service import HeadsService
from gghead.viewer.page import Page, PageSettings
from gghead.viewer.panels.download import add_keep
from gghead.viewer.panels.favorites import add_favorites
from gghead.viewer.panels.head import add_directions, add_mixing, add_seed, add_source
from gghead.viewer.panels.look import add_camera, add_look, add_status
from gghead.viewer.panels.pad import add_pad
from gghead.viewer.panels.photograph import add_photograph
from gghead.viewer.panels.run import add_run

POLL_SECONDS = 2.0
"""Time between two looks at a followed run."""

log = logging.getLogger(__name__)


class PrivateServer(viser.ViserServer):
    """A server that never asks others to carry its page out of this machine, whatever a browser sends."""

    def request_share_url(self, verbose: bool = True) -> str | None:
        """Refuses: viser would open a tunnel to a server on the internet."""
        log.warning("a browser asked for a public address of this page; refused")
        return None


@contextlib.contextmanager
def serving(service: HeadsService, setting: PageSettings, admission: Admission) -> Iterator[viser.ViserServer]:
    """Serves pages for as long as the block lasts.

    Raises:
        OSError: the port is in use or not allowed, or the host is no address of this machine.
    """
    address = admission.address
    check_port(address)
    # What was on its way to somebody who left is dropped, as it should be.
    warnings.filterwarnings("ignore", r"Queued a \w+ on a closed connection")
    # viser greets on stdout, which is for results.
    with contextlib.redirect_stdout(sys.stderr), guarded(admission):
        server = PrivateServer(host=address.host, port=address.port, label="gghead", verbose=False)
    if server.get_port() != address.port:
        server.stop()
        raise OSError(_taken(address))
    server.gui.configure_theme(show_logo=False, show_share_button=False, control_width="medium")
    server.gui.main_panel.dock_right()  # beside the head, not over it
    server.scene.set_up_direction("+y")
    server.initial_camera.position = setting.view.viewpoint.eye
    server.initial_camera.look_at = setting.view.viewpoint.target
    server.initial_camera.fov = math.radians(setting.view.viewpoint.fov)
    app = App(service, setting)
    server.on_client_connect(app.enter)
    server.on_client_disconnect(app.leave)
    if setting.follow:
        threading.Thread(target=app.watch, name="run watch", daemon=True).start()
    try:
        yield server
    finally:
        app.close()
        with contextlib.redirect_stdout(sys.stderr):
            server.stop()


def welcome(admission: Admission) -> str:
    """What to do to see the page, from here and from elsewhere."""
    address = admission.address
    name = "localhost" if address.is_local or address.host in ("0.0.0.0", "::", "") else address.host
    lines = [f"Open http://{name}:{address.port} in a browser; Ctrl-C ends it."]
    if address.is_local:
        forward = f"ssh -L {address.port}:localhost:{address.port} {_user()}@{socket.gethostname()}"
        lines.append(f"From another machine: {forward}")
    else:
        lines.append(
            f"It listens on {address.host}: everybody who reaches this machine's port {address.port} sees the page and "
            "may use this machine to draw."
        )
    return "\n".join(lines)


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return "you"


def check_port(address: Address) -> None:
    """Raises OSError, in words, unless the port is free. viser would take the next one without a word to scripts."""
    family = socket.AF_INET6 if ":" in address.host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((address.host, address.port))
        except OSError as error:
            if isinstance(error, socket.gaierror) or error.errno == errno.EADDRNOTAVAIL:
                raise OSError(
                    f"--host {address.host} is no address of this machine; try localhost or 0.0.0.0"
                ) from error
            if isinstance(error, PermissionError):
                raise OSError(f"port {address.port} is not for you; choose one from 1024 up with --port") from error
            raise OSError(_taken(address)) from error


def _taken(address: Address) -> str:
    other = address.port + (1 if address.port < 65535 else -1)
    return f"port {address.port} on {address.host} is in use, maybe by another viewer; choose another: --port {other}"


class App:
    """All visitors of a server."""

    def __init__(self, service: HeadsService, setting: PageSettings) -> None:
        self._service, self._setting = service, setting
        self._pages: dict[int, Page] = {}
        self._lock = threading.Lock()
        self._closed = threading.Event()
        self._news: RunNews | None = None
        self._waiting: dict[int, viser.ClientHandle] = {}

    def enter(self, client: viser.ClientHandle) -> None:
        """Builds a visitor's page; called in a thread of its own."""
        try:
            page = Page(client, self._service, self._setting)
            build(page, self._setting.follow)
        except (ValueError, OSError) as error:
            if isinstance(error, FileNotFoundError) and self._setting.follow:
                client.add_notification("Waiting", f"{error}; the first one appears by itself", auto_close_seconds=20)
                with self._lock:
                    self._waiting[client.client_id] = client
            else:
                log.warning("%s", error)
                client.add_notification("Nothing to show", f"{error}. Reload the page to try again.", color="red")
            return
        moved = page.on_request(page.camera_moved)
        client.camera.on_update(moved)
        if page.framed(page.session.view.viewpoint) == page.session.view.viewpoint:
            moved(client.camera)  # it may have moved while the page was built
        else:
            page.move_camera(page.session.view)
        with self._lock:
            self._pages[client.client_id] = page
            if self._news is not None:
                page.tell_news(self._news)
        log.info("visitor %d came", client.client_id)
        page.session.start()

    def leave(self, client: viser.ClientHandle) -> None:
        """Ends the work for a visitor who is gone."""
        with self._lock:
            page = self._pages.pop(client.client_id, None)
            self._waiting.pop(client.client_id, None)
        if page is not None:
            page.leave()
            log.info("visitor %d left", client.client_id)

    def watch(self) -> None:
        """Tells all pages of the run's news until the app closes."""
        watch = RunWatch(self._setting.library[0].path)
        while not self._closed.wait(POLL_SECONDS):
            try:
                news = watch.poll()
            except OSError as error:
                log.warning("the run can't be looked at: %s", error)
                continue
            if news is None:
                continue
            with self._lock:
                self._news, pages = news, list(self._pages.values())
                waiting = list(self._waiting.values()) if news.snapshot is not None else []
                self._waiting = {} if waiting else self._waiting
            for page in pages:
                page.tell_news(news)
            for client in waiting:
                self.enter(client)

    def close(self) -> None:
        """Ends all work."""
        self._closed.set()
        with self._lock:
            pages = list(self._pages.values())
        for page in pages:
            page.leave()


def build(page: Page, follow: bool) -> None:
    """All panels of a page, with that of a run if one is followed."""
    add_status(page)
    tabs = page.client.gui.add_tab_group()
    with tabs.add_tab("Head"):
        add_source(page)
        add_seed(page)
        add_pad(page)
        add_mixing(page)
        add_directions(page)
        add_favorites(page)
    if page.setting.photographs is not None:
        with tabs.add_tab("Photograph"):
            add_photograph(page, page.setting.photographs)
    with tabs.add_tab("Look"):
        add_look(page)
        add_camera(page)
    with tabs.add_tab("Take away"):
        add_keep(page)
    if follow:
        with tabs.add_tab("Run"):
            add_run(page)

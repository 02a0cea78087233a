"""The server over its real connection, without a browser: many visitors, rude ones, and what a page may not do."""

import logging
import socket
import time
import urllib.error
import urllib.request
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import pytest

viser = pytest.importorskip("viser", reason="the viewer needs the extra `viewer`")
import msgspec  # noqa: E402 - comes with viser
import zstandard  # noqa: E402
from websockets.sync.client import ClientConnection, connect  # noqa: E402

from gghead.viewer.access.admission import Address, Admission, parse_allowed  # noqa: E402
from gghead.viewer.copies import Copies  # noqa: E402
from gghead.viewer.heads_service import HeadsService  # noqa: E402
from gghead.viewer.library import open_library  # noqa: E402
from gghead.viewer.page import PageSettings  # noqa: E402
from gghead.viewer.server import check_port, serving, welcome  # noqa: E402
from gghead.viewer.state import Look, Renderer, View, parse_view  # noqa: E402
from tiny_run import tiny_config  # noqa: E402
from viewer.tiny_models import write_model  # noqa: E402

PATIENCE = 30.0
CAMERA = {
    "type": "ViewerCameraMessage",
    "wxyz": [0.0, 1.0, 0.0, 0.0],
    "position": [0.0, 0.0, 2.7],
    "fov": 0.234,
    "near": 0.01,
    "far": 1000.0,
    "image_height": 30,
    "image_width": 40,
    "look_at": [0.0, 0.0, 0.0],
    "up_direction": [0.0, 1.0, 0.0],
}


class Guest:
    """A browser's side of the connection."""

    def __init__(self, connection: ClientConnection) -> None:
        self._connection = connection
        self._came: deque[dict] = deque()

    def say(self, message: object) -> None:
        self._connection.send(msgspec.msgpack.encode(message))

    def say_raw(self, raw: bytes | str) -> None:
        self._connection.send(raw)

    def press(self, label: str) -> None:
        """Waits for a button and presses it."""
        made = self.until(lambda message: message.get("props", {}).get("label") == label)
        self.say({"type": "GuiUpdateMessage", "uuid": made["uuid"], "updates": {"value": True}})

    def until(self, wanted: Callable[[dict], bool]) -> dict:
        """The first message that is wanted; those before it are gone."""
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end:
            while self._came:
                message = self._came.popleft()
                if wanted(message):
                    return message
            raw = self._connection.recv(timeout=PATIENCE)
            length = int.from_bytes(raw[8:16], "little")
            content = msgspec.msgpack.decode(zstandard.ZstdDecompressor().decompress(raw[16 : 16 + length]))
            self._came += content["messages"]
        raise AssertionError("the message did not come")

    def until_all(self, *wanted: Callable[[dict], bool]) -> None:
        """Until a message of each kind came, in any order: a page's widgets and its pictures come from two threads."""
        missing = list(wanted)

        def last(message: dict) -> bool:
            missing[:] = [kind for kind in missing if not kind(message)]
            return not missing

        self.until(last)


def picture(message: dict) -> bool:
    """A streamed picture, not the removal of one."""
    return message["type"] == "BackgroundImageMessage" and message["rgb_data"] is not None


def of_type(name: str) -> Callable[[dict], bool]:
    return lambda message: message["type"] == name


@contextmanager
def guest(port: int, origin: str | None = None, host: str | None = None) -> Iterator[Guest]:
    """Somebody at the page. A browser sends an origin; the host's name goes into the request and is not looked up."""
    protocol = f"viser-v{viser.__version__}"
    line = socket.create_connection(("127.0.0.1", port))
    url = f"ws://{host or f'localhost:{port}'}"
    with connect(url, sock=line, subprotocols=[protocol], origin=origin, max_size=None) as connection:
        session = Guest(connection)
        session.say(CAMERA)
        yield session


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return probe.getsockname()[1]


def open_app(
    service: HeadsService,
    path: Path,
    port: int,
    follow: bool = False,
    out: Path | None = None,
    view: View | None = None,
    allowed: tuple[str, ...] = (),
) -> AbstractContextManager[object]:
    view = view or View(look=Look(side=24), renderer=Renderer.EXACT)
    setting = PageSettings(open_library((path,)), view, Renderer.EXACT, Copies(out) if out else None, follow)
    return serving(service, setting, Admission(Address("localhost", port), parse_allowed(allowed)))


def test_twenty_visitors_at_once(service: HeadsService, model_file: Path) -> None:
    port = free_port()
    with open_app(service, model_file, port):
        visits = [guest(port) for _ in range(20)]
        guests = [visit.__enter__() for visit in visits]
        for session in guests:
            session.until(picture)
        for visit in visits:
            visit.__exit__(None, None, None)


def test_who_hangs_up_in_the_middle_does_not_disturb_the_others(
    service: HeadsService, model_file: Path, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level(logging.INFO, logger="gghead.viewer")
    port = free_port()
    with open_app(service, model_file, port), guest(port) as patient:
        patient.until(picture)
        with guest(port) as rude:
            rude.until(picture)
            rude.say(CAMERA | {"position": [0.5, 0.0, 2.7]})
        patient.say(CAMERA | {"position": [-0.5, 0.0, 2.7]})
        patient.until(picture)
        end = time.monotonic() + PATIENCE
        while "visitor 1 left" not in caplog.text and time.monotonic() < end:
            time.sleep(0.05)
    assert "visitor 1 left" in caplog.text
    assert "Traceback" not in capfd.readouterr().err + caplog.text


def test_a_camera_that_is_none_is_a_note_on_the_page(service: HeadsService, model_file: Path) -> None:
    port = free_port()
    with open_app(service, model_file, port), guest(port) as session:
        session.until(picture)
        session.say(CAMERA | {"position": [float("nan"), 0.0, 2.7]})
        note = session.until(of_type("NotificationShowMessage"))
        assert "camera is nan" in str(note)


@pytest.mark.parametrize("text", ["size=0.01 truncation=-2", "size=10 opacity=100 truncation=2 fov=120"])
def test_views_beyond_the_sliders_have_a_page(service: HeadsService, model_file: Path, text: str) -> None:
    port = free_port()
    view = parse_view(f"side=24 {text}")
    with open_app(service, model_file, port, view=view), guest(port) as session:
        said: list[dict] = []
        session.until(lambda message: said.append(message) or picture(message))
    (size,) = (message for message in said if "Gaussian size" in str(message))
    assert f"'value': {view.look.size}" in str(size), "so that no other widget changes it"


def test_no_tunnel_is_opened_whatever_a_browser_sends(
    service: HeadsService, model_file: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    def forbidden(*arguments: object) -> None:
        raise AssertionError("a tunnel was opened")

    monkeypatch.setattr("viser._viser.ViserTunnel", forbidden)
    port = free_port()
    with open_app(service, model_file, port) as server, guest(port) as session:
        session.say({"type": "ShareUrlRequest"})
        session.until(picture)
        assert "ShareUrlRequest" in caplog.text
        server.request_share_url()
    assert "public address of this page; refused" in caplog.text


def test_no_file_but_the_pages_own_is_served(service: HeadsService, model_file: Path) -> None:
    port = free_port()
    with open_app(service, model_file, port), socket.create_connection(("localhost", port)) as connection:
        with urllib.request.urlopen(f"http://localhost:{port}/") as answer:
            assert b"<html" in answer.read().lower()
        for path in (f"/..{model_file}", "/%2e%2e/%2e%2e/%2e%2e/__init__.py", "/../../__init__.py"):
            connection = socket.create_connection(("localhost", port))
            with connection:
                connection.sendall(
                    f"GET {path} HTTP/1.1\r\nHost: localhost:{port}\r\nConnection: close\r\n\r\n".encode()
                )
                connection.settimeout(PATIENCE)
                answer = b"".join(iter(lambda: connection.recv(65536), b""))  # noqa: B023 - used at once
            assert answer.split(b"\r\n")[0].split()[1] != b"200" or b"<html" in answer.lower(), path
            assert b"ViserServer" not in answer


def test_a_followed_run_shows_its_first_snapshot_when_it_comes(
    service: HeadsService, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from gghead.runs.run_folder import RunFolder

    monkeypatch.setattr("gghead.viewer.server.POLL_SECONDS", 0.05)
    run = RunFolder.create(tmp_path / "run", tiny_config(tmp_path / "none.zip"))
    port = free_port()
    with open_app(service, run.path, port, follow=True), guest(port) as session:
        assert "kept no model yet" in str(session.until(of_type("NotificationShowMessage")))
        run.log.write_text('{"images": 8, "generator": 1.0, "discriminator": 1.0}\n')
        write_model(run.snapshot(8, ".safetensors"))
        session.until(picture)


def test_a_port_in_use_is_refused_in_words() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken, pytest.raises(OSError, match="is in use"):
        check_port(Address("localhost", taken.getsockname()[1]))
    with pytest.raises(OSError, match="no address of this machine"):
        check_port(Address("no-such-host.invalid", 8080))
    with pytest.raises(
        OSError, match=r"--host 192\.0\.2\.1 is no address of this machine; try localhost or 0\.0\.0\.0"
    ):
        check_port(Address("192.0.2.1", free_port()))  # an address for documents, which nobody has


def test_the_port_that_is_proposed_instead_exists() -> None:
    with socket.create_server(("127.0.0.1", 65535)), pytest.raises(OSError, match=r"another: --port 65534$"):
        check_port(Address("localhost", 65535))


def test_the_welcome_says_who_may_come() -> None:
    local, public = (welcome(Admission(Address(host, 8080))) for host in ("localhost", "0.0.0.0"))
    assert "ssh -L 8080:localhost:8080" in local
    assert "everybody" not in local
    assert "everybody who reaches" in public
    assert "http://localhost:8080" in public

"""Other sites, rebound names and rude visitors, over the server's real connection."""

import logging
import urllib.error
import urllib.request
from contextlib import ExitStack
from pathlib import Path

import pytest

viser = pytest.importorskip("viser", reason="the viewer needs the extra `viewer`")
import msgspec  # noqa: E402
import websockets.asyncio.server  # noqa: E402
from websockets.exceptions import InvalidStatus  # noqa: E402

from gghead.viewer.access import guard  # noqa: E402
from gghead.viewer.access.admission import Address, Admission  # noqa: E402
from gghead.viewer.heads_service import HeadsService  # noqa: E402
from viewer.test_server import CAMERA, free_port, guest, of_type, open_app, picture  # noqa: E402


def status(url: str, **headers: str) -> int:
    """What a GET is answered with."""
    try:
        with urllib.request.urlopen(urllib.request.Request(url, headers=headers)) as answer:
            return answer.status
    except urllib.error.HTTPError as error:
        return error.code


def test_a_page_of_another_site_gets_no_connection_and_no_file(
    service: HeadsService, model_file: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    port = free_port()
    with open_app(service, model_file, port, out=tmp_path / "out"):
        for _ in range(2):
            with pytest.raises(InvalidStatus, match="403"), guest(port, origin="http://evil.example"):
                pass
        with (
            pytest.raises(InvalidStatus, match="403"),
            guest(port, f"http://evil.example:{port}", f"evil.example:{port}"),
        ):
            pass
        assert status(f"http://localhost:{port}/", Origin="http://evil.example") == 403
        assert status(f"http://localhost:{port}/", Host=f"evil.example:{port}") == 403
        assert not (tmp_path / "out").exists()
        refused = [record.message for record in caplog.records if record.message.startswith("refused")]
        assert len(refused) == 2
        assert all("--allow-origin http://evil.example" in message for message in refused)

        with guest(port, origin=f"http://localhost:{port}") as session:
            session.press("Save picture")
            assert session.until(of_type("FileTransferStartDownload"))["filename"] == "seed0000_colour.png"
            session.until(lambda message: "a copy is in" in str(message))
        assert [path.name for path in (tmp_path / "out").iterdir()] == ["seed0000_colour.png"]
    assert websockets.asyncio.server.serve is SERVE, "servers that start later are not guarded"


SERVE = websockets.asyncio.server.serve


def test_tunnels_and_named_proxies_are_let_in(service: HeadsService, model_file: Path) -> None:
    port = free_port()
    with open_app(service, model_file, port, allowed=("https://hub.example",)):
        assert status(f"http://localhost:{port}/", Host="hub.example") == 200
        for origin, host in (
            ("http://localhost:9000", "localhost:9000"),
            ("https://hub.example", None),
            ("https://hub.example", "hub.example"),
        ):
            with guest(port, origin, host) as session:
                session.until(picture)


def test_no_other_site_may_frame_the_page(service: HeadsService, model_file: Path) -> None:
    port = free_port()
    with (
        open_app(service, model_file, port, allowed=("https://hub.example",)),
        urllib.request.urlopen(f"http://localhost:{port}/") as answer,
    ):
        assert answer.headers["Content-Security-Policy"] == "frame-ancestors 'self' https://hub.example"
        assert answer.headers["Cross-Origin-Resource-Policy"] == "same-origin"


def test_a_viser_that_starts_in_another_way_is_not_served() -> None:
    with pytest.raises(RuntimeError, match="can't be guarded"), guard.guarded(Admission(Address("localhost", 1))):
        pass


def test_only_so_many_pages_are_open_at_once(
    service: HeadsService, model_file: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(guard, "MAX_VISITORS", 2)
    port = free_port()
    with open_app(service, model_file, port):
        with ExitStack() as visits:
            for _ in range(2):
                visits.enter_context(guest(port)).until(picture)
            with pytest.raises(InvalidStatus, match="503"), guest(port):
                pass
        with guest(port) as session:
            session.until(picture)
    assert "2 pages are open already" in caplog.text


def test_a_rude_visitor_harms_nobody(
    service: HeadsService,
    model_file: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
) -> None:
    caplog.set_level(logging.INFO)
    monkeypatch.setattr(guard, "MESSAGES_A_SECOND", 1e6)
    port = free_port()
    with open_app(service, model_file, port) as server, guest(port) as patient, guest(port) as rude:
        patient.until(picture)
        model = rude.until(lambda message: message.get("props", {}).get("label") == "Snapshot")["uuid"]
        seed = rude.until(lambda message: message.get("props", {}).get("label") == "Seed")["uuid"]
        rude.until(picture)
        for raw in (b"", b"\xc1", b"\x80" * 100, "text", msgspec.msgpack.encode([1]), msgspec.msgpack.encode({})):
            rude.say_raw(raw)
        for change in (
            {"image_height": -1},
            {"image_width": 2**40},
            {"fov": "wide"},
            {"position": [1.0]},
            {"wxyz": {}},
        ):
            rude.say(CAMERA | change)
        for number in (float("nan"), float("inf"), 1e300, -1e300):
            rude.say(CAMERA | {"fov": number})
            rude.say(CAMERA | {"position": [number, 0.0, 0.0], "look_at": [0.0, number, 0.0]})
            rude.say({"type": "GuiUpdateMessage", "uuid": seed, "updates": {"value": number}})
        for updates in ({"update_cb": ["x"]}, {"removed": True}, {"value": {}}, {"value": "?"}, {"value": [1] * 9}, {}):
            rude.say({"type": "GuiUpdateMessage", "uuid": seed, "updates": updates})
        rude.say({"type": "GuiUpdateMessage", "uuid": model, "updates": {"value": "/etc/passwd"}})
        rude.say({"type": "FileTransferStartUpload", "source_component_uuid": seed, "part_count": 2**40})
        for number in range(500):
            rude.say(CAMERA | {"position": [number / 500, 0.0, 2.7]})
        rude.until(lambda message: "/etc/passwd is gone" in str(message))
        patient.say(CAMERA | {"position": [-0.5, 0.0, 2.7]})
        patient.until(picture)
        assert len(server.get_clients()) == 2
        rude.say_raw(b"\x00" * 2**17)
        with guest(port) as third:
            third.until(picture)
    assert "Traceback" not in caplog.text + capfd.readouterr().err
    assert caplog.text.count("that no page of gghead sends") == 1

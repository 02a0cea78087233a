"""A photograph over the server's real connection: from the upload to the visitor's head, and nothing on the disk."""

from collections.abc import Callable
from pathlib import Path

import pytest

pytest.importorskip("viser", reason="the viewer needs the extra `viewer`")
from gghead.inversion.person_file import load_person
from gghead.photos import Photo, Reason, Refused
from gghead.runs.run_folder import RunFolder
from gghead.viewer.access.admission import Address, Admission
from gghead.viewer.access.client_messages import PART_BYTES
from gghead.viewer.access.uploads import MAX_UPLOAD
from gghead.viewer.copies import Copies
from gghead.viewer.favorites import Favorites
from gghead.viewer.heads_service import HeadsService
from gghead.viewer.library import open_library
from gghead.viewer.page import PageSettings
from gghead.viewer.photographs.fitter import PhotographFitter
from gghead.viewer.server import serving
from gghead.viewer.state import Look, Renderer, View
from tiny_run import tiny_config
from viewer.photographs.conftest import PORTRAIT, files_in
from viewer.test_client_session import until
from viewer.test_server import Guest, free_port, guest, of_type, picture
from viewer.tiny_models import write_model

Prepares = Callable[[Callable[[], Photo]], None]
pytestmark = pytest.mark.usefixtures("prepares")


def app(
    service: HeadsService,
    model: Path,
    port: int,
    out: Path,
    fitter: PhotographFitter | None = None,
    follow: bool = False,
) -> object:
    setting = PageSettings(
        open_library((model,)),
        View(look=Look(side=24), renderer=Renderer.EXACT),
        Renderer.EXACT,
        Copies(out),
        follow,
        Favorites(out / "favourites.json"),
        fitter or PhotographFitter("cpu"),
    )
    return serving(service, setting, Admission(Address("localhost", port)))


class Widgets:
    """What a guest finds on the page, by label."""

    def __init__(self, session: Guest) -> None:
        self.session, self.uuids = session, {}
        session.until(self._note_until("Command line of this view"))

    def _note_until(self, last: str) -> Callable[[dict], bool]:
        def note(message: dict) -> bool:
            label = message.get("props", {}).get("label")
            self.uuids[label] = message.get("uuid")
            return label == last

        return note

    def press(self, label: str) -> None:
        self.session.say({"type": "GuiUpdateMessage", "uuid": self.uuids[label], "updates": {"value": True}})

    def send(self, content: bytes, declared: int | None = None) -> None:
        """A file, in the parts that a page cuts it into."""
        size = len(content) if declared is None else declared
        named = {"source_component_uuid": self.uuids["Choose a photograph"], "transfer_uuid": f"transfer {size}"}
        start = {"filename": "ann.jpg", "mime_type": "image/jpeg", "part_count": -(-size // PART_BYTES)}
        self.session.say({"type": "FileTransferStartUpload", "size_bytes": size} | named | start)
        for index in range(-(-len(content) // PART_BYTES)):
            piece = content[index * PART_BYTES : (index + 1) * PART_BYTES]
            self.session.say({"type": "FileTransferPart", "part_index": index, "content": piece} | named)


def says(text: str) -> Callable[[dict], bool]:
    return lambda message: text in str(message)


def test_a_photograph_becomes_the_visitors_head_and_is_kept_nowhere(
    service: HeadsService, model_file: Path, tmp_path: Path, empty: Path
) -> None:
    port, out = free_port(), tmp_path / "out"
    with app(service, model_file, port, out):
        with guest(port) as visitor, guest(port) as other:
            widgets = Widgets(visitor)
            visitor.until(picture)
            other.until(picture)
            widgets.send(PORTRAIT + bytes(PART_BYTES))  # what follows a PNG is no part of it
            visitor.until_all(says("This is the head, seed 0"), picture)
            widgets.press("Keep as favourite")
            visitor.until(says("is yours alone"))
            widgets.press("Command line of this view")
            visitor.until(says("gghead view person.safetensors"))
            assert not files_in(empty)
            assert not out.exists()
            assert len(service._people) == 1
            widgets.press("Save person file")
            assert visitor.until(of_type("FileTransferStartDownload"))["filename"] == "person.safetensors"
            visitor.until(says("a copy is in"))
            assert load_person(out / "person.safetensors").pictures == ("ann.jpg",)
            assert not files_in(empty)
            widgets.press("Forget the photograph")
            visitor.until(picture)
            until(lambda: not service._people)
            widgets.send(PORTRAIT)
            visitor.until(says("This is the head, seed 0"))
        until(lambda: not service._people)
    assert [path.name for path in out.iterdir()] == ["person.safetensors"]


def test_refusals_are_told_and_the_next_photograph_is_taken(
    service: HeadsService, model_file: Path, tmp_path: Path, prepares: Prepares
) -> None:
    def refuse() -> Photo:
        raise Refused(Reason.TURNED, "the head is turned 80 degrees aside; expected at most 70 (--max-yaw)")

    prepares(refuse)
    port = free_port()
    with app(service, model_file, port, tmp_path / "out"), guest(port) as visitor:
        widgets = Widgets(visitor)
        widgets.send(b"", declared=MAX_UPLOAD + 1)
        visitor.until(says("larger than 20 MB"))
        widgets.send(b"no photograph")
        visitor.until(says("no picture of a known kind"))
        widgets.send(PORTRAIT)
        visitor.until(says("turned 80 degrees aside; expected at most 70: take one that is seen from the front"))


def test_a_cancelled_photograph_ends(
    service: HeadsService, model_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from gghead.inversion.fitting import Stage
    from gghead.inversion.qualities import QUALITIES

    monkeypatch.setitem(QUALITIES, "fast", (Stage(10**6, details=False),))
    port = free_port()
    with app(service, model_file, port, tmp_path / "out"), guest(port) as visitor, guest(port) as other:
        widgets, others = Widgets(visitor), Widgets(other)
        widgets.send(PORTRAIT)
        visitor.until(says("of 1000000"))
        others.send(PORTRAIT)
        other.until(says("one photograph is before yours"))
        others.press("Random head")
        other.until(picture)  # who waits goes on looking
        widgets.press("Cancel")
        visitor.until(says("No head was made: cancelled."))
        other.until(says("of 1000000"))
        others.press("Cancel")
        other.until(says("No head was made: cancelled."))


def test_a_new_snapshot_of_a_followed_run_does_not_replace_the_head(
    service: HeadsService, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gghead.viewer.server.POLL_SECONDS", 0.05)
    run = RunFolder.create(tmp_path / "run", tiny_config(tmp_path / "none.zip"))
    write_model(run.snapshot(8, ".safetensors"))
    port = free_port()
    with app(service, run.path, port, tmp_path / "out", follow=True), guest(port) as visitor:
        widgets = Widgets(visitor)
        widgets.send(PORTRAIT)
        visitor.until(says("This is the head, seed 0"))
        write_model(run.snapshot(16, ".safetensors"), seed=1)
        for images in (16000, 17000):  # when the second is told, all that the first could change is done
            with run.log.open("a", encoding="utf-8") as log:
                log.write(f'{{"images": {images}, "generator": 1.0, "discriminator": 1.0}}\n')
            visitor.until(says(f"{images / 1000:.1f} thousand images seen"))
        widgets.press("Command line of this view")
        visitor.until(says("gghead view person.safetensors"))


def test_without_face_models_the_page_says_so(service: HeadsService, model_file: Path, tmp_path: Path) -> None:
    class Unable(PhotographFitter):
        def objection(self) -> str | None:
            return "there are no face models in /home/ann"

    port = free_port()
    with app(service, model_file, port, tmp_path / "out", Unable("cpu")), guest(port) as visitor:
        told = visitor.until(says("makes no heads of photographs"))
        assert "/home/ann" not in str(told)
        visitor.until(picture)

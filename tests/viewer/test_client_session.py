"""A visitor's screen follows their view, whatever happens to the model."""

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from gghead.viewer.client_session import ClientSession, DrawReport
from gghead.viewer.drawing.drawing import Splats
from gghead.viewer.heads_service import HeadsService
from gghead.viewer.state import HeadChoice, Look, Renderer, Show, View, Viewpoint
from gghead.viewer.viewpoints import Motion
from viewer.tiny_models import write_model

PATIENCE = 60.0
"""Seconds after which a test gives up; nothing is timed."""


class FakeScreen:
    """Remembers what it was shown."""

    def __init__(self) -> None:
        self.pictures: list[np.ndarray] = []
        self.finals: list[bool] = []
        self.splats: list[Splats] = []
        self.complaints: list[str] = []
        self.eyes: list[tuple[float, float, float]] = []
        self.reports: list[DrawReport] = []
        self.failure: Exception | None = None

    def size(self) -> tuple[int, int]:
        return 60, 30

    def framed(self, viewpoint: Viewpoint) -> Viewpoint:
        return viewpoint

    def show_picture(self, picture: np.ndarray, final: bool) -> None:
        if self.failure is not None:
            raise self.failure
        self.pictures.append(picture)
        self.finals.append(final)

    def show_splats(self, splats: Splats, mesh: object, background: tuple[int, int, int]) -> None:
        self.splats.append(splats)

    def move_camera(self, view: View) -> None:
        self.eyes.append(view.viewpoint.eye)

    def report(self, report: DrawReport) -> None:
        self.reports.append(report)

    def complain(self, text: str) -> None:
        self.complaints.append(text)


def until(condition: Callable[[], bool]) -> None:
    """Waits for the visitor's thread."""
    end = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < end, "it did not come"
        time.sleep(0.01)


SMALL = View(look=Look(side=24))


@pytest.fixture
def enter(service: HeadsService) -> Iterator[Callable[..., ClientSession]]:
    visitors = []

    def enter(path: Path, view: View = SMALL) -> ClientSession:
        session = ClientSession(service, FakeScreen(), path, view)
        visitors.append(session)
        session.start()
        return session

    yield enter
    for session in visitors:
        session.leave()


def seed(number: int) -> Callable[[View], View]:
    return lambda view: replace(view, head=replace(view.head, seed=number))


def test_a_change_is_shown(enter: Callable[..., ClientSession], model_file: Path) -> None:
    session = enter(model_file)
    screen = session.screen
    until(lambda: True in screen.finals)
    first = screen.pictures[-1]
    assert first.shape == (24, 48, 3)  # the canvas' proportions
    session.change(seed(1))
    until(lambda: not np.array_equal(screen.pictures[-1], first) and screen.finals[-1])
    assert screen.reports[-1].head_seconds > 0


def test_what_becomes_of_a_file_that_the_visitor_left_is_not_told(
    enter: Callable[..., ClientSession], service: HeadsService, model_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    session, head = enter(model_file), service.head
    gone = Path("photograph")

    def forgotten(path: Path, *rest: object) -> object:
        if path == gone:
            session.look_at(model_file)
        return head(path, *rest)

    until(lambda: True in session.screen.finals)
    monkeypatch.setattr(service, "head", forgotten)
    before = len(session.screen.pictures)
    session.look_at(gone)
    until(lambda: len(session.screen.pictures) > before)
    assert session.screen.complaints == []


def test_a_refused_change_leaves_the_view(enter: Callable[..., ClientSession], model_file: Path) -> None:
    session = enter(model_file)
    with pytest.raises(ValueError, match="no seed"):
        session.change(seed(-1))
    assert session.view == SMALL


def test_splats_are_sent_once_for_a_head_however_the_camera_moves(
    enter: Callable[..., ClientSession], model_file: Path
) -> None:
    session = enter(model_file, replace(SMALL, renderer=Renderer.SPLATS))
    screen = session.screen
    until(lambda: len(screen.splats) == 1)
    for yaw in (0.1, 0.2):
        session.change(lambda view, x=yaw: replace(view, viewpoint=replace(view.viewpoint, eye=(x, 0.0, 2.7))))
    session.change(lambda view: replace(view, look=replace(view.look, show=Show.DEPTH)))
    until(lambda: bool(screen.pictures))
    assert len(screen.splats) == 1
    session.change(lambda view: replace(view, look=replace(view.look, show=Show.COLOR)))
    until(lambda: len(screen.splats) == 2)


def test_a_moving_camera_goes_round_until_it_is_stopped(enter: Callable[..., ClientSession], model_file: Path) -> None:
    session = enter(model_file)
    session.move(Motion.AUTOROTATE)
    until(lambda: len(session.screen.eyes) > 3)
    session.move(Motion.STILL)
    until(lambda: session.screen.finals[-1])
    eyes = np.array(session.screen.eyes)
    assert len(np.unique(eyes[:, 0])) > 1
    np.testing.assert_allclose(np.linalg.norm(eyes, axis=1), 2.7, rtol=1e-6)


def test_a_deleted_model_is_a_message_and_another_one_still_shows(
    enter: Callable[..., ClientSession], model_file: Path, tmp_path: Path
) -> None:
    path = write_model(tmp_path / "short.safetensors")
    session = enter(path)
    until(lambda: bool(session.screen.pictures))
    path.unlink()
    session.change(seed(2))
    until(lambda: bool(session.screen.complaints))
    assert "short.safetensors is gone" in session.screen.complaints[0]
    shown = len(session.screen.pictures)
    session.look_at(model_file)
    until(lambda: len(session.screen.pictures) > shown)


def test_an_accident_is_a_message_without_a_traceback(
    enter: Callable[..., ClientSession], model_file: Path, caplog: pytest.LogCaptureFixture
) -> None:
    session = enter(model_file)
    until(lambda: bool(session.screen.pictures))
    session.screen.failure = KeyError("no such thing")
    session.change(seed(3))
    until(lambda: bool(session.screen.complaints))
    assert "Traceback" not in session.screen.complaints[0]
    assert "Traceback" in caplog.text
    session.screen.failure = None
    session.change(seed(4))
    shown = len(session.screen.pictures)
    until(lambda: len(session.screen.pictures) > shown)


def test_twenty_visitors_have_a_head_each(
    enter: Callable[..., ClientSession], service: HeadsService, model_file: Path
) -> None:
    visitors = [enter(model_file, replace(SMALL, head=HeadChoice(seed=number))) for number in range(20)]
    until(lambda: all(True in session.screen.finals for session in visitors))
    for number, session in enumerate(visitors):
        expected = service.head(model_file, HeadChoice(seed=number), SMALL.viewpoint)
        picture = service.picture(expected, SMALL.look, SMALL.viewpoint, 48, 24)
        assert np.array_equal(session.screen.pictures[-1], picture)


def test_who_leaves_leaves_no_thread(enter: Callable[..., ClientSession], model_file: Path) -> None:
    session = enter(model_file)
    session.move(Motion.CIRCLE)
    until(lambda: len(session.screen.pictures) > 2)
    session.screen.failure = RuntimeError("the connection is closed")
    session.leave()
    until(lambda: session._thread not in threading.enumerate())
    assert not session.screen.complaints

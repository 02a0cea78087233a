"""A visitor has one photograph at a time, and hears how it ends, unless they left."""

import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest

from gghead.viewer.photographs.fitter import FitProgress, FittedPerson, Upload
from gghead.viewer.photographs.turns import Stopped
from gghead.viewer.photographs.visitor_fit import VisitorFit
from viewer.test_client_session import PATIENCE, until

MODEL, PHOTOGRAPH = Path("model.safetensors"), Upload("a.jpg", b"photograph")
FITTED = FittedPerson(SimpleNamespace(), SimpleNamespace())  # type: ignore[arg-type]


class FakeScreen:
    """Remembers what it was told."""

    def __init__(self) -> None:
        self.told: list[str] = []
        self.ends: list[str] = []
        self.fitted: list[Path] = []

    def progress(self, progress: FitProgress) -> None:
        self.told.append(progress.text)

    def finished(self, path: Path, fitted: FittedPerson) -> None:
        assert fitted is FITTED
        self.fitted.append(path)

    def ended(self, text: str) -> None:
        self.ends.append(text)


class FakeFitter:
    """Works until it may go on, or is stopped; then ends as it is told to."""

    def __init__(self) -> None:
        self.goes_on = threading.Event()
        self.failure: BaseException | None = None

    def fit(
        self, path: Path, upload: Upload, quality: str, on_progress: Callable, stopped: Callable[[], bool]
    ) -> FittedPerson:
        assert (upload, quality) == (PHOTOGRAPH, "fast")
        on_progress(FitProgress("step 1 of 8"))
        while not self.goes_on.wait(0.005):
            if stopped():
                raise Stopped
        if self.failure is not None:
            raise self.failure
        return FITTED


class Setup:
    """A visitor, what they see, and whether they left."""

    def __init__(self) -> None:
        self.fitter, self.screen, self.gone = FakeFitter(), FakeScreen(), threading.Event()
        self.fit = VisitorFit(self.fitter, self.screen, self.gone.is_set)  # type: ignore[arg-type]

    def begin(self) -> None:
        self.fit.begin(MODEL, PHOTOGRAPH, "fast")


@pytest.fixture
def visitor() -> Iterator[Setup]:
    setup = Setup()
    yield setup
    setup.gone.set()
    setup.fitter.goes_on.set()
    until(lambda: not any(thread.name == "photograph" for thread in threading.enumerate()))


def test_a_head_comes_and_another_photograph_may_follow(visitor: Setup) -> None:
    visitor.fitter.goes_on.set()
    for count in (1, 2):
        visitor.begin()
        until(lambda: len(visitor.screen.fitted) == count)  # noqa: B023 - used at once
    assert visitor.screen.fitted == [MODEL, MODEL]
    assert visitor.screen.told == ["step 1 of 8"] * 2
    assert not visitor.screen.ends


def test_a_second_photograph_waits_until_the_first_is_cancelled(visitor: Setup) -> None:
    visitor.begin()
    with pytest.raises(ValueError, match="being fitted already; cancel it first"):
        visitor.begin()
    visitor.fit.cancel()
    until(lambda: visitor.screen.ends == ["cancelled"])
    visitor.fitter.goes_on.set()
    visitor.begin()
    until(lambda: visitor.screen.fitted == [MODEL])


def test_an_empty_file_is_refused_at_once(visitor: Setup) -> None:
    with pytest.raises(ValueError, match="is empty, or larger than 20 MB"):
        visitor.fit.begin(MODEL, Upload("a.jpg", b""), "fast")


@pytest.mark.parametrize(
    ("failure", "said"),
    [
        (ValueError("no face is found"), "no face is found"),
        (FileNotFoundError("the model is gone"), "the model is gone"),
        (MemoryError(), "the memory of this machine is full; try again later"),
        (KeyError("secret"), "this failed (KeyError); the viewer's log tells more"),
    ],
)
def test_a_failure_is_a_sentence(
    failure: Exception, said: str, visitor: Setup, caplog: pytest.LogCaptureFixture
) -> None:
    visitor.fitter.failure = failure
    visitor.fitter.goes_on.set()
    visitor.begin()
    until(lambda: bool(visitor.screen.ends))
    assert visitor.screen.ends[0].startswith(said)
    assert ("Traceback" in caplog.text) == isinstance(failure, KeyError)
    visitor.fitter.failure = None
    visitor.begin()
    until(lambda: bool(visitor.screen.fitted))


@pytest.mark.parametrize("ends", ["stopped", "fitted", "failed"])
def test_who_left_is_told_nothing_more(ends: str, visitor: Setup) -> None:
    visitor.begin()
    until(lambda: bool(visitor.screen.told))
    visitor.gone.set()
    visitor.fitter.failure = ValueError("no face") if ends == "failed" else None
    if ends != "stopped":
        visitor.fitter.goes_on.set()
    for thread in threading.enumerate():
        if thread.name == "photograph":
            thread.join(PATIENCE)
    assert not visitor.screen.ends
    assert not visitor.screen.fitted

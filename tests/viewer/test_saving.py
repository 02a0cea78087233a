"""Nobody keeps the machine busy with files."""

import threading
import time
from collections.abc import Callable
from types import SimpleNamespace

import pytest

pytest.importorskip("viser", reason="the viewer needs the extra `viewer`")
from gghead.viewer import saving
from gghead.viewer.downloads import Download
from gghead.viewer.saving import ClientLeft, Saver

FILE = Download("seed0000.ply", b"ply")
PATIENCE = 30.0


class FakePage:
    """Remembers what it was given."""

    def __init__(self, gone: bool = False) -> None:
        self.session = SimpleNamespace(gone=gone)
        self.kept: list[Download] = []

    def guarded(self, function: Callable[..., None]) -> Callable[..., None]:
        return function

    def keep(self, download: Download) -> None:
        self.kept.append(download)


def save_when_free(saver: Saver, make: Callable[[], Download]) -> None:
    end = time.monotonic() + PATIENCE
    while True:
        try:
            return saver.save(make)
        except ValueError as error:
            if "being made already" not in str(error) or time.monotonic() > end:
                raise
            time.sleep(0.001)


def test_a_page_has_one_file_made_at_a_time() -> None:
    page, go_on = FakePage(), threading.Event()
    saver = Saver(page)

    def make() -> Download:
        go_on.wait(PATIENCE)
        return FILE

    saver.save(make)
    with pytest.raises(ValueError, match="being made already"):
        saver.save(make)
    go_on.set()
    save_when_free(saver, make)
    save_when_free(saver, make)
    assert page.kept[:2] == [FILE, FILE]


def test_a_page_has_so_many_files_made_in_a_minute(monkeypatch: pytest.MonkeyPatch) -> None:
    saver, clock = Saver(FakePage()), SimpleNamespace(monotonic=lambda: 0.0)
    monkeypatch.setattr(saving, "time", clock)
    for _ in range(saving.MAX_A_MINUTE):
        save_when_free(saver, lambda: FILE)
    clock.monotonic = lambda: 59.0
    with pytest.raises(ValueError, match="wait a little"):
        saver.save(lambda: FILE)
    clock.monotonic = lambda: 61.0
    save_when_free(saver, lambda: FILE)


def test_who_left_gets_nothing_and_blocks_nobody() -> None:
    page = FakePage()
    saver = Saver(page)

    def leave() -> Download:
        raise ClientLeft

    for make in (leave, leave, leave, lambda: FILE, leave):
        save_when_free(saver, make)
    assert page.kept == [FILE]
    absent = FakePage(gone=True)
    saver = Saver(absent)
    for _ in range(2):
        save_when_free(saver, lambda: FILE)
    assert not absent.kept

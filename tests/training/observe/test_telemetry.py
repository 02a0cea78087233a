"""What people read while a run runs."""

import io

import pytest
from rich.console import Console
from rich.progress import Progress

from gghead.training.observe.telemetry import ConsoleMonitor


def test_the_first_news_come_after_seconds_and_then_less_often(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 100.0
    monkeypatch.setattr("gghead.training.observe.telemetry.time.monotonic", lambda: now)
    stream = io.StringIO()
    monitor = ConsoleMonitor(Progress(console=Console(file=stream)), total=100)
    told = []
    for second in range(1, 26):
        now += 1
        monitor.advance(4 * second)
        told.append(len(stream.getvalue().splitlines()))
    assert told[3] == 1
    assert [told.count(lines) for lines in (1, 2)] == [5, 9], "after another 4 seconds, then 8"
    assert "12/100  4.0 img/s  ETA 0:00:22" in stream.getvalue()


def test_a_last_step_beyond_the_total_leaves_no_time(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 100.0
    monkeypatch.setattr("gghead.training.observe.telemetry.time.monotonic", lambda: now)
    stream = io.StringIO()
    monitor = ConsoleMonitor(Progress(console=Console(file=stream)), total=8)
    for images in (3, 9):
        now += 10
        monitor.advance(images)
    assert "9/8  0.6 img/s  ETA 0:00:00" in stream.getvalue()

"""Who watches a run, and what people see of it: a bar, or plain lines."""

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from gghead.training.step_report import Tick

FIRST_NEWS_SECONDS, LONGEST_SILENCE_SECONDS = 2.0, 300.0
"""How long people are left without a line at first, and at most."""


class Monitor:
    """Watches a run: the loop calls these methods, subclasses do something in some of them.

    By itself it does nothing, for processes beside rank 0.
    """

    def tick(self, tick: Tick) -> None:
        """Means of the last steps."""

    def advance(self, images: int) -> None:
        """A step was made; `images` were seen in all."""

    def event(self, text: str) -> None:
        """Something worth a line happened."""

    def metrics(self, images: int, values: Mapping[str, float]) -> None:
        """The EMA generator was measured."""

    def sheets(self, images: int, sheets: Mapping[str, Path]) -> None:
        """A snapshot was taken; its pictures are PNG files."""


class ConsoleMonitor(Monitor):
    """Shows a bar with speed and remaining time on a terminal, and plain lines elsewhere; on stderr.

    A line comes with each tick, and before the first one and between slow ones after 2 seconds, 4, 8 and so on: nobody
    waits for minutes to see whether a run runs.
    """

    def __init__(self, progress: Progress, total: int) -> None:
        self._progress = progress
        self._total = total
        self._task = progress.add_task("training", total=total, news="")
        self._first: tuple[float, int] | None = None
        self._told, self._patience = time.monotonic(), FIRST_NEWS_SECONDS

    def tick(self, tick: Tick) -> None:
        """Shows speed and losses."""
        self._told = time.monotonic()
        losses = tick.losses
        news = (
            f"{tick.images_per_second:.1f} img/s  G {losses['generator']:.3f}  D {losses['discriminator']:.3f}"
            f"  logits {losses['real_logits']:+.2f} {losses['fake_logits']:+.2f}"
        )
        self._show(tick.images, tick.images_per_second, news)

    def advance(self, images: int) -> None:
        """Moves the bar, and shows the speed if nothing was told for a while."""
        self._progress.update(self._task, completed=images)
        now = time.monotonic()
        if self._first is None:  # the first step, which compiles, tells nothing of the speed
            self._first = (now, images)
        elif now - self._told > self._patience:
            since, before = self._first
            speed = (images - before) / max(now - since, 1e-9)
            self._told, self._patience = now, min(2 * self._patience, LONGEST_SILENCE_SECONDS)
            self._show(images, speed, f"{speed:.1f} img/s")

    def _show(self, images: int, images_per_second: float, news: str) -> None:
        """News beside the bar; without a terminal, a line."""
        self._progress.update(self._task, news=news)
        if self._progress.console.is_terminal:
            return
        left = max(self._total - images, 0) / max(images_per_second, 1e-9)
        eta = f"{int(left // 3600)}:{int(left % 3600 // 60):02d}:{int(left % 60):02d}"
        self._progress.console.print(f"{images}/{self._total}  {news}  ETA {eta}", soft_wrap=True)

    def event(self, text: str) -> None:
        """Prints a line above the bar."""
        self._progress.console.print(text, soft_wrap=True)

    def metrics(self, images: int, values: Mapping[str, float]) -> None:
        """Prints the numbers above the bar."""
        self.event(", ".join(f"{name} {value:.4g}" for name, value in values.items()))

    def sheets(self, images: int, sheets: Mapping[str, Path]) -> None:
        """Says that there is something to look at."""
        self.event(f"snapshot at {images} images")


@contextmanager
def console_monitor(total: int) -> Iterator[ConsoleMonitor]:
    """A monitor for people, as long as the block lasts."""
    console = Console(stderr=True)
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("ETA"),
        TimeRemainingColumn(),
        TextColumn("{task.fields[news]}"),
    )
    with Progress(*columns, console=console, disable=not console.is_terminal, speed_estimate_period=120) as progress:
        yield ConsoleMonitor(progress, total)

"""What a run says while it goes on: a log that programs read and a line that people read."""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol, runtime_checkable

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from gghead.checkpoint.atomic import write_file
from gghead.training.report import Tick


@runtime_checkable
class Monitor(Protocol):
    """Watches a run. The loop calls it; what it does with the news is its own affair."""

    def tick(self, tick: Tick) -> None:
        """Means of the last steps."""

    def advance(self, images: int) -> None:
        """A step was made; `images` were seen in all."""

    def event(self, text: str) -> None:
        """Something worth a line happened."""

    def metrics(self, images: int, values: Mapping[str, float]) -> None:
        """The averaged generator was measured."""

    def sheets(self, images: int, sheets: Mapping[str, Path]) -> None:
        """A snapshot was taken; its pictures are PNG files."""


class JsonLog:
    """Appends each tick as a line to a file."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def tick(self, tick: Tick) -> None:
        """Writes a line and flushes it."""
        line = {"images": tick.images, "images_per_second": round(tick.images_per_second, 3)}
        with self._path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(line | {key: round(value, 6) for key, value in tick.losses.items()}) + "\n")

    def forget_after(self, images: int) -> None:
        """Drops lines that a resumed run will write again, and one that was cut off."""
        if not self._path.exists():
            return
        kept = []
        for line in self._path.read_text(encoding="utf-8").splitlines():
            try:
                if json.loads(line)["images"] <= images:
                    kept.append(line + "\n")
            except json.JSONDecodeError:
                continue
        write_file(self._path, lambda temporary: temporary.write_text("".join(kept), encoding="utf-8"))


class NullMonitor:
    """Tells nobody: for processes beside the first one."""

    def tick(self, tick: Tick) -> None:
        """Does nothing."""

    def advance(self, images: int) -> None:
        """Does nothing."""

    def event(self, text: str) -> None:
        """Does nothing."""

    def metrics(self, images: int, values: Mapping[str, float]) -> None:
        """Does nothing."""

    def sheets(self, images: int, sheets: Mapping[str, Path]) -> None:
        """Does nothing."""


class ConsoleMonitor:
    """Shows a bar with speed and remaining time on a terminal, and plain lines elsewhere; on stderr."""

    def __init__(self, progress: Progress, total: int) -> None:
        self._progress = progress
        self._total = total
        self._task = progress.add_task("training", total=total, news="")

    def tick(self, tick: Tick) -> None:
        """Shows speed and losses."""
        losses = tick.losses
        news = (
            f"{tick.images_per_second:.1f} img/s  G {losses['generator']:.3f}  D {losses['discriminator']:.3f}"
            f"  logits {losses['real_logits']:+.2f} {losses['fake_logits']:+.2f}"
        )
        self._progress.update(self._task, news=news)
        if not self._progress.console.is_terminal:
            left = (self._total - tick.images) / max(tick.images_per_second, 1e-9)
            eta = f"{int(left // 3600)}:{int(left % 3600 // 60):02d}:{int(left % 60):02d}"
            self._progress.console.print(f"{tick.images}/{self._total}  {news}  ETA {eta}", soft_wrap=True)

    def advance(self, images: int) -> None:
        """Moves the bar."""
        self._progress.update(self._task, completed=images)

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

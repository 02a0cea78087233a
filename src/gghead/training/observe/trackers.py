"""Where else a run's ticks, measurements and sheets go: Weights & Biases and TensorBoard."""

import json
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from gghead.checkpoint.atomic import write_file
from gghead.runs.run_folder import RunFolder
from gghead.training.observe.telemetry import Monitor
from gghead.training.step_report import Tick

if TYPE_CHECKING:
    import wandb  # pyright: ignore[reportMissingImports] - of an extra
    from tensorboardX import SummaryWriter

PACKAGES = {"wandb": "wandb", "tensorboard": "tensorboardX"}
"""What each tracker needs; its extra has the tracker's name."""
PROJECT = "generative-gaussian-heads"
"""The project at Weights & Biases, as of the official release."""


class Monitors(Monitor):
    """Several monitors as one."""

    def __init__(self, monitors: Sequence[Monitor]) -> None:
        self._monitors = monitors

    def tick(self, tick: Tick) -> None:
        """Tells all."""
        for monitor in self._monitors:
            monitor.tick(tick)

    def advance(self, images: int) -> None:
        """Tells all."""
        for monitor in self._monitors:
            monitor.advance(images)

    def event(self, text: str) -> None:
        """Tells all."""
        for monitor in self._monitors:
            monitor.event(text)

    def metrics(self, images: int, values: Mapping[str, float]) -> None:
        """Tells all."""
        for monitor in self._monitors:
            monitor.metrics(images, values)

    def sheets(self, images: int, sheets: Mapping[str, Path]) -> None:
        """Tells all."""
        for monitor in self._monitors:
            monitor.sheets(images, sheets)


class TensorBoardTracker(Monitor):
    """Writes event files, which `tensorboard --logdir` shows."""

    def __init__(self, writer: "SummaryWriter") -> None:
        self._writer = writer
        self._images = 0

    def tick(self, tick: Tick) -> None:
        """Adds a point to each curve."""
        for name, value in _named(tick).items():
            self._writer.add_scalar(name, value, tick.images)
        self._writer.flush()

    def advance(self, images: int) -> None:
        """Notes where the run is."""
        self._images = images

    def event(self, text: str) -> None:
        """Keeps the line."""
        self._writer.add_text("events", text, self._images)

    def metrics(self, images: int, values: Mapping[str, float]) -> None:
        """Adds a point to each curve."""
        for name, value in values.items():
            self._writer.add_scalar(f"metrics/{name}", value, images)

    def sheets(self, images: int, sheets: Mapping[str, Path]) -> None:
        """Adds the pictures."""
        for name, path in sheets.items():
            with Image.open(path) as picture:
                self._writer.add_image(f"sheets/{name}", np.asarray(picture), images, dataformats="HWC")


class WandbTracker(Monitor):
    """Sends to Weights & Biases, or keeps it in the run's folder if that is offline.

    What is printed is kept there without our help.
    """

    def __init__(self, tracked: "wandb.Run") -> None:
        self._tracked = tracked
        # Of its own, since a run that goes on from a checkpoint counts some images twice.
        tracked.define_metric("*", step_metric="images")

    def tick(self, tick: Tick) -> None:
        """Adds a point to each curve."""
        self._tracked.log({"images": tick.images} | _named(tick))

    def metrics(self, images: int, values: Mapping[str, float]) -> None:
        """Adds a point to each curve."""
        self._tracked.log({"images": images} | {f"metrics/{name}": value for name, value in values.items()})

    def sheets(self, images: int, sheets: Mapping[str, Path]) -> None:
        """Adds the pictures."""
        from wandb import Image as Picture  # pyright: ignore[reportMissingImports] - of an extra

        pictures = {f"sheets/{name}": Picture(str(path)) for name, path in sheets.items()}
        self._tracked.log({"images": images} | pictures)


def chosen_trackers(given: Sequence[str]) -> tuple[str, ...]:
    """What `--log` means: names of PACKAGES, each once; "none" is no name.

    Raises:
        ValueError: "none" and a name.
    """
    names = tuple(dict.fromkeys(given))
    if "none" in names and len(names) > 1:
        raise ValueError(f"--log none and --log {names[1 - names.index('none')]} exclude each other; leave one away")
    return () if names == ("none",) else names


def keep_trackers(run: RunFolder, names: Sequence[str]) -> None:
    """Has a run remember where its log goes; a run whose log never went anywhere has no file for it.

    Raises:
        OSError: the disk is full or not writable.
    """
    if not names and not run.trackers.exists():
        return
    text = json.dumps({"trackers": list(names)}) + "\n"
    write_file(run.trackers, lambda temporary: temporary.write_text(text, encoding="utf-8"))


def kept_trackers(run: RunFolder) -> tuple[str, ...]:
    """Where the log of a run goes, as it remembers.

    Raises:
        ValueError: what it remembers can't be read.
        OSError: likewise.
    """
    if not run.trackers.is_file():
        return ()
    try:
        names = json.loads(run.trackers.read_bytes())["trackers"]
        if not isinstance(names, list) or not all(name in list(PACKAGES) for name in names):
            raise ValueError(f"expected names of {', '.join(PACKAGES)}")
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise ValueError(
            f"{run.trackers} can't be read ({error}); say where the log goes with --log, or --log none"
        ) from error
    return tuple(dict.fromkeys(names))


def require_trackers(names: Sequence[str]) -> None:
    """Raises ValueError if a package that a tracker needs is not installed."""
    for name in names:
        if find_spec(PACKAGES[name]) is None:
            raise ValueError(
                f"--log {name} needs the package {PACKAGES[name]}; pip install 'gghead[{name}]', or --log none"
            )


@contextmanager
def open_trackers(names: Sequence[str], run: RunFolder) -> Iterator[list[Monitor]]:
    """Trackers of a run, as long as the block lasts; a run that goes on goes on in them.

    Raises:
        ValueError: a package is missing, or nobody is logged in at Weights & Biases.
    """
    require_trackers(names)
    with ExitStack() as stack:
        openers = {"wandb": _open_wandb, "tensorboard": _open_tensorboard}
        yield [stack.enter_context(openers[name](run)) for name in names]


@contextmanager
def _open_tensorboard(run: RunFolder) -> Iterator[TensorBoardTracker]:
    from tensorboardX import SummaryWriter

    newest = run.checkpoints()[-1:]
    images = int(newest[0].name) if newest else 0
    # Points after the checkpoint will come again.
    with SummaryWriter(str(run.path / "tensorboard"), purge_step=images + 1) as writer:
        yield TensorBoardTracker(writer)


@contextmanager
def _open_wandb(run: RunFolder) -> Iterator[WandbTracker]:
    import wandb  # pyright: ignore[reportMissingImports] - of an extra

    file = run.path / "wandb_id.txt"
    if not file.exists():
        file.write_text(uuid.uuid4().hex[:12], encoding="utf-8")
    try:
        tracked = wandb.init(
            project=PROJECT,
            name=run.path.name,
            id=file.read_text(encoding="utf-8").strip(),
            resume="allow",
            dir=str(run.path),
            config=asdict(run.config),
        )
    except wandb.errors.UsageError as error:
        raise ValueError(
            f"Weights & Biases refuses: {error} Without an account, WANDB_MODE=offline keeps all in the run's folder; "
            "`wandb sync` sends it later"
        ) from error
    with tracked:
        yield WandbTracker(tracked)


def _named(tick: Tick) -> dict[str, float]:
    """What a tick says, as names of curves."""
    return {f"loss/{name}": value for name, value in tick.losses.items()} | {
        "speed/images_per_second": tick.images_per_second
    }

"""Watching a run that goes on in another process: its newest snapshot, its curves, its sample grids."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float

from gghead.runs.resolve import SNAPSHOT_FOLDER, find_snapshots
from gghead.runs.run_log import read_log

LOG = "log.jsonl"
CURVES = ("generator", "discriminator")
"""Losses that are drawn, if the log has them; else the first two that it has."""
POINTS = 1000
"""A curve has no more points; older ones are thinned out evenly."""


@dataclass(frozen=True)
class RunNews:
    """What a run shows of itself.

    Attributes:
        images: pictures seen at each line of the log, in thousands.
        curves: losses by name, one value a line; NaN where a line lacks it.
        snapshot: the newest model, or None before the first.
        sheet: newest sample grid, or None.
    """

    images: Float[np.ndarray, " T"]
    curves: dict[str, Float[np.ndarray, " T"]]
    snapshot: Path | None
    sheet: Path | None


class RunWatch:
    """Looks at a run's folder from time to time; the folder may be missing, half-written or growing."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._seen: tuple | None = None

    def poll(self) -> RunNews | None:
        """What is there, if it has changed since the last time."""
        log = self._folder / LOG
        found = find_snapshots(self._folder)
        snapshot = found[-1].path if found else None
        sheet = max((self._folder / SNAPSHOT_FOLDER).glob("[0-9]*.png"), default=None)
        state = (snapshot, sheet, log.stat().st_size if log.is_file() else -1)
        if state == self._seen:
            return None
        self._seen = state
        images, curves = read_curves(log)
        return RunNews(images, curves, snapshot, sheet)


def read_curves(log: Path) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """Thousands of images and losses of a log; lines that are cut off are left out, and so is a missing file."""
    lines = read_log(log)
    lines = lines[:: max(1, -(-len(lines) // POINTS))]
    names = [name for name in CURVES if any(name in line.values for line in lines)]
    if not names and lines:
        names = [name for name in lines[-1].values if name != "images_per_second"][:2]
    curves = {name: np.array([line.values.get(name, np.nan) for line in lines]) for name in names}
    return np.array([line.images / 1000 for line in lines], float), curves

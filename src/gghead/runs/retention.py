"""Which checkpoints a run keeps: the newest to go on from, some for good, and the best."""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path

from gghead.runs.run_folder import RunFolder
from gghead.runs.run_log import read_log


def checkpoints_worth_keeping(run: RunFolder) -> set[int]:
    """Image counts of the checkpoints that a run keeps of those that it has."""
    config = run.config.training
    saved = [int(folder.name) for folder in run.checkpoints()]
    period = config.milestone_every * config.snapshot_every
    return worth_keeping(saved, config.kept_checkpoints, period, measured_distances(run.metrics))


def worth_keeping(saved: Sequence[int], newest: int, period: int, scores: Mapping[int, float]) -> set[int]:
    """Image counts of the checkpoints to keep.

    Args:
        saved: those that there are, ascending.
        newest: how many of the newest stay.
        period: images between two that stay for good; 0 for none.
        scores: a distance to the data for each that was measured; the nearest stays.
    """
    kept = set(saved[-newest:])
    if period:
        kept |= {images for images in saved if images and images % period == 0}
    measured = [images for images in saved if images in scores]
    if measured:
        kept.add(min(measured, key=lambda images: scores[images]))
    return kept


def measured_distances(metrics: Path) -> dict[int, float]:
    """The first number of each line of metrics.jsonl by image count: the Frechet distance, lower is better."""
    first = {line.images: next(iter(line.values.values()), math.nan) for line in read_log(metrics)}
    return {images: value for images, value in first.items() if not math.isnan(value)}

"""The scores of many photographs as the numbers of a table."""

import math
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from benchmarks.photographs.scores import CameraScore, MaskScore
from gghead.photos.refusal import Reason

NEAR, FAR = 45, 70
"""Degrees: faces turned less than the first, and between both, are counted apart."""
BIN = 15
"""Width of the bins of true yaw, degrees."""
FOUND_BUT_REFUSED = (Reason.TURNED, Reason.BLURRED, Reason.CUT, Reason.NO_PERSON)
"""Reasons of refusals that say nothing against the detection."""
Values = Sequence[float] | np.ndarray
LINES = (
    ("faces found, yaw within 45 / 45 - 70 / beyond", "{:.1%} / {:.1%} / {:.1%}", "found_near found_far found_beyond"),
    ("taken into the dataset; other heads found", "{:.1%}; {}", "kept other_heads"),
    ("rotation error, degrees: median / mean", "{:.2f} / {:.2f}", "rotation_median rotation_mean"),
    ("yaw, degrees: mean error / deviation", "{:+.2f} / {:.2f}", "yaw_bias yaw_sd"),
    ("pitch, degrees: mean error / deviation", "{:+.2f} / {:.2f}", "pitch_bias pitch_sd"),
    ("head's center: median / mean distance", "{:.2%} / {:.2%}", "center center_mean"),
    ("head's center: mean error right / down", "{:+.2%} / {:+.2%}", "center_x_bias center_y_bias"),
    ("head's scale: median / mean error / deviation", "{:.2%} / {:+.2%} / {:.2%}", "scale scale_bias scale_sd"),
    ("mask IoU: mean / 5th percentile", "{:.4f} / {:.4f}", "iou iou_p5"),
    ("alpha's error within 4 pixels of the rim", "{:.4f}", "edge"),
    ("reprojection / with the true camera", "{:.2%} / {:.2%}", "reprojection reprojection_floor"),
)
"""Title, format and fields of a line."""
COLUMNS = {
    "photographs": "{}",
    "found": "{:.1%}",
    "rotation": "{:.2f}",
    "yaw_bias": "{:+.2f}",
    "yaw_sd": "{:.2f}",
    "pitch_bias": "{:+.2f}",
    "pitch_sd": "{:.2f}",
    "center_x": "{:+.2%}",
    "center_y": "{:+.2%}",
    "scale": "{:+.2%}",
    "reprojection": "{:.2%}",
    "iou": "{:.4f}",
}
"""Fields of a bin of yaw and their formats."""


@dataclass(frozen=True)
class Score:
    """What became of one photograph.

    Attributes:
        number: of the photograph.
        yaw, pitch: the true ones, degrees.
        refused: the reason why there is no head, or None.
        others: heads that were found beside the person's.
        camera: the label against the truth, or None without a head.
        mask: the mask against the truth, or None without a head.
        floor: what `reprojection` is with the true camera: the template is not the person.
    """

    number: int
    yaw: float
    pitch: float
    refused: str | None
    others: int
    camera: CameraScore | None
    mask: MaskScore | None
    floor: float | None

    @property
    def found(self) -> bool:
        """Whether the face was found, also if it was refused for how it looks."""
        return self.camera is not None or self.refused in FOUND_BUT_REFUSED


@dataclass(frozen=True)
class YawBin:
    """Photographs whose true yaw is in a range of `BIN` degrees from `start` on; degrees, shares of the crop's side."""

    start: int
    photographs: int
    found: float
    rotation: float
    yaw_bias: float
    yaw_sd: float
    pitch_bias: float
    pitch_sd: float
    center_x: float
    center_y: float
    scale: float
    reprojection: float
    iou: float


@dataclass(frozen=True)
class Table:
    """Scores of a set.

    Shares of photographs where a face was found, by true |yaw| (degrees: up to 45, 45 - 70, beyond), and `kept`, of
    those that were not refused, over which all the rest is. Rotations in degrees, places and lengths as shares of the
    crop's side, see scores.py. `_bias` is the mean error with its sign, `_sd` its standard deviation; `center` and
    `scale` are medians of the absolute error.
    """

    photographs: int
    found_near: float
    found_far: float
    found_beyond: float
    kept: float
    other_heads: int
    refused: dict[str, int]
    rotation_median: float
    rotation_mean: float
    yaw_bias: float
    yaw_sd: float
    pitch_bias: float
    pitch_sd: float
    center: float
    center_mean: float
    center_x_bias: float
    center_y_bias: float
    scale: float
    scale_bias: float
    scale_sd: float
    iou: float
    iou_p5: float
    edge: float
    reprojection: float
    reprojection_floor: float
    by_yaw: list[YawBin]


def tabulate(scores: Sequence[Score]) -> Table:
    """The table of a set's scores."""
    cameras, masks = _cameras(scores), [score.mask for score in scores if score.mask]

    def of(pick: Callable[[CameraScore], float]) -> np.ndarray:
        return np.array([pick(camera) for camera in cameras])

    yaw, pitch, scale = of(lambda c: c.yaw), of(lambda c: c.pitch), of(lambda c: c.scale)
    rotation, center = of(lambda c: c.rotation), of(lambda c: c.center)
    return Table(
        photographs=len(scores),
        found_near=_found(score for score in scores if abs(score.yaw) <= NEAR),
        found_far=_found(score for score in scores if NEAR < abs(score.yaw) <= FAR),
        found_beyond=_found(score for score in scores if abs(score.yaw) > FAR),
        kept=_mean([score.camera is not None for score in scores]),
        other_heads=sum(score.others for score in scores),
        refused=dict(Counter(score.refused for score in scores if score.refused).most_common()),
        rotation_median=_median(rotation),
        rotation_mean=_mean(rotation),
        yaw_bias=_mean(yaw),
        yaw_sd=_sd(yaw),
        pitch_bias=_mean(pitch),
        pitch_sd=_sd(pitch),
        center=_median(center),
        center_mean=_mean(center),
        center_x_bias=_mean(of(lambda c: c.center_x)),
        center_y_bias=_mean(of(lambda c: c.center_y)),
        scale=_median(np.abs(scale)),
        scale_bias=_mean(scale),
        scale_sd=_sd(scale),
        iou=_mean([mask.iou for mask in masks]),
        iou_p5=_low([mask.iou for mask in masks]),
        edge=_mean([mask.edge for mask in masks]),
        reprojection=_mean(of(lambda c: c.reprojection)),
        reprojection_floor=_mean([score.floor for score in scores if score.floor is not None]),
        by_yaw=[_bin(scores, start) for start in range(-90, 90, BIN) if _within(scores, start)],
    )


def markdown(tables: dict[str, Table]) -> str:
    """Tables side by side, and their bins of yaw below."""
    lines = ["| | " + " | ".join(tables) + " |", "|---" * (len(tables) + 1) + "|"]
    for title, text, names in LINES:
        cells = [text.format(*[getattr(table, name) for name in names.split()]) for table in tables.values()]
        lines.append(f"| {title} | " + " | ".join(cells) + " |")
    for name, table in tables.items():
        lines += ["", f"{name}, by true yaw; refused: {table.refused or 'none'}", ""]
        lines += ["| from | " + " | ".join(COLUMNS) + " |", "|---" * (len(COLUMNS) + 1) + "|"]
        for row in table.by_yaw:
            cells = [text.format(getattr(row, name)) for name, text in COLUMNS.items()]
            lines.append(f"| {row.start} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def _bin(scores: Sequence[Score], start: int) -> YawBin:
    scores = _within(scores, start)
    cameras = _cameras(scores)
    values = {name: np.array([getattr(camera, name) for camera in cameras]) for name in CameraScore.__annotations__}
    return YawBin(
        start=start,
        photographs=len(scores),
        found=_found(scores),
        rotation=_median(values["rotation"]),
        yaw_bias=_mean(values["yaw"]),
        yaw_sd=_sd(values["yaw"]),
        pitch_bias=_mean(values["pitch"]),
        pitch_sd=_sd(values["pitch"]),
        center_x=_mean(values["center_x"]),
        center_y=_mean(values["center_y"]),
        scale=_mean(values["scale"]),
        reprojection=_mean(values["reprojection"]),
        iou=_mean([score.mask.iou for score in scores if score.mask]),
    )


def _within(scores: Sequence[Score], start: int) -> list[Score]:
    return [score for score in scores if start <= score.yaw < start + BIN]


def _cameras(scores: Sequence[Score]) -> list[CameraScore]:
    return [score.camera for score in scores if score.camera]


def _found(scores: Iterable[Score]) -> float:
    return _mean([score.found for score in scores])


def _mean(values: Values) -> float:
    return _measure(np.mean, values)


def _median(values: Values) -> float:
    return _measure(np.median, values)


def _sd(values: Values) -> float:
    return _measure(np.std, values)


def _low(values: Values) -> float:
    """The 5th percentile."""
    return _measure(lambda known: np.percentile(known, 5), values)


def _measure(function: Callable[[np.ndarray], np.ndarray | np.floating], values: Values) -> float:
    """A function of the values that are known; NaN where none is."""
    numbers = np.asarray(values, np.float64)
    known = numbers[~np.isnan(numbers)]
    return round(float(function(known)), 6) if len(known) else math.nan

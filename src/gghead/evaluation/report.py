"""What was measured and under which conditions: frozen records, JSON that is added to and never overwritten."""

import json
import math
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

from filelock import FileLock

from gghead.checkpoint.atomic import write_file

Better = Literal["lower", "higher", "neither"]


@dataclass(frozen=True)
class Measure:
    """A number and how to read it.

    Attributes:
        name: what it is called.
        value: the number; NaN (null in JSON, which has none) if it could not be measured, `note` says why.
        better: whether a lower or a higher number is the better model.
        note: what a reader has to know beside it.
    """

    name: str
    value: float
    better: Better
    note: str = ""

    @property
    def text(self) -> str:
        """The number as people read it."""
        return "unknown" if math.isnan(self.value) else f"{self.value:.4g}"

    @property
    def direction(self) -> str:
        """Which numbers are better, for people; empty where none are."""
        return "" if self.better == "neither" else f"{self.better} is better"


@dataclass(frozen=True)
class Conditions:
    """Everything that decides about the numbers; two reports with the same conditions must agree.

    Attributes:
        model_sha256: of the model's tensors.
        data_identity: hash over pictures, masks, resolution and filter, see `HeadDataset.identity`.
        data_pictures: how many the dataset has; all of them are used.
        resolution: side of the pictures that were compared, pixels.
        stored_resolution: side of the first picture as it is stored.
        resize_filter: how real pictures are brought from one to the other.
        masks: archive of the masks, or how the foreground was found without.
        background: grey value behind the heads, real and generated.
        mirrored: whether real pictures were mirrored as well.
        detector: its name.
        detector_sha256: of its weights.
        detector_input: how it resizes pictures.
        num_images: generated pictures.
        truncation: of the styles.
        seed: of latents and cameras.
        cameras: where those that draw come from.
        noise: of the synthesis network.
        suite: which numbers were wanted.
    """

    model_sha256: str
    data_identity: str
    data_pictures: int
    resolution: int
    stored_resolution: int
    resize_filter: str
    masks: str
    background: float
    mirrored: bool
    detector: str
    detector_sha256: str
    detector_input: str
    num_images: int
    truncation: float
    seed: int
    cameras: str
    noise: str
    suite: str


@dataclass(frozen=True)
class Machine:
    """Where and with what it was measured; may move numbers by rounding."""

    gghead: str
    torch: str
    numpy: str
    python: str
    device: str
    processes: int


@dataclass(frozen=True)
class EvaluationReport:
    """One evaluation of one model.

    Attributes:
        model: path of the model, as found.
        data: path of the data, as given.
        date: when it ended, UTC.
        seconds: how long it took, real pictures included.
        conditions: what decides about the numbers.
        machine: what might move them.
        measures: the numbers.
        unusable: generated pictures with numbers that are not finite, by name; no number includes them.
        remarks: what a reader has to know.
    """

    model: str
    data: str
    date: str
    seconds: float
    conditions: Conditions
    machine: Machine
    measures: tuple[Measure, ...]
    unusable: tuple[str, ...]
    remarks: tuple[str, ...]


def keep_report(path: Path, report: EvaluationReport) -> None:
    """Adds a report to a file of reports; those that are there stay.

    Raises:
        ValueError: the file holds something else.
        OSError: the disk is full or not writable.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(path.with_name(f".{path.name}.lock")):
        added = asdict(report)
        for measure in added["measures"]:
            measure["value"] = None if math.isnan(measure["value"]) else measure["value"]
        text = json.dumps({"evaluations": [*_read(path), added]}, indent=2, allow_nan=False)
        write_file(path, lambda temporary: temporary.write_text(text + "\n", encoding="utf-8"))


def is_evaluated(path: Path, conditions: Conditions) -> bool:
    """Whether a file holds a report under these conditions.

    Raises:
        ValueError: the file holds something else.
    """
    wanted = asdict(conditions)
    return any(kept.get("conditions") == wanted for kept in _read(path))


def _read(path: Path) -> list[dict[str, object]]:
    if not path.exists():
        return []
    try:
        kept = json.loads(path.read_text(encoding="utf-8"))["evaluations"]
    except (ValueError, KeyError, TypeError) as error:
        raise ValueError(f"{path} holds no evaluations ({error}); move it away, nothing was overwritten") from error
    if not isinstance(kept, list) or not all(isinstance(entry, dict) for entry in kept):
        raise ValueError(f"{path} holds no list of evaluations; move it away, nothing was overwritten")
    return kept

"""Which models a call of the command means: files, runs, and the snapshots of runs."""

from dataclasses import dataclass
from pathlib import Path

from gghead.config.codec import from_json
from gghead.config.training import RunConfig
from gghead.model.storage import read_generator_config
from gghead.runs.model_files import SNAPSHOT_FOLDER, find_snapshots

CONFIG = "config.json"
FOLDER = "evaluations"


@dataclass(frozen=True)
class Candidate:
    """A model to evaluate.

    Attributes:
        path: of its file.
        reports: JSON of its evaluations.
        resolution: side of the pictures it was trained on; None if nobody knows.
        background: grey value that it was trained on; white if nobody knows.
    """

    path: Path
    reports: Path
    resolution: int | None
    background: float


def find_candidates(path: Path, checkpoint: str) -> list[Candidate]:
    """The models that a path and a choice of checkpoints mean, oldest first.

    Args:
        path: a .safetensors file, or the folder of a run.
        checkpoint: "last", "all", "remaining" (the same here; the caller skips those that are done), or the number of
            images of a snapshot, in full or in thousands: 400000 or 400k.

    Raises:
        FileNotFoundError: there is no such model, or the run has no EMA generator yet.
        ValueError: the checkpoint is named in no known way, or a file holds no generator.
    """
    if path.is_file():
        # A snapshot inside of a run belongs to the run.
        home = path.parent.parent if path.parent.name == SNAPSHOT_FOLDER else path.parent
        return [Candidate(path, home / FOLDER / f"{path.stem}.json", *_training(home, path))]
    if not path.is_dir():
        raise FileNotFoundError(f"there is no model at {path}; expected a .safetensors file or a run folder")
    snapshots = find_snapshots(path)
    if not snapshots:
        started = (path / "checkpoints").is_dir()
        raise FileNotFoundError(
            f"{path} has no averaged (EMA) generator in {SNAPSHOT_FOLDER}/"
            + (
                "; its checkpoints hold the weights of training, which nobody publishes numbers of: "
                f"let it reach its next snapshot with `gghead resume {path}`"
                if started
                else "; expected a run folder or a .safetensors file"
            )
        )
    if checkpoint == "last":
        snapshots = snapshots[-1:]
    elif checkpoint not in ("all", "remaining"):
        images = _images(checkpoint)
        found = [snapshot for snapshot in snapshots if snapshot.stem == f"{images:09d}"]
        if not found:
            there = ", ".join(str(int(snapshot.stem)) for snapshot in snapshots)
            raise FileNotFoundError(f"{path} has no snapshot at {images} images; it has {there}")
        snapshots = found
    trained = _training(path, snapshots[-1])
    return [Candidate(snapshot, path / FOLDER / f"{snapshot.stem}.json", *trained) for snapshot in snapshots]


def _images(text: str) -> int:
    digits, factor = (text[:-1], 1000) if text.endswith("k") else (text, 1)
    if not digits.isdigit():
        raise ValueError(f"there is no checkpoint {text!r}; expected last, all, remaining, or images like 400k")
    return int(digits) * factor


def _training(folder: Path, model: Path) -> tuple[int | None, float]:
    """Resolution and background of the run in a folder; if it is none, what the model itself knows, on white."""
    config = folder / CONFIG
    if not config.is_file():
        return read_generator_config(model).picture_resolution, 1.0
    run = from_json(RunConfig, config.read_text(encoding="utf-8-sig"))
    return run.model.discriminator.resolution, run.training.background

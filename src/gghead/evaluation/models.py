"""Models to evaluate, with what is known of their training and where their reports go."""

from dataclasses import dataclass
from pathlib import Path

from gghead.config.codec import from_json
from gghead.config.training import RunConfig
from gghead.model.storage import read_generator_config
from gghead.runs.places import BUNDLED_MODEL
from gghead.runs.resolve import CONFIG, snapshot_of

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


def candidate_of(model: Path) -> Candidate:
    """A model file as a candidate.

    Reports of a run's models stand in the run, those of other files beside them, and those of the bundled model, whose
    folder is the package's, in the folder that a command is called in.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: it holds no generator.
    """
    snapshot = snapshot_of(model)
    if snapshot is not None:
        name = f"{snapshot.images:09d}.json"
        return Candidate(model, snapshot.run / FOLDER / name, *_training(snapshot.run, model))
    home = Path() if model == BUNDLED_MODEL else model.parent
    return Candidate(model, home / FOLDER / f"{model.stem}.json", *_training(model.parent, model))


def _training(folder: Path, model: Path) -> tuple[int | None, float]:
    """Resolution and background of the run in a folder; if it is none, what the model itself knows, on white."""
    config = folder / CONFIG
    if not config.is_file():
        return read_generator_config(model).picture_resolution, 1.0
    run = from_json(RunConfig, config.read_text(encoding="utf-8-sig"))
    return run.model.discriminator.resolution, run.training.background

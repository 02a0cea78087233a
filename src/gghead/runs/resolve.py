"""What an argument means, in the same way for all commands: the bundled model, a model file, a run, a checkpoint.

A checkpoint is the full state of training, a snapshot its EMA generator as a model file. The newest model of a run may
be in a checkpoint that was saved between two snapshots. Answers without torch.
"""

from dataclasses import dataclass
from pathlib import Path

from gghead.checkpoint.header import KIND_KEY, read_texts
from gghead.checkpoint.naming import MANIFEST, is_checkpoint_name
from gghead.runs.places import BUNDLED_MODEL, find_run

CONFIG = "config.json"
"""The file that makes a folder a run."""
SNAPSHOT_FOLDER = "snapshots"
"""Where a run keeps its snapshots, `<images, nine digits>.safetensors`."""
CHECKPOINT_FOLDER = "checkpoints"
MODEL_SUFFIX = ".safetensors"
EMA_FILE = f"generator_ema{MODEL_SUFFIX}"
"""The EMA generator in a checkpoint's folder; the snapshot of the same number of images is another path to it."""
OTHER_KINDS = {
    ".pkl": "an official checkpoint; convert it first: gghead import {path} model.safetensors",
    ".ply": "a file of Gaussians, no model that makes them; gghead.load_ply reads it, gghead view shows it",
    ".spz": "a file of Gaussians, no model that makes them; gghead.load_spz reads it, gghead view shows it",
    ".splat": "a file of Gaussians, no model that makes them; gghead.load_splat reads it, gghead view shows it",
    ".training": "what training goes on from beside a model; name the model, the .safetensors file beside it",
    ".zip": "an archive, no model; gghead data check looks at datasets",
}
"""Files that are taken for models, and what to do with them."""
CHOICES = ("last", "all", "remaining")
"""Words for several snapshots of a run; "remaining" is "all" without those that the caller has done."""


@dataclass(frozen=True)
class Snapshot:
    """A model file that belongs to a run.

    Attributes:
        run: its folder.
        images: real pictures seen when it was written.
        path: of the file, in the run's snapshots or in one of its checkpoints.
    """

    run: Path
    images: int
    path: Path


def find_model(argument: str | Path | None) -> Path:
    """The model file that a person means.

    Args:
        argument: a .safetensors model; a run's folder or name ("GGHEAD-4"), whose newest model is taken; a checkpoint's
            folder ("GGHEAD-4/checkpoints/006400000"); None for the model that comes with gghead.

    Raises:
        FileNotFoundError: nothing is there, or a folder without models.
        ValueError: a file of another kind, a checkpoint of an earlier version, or no path at all.
    """
    path = _path(argument)
    if is_checkpoint(path):
        return _model_of_checkpoint(path)
    return _snapshots_or_refuse(path)[-1].path if path.is_dir() else _model_file(path)


def choose_models(argument: str | Path | None, choice: str) -> list[Path]:
    """The model files that a person means by a path and a choice of snapshots, oldest first.

    Args:
        argument: as of `find_model`; all but runs are one model, whatever is chosen.
        choice: "last", "all", "remaining", or the number of images of a snapshot: 400000, or 400k.

    Raises:
        FileNotFoundError, ValueError: as of `find_model`, or there is no such snapshot or choice.
    """
    images = None if choice in CHOICES else _images(choice)
    path = _path(argument)
    if not path.is_dir() or is_checkpoint(path):
        return [find_model(path)]
    snapshots = _snapshots_or_refuse(path)
    if choice == "last":
        snapshots = snapshots[-1:]
    chosen = [snapshot.path for snapshot in snapshots if images in (None, snapshot.images)]
    if not chosen:
        there = ", ".join(str(snapshot.images) for snapshot in snapshots)
        raise FileNotFoundError(f"{path} has no snapshot or checkpoint at {images} images; it has {there}")
    return chosen


def find_start(argument: str | Path) -> Path:
    """Where a new run takes its weights from: the folder of a checkpoint where there is one, else a model file.

    Args:
        argument: as of `find_model`; of a run it is the newest checkpoint. A file is that file, wherever it stands.

    Raises:
        FileNotFoundError, ValueError: as of `find_model`.
    """
    path = _path(argument)
    if is_checkpoint(path):
        return path
    return (find_checkpoints(path) or [find_model(path)])[-1]


def find_checkpoints(run: Path) -> list[Path]:
    """The checkpoint folders of a run, oldest first; those not finished, or of another name, are not among them."""
    folder = run / CHECKPOINT_FOLDER
    found = (path for path in folder.iterdir() if is_checkpoint_name(path.name)) if folder.is_dir() else ()
    return sorted(found, key=lambda path: int(path.name))


def find_snapshots(run: Path) -> list[Snapshot]:
    """The models of a run, oldest first: its snapshots, and checkpoints at whose number of images there is none.

    Files that are not named by a number are not among them, nor checkpoints of earlier versions, which hold no models.
    """
    in_checkpoints = (folder / EMA_FILE for folder in find_checkpoints(run))
    files = [path for path in in_checkpoints if path.is_file() and not _is_plain(path)]
    files += [path for path in (run / SNAPSHOT_FOLDER).glob(f"*{MODEL_SUFFIX}") if path.stem.isdecimal()]
    by_images = {snapshot.images: snapshot for snapshot in map(snapshot_of, files) if snapshot is not None}
    return [by_images[images] for images in sorted(by_images)]


def snapshot_of(model: Path) -> Snapshot | None:
    """What a model file is in the run that it stands in, by its path; None if that is no run's."""
    folder = model.parent
    if folder.name == SNAPSHOT_FOLDER and model.suffix == MODEL_SUFFIX and model.stem.isdecimal():
        return Snapshot(folder.parent, int(model.stem), model)
    if model.name == EMA_FILE and folder.parent.name == CHECKPOINT_FOLDER and is_checkpoint_name(folder.name):
        return Snapshot(folder.parent.parent, int(folder.name), model)
    return None


def is_run(path: Path) -> bool:
    """Whether a path is a run's folder, or one that holds snapshots as a run's does."""
    return (path / CONFIG).is_file() or (path / SNAPSHOT_FOLDER).is_dir()


def is_checkpoint(path: Path) -> bool:
    """Whether a path is a checkpoint's folder."""
    return (path / MANIFEST).is_file()


def _path(argument: str | Path | None) -> Path:
    if argument is None:
        return BUNDLED_MODEL
    if not isinstance(argument, str | Path):
        raise ValueError(f"the model is a {type(argument).__name__}; expected a path or the name of a run")
    return find_run(Path(argument).expanduser())


def _model_file(path: Path) -> Path:
    suffix = path.suffix.lower()
    if suffix in OTHER_KINDS and (path.exists() or suffix != ".zip"):
        raise ValueError(f"{path} is {OTHER_KINDS[suffix].format(path=path)}")
    if not path.exists():
        raise FileNotFoundError(
            f"there is no model at {path}; expected a .safetensors file, a run's folder or name, or a checkpoint"
        )
    return path


def _model_of_checkpoint(folder: Path) -> Path:
    model = folder / EMA_FILE
    if not model.is_file():
        raise FileNotFoundError(f"{folder} is a checkpoint that lacks {EMA_FILE}; take another one")
    if _is_plain(model):
        raise ValueError(
            f"{folder} is a checkpoint of an earlier version, from which training goes on but which holds no model "
            "file; take a snapshot of its run"
        )
    return model


def _snapshots_or_refuse(path: Path) -> list[Snapshot]:
    snapshots = find_snapshots(path)
    if not snapshots and (path / CONFIG).is_file():
        raise FileNotFoundError(
            f"{path} is a run that has kept no model yet; go on with `gghead resume {path}` until it does"
        )
    if not snapshots:
        raise FileNotFoundError(
            f"{path} holds no model: expected a run's folder, with {SNAPSHOT_FOLDER}/*{MODEL_SUFFIX} in it, or a "
            "checkpoint's"
        )
    return snapshots


def _is_plain(file: Path) -> bool:
    """Whether a file says that it holds tensors and no network; one that can't be read is left to who loads it."""
    try:
        return KIND_KEY not in read_texts(file)
    except (ValueError, OSError):
        return False


def _images(text: str) -> int:
    digits, factor = (text[:-1], 1000) if text.endswith("k") else (text, 1)
    if not digits.isdecimal():
        raise ValueError(f"there is no snapshot {text!r}; expected {', '.join(CHOICES)}, or images like 400k")
    return int(digits) * factor

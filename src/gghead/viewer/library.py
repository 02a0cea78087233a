"""What can be looked at: the models, runs and files of Gaussians behind the paths on the command line."""

from dataclasses import dataclass
from pathlib import Path

from gghead.runs.resolve import EMA_FILE, find_model, find_snapshots, is_checkpoint, is_run

SUFFIXES = (".safetensors", ".ply", ".spz", ".splat")
BUNDLED = Path("bundled")
"""Stands for the model that comes with gghead."""


@dataclass(frozen=True)
class Entry:
    """Something to look at.

    Attributes:
        name: as the page calls it, unique.
        path: a .safetensors, .ply, .spz or .splat file, a folder of a run or a checkpoint, or BUNDLED.
    """

    name: str
    path: Path

    def snapshots(self) -> tuple[Path, ...]:
        """Its files, newest first: a run's snapshots, or the one file; those of now, since runs go on."""
        if is_checkpoint(self.path):
            return (find_model(self.path),)
        if self.path.is_dir():
            return tuple(snapshot.path for snapshot in reversed(find_snapshots(self.path)))
        return (self.path,)


def label(path: Path) -> str:
    """What the page calls a file among others; the one of a checkpoint goes when the checkpoint does."""
    return f"{path.parent.name} (of a checkpoint)" if path.name == EMA_FILE else path.name


def open_library(paths: tuple[Path, ...]) -> tuple[Entry, ...]:
    """What the paths hold: models, Gaussians, runs, or folders with some of them; without paths the bundled model.

    Raises:
        FileNotFoundError: nothing is at a path, or nothing in it can be looked at.
        ValueError: a file of another kind.
    """
    found: list[Path] = []
    for path in paths:
        if not path.exists():
            raise FileNotFoundError(
                f"there is nothing at {path}; expected a .safetensors, .ply, .spz or .splat file, "
                "a folder of a run or a checkpoint, or a folder of runs"
            )
        found += [path] if _viewable(path) else _inside(path)
    unique = list(dict.fromkeys(found)) if paths else [BUNDLED]
    names = [_short(path) for path in unique]
    return tuple(
        Entry(name if names.count(name) == 1 else str(path), path) for name, path in zip(names, unique, strict=True)
    )


def _viewable(path: Path) -> bool:
    if path.is_dir():
        return is_run(path) or is_checkpoint(path)
    return path.suffix.lower() in SUFFIXES


def _inside(path: Path) -> list[Path]:
    if not path.is_dir():
        raise ValueError(f"{path} can't be looked at; expected one ending in {', '.join(SUFFIXES)}, or a run folder")
    found = [child for child in sorted(path.iterdir()) if _viewable(child)]
    if not found:
        raise FileNotFoundError(f"{path} holds no runs, and no files ending in {', '.join(SUFFIXES)}")
    return found


def _short(path: Path) -> str:
    return path.resolve().name if path.is_dir() or path == BUNDLED else path.name

"""Finds the generator behind a path: a model file, a run folder, or a checkpoint inside of one."""

from pathlib import Path

from gghead.config.paths import BUNDLED_MODEL, find_run
from gghead.model.generator import Generator
from gghead.model.storage import load_generator
from gghead.stylegan.layers import freeze

SNAPSHOT_FOLDER = "snapshots"
"""Where a run keeps the averaged generators, `<images, nine digits>.safetensors`."""


def load(path: str | Path | None = None, device: str = "cpu") -> Generator:
    """Loads a generator for sampling.

    Args:
        path: a .safetensors model, or a run's folder or name ("GGHEAD-4"), whose newest snapshot is taken; by default
            the model that comes with gghead.
        device: where to put it.

    Raises:
        FileNotFoundError: nothing is there.
        ValueError: what is there is no model, or is damaged.
    """
    generator = load_generator(find_model(BUNDLED_MODEL if path is None else find_run(Path(path)))).to(device)
    freeze(generator)
    return generator


def find_snapshots(run: Path) -> list[Path]:
    """The averaged generators of a run, oldest first; files that are not named by a number are not among them."""
    found = (run / SNAPSHOT_FOLDER).glob("*.safetensors")
    return sorted((path for path in found if path.stem.isdecimal()), key=lambda path: int(path.stem))


def find_model(path: Path) -> Path:
    """The model file that a path means.

    Raises:
        FileNotFoundError: nothing is there, or a run without snapshots.
        ValueError: a file that is no .safetensors file.
    """
    if path.is_dir():
        snapshots = find_snapshots(path)
        if not snapshots:
            raise FileNotFoundError(
                f"{path} holds no model: expected a run folder with {SNAPSHOT_FOLDER}/*.safetensors in it"
            )
        return snapshots[-1]
    if not path.exists():
        raise FileNotFoundError(f"there is no model at {path}; expected a .safetensors file or a run folder")
    if path.suffix == ".pkl":
        raise ValueError(f"{path} is an official checkpoint; convert it first: gghead import {path} model.safetensors")
    return path

"""Which model file a path means: the file itself, or the newest snapshot of a run. Answers without torch."""

from pathlib import Path

from gghead.runs.places import BUNDLED_MODEL, find_run

SNAPSHOT_FOLDER = "snapshots"
"""Where a run keeps the averaged generators, `<images, nine digits>.safetensors`."""
OTHER_KINDS = {
    ".pkl": "an official checkpoint; convert it first: gghead import {path} model.safetensors",
    ".ply": "a file of Gaussians, no model that makes them; gghead.load_ply reads it, gghead view shows it",
    ".spz": "a file of Gaussians, no model that makes them; gghead.load_spz reads it, gghead view shows it",
    ".splat": "a file of Gaussians, no model that makes them; gghead.load_splat reads it, gghead view shows it",
    ".training": "what training goes on from beside a model; name the model, the .safetensors file beside it",
    ".zip": "an archive, no model; gghead data check looks at datasets",
}
"""Files that are taken for models, and what to do with them."""


def find_snapshots(run: Path) -> list[Path]:
    """The averaged generators of a run, oldest first; files that are not named by a number are not among them."""
    found = (run / SNAPSHOT_FOLDER).glob("*.safetensors")
    return sorted((path for path in found if path.stem.isdecimal()), key=lambda path: int(path.stem))


def find_model(path: str | Path | None) -> Path:
    """The model file that a person means by a path or a name.

    Args:
        path: a .safetensors model, or a run's folder or name ("GGHEAD-4"), whose newest snapshot is taken; None for the
            model that comes with gghead.

    Raises:
        FileNotFoundError: nothing is there, or a folder without snapshots.
        ValueError: a file that is no .safetensors file, or no path at all.
    """
    if path is None:
        return BUNDLED_MODEL
    if not isinstance(path, str | Path):
        raise ValueError(f"the model is a {type(path).__name__}; expected a path or the name of a run")
    path = find_run(Path(path).expanduser())
    if path.is_dir():
        snapshots = find_snapshots(path)
        if not snapshots:
            if (path / "config.json").is_file():
                raise FileNotFoundError(
                    f"{path} is a run that has kept no model yet; go on with `gghead resume {path}` until it does"
                )
            hint = "; this is a checkpoint, give its run" if (path / "manifest.json").is_file() else ""
            raise FileNotFoundError(
                f"{path} holds no model: expected a run folder with {SNAPSHOT_FOLDER}/*.safetensors in it{hint}"
            )
        return snapshots[-1]
    suffix = path.suffix.lower()
    if suffix in OTHER_KINDS and (path.exists() or suffix != ".zip"):
        raise ValueError(f"{path} is {OTHER_KINDS[suffix].format(path=path)}")
    if not path.exists():
        raise FileNotFoundError(f"there is no model at {path}; expected a .safetensors file, or a run's folder or name")
    return path

"""Folders that a person sets once, and the names of runs in them.

GGHEAD_DATA_PATH, GGHEAD_MODELS_PATH and GGHEAD_RENDERINGS_PATH come from the environment, or from lines NAME=VALUE of
~/.config/gghead/.env, in which $HOME, ${HOME} and ~ mean what a shell takes them for; all are optional. Runs are
GGHEAD-<number>[_<words>] in the models folder.
"""

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from gghead.runs.dotenv import read_settings
from gghead.runs.shards import is_there, without_shard

SETTINGS = Path(".config") / "gghead" / ".env"
"""Where settings stand, in a person's home."""
DEFAULTS = {"data": "data", "models": "runs", "renderings": "renderings"}
"""Folders below the one a command is called in, for those that are not set."""
BUNDLED_MODEL = Path(__file__).parents[1] / "assets" / "model" / "heads512.safetensors"
"""The model that comes with the package; the README beside it says what it is."""
PREFIX = "GGHEAD-"
"""Start of the name of a run."""
ARCHIVE_SIDE = re.compile(r"_(\d+)\.zip$")
"""How an archive states the side of its pictures: FFHQ_png_512.zip."""

COMPANIONS = ("_masks_modnet", "_depth")
"""Ends of the names of archives that belong to another."""


def folder(kind: str) -> Path:
    """The folder for "data", "models" or "renderings".

    Raises:
        ValueError: a line of the file of settings is not NAME=VALUE, or needs what is not set.
        OSError: there is no home to look for that file in, or for a folder that begins with ~.
    """
    name = f"GGHEAD_{kind.upper()}_PATH"
    try:
        value = os.environ.get(name) or read_settings(Path.home() / SETTINGS).get(name) or DEFAULTS[kind]
        return Path(value).expanduser()
    except RuntimeError as error:
        raise OSError(f"there is no home folder on this machine for who calls; set HOME or {name}") from error


def find_run(path: Path) -> Path:
    """What a person means by the name of a run: "GGHEAD-4" is models/GGHEAD-4 or models/GGHEAD-4_better_hair.

    Other runs and files of the models folder are found by their whole names. The name may lead on into the run, as in
    GGHEAD-4/checkpoints/006400000. A path at which something stands is that path, and one that names nothing is
    returned as it is, for the caller to refuse.

    Raises:
        FileNotFoundError: it begins like the name of a run, and there is none.
        ValueError: several runs begin like this.
    """
    if path.exists() or path.is_absolute() or not path.parts:
        return path
    name, *rest = path.parts
    models = folder("models")
    if name != ".." and (models / name).exists():
        return models.joinpath(name, *rest)
    if not name.startswith(PREFIX):
        return path
    runs = _runs(models)
    # "GGHEAD-4" is not the start of "GGHEAD-40".
    matches = [run for run in runs if re.match(re.escape(name) + (r"(?!\d)" if name[-1].isdigit() else ""), run.name)]
    if len(matches) > 1:
        names = ", ".join(run.name for run in matches)
        raise ValueError(f"{name} may be {names} in {models}; write more of the name")
    if not matches:
        there = f"; there are {', '.join(run.name for run in runs)}" if runs else ", which holds no runs"
        raise FileNotFoundError(f"there is no run {name} in {models}{there}; GGHEAD_MODELS_PATH names another folder")
    return matches[0].joinpath(*rest)


def find_data(path: Path, side: int | None = None) -> Path:
    """What a person means by the name of a dataset: "FFHQ" is FFHQ_png_512.zip in the data folder.

    A zip that lies there in shards (runs/shards.py) has the name of the whole, at which nothing stands then.
    Of several sizes of the same pictures (FFHQ_png_512.zip, FFHQ_png_1024.zip) it is the smallest one that is not below
    what is needed. A path at which something stands is that path; one that names nothing is returned as it is.

    Args:
        path: an archive's, or its name in the data folder, or the start of that, in large or small letters.
        side: of the pictures that are needed, pixels; None for the largest.

    Raises:
        ValueError: several archives begin like this, and their sizes do not tell which; or it lies in shards of several
            divisions.
        FileNotFoundError: some of its shards are missing.
    """
    data = folder("data")
    if is_there(path) or path.is_absolute() or len(path.parts) != 1 or not data.is_dir():
        return path
    if is_there(data / path):
        return data / path
    wholes = sorted({without_shard(archive) for archive in data.glob("*.zip")})
    archives = [archive for archive in wholes if not archive.stem.endswith(COMPANIONS)]
    matches = [archive for archive in archives if archive.name.lower().startswith(path.name.lower())]
    if len({ARCHIVE_SIDE.sub("", archive.name) for archive in matches}) > 1:
        names = ", ".join(archive.name for archive in matches)
        raise ValueError(f"{path} may be {names} in {data}; write more of the name")
    if len(matches) < 2:
        return matches[0] if matches else path
    sides = {int(ARCHIVE_SIDE.findall(archive.name)[0]): archive for archive in matches}
    enough = [number for number in sides if side and number >= side]
    return sides[min(enough) if enough else max(sides)]


def refuse_existing(path: Path) -> None:
    """Raises FileExistsError if a run can't be made at the path because something stands there."""
    if os.path.lexists(path):
        raise FileExistsError(f"{path} exists already; go on with `gghead resume {path}` or name another folder")


@contextmanager
def next_run(words: str = "") -> Iterator[Path]:
    """The path of a new run, with the next number in the models folder; nobody else gets it while the block lasts.

    Args:
        words: what follows the number; characters that have no place in a name become "-".

    Example:
        >>> with next_run("better hair") as path:  # doctest: +SKIP
        ...     path.mkdir()  # runs/GGHEAD-1_better-hair
    """
    models = folder("models")
    models.mkdir(parents=True, exist_ok=True)
    ending = "_" + re.sub(r"[^\w.-]+", "-", words).strip("-") if words else ""
    number = max((_number(run.name) for run in _runs(models)), default=0) + 1
    while True:
        claim = models / f".{PREFIX}{number}"
        try:
            claim.mkdir()
        except FileExistsError:
            number += 1
            continue
        try:
            # Somebody may have finished with this number between our look and our claim.
            if number not in {_number(run.name) for run in _runs(models)}:
                yield models / f"{PREFIX}{number}{ending}"
                return
        finally:
            claim.rmdir()
        number += 1


def _runs(models: Path) -> list[Path]:
    """Runs of a folder, in the order of their numbers."""
    found = [path for path in models.glob(f"{PREFIX}*") if _number(path.name)]
    return sorted(found, key=lambda path: (_number(path.name), path.name))


def _number(name: str) -> int:
    """Number of a run; 0 if it is none's name."""
    match = re.match(rf"{PREFIX}(\d+)(?:_|$)", name)
    return int(match[1]) if match else 0

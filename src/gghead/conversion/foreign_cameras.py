"""What the readers of other programs' camera files give: names and labels, still in the conventions of their file."""

import json
from dataclasses import dataclass
from pathlib import Path
from posixpath import normpath

import numpy as np
from jaxtyping import Float

from gghead.config.printable import printable
from gghead.data.archive import canonical_name

MAX_TEXT_BYTES = 256 * 2**20
"""Camera files in JSON are not larger."""


@dataclass(frozen=True)
class ForeignCameras:
    """Cameras of named pictures.

    Attributes:
        names: names of the pictures as the file gives them, with "/".
        values: labels as of dataset.json, in the convention of the words.
        words: what `Convention` calls the kind of matrices of that file; the axes of its world are the user's to know.
        unreadable: a sentence for each entry of the file that is no camera of a picture.
        pictures: folder in which such a source has its pictures; None where only the user knows.
        masks: names of the masks of the pictures, where the file names some; empty, or as many as names.
        notes: a sentence for each thing that was found and not used.
    """

    names: tuple[str, ...]
    values: Float[np.ndarray, "M 25"]
    words: tuple[str, ...] = ()
    unreadable: tuple[str, ...] = ()
    pictures: Path | None = None
    masks: tuple[str | None, ...] = ()
    notes: tuple[str, ...] = ()


def read_text(path: Path) -> str:
    """Content of a text file, without a byte order mark.

    Raises:
        FileNotFoundError: there is none.
        ValueError: it is too large or no UTF-8.
    """
    if not path.is_file():
        raise FileNotFoundError(f"there is no {path}")
    if path.stat().st_size > MAX_TEXT_BYTES:
        raise ValueError(f"{path} has {path.stat().st_size} bytes; expected at most {MAX_TEXT_BYTES}")
    try:
        return path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise ValueError(f"{path} is no text in UTF-8 ({error})") from error


def read_json(path: Path) -> object:
    """Content of a JSON file; errors as of `read_text`, and ValueError if it is no JSON."""
    try:
        return json.loads(read_text(path))
    except (ValueError, RecursionError) as error:
        if isinstance(error, json.JSONDecodeError | RecursionError):
            raise ValueError(f"{path} is not JSON ({error})") from error
        raise ValueError(f"{path} can't be read ({error})") from error


def label(pose: Float[np.ndarray, "4 4"], focal: tuple[float, float], center: tuple[float, float]) -> np.ndarray:
    """25 numbers from a pose and intrinsics in units of the picture's side."""
    intrinsics = [focal[0], 0, center[0], 0, focal[1], center[1], 0, 0, 1]
    return np.concatenate([pose.reshape(16), intrinsics])


def picture_name(name: str) -> str:
    """A name as archives spell it, without steps up and down in it."""
    return canonical_name(normpath(name.replace("\\", "/")))


def require_square(what: str, width: float, height: float) -> None:
    """Labels hold for square pictures only.

    Raises:
        ValueError: they are not.
    """
    if width != height or width <= 0:
        raise ValueError(
            f"{printable(what, 400)} has pictures of {width:g} x {height:g} pixels; expected square ones: crop the "
            "heads, and move the principal point by what was cut off"
        )

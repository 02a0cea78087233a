"""What the readers of other programs' camera files give: names and labels, still in the conventions of their file."""

import json
import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float

from gghead.data.conventions import WORLD_TO_CAMERA

MAX_TEXT_BYTES = 256 * 2**20
"""Camera files are not larger."""


@dataclass(frozen=True)
class ForeignCameras:
    """Cameras of named pictures.

    Attributes:
        names: names of the pictures as the file gives them, with "/".
        values: labels as of dataset.json, in the convention of the words.
        words: what `Convention` calls the kind of matrices of that file; the axes of its world are the user's to know.
        unreadable: a sentence for each entry of the file that is no camera of a picture.
    """

    names: tuple[str, ...]
    values: Float[np.ndarray, "M 25"]
    words: tuple[str, ...]
    unreadable: tuple[str, ...] = ()


def read_text(path: Path) -> str:
    """Content of a text file.

    Raises:
        FileNotFoundError: there is none.
        ValueError: it is too large or no UTF-8.
    """
    if not path.is_file():
        raise FileNotFoundError(f"there is no {path}")
    if path.stat().st_size > MAX_TEXT_BYTES:
        raise ValueError(f"{path} has {path.stat().st_size} bytes; expected at most {MAX_TEXT_BYTES}")
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise ValueError(f"{path} is no text in UTF-8 ({error})") from error


def read_json(path: Path) -> object:
    """Content of a JSON file; errors as of `read_text`, and ValueError if it is no JSON."""
    try:
        return json.loads(read_text(path))
    except (json.JSONDecodeError, RecursionError) as error:
        raise ValueError(f"{path} is not JSON ({error})") from error


def label(pose: Float[np.ndarray, "4 4"], focal: tuple[float, float], center: tuple[float, float]) -> np.ndarray:
    """25 numbers from a pose and intrinsics in units of the picture's side."""
    intrinsics = [focal[0], 0, center[0], 0, focal[1], center[1], 0, 0, 1]
    return np.concatenate([pose.reshape(16), intrinsics])


def require_square(what: str, width: float, height: float) -> None:
    """Labels hold for square pictures only.

    Raises:
        ValueError: they are not.
    """
    if width != height or width <= 0:
        raise ValueError(
            f"{what} has pictures of {width:g} x {height:g} pixels; expected square ones: crop the heads, and move the "
            "principal point by what was cut off"
        )


def read_colmap(folder: Path) -> ForeignCameras:
    """A COLMAP model as text: cameras.txt and images.txt with PINHOLE or SIMPLE_PINHOLE cameras of square pictures.

    Raises:
        FileNotFoundError: the files are missing; a binary model has to be converted to text first.
        ValueError: a line can't be understood, a camera has distortion, pictures are not square. Names file and line.

    Source: "Output format" in the documentation of COLMAP: world-to-camera, quaternion w x y z, OpenCV axes.
    """
    intrinsics = _colmap_cameras(folder / "cameras.txt")
    path = folder / "images.txt"
    names, values = [], []
    header = True
    for number, line in enumerate(read_text(path).splitlines(), start=1):
        if line.startswith("#") or (header and not line.strip()):
            continue
        if header:
            fields = line.split(maxsplit=9)
            try:
                pose = _pose(*(float(field) for field in fields[1:8]))
                focal, center = intrinsics[fields[8]]
                names.append(fields[9].strip().replace("\\", "/"))
            except (ValueError, IndexError, KeyError) as error:
                raise ValueError(
                    f"{path} line {number} is no image of a known camera; expected "
                    "IMAGE_ID QW QX QY QZ TX TY TZ CAMERA_ID NAME"
                ) from error
            values.append(label(pose, focal, center))
        header = not header  # every other line lists 2D points, or is empty
    if not names:
        raise ValueError(f"{path} holds no images")
    return ForeignCameras(tuple(names), np.stack(values), (WORLD_TO_CAMERA,))


def _colmap_cameras(path: Path) -> dict[str, tuple[tuple[float, float], tuple[float, float]]]:
    """Focal lengths and principal points in units of the side, by camera id."""
    if not path.exists() and path.with_suffix(".bin").exists():
        raise FileNotFoundError(
            f"{path.parent} is a binary model; expected text: "
            "colmap model_converter --input_path DIR --output_path DIR --output_type TXT"
        )
    found = {}
    for number, line in enumerate(read_text(path).splitlines(), start=1):
        fields = line.split()
        if not fields or line.startswith("#"):
            continue
        where = f"{path} line {number}"
        try:
            identifier, model = fields[0], fields[1]
            width, height, *parameters = (float(field) for field in fields[2:])
        except (ValueError, IndexError) as error:
            raise ValueError(f"{where} is no camera; expected CAMERA_ID MODEL WIDTH HEIGHT PARAMS...") from error
        if (model, len(parameters)) not in (("PINHOLE", 4), ("SIMPLE_PINHOLE", 3)):
            raise ValueError(
                f"{where} is a camera of model {model} with {len(parameters)} parameters; expected PINHOLE or "
                "SIMPLE_PINHOLE: remove the distortion with `colmap image_undistorter`"
            )
        require_square(where, width, height)
        fx, fy, cx, cy = np.array(parameters if model == "PINHOLE" else [parameters[0], *parameters]) / width
        found[identifier] = ((fx, fy), (cx, cy))
    return found


def _pose(w: float, x: float, y: float, z: float, *translation: float) -> np.ndarray:
    """World-to-camera matrix of a quaternion of any length and a translation."""
    length = math.hypot(w, x, y, z)
    if not (0 < length < math.inf):
        raise ValueError("the quaternion has no direction")
    w, x, y, z = w / length, x / length, y / length, z / length
    pose = np.eye(4)
    pose[:3, :3] = [
        [1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)],
        [2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)],
        [2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)],
    ]
    pose[:3, 3] = translation
    return pose

"""Cameras from transforms.json, the format of NeRF, instant-ngp and nerfstudio."""

import math
from collections.abc import Callable, Mapping
from pathlib import Path, PurePosixPath
from posixpath import splitext

import numpy as np

from gghead.config.printable import printable, shown
from gghead.conversion.foreign_cameras import ForeignCameras, label, picture_name, read_json, require_square
from gghead.conversion.nerf_words import FOCAL_WORDS, lens_fault, unused_words, words_note
from gghead.conversion.picture_sizes import PictureSizes
from gghead.data.picture_files import PICTURE_SUFFIXES

AGREEMENT = 0.01
"""Relative difference of two spellings of one focal length that rounding explains."""

Entries = Mapping[str, object]


def read_nerf(path: Path, sizes: PictureSizes) -> ForeignCameras:
    """A transforms.json: OpenGL camera-to-world matrices, one field of view or focal lengths in pixels.

    What a frame says of itself stands above what the file says of all; a frame's focal length in any spelling above the
    file's in any other. Names without ending get the ending of the picture that lies there, or .png.

    Args:
        path: of the file.
        sizes: of the pictures, for intrinsics in pixels where the file has no w and h.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: a frame has no matrix, a lens that is no pinhole, no intrinsics of square pictures, or intrinsics
            that contradict each other. Names the frame.

    Source: "Data conventions" in the documentation of nerfstudio; the README files of NeRF and instant-ngp.
    """
    content = read_json(path)
    frames = content.get("frames") if isinstance(content, dict) else None
    if not isinstance(content, dict) or not isinstance(frames, list) or not frames:
        raise ValueError(f'{path} holds no frames; expected {{"camera_angle_x": ..., "frames": [...]}}')
    names, masks, values, words = [], [], [], unused_words(content)
    for position, frame in enumerate(frames):
        where = f"frame {position} of {path}"
        if not (isinstance(frame, dict) and isinstance(frame.get("file_path"), str)):
            raise ValueError(f"{where} has no file_path")
        where = f"{where} ({printable(frame['file_path'])})"
        entries = _merged(content, frame)
        fault = lens_fault(entries)
        if fault is not None:
            raise ValueError(f"{where} has {fault}")
        name = _picture_name(path.parent, frame["file_path"], sizes, where)
        names.append(name)
        masks.append(_mask_name(path.parent, entries.get("mask_path"), where))
        values.append(label(_matrix(frame, where), *_Lens(entries, where, name, sizes).intrinsics()))
        words |= unused_words(frame)
    return ForeignCameras(
        tuple(names),
        np.stack(values),
        ("opengl",),
        pictures=path.parent,
        masks=tuple(masks) if any(masks) else (),
        notes=words_note(words),
    )


def _merged(content: Entries, frame: Entries) -> dict[str, object]:
    """The file's entries and above them the frame's, all spellings of a focal length being one entry."""
    own_focal = any(frame.get(word) is not None for word in FOCAL_WORDS)
    common = {word: value for word, value in content.items() if not (own_focal and word in FOCAL_WORDS)}
    return {**common, **{word: value for word, value in frame.items() if value is not None}}


def _picture_name(folder: Path, file_path: str, sizes: PictureSizes, where: str) -> str:
    name = _below(folder, file_path, where)
    if splitext(name)[1].lower() in PICTURE_SUFFIXES:
        return name
    spellings = (*PICTURE_SUFFIXES, *(ending.upper() for ending in PICTURE_SUFFIXES))
    endings = [ending for ending in spellings if sizes.of(f"{name}{ending}") is not None]
    return name + (endings or [".png"])[0]


def _mask_name(folder: Path, mask_path: object, where: str) -> str | None:
    if mask_path is None:
        return None
    if not isinstance(mask_path, str):
        raise ValueError(f"{where}: mask_path is {shown(mask_path)}; expected the name of a picture")
    return _below(folder, mask_path, where)


def _below(folder: Path, file_path: str, where: str) -> str:
    """A name in the folder: absolute ones lose it, others their steps upwards."""
    name = picture_name(file_path)
    if PurePosixPath(name).is_absolute():
        try:
            return Path(name).relative_to(folder.absolute()).as_posix()
        except ValueError as error:
            raise ValueError(
                f"{where} lies outside of {folder}; expected a path from there: edit the file, and name the pictures "
                "with --pictures"
            ) from error
    while name.startswith("../"):
        name = name[3:]
    return name


def _matrix(frame: Entries, where: str) -> np.ndarray:
    try:
        matrix = np.array(frame.get("transform_matrix"), np.float64)
    except (ValueError, TypeError, OverflowError):
        matrix = np.empty(0)
    if matrix.shape not in ((4, 4), (3, 4)) or not np.isfinite(matrix).all():
        raise ValueError(f"{where} has no transform_matrix of 4 x 4 finite numbers")
    pose = np.eye(4)
    pose[: len(matrix)] = matrix
    return pose


class _Lens:
    """What the entries of a frame say of its intrinsics."""

    def __init__(self, entries: Entries, where: str, name: str, sizes: PictureSizes) -> None:
        self._entries = entries
        self._where = where
        self._name = name
        self._sizes = sizes

    def intrinsics(self) -> tuple[tuple[float, float], tuple[float, float]]:
        """Focal lengths and principal point in units of the side."""
        width, height = self._number("w"), self._number("h")
        if width is not None and height is not None:
            require_square(self._where, width, height)
        else:
            self._sizes.side(self._name)  # raises unless it is square, or not here
        across, down = self._focal("x"), self._focal("y")
        across = self._agreed([*across, *self._angle("fov", math.radians)] or down, "x")
        down = self._agreed(down or [("fl_x", across)], "y")
        cx, cy = self._number("cx"), self._number("cy")
        if (cx is None) != (cy is None):
            raise ValueError(f"{self._where} has one of cx and cy; expected both or none")
        if cx is not None and cy is not None and 0 < cx < 1 and 0 < cy < 1:
            raise ValueError(f"{self._where}: cx and cy are {cx:g} and {cy:g}; expected pixels")
        center = (0.5, 0.5) if cx is None or cy is None else (cx / self._side(), cy / self._side())
        return (across, down), center

    def _focal(self, axis: str) -> list[tuple[str, float]]:
        """All spellings of the focal length along an axis, in units of the side."""
        found = [*self._angle(f"camera_angle_{axis}", float), *self._angle(f"{axis}_fov", math.radians)]
        pixels = self._number(f"fl_{axis}")
        return found if pixels is None else [(f"fl_{axis}", pixels / self._side()), *found]

    def _angle(self, word: str, to_radians: Callable[[float], float]) -> list[tuple[str, float]]:
        number = self._number(word)
        if number is None:
            return []
        angle = to_radians(number)
        unit = "radians" if to_radians is float else "degrees"
        if not 0 < angle < math.pi or (word == "fov" and number < math.pi):  # else it may be either
            raise ValueError(f"{self._where}: {word} is {number:g}; expected the angle of a lens in {unit}")
        return [(word, 0.5 / math.tan(angle / 2))]

    def _agreed(self, found: list[tuple[str, float]], axis: str) -> float:
        if not found:
            raise ValueError(
                f"{self._where} has no intrinsics; expected camera_angle_{axis} in radians, or fl_{axis} in pixels"
            )
        word, focal = found[0]
        for other, number in found[1:]:
            if not abs(number - focal) <= AGREEMENT * abs(focal):
                raise ValueError(
                    f"{self._where}: {word} and {other} contradict each other (focal lengths of {focal:.4g} and "
                    f"{number:.4g} sides of the picture); remove the wrong one"
                )
        return focal

    def _side(self) -> float:
        """Pixels of the side, as the file says, else as the picture has."""
        declared = self._number("w") or self._number("h")
        side = declared or self._sizes.side(self._name)
        if side is None:
            raise ValueError(
                f"{self._where} has intrinsics in pixels and no w and h, and there is no {printable(self._name)} in "
                f"{self._sizes.path}; add w and h, or name the pictures with --pictures"
            )
        return side

    def _number(self, word: str) -> float | None:
        value = self._entries.get(word)
        if value is None:
            return None
        if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) < 1e30:
            raise ValueError(f"{self._where}: {word} is {shown(value)}; expected a number")
        return float(value)

"""COLMAP models as text: cameras.txt and images.txt.

Source: "Output Format" in the documentation of COLMAP. An image takes two lines there, the second one a list of 2D
points or empty. Scripts that know no points leave the second lines away, so lines are told apart by what they hold.
"""

import math
from collections.abc import Iterator
from pathlib import Path

from gghead.config.printable import shown
from gghead.conversion.colmap_images import ColmapImage
from gghead.conversion.colmap_lenses import Lens
from gghead.conversion.foreign_cameras import picture_name

MAX_LINE = 2**26
"""Characters of a line: two million points of one image."""
UNIT = 1e-2
"""How far the length of a quaternion that a program wrote is from 1 at most."""


def read_cameras_text(path: Path) -> dict[int, Lens]:
    """Cameras by their id.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: a line can't be understood. Names file and line.
    """
    found: dict[int, Lens] = {}
    for number, line in _lines(path):
        where, fields = f"{path} line {number}", line.split()
        try:
            identifier, model = int(fields[0]), fields[1]
            width, height = int(fields[2]), int(fields[3])
            parameters = tuple(_finite(field) for field in fields[4:])
        except (ValueError, IndexError) as error:
            raise ValueError(f"{where} is no camera; expected CAMERA_ID MODEL WIDTH HEIGHT PARAMS...") from error
        if identifier in found:
            raise ValueError(f"{where} is a second camera {identifier}; remove one of them")
        found[identifier] = Lens(where, model, width, height, parameters)
    return found


def read_images_text(path: Path, cameras: frozenset[int]) -> tuple[ColmapImage, ...]:
    """Images in the order of the file.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: a line is neither an image of a known camera nor the points of the image before it. Names file and
            line.
    """
    images: list[ColmapImage] = []
    points_may_follow = False
    for number, line in _lines(path):
        image = _image(line, cameras)
        # Points could be read as an image: then quaternion and name are other pixels.
        if points_may_follow and (image is None or not _is_certain(image)) and _are_points(line):
            points_may_follow = False
            continue
        if image is None:
            raise ValueError(
                f"{path} line {number} is no image of a known camera; expected "
                "IMAGE_ID QW QX QY QZ TX TY TZ CAMERA_ID NAME"
            )
        images.append(image)
        points_may_follow = True
    return tuple(images)


def _lines(path: Path) -> Iterator[tuple[int, str]]:
    """Lines that are neither empty nor comments; one at a time, since points may take gigabytes."""
    if not path.is_file():
        raise FileNotFoundError(f"there is no {path}")
    number = 0
    try:
        with path.open(encoding="utf-8-sig") as file:
            while line := file.readline(MAX_LINE):
                number += 1
                if len(line) == MAX_LINE:
                    raise ValueError(f"{path} line {number} has {MAX_LINE} characters or more")
                if "\0" in line:
                    raise ValueError(f"{path} line {number} is no text: {shown(line)}")
                if line.strip() and not line.lstrip().startswith("#"):
                    yield number, line
    except UnicodeDecodeError as error:
        raise ValueError(f"{path} is no text in UTF-8 ({error})") from error


def _image(line: str, cameras: frozenset[int]) -> ColmapImage | None:
    fields = line.split(maxsplit=9)
    try:
        int(fields[0])
        numbers = [float(field) for field in fields[1:8]]
        camera, name = int(fields[8]), picture_name(fields[9].strip())
    except (ValueError, IndexError):
        return None
    quaternion = (numbers[0], numbers[1], numbers[2], numbers[3])
    if camera not in cameras or not 0 < math.hypot(*quaternion) < math.inf:
        return None
    return ColmapImage(name, camera, quaternion, (numbers[4], numbers[5], numbers[6]))


def _is_certain(image: ColmapImage) -> bool:
    return abs(math.hypot(*image.quaternion) - 1) < UNIT


def _are_points(line: str) -> bool:
    """Whether a line holds triples of numbers: X Y POINT3D_ID ..."""
    fields = line.split()
    try:
        for field in fields:
            float(field)
    except ValueError:
        return False
    return len(fields) % 3 == 0


def _finite(field: str) -> float:
    number = float(field)
    if not math.isfinite(number):
        raise ValueError(f"{shown(field)} is not finite")
    return number

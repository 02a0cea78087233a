"""COLMAP models as bytes: cameras.bin and images.bin, little-endian.

Source: "Output Format" in the documentation of COLMAP, and files that its version 4.2 wrote. Counts are compared with
the bytes that are there before they are believed.
"""

import math
import struct
from pathlib import Path
from typing import BinaryIO

from gghead.config.printable import shown
from gghead.conversion.colmap_images import ColmapImage
from gghead.conversion.colmap_lenses import NUMBERED, Lens
from gghead.conversion.foreign_cameras import picture_name

COUNT = struct.Struct("<Q")
CAMERA = struct.Struct("<IiQQ")
"""Id, number of the model, width, height; its parameters follow."""
IMAGE = struct.Struct("<I7dI")
"""Id, quaternion w x y z, translation, camera; name and points follow."""
POINT_BYTES = 24
"""Two doubles and the id of a 3D point."""
MAX_NAME = 4096
MAX_SIDE = 10**6


class _Reader:
    """Numbers one after another from a file whose length is known."""

    def __init__(self, path: Path, file: BinaryIO) -> None:
        self.path = path
        self.size = path.stat().st_size
        self._file = file

    def numbers(self, kind: struct.Struct) -> tuple:
        """The next numbers."""
        data = self._file.read(kind.size)
        if len(data) < kind.size:
            raise self.broken(f"it ends after {self.size} bytes")
        return kind.unpack(data)

    def count(self, least: int) -> int:
        """The next number, of things that take so many bytes at least."""
        (count,) = self.numbers(COUNT)
        if count > self.left() // least:
            raise self.broken(f"it declares {count} entries and has {self.left()} bytes left")
        return count

    def name(self) -> str:
        """The next text, which ends with a zero byte."""
        start = self._file.tell()
        data, found, _ = self._file.read(MAX_NAME).partition(b"\0")
        if not found:
            raise self.broken(f"a name of an image is longer than {MAX_NAME} bytes")
        self._file.seek(start + len(data) + 1)
        try:
            return data.decode()
        except UnicodeDecodeError as error:
            raise self.broken("a name of an image is no UTF-8") from error

    def skip(self, count: int) -> None:
        """Goes over so many bytes, which are there."""
        self._file.seek(count, 1)

    def left(self) -> int:
        """Bytes that follow."""
        return self.size - self._file.tell()

    def end(self) -> None:
        """Raises ValueError unless everything was read."""
        if self.left():
            raise self.broken(f"{self.left()} bytes are left over")

    def broken(self, fact: str) -> ValueError:
        """The error to raise."""
        return ValueError(f"{self.path} is no such file of COLMAP, or cut off ({fact}); write or copy it anew")


def read_cameras_binary(path: Path) -> dict[int, Lens]:
    """Cameras by their id.

    Raises:
        ValueError: the file is broken, or a camera is of an unknown model.
    """
    found: dict[int, Lens] = {}
    with path.open("rb") as file:
        reader = _Reader(path, file)
        for _ in range(reader.count(CAMERA.size)):
            identifier, number, width, height = reader.numbers(CAMERA)
            if number not in NUMBERED:
                raise reader.broken(f"camera {identifier} is of model {number}, which is not known")
            model = NUMBERED[number]
            parameters = reader.numbers(struct.Struct(f"<{model.parameters}d"))
            if not all(map(math.isfinite, parameters)) or not (0 < width <= MAX_SIDE and 0 < height <= MAX_SIDE):
                raise reader.broken(f"camera {identifier} has {width} x {height} pixels or numbers that are not finite")
            if identifier in found:
                raise reader.broken(f"camera {identifier} is there twice")
            found[identifier] = Lens(f"{path} camera {identifier}", model.name, width, height, parameters)
        reader.end()
    return found


def read_images_binary(path: Path, cameras: frozenset[int]) -> tuple[ColmapImage, ...]:
    """Images in the order of the file.

    Raises:
        ValueError: the file is broken, or an image is of no known camera.
    """
    images = []
    with path.open("rb") as file:
        reader = _Reader(path, file)
        for _ in range(reader.count(IMAGE.size + 1 + COUNT.size)):
            identifier, w, x, y, z, right, down, forward, camera = reader.numbers(IMAGE)
            name = reader.name()
            reader.skip(POINT_BYTES * reader.count(POINT_BYTES))
            if camera not in cameras or not 0 < math.hypot(w, x, y, z) < math.inf:
                raise reader.broken(f"image {identifier}, {shown(name)}, has no known camera or no rotation")
            images.append(ColmapImage(picture_name(name), camera, (w, x, y, z), (right, down, forward)))
        reader.end()
    return tuple(images)

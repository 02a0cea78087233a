"""One photograph: a file, a frame of a video, or the reason why there is none."""

import hashlib
from abc import ABC, abstractmethod
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import UInt8

from gghead.photos.reading import read_photograph

MAX_FILE_BYTES = 2**30
"""A photograph's file is not larger: 268 megapixels (reading.py) of RGB, stored raw, have 0.8 GB."""


@dataclass(frozen=True)
class Shot(ABC):
    """A photograph that can be read, by any thread.

    Attributes:
        name: in the archive, without an ending; unique.
        source: the file as the user named it, for people to read.
        frame: counted from 0 in the order in which a video shows them; None where the source is a picture.
    """

    name: str
    source: str
    frame: int | None

    @abstractmethod
    def read(self) -> UInt8[np.ndarray, "H W 3"]:
        """Upright pixels in sRGB.

        Raises:
            ValueError: they can't be read; the text says why.
        """

    @abstractmethod
    def digest(self) -> str:
        """SHA-256 of the content, in hexadecimal: the same for duplicates.

        Raises:
            ValueError: as `read`, where there are no bytes to be had.
        """


@dataclass(frozen=True)
class FileShot(Shot):
    """A picture in a file.

    Attributes:
        path: of the file.
    """

    path: Path

    def read(self) -> UInt8[np.ndarray, "H W 3"]:
        return read_photograph(self._bytes())

    def digest(self) -> str:
        return hashlib.sha256(self._bytes()).hexdigest()

    def _bytes(self) -> bytes:
        try:
            size = self.path.stat().st_size
            if size > MAX_FILE_BYTES:
                raise ValueError(f"the file has {size} bytes; expected at most {MAX_FILE_BYTES} - export it as JPEG")
            return self.path.read_bytes()
        except OSError as error:
            raise ValueError(
                f"the file can't be opened ({error.strerror}); expected one that may be read - mend its permissions or "
                "the disk, and run again"
            ) from error


@dataclass(frozen=True)
class MissingShot(Shot):
    """What should have been there and can't be read.

    Attributes:
        reason: fact, expectation and remedy.
    """

    reason: str

    def read(self) -> UInt8[np.ndarray, "H W 3"]:
        raise ValueError(self.reason)

    def digest(self) -> str:
        raise ValueError(self.reason)

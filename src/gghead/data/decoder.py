"""What makes pixels of the files of a dataset, one picture at a time."""

import hashlib
from dataclasses import dataclass

import numpy as np
from jaxtyping import UInt8

from gghead.data.picture_files import PictureFiles
from gghead.data.pixels import foreground, foreground_colors
from gghead.media.images import RESIZE_FILTER

READING = 5
"""How files become pixels; another number, and what was decoded before is not used any more."""


@dataclass(frozen=True)
class PictureDecoder:
    """Pictures of one dataset at one resolution; any number of threads may ask.

    Attributes:
        files: pictures and masks.
        names: of the pictures, in the order of their numbers.
        resolution: side of the pictures wanted, pixels.
    """

    files: PictureFiles
    names: tuple[str, ...]
    resolution: int

    def __len__(self) -> int:
        """Number of pictures."""
        return len(self.names)

    def decode(self, index: int) -> UInt8[np.ndarray, "R R 4"]:
        """Premultiplied foreground and alpha of a picture.

        Raises:
            FileNotFoundError: a file vanished from a folder since it was opened.
            ValueError: the picture or its mask is damaged, of the wrong shape, or too small. Names the picture.
        """
        with self.files.decoded(self.names[index], self.resolution) as stored:
            has_background = self.files.masks is not None
            colors = foreground_colors(stored.pixels, stored.mask) if has_background else stored.pixels
            return foreground(colors, stored.mask, self.resolution)

    def identity(self) -> str:
        """A short text that is another one when anything that decides about the pixels has changed.

        Raises:
            FileNotFoundError: a file vanished from a folder since it was opened.
        """
        files = self.files
        parts = [READING, self.resolution, RESIZE_FILTER.name, files.pictures.identity(self.names)]
        if files.masks is not None:
            parts.append(files.masks.identity(files.mask_names[name] for name in self.names))
        return hashlib.sha256(repr(parts).encode()).hexdigest()[:24]

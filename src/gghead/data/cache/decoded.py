"""A dataset whose pictures are decoded already: arrays in memory, or files that the system maps into it."""

import zlib
from collections.abc import Callable

import numpy as np
from jaxtyping import Bool, Int64, UInt8, UInt32

from gghead.data.cutout import Cutout
from gghead.data.dataset import HeadDataset
from gghead.data.source import PictureSource


class DecodedPictures(PictureSource):
    """Pictures and transparencies as arrays; what they hold is checked against checksums at its first use.

    A picture whose bytes have changed on the disk is decoded from the archive again, and `on_damage` is told.

    Attributes:
        rgb: on the background of the dataset, uint8 [M, R, R, 3]; read only.
        transparency: uint8 [M, R, R]; read only.
    """

    task_size = 0

    def __init__(
        self,
        dataset: HeadDataset,
        rgb: UInt8[np.ndarray, "M R R 3"],
        transparency: UInt8[np.ndarray, "M R R"],
        checksums: UInt32[np.ndarray, "M 2"] | None = None,
        on_damage: Callable[[str], None] | None = None,
    ) -> None:
        self.labels = dataset.labels
        self.resolution = dataset.resolution
        self.rgb = rgb
        self.transparency = transparency
        self._dataset = dataset
        self._checksums = checksums
        self._unverified = np.full((len(rgb), 2), checksums is not None)
        self._on_damage = on_damage

    def fill(
        self,
        indices: Int64[np.ndarray, " B"],
        flipped: Bool[np.ndarray, " B"],
        rgb: UInt8[np.ndarray, "B R R 3"],
        transparency: UInt8[np.ndarray, "B R R"] | None = None,
    ) -> None:
        planes = [(self.rgb, rgb)] if transparency is None else [(self.rgb, rgb), (self.transparency, transparency)]
        for plane, (stored, wanted) in enumerate(planes):
            np.take(stored, indices, axis=0, out=wanted, mode="clip")  # other modes go through a copy
            for place in np.flatnonzero(self._unverified[indices, plane]):
                self._verify(plane, int(indices[place]), wanted[place])
            for place in np.flatnonzero(flipped):
                wanted[place] = wanted[place, :, ::-1]

    def cut_out(self) -> int:
        """Number of pictures in which anything is background."""
        if self._checksums is None:
            return int(self.transparency.any(axis=(1, 2)).sum())
        nothing = zlib.crc32(bytes(self.resolution**2))
        return int((self._checksums[:, 1] != nothing).sum())

    def _verify(self, plane: int, index: int, pixels: np.ndarray) -> None:
        if zlib.crc32(pixels.data) == self._checksums[index, plane]:
            self._unverified[index, plane] = False
            return
        if self._on_damage is not None:
            self._on_damage(self._dataset.names[index])
        cutout = self._dataset.cutout(index)
        pixels[:] = (cutout.rgb, cutout.transparency)[plane]


def checksums(cutout: Cutout) -> tuple[int, int]:
    """CRC-32 of colours and transparency: 11,000 pictures of 256 x 256 a second on one core."""
    return zlib.crc32(cutout.rgb.data), zlib.crc32(cutout.transparency.data)

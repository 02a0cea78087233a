"""Photographs that say by their colors what is found in them, so that tests of datasets need no models of faces."""

import hashlib
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, UInt8

from gghead.geometry.canonical_cameras import posed_label
from gghead.photos.archive.sheet import FaceShape
from gghead.photos.crop import Crop
from gghead.photos.refusal import Reason, Refused

SIDE = 16
REASONS = list(Reason)
FACE = FaceShape(np.random.default_rng(0).uniform(-0.2, 0.2, (468, 3)), np.arange(468))


@dataclass(frozen=True)
class Painted:
    """A photograph of a few heads and refused faces; not to be read if there are less than none."""

    name: str
    heads: int = 1
    refused: tuple[Reason, ...] = ()
    color: int = 0
    frame: int | None = None

    @property
    def source(self) -> str:
        return f"holiday/{self.name}.jpg"

    def read(self) -> UInt8[np.ndarray, "20 24 3"]:
        if self.heads < 0:
            raise ValueError("the file is no picture; copy it again")
        pixels = np.full((20, 24, 3), self.color, np.uint8)
        pixels[0, 0, 0] = self.heads
        pixels[1, : len(self.refused), 0] = [REASONS.index(reason) + 1 for reason in self.refused]
        pixels[1, len(self.refused) :, 0] = 0
        return pixels

    def digest(self) -> str:
        return hashlib.sha256(f"{self.heads} {self.refused} {self.color}".encode()).hexdigest()


class Album:
    """Photographs in their order."""

    def __init__(self, photographs: Sequence[Painted]) -> None:
        self._photographs = photographs

    def __len__(self) -> int:
        return len(self._photographs)

    def since(self, first: int) -> Iterator[Painted]:
        return iter(self._photographs[first:])

    def identities(self) -> Iterator[tuple[str, str, int | None]]:
        return ((shot.name, shot.source, shot.frame) for shot in self._photographs)


@dataclass(frozen=True)
class PaintedHead:
    """What stands for a head that was found."""

    image: UInt8[np.ndarray, "16 16 3"]
    alpha: Float[np.ndarray, "16 16"]
    label: Float[np.ndarray, "25"]
    box: Crop
    landmarks: Float[np.ndarray, "468 3"]
    crop: Crop
    score: float


def find_painted(pixels: UInt8[np.ndarray, "20 24 3"]) -> list[PaintedHead | Refused]:
    """What a photograph says; takes times that have nothing to do with their order."""
    random = np.random.default_rng(int(pixels.sum()))
    time.sleep(random.uniform(0, 0.003))
    heads = []
    for number in range(pixels[0, 0, 0]):
        alpha = np.zeros((SIDE, SIDE), np.float32)
        alpha[4:12, 4:12] = 1
        label = posed_label(0.1 * number, 0.01 * float(pixels[-1, -1, 0] % 20))
        crop = Crop((12.0, 10.0), 10.0 + number, 0.1)
        image = random.integers(0, 256, (SIDE, SIDE, 3), np.uint8)
        heads.append(PaintedHead(image, alpha, label, crop, random.uniform(0, 20, (468, 3)), crop, 0.5 + number / 10))
    refused = [Refused(REASONS[index - 1], "it is not as it should be") for index in pixels[1, :, 0] if index]
    return [*heads, *refused]

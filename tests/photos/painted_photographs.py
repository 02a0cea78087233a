"""Photographs that say by their colors what is found in them, so that tests of datasets need no models of faces."""

import hashlib
import time
from dataclasses import dataclass

import numpy as np
from jaxtyping import UInt8

from gghead.geometry.canonical_cameras import posed_label
from gghead.photos.crop import Crop
from gghead.photos.heads import Head
from gghead.photos.refusal import Reason, Refused
from gghead.photos.sources.shots import Shot

SIDE = 16
REASONS = list(Reason)


@dataclass(frozen=True)
class Painted(Shot):
    """A photograph of a few heads and refused faces; not to be read if there are less than none."""

    heads: int
    refused: tuple[Reason, ...]
    color: int

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


def painted(
    name: str, heads: int = 1, refused: tuple[Reason, ...] = (), color: int = 0, frame: int | None = None
) -> Painted:
    """A photograph in a folder of others."""
    return Painted(name, f"holiday/{name}.jpg", frame, heads, refused, color)


def find_painted(pixels: UInt8[np.ndarray, "20 24 3"]) -> list[Head | Refused]:
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
        landmarks, inside = random.uniform(0, 20, (468, 3)), np.ones(alpha.shape, bool)
        heads.append(Head(image, alpha, inside, label, crop, landmarks, crop, 0.5 + number / 10))
    refused = [Refused(REASONS[index - 1], "it is not as it should be") for index in pixels[1, :, 0] if index]
    return [*heads, *refused]

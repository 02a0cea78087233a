"""Where faces are in a photograph, from those that fill it down to the smallest that are of use.

Two detectors look at square windows of the photograph: one is made for faces near to the camera, one for those farther
away. Source: Bazarevsky et al. 2019, "BlazeFace: Sub-millisecond neural face detection on mobile GPUs".
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

import numpy as np
from jaxtyping import Float, UInt8
from PIL import Image

from gghead.photos.crop import Crop
from gghead.photos.faces.models import FAR_DETECTOR, NEAR_DETECTOR, FaceModels, ModelFile

GRIDS = {NEAR_DETECTOR.name: ((16, 2), (8, 6)), FAR_DETECTOR.name: ((48, 1),)}
"""Cells along a side, and anchors a cell, of the detectors' outputs."""
THRESHOLD = 0.5
"""Probability from which a detector says that there is a face."""
WINDOW_FACES = 8
"""Sides of the smallest face along a window: the far detector finds faces of an eighth of its window."""
OVERLAP = 0.3
"""Intersection over union of two boxes that show the same face."""


@dataclass(frozen=True)
class Box:
    """A face that a detector found, pixels of the photograph.

    Attributes:
        center: of the square around the face, from the brows to the chin.
        side: of that square.
        roll: of the line through the eyes, clockwise, radians.
        probability: how sure the detector is, 0 to 1.
    """

    center: tuple[float, float]
    side: float
    roll: float
    probability: float

    @property
    def square(self) -> Crop:
        """As a square of the photograph."""
        return Crop(self.center, self.side, self.roll)

    def overlap(self, other: "Box") -> float:
        """Intersection over union of the squares as if they were upright."""
        reach = (self.side + other.side) / 2 - np.abs(np.subtract(self.center, other.center))
        shared = float(np.prod(np.clip(reach, 0, min(self.side, other.side))))
        return shared / (self.side**2 + other.side**2 - shared)


def detect_faces(pixels: UInt8[np.ndarray, "H W 3"], models: FaceModels, smallest: float) -> Iterator[list[Box]]:
    """Faces of a photograph, first those that are large in it, then in ever smaller windows; the surest of each first.

    Args:
        pixels: the photograph.
        models: run the detectors.
        smallest: side of the smallest faces that are looked for, pixels.
    """
    picture = Image.fromarray(pixels)
    side = float(max(picture.size))
    while True:
        boxes = [box for window in _windows(picture.size, side) for box in _detect(picture, window, models)]
        yield distinct(boxes)
        side /= 2
        if side < smallest * WINDOW_FACES / 2:
            return


def distinct(boxes: list[Box]) -> list[Box]:
    """The surest of those that show the same face."""
    kept: list[Box] = []
    for box in sorted(boxes, key=lambda box: -box.probability):
        if all(box.overlap(other) < OVERLAP for other in kept):
            kept.append(box)
    return kept


def _windows(size: tuple[int, int], side: float) -> list[tuple[float, float, float]]:
    """Squares (left, top, side) that cover a photograph, each half over the next."""
    starts = []
    for length in size:
        count = max(1, int(np.ceil(2 * (length - side) / side)) + 1) if length > side else 1
        starts.append(np.linspace(0, length - side, count) if count > 1 else np.array([(length - side) / 2]))
    return [(float(left), float(top), side) for top in starts[1] for left in starts[0]]


def _detect(picture: Image.Image, window: tuple[float, float, float], models: FaceModels) -> list[Box]:
    left, top, side = window
    box = (max(left, 0), max(top, 0), min(left + side, picture.width), min(top + side, picture.height))
    found = []
    for file in (NEAR_DETECTOR, FAR_DETECTOR):
        scale = file.side / side
        place = [round((box[0] - left) * scale), round((box[1] - top) * scale)]
        size = [max(1, round((box[2] - box[0]) * scale)), max(1, round((box[3] - box[1]) * scale))]
        part = picture.resize((size[0], size[1]), Image.Resampling.BILINEAR, box=box, reducing_gap=2)
        pixels = np.zeros((file.side, file.side, 3), np.uint8)
        pixels[place[1] : place[1] + size[1], place[0] : place[0] + size[0]] = np.asarray(part)
        found += [
            Box((left + x * side, top + y * side), extent * side, roll, probability)
            for x, y, extent, roll, probability in _decode(file, *models.run(file, pixels))
        ]
    return found


def _decode(
    file: ModelFile, regressors: Float[np.ndarray, "A 16"], logits: Float[np.ndarray, "A 1"]
) -> list[tuple[float, float, float, float, float]]:
    """Centre, side (shares of the window), roll and probability of the faces that a detector's outputs mean."""
    probability = 1 / (1 + np.exp(-np.clip(logits[:, 0].astype(np.float64), -50, 50)))
    faces = []
    for row in np.flatnonzero(probability >= THRESHOLD):
        values = regressors[row].reshape(8, 2) / file.side
        anchor = _anchors(file.name)[row]
        right_eye, left_eye = values[2], values[3]
        roll = float(np.arctan2(*(left_eye - right_eye)[::-1]))
        center = values[0] + anchor
        faces.append((float(center[0]), float(center[1]), float(values[1].max()), roll, float(probability[row])))
    return faces


@cache
def _anchors(name: str) -> Float[np.ndarray, "A 2"]:
    """Middles of the cells, shares of the window."""
    grids = []
    for cells, anchors in GRIDS[name]:
        middles = (np.arange(cells) + 0.5) / cells
        grids.append(np.repeat(np.stack(np.meshgrid(middles, middles), -1).reshape(-1, 2), anchors, axis=0))
    return np.concatenate(grids)

"""The 468 landmarks of a face, refined by looking at it again and in a mirror.

Source: Kartynnik et al. 2019, "Real-time facial surface geometry from monocular video on mobile GPUs".
"""

import math
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int, UInt8
from PIL import Image

from gghead.photos.crop import Crop
from gghead.photos.detection import Box
from gghead.photos.models import LANDMARKER, LANDMARKS, FaceModels

MARGIN = 1.5
"""The landmark model looks at a square so much larger than the face in it."""
PASSES = 2
"""Looks at a face: the first square comes from the detector, the second from the landmarks of the first."""
RIGHT_EYE, LEFT_EYE = 33, 263
"""Outer corners of the eyes, by which a face is turned upright."""


@dataclass(frozen=True)
class Face:
    """A face whose landmarks were found.

    Attributes:
        landmarks: pixels of the photograph (centre of the first pixel 0.5), and depth in the same unit, smaller values
            nearer to the camera.
        presence: how sure the model is that there is a face, 0 to 1.
    """

    landmarks: Float[np.ndarray, "468 3"]
    presence: float

    @property
    def box(self) -> Box:
        """The square around the landmarks, turned as the eyes are."""
        points = self.landmarks[:, :2]
        roll = float(np.arctan2(*(points[LEFT_EYE] - points[RIGHT_EYE])[::-1]))
        upright = Crop((0.0, 0.0), 1.0, roll).from_photograph(points)
        low, high = upright.min(axis=0), upright.max(axis=0)
        x, y = Crop((0.0, 0.0), 1.0, roll).to_photograph((low + high) / 2)
        return Box((float(x), float(y)), float((high - low).max()), roll, self.presence)


def find_landmarks(
    picture: Image.Image, box: Box, models: FaceModels, mirrored: Int[np.ndarray, "468"]
) -> Face:
    """Landmarks of the face in a box; where there is none, a face of little presence.

    Args:
        picture: the photograph, RGB.
        box: where the face is.
        models: run the landmark model.
        mirrored: which landmark is on the other side of the face.
    """
    for _ in range(PASSES):
        crop = Crop(box.center, box.side * MARGIN, box.roll)
        pixels = look(picture, crop, LANDMARKER.side)
        points, flag = models.run(LANDMARKER, pixels)
        other, other_flag = models.run(LANDMARKER, np.ascontiguousarray(pixels[:, ::-1]))
        local = points.reshape(LANDMARKS, 3) / LANDMARKER.side
        flipped = other.reshape(LANDMARKS, 3)[mirrored] / LANDMARKER.side
        flipped[:, 0] = 1 - flipped[:, 0]
        local = (local + flipped) / 2
        depth = local[:, 2:] * crop.side
        logit = (float(flag.ravel()[0]) + float(other_flag.ravel()[0])) / 2
        face = Face(np.hstack([crop.to_photograph(local[:, :2]), depth]), 1 / (1 + math.exp(-max(logit, -50.0))))
        box = face.box
    return face


def look(picture: Image.Image, crop: Crop, side: int) -> UInt8[np.ndarray, "S S 3"]:
    """The crop at a few pixels, black beyond the photograph's edges."""
    reach = crop.side * (abs(math.cos(crop.roll)) + abs(math.sin(crop.roll))) / 2 + 2 * crop.side / side
    x, y = crop.center
    left, top = max(math.floor(x - reach), 0), max(math.floor(y - reach), 0)
    right, bottom = min(math.ceil(x + reach), picture.width), min(math.ceil(y + reach), picture.height)
    if right <= left or bottom <= top:
        return np.zeros((side, side, 3), np.uint8)
    factor = max(1, int(crop.side / side))
    part = picture.reduce(factor, (left, top, right, bottom)) if factor > 1 else picture.crop((left, top, right, bottom))
    corners = (crop.to_photograph(np.array([[0.0, 0.0], [1.0, 0.0], [0.0, 1.0]])) - [left, top]) / factor
    (x0, y0), (a, d), (b, e) = corners[0], (corners[1] - corners[0]) / side, (corners[2] - corners[0]) / side
    turned = part.transform((side, side), Image.Transform.AFFINE, (a, b, x0, d, e, y0), Image.Resampling.BICUBIC)
    return np.asarray(turned)

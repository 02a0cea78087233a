"""The 468 landmarks of a face, refined by looking at it again and in a mirror.

Source: Kartynnik et al. 2019, "Real-time facial surface geometry from monocular video on mobile GPUs".
"""

import math
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int, UInt8

from gghead.photos.crop import Crop
from gghead.photos.cutting import cut
from gghead.photos.faces.detection import Box
from gghead.photos.faces.models import LANDMARKER, LANDMARKS, FaceModels

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
    photograph: UInt8[np.ndarray, "H W 3"], box: Box, models: FaceModels, mirrored: Int[np.ndarray, "468"]
) -> Face:
    """Landmarks of the face in a box; where there is none, a face of little presence.

    Args:
        photograph: its pixels.
        box: where the face is.
        models: run the landmark model.
        mirrored: which landmark is on the other side of the face.
    """
    for _ in range(PASSES):
        crop = box.square.widened(MARGIN)
        pixels, _ = cut(photograph, crop, LANDMARKER.side, "edge")
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

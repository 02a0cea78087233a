"""From the landmarks of a face to the camera that sees the head, and to the crop that it sees, by one solve.

The unknowns are where the camera stands on the sphere around the head (yaw, pitch), and the square of the photograph
that it sees (centre, side, roll): with the focal length and the distance of FFHQ's cameras these six say where each
point of a head in canonical space is in the photograph.
"""

import math
from dataclasses import dataclass
from functools import cache
from importlib.resources import as_file, files

import numpy as np
from jaxtyping import Float, Float32, Int

from gghead.geometry.canonical_cameras import posed_label
from gghead.geometry.canonical_head import FFHQ_FOCAL
from gghead.photos.crop import Crop

STEPS = 12
"""Of Gauss and Newton; five suffice for most faces."""
DAMPING = 1e-4
"""Of the steps, a share of the diagonal (Levenberg, Marquardt)."""
OUTLIER = 2.0
"""Residuals from so many deviations count ever less (Huber)."""


@dataclass(frozen=True)
class FaceTemplate:
    """The mean face, point by point as the landmark model sees it.

    Attributes:
        points: world, canonical head space.
        deviations: of landmarks from where the template has them, shares of the picture's side.
        mirrored: which landmark is on the other side of the face.
    """

    points: Float[np.ndarray, "468 3"]
    deviations: Float[np.ndarray, "468"]
    mirrored: Int[np.ndarray, "468"]


@dataclass(frozen=True)
class HeadPose:
    """Where a head is in a photograph, and how it is turned.

    Attributes:
        yaw: of the camera, towards the person's left, radians.
        pitch: of the camera, upwards, radians.
        crop: what a camera of FFHQ's focal length sees.
        misfit: root mean square of the landmarks' distances from the template's points, weighted, shares of the side.
    """

    yaw: float
    pitch: float
    crop: Crop
    misfit: float

    def label(self, focal: float = FFHQ_FOCAL) -> Float32[np.ndarray, "25"]:
        """Camera label of EG3D's convention; other focal lengths mean other crops, see `framed`."""
        label = posed_label(self.yaw, self.pitch)
        label[[16, 20]] = focal
        return label

    def framed(self, focal: float) -> Crop:
        """The crop that a camera of another focal length sees from the same place."""
        return self.crop.widened(FFHQ_FOCAL / focal)

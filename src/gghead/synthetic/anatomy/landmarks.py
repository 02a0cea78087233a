"""The 68 landmarks of the iBUG convention as vertices of the subdivided skin.

The vertices are those nearest, over 60 faces from nine sides, to where MediaPipe's landmarker sees the points, made
symmetric; from then on a landmark *is* its vertex, so that its place is known exactly from every side.

Source: Sagonas et al. 2013, "300 faces in-the-wild challenge", for the order of the points: jaw from the person's
right ear to the left 0 - 16, brows 17 - 26, nose 27 - 35, eyes 36 - 47, outer lips 48 - 59, inner lips 60 - 67.
"""

import numpy as np
from jaxtyping import Float32

from gghead.synthetic.anatomy.head_model import HeadModel, Similarity

PARTS = {
    "jaw, right half": [2245, 2610, 16064, 9569, 2087, 17319, 9649, 9645, 2143],
    "jaw, left half": [14587, 14590, 19856, 4608, 14519, 18609, 5119, 4756],
    "brows": [6863, 17507, 5722, 5716, 5687, 10992, 11018, 11024, 20043, 12006],
    "nose": [136, 5510, 201, 5915, 6027, 5959, 5957, 11224, 11286],
    "eyes": [15425, 1083, 1099, 15450, 16227, 7683, 18001, 3653, 3637, 17976, 12725, 18771],
    "outer lips": [1786, 9701, 15715, 466, 18265, 14635, 4319, 3101, 11599, 6376, 6361, 484],
    "inner lips": [6240, 6305, 6318, 11557, 11495, 3104, 493, 487],
}
"""Rows of `HeadModel.skin`."""
LANDMARK_VERTICES = np.concatenate([np.array(rows) for rows in PARTS.values()])
MIRRORED = np.array(
    [
        *(*range(16, -1, -1), *range(26, 16, -1), *range(27, 31), *range(35, 30, -1)),
        *(45, 44, 43, 42, 47, 46, 39, 38, 37, 36, 41, 40),
        *(*range(54, 47, -1), *range(59, 54, -1), *range(64, 59, -1), 67, 66, 65),
    ]
)
"""Which landmark is on the other side of the face."""


def landmarks(model: HeadModel, vertices: Float32[np.ndarray, "v 3"], place: Similarity) -> Float32[np.ndarray, "68 3"]:
    """Where the landmarks of base-mesh vertices are, world."""
    return place.points(model.skin(vertices)[LANDMARK_VERTICES])

"""The mean face, point by point as the landmark model sees it, in canonical head space."""

from dataclasses import dataclass
from functools import cache
from importlib.resources import as_file, files

import numpy as np
from jaxtyping import Float, Int


@dataclass(frozen=True, eq=False)
class FaceTemplate:
    """The mean face of rendered people, triangulated from where the landmark model sees them.

    Made by `python -m studies.head_pose template`.

    Attributes:
        points: world, canonical head space; mirrored points lie symmetrically.
        deviations: of landmarks from where the true camera sees the point, sides of FFHQ's square (median).
        mirrored: which landmark is on the other side of the face.
        chin: which landmark is the chin's lowest point.
    """

    points: Float[np.ndarray, "468 3"]
    deviations: Float[np.ndarray, "468"]
    mirrored: Int[np.ndarray, "468"]
    chin: int = 152


@cache
def face_template() -> FaceTemplate:
    """The template of the package."""
    with as_file(files("gghead") / "assets" / "face_template.npz") as path, np.load(path, allow_pickle=False) as stored:
        points, deviations = stored["points"].astype(np.float64), stored["deviations"].astype(np.float64)
        return FaceTemplate(points, deviations, stored["mirrored"].astype(np.int64))

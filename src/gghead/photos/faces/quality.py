"""Whether a face is sharp enough to learn from."""

import numpy as np
from jaxtyping import UInt8
from PIL import Image

from gghead.photos.crop import Crop
from gghead.photos.cutting import cut

SIDE = 128
"""Pixels of a face's square at most, at which its detail is measured."""
LEAST_DETAIL = 0.02
"""Share of a face's contrast that is lost at half of that. Blurred photographs have less from a blur of 2 pixels on
(standard deviation, the face 128 pixels large): 0.02 and below, where sharp ones have 0.05 to 0.17."""


def is_blurred(pixels: UInt8[np.ndarray, "H W 3"], box: Crop) -> bool:
    """Whether a face loses next to nothing at half its resolution.

    Args:
        pixels: the photograph.
        box: the square around the face.
    """
    side = int(min(SIDE, box.side))
    face = Image.fromarray(cut(pixels, box, side, "edge")[0]).convert("L")
    coarse = face.reduce(2).resize((side, side), Image.Resampling.BICUBIC)
    values, lost = np.asarray(face, np.float32), np.asarray(face, np.float32) - np.asarray(coarse, np.float32)
    return float(lost.std()) < LEAST_DETAIL * float(values.std())

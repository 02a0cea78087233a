"""Whether a face has enough contrast and is sharp enough to learn from."""

import numpy as np
from jaxtyping import UInt8
from PIL import Image

from gghead.photos.crop import Crop
from gghead.photos.cutting import cut
from gghead.photos.refusal import Reason, Refused

SIDE = 128
"""Pixels of a face's square at most, at which its detail is measured."""
LEAST_DETAIL = 0.02
"""Share of a face's contrast that is lost at half of that. Blurred photographs have less from a blur of 2 pixels on
(standard deviation, the face 128 pixels large): 0.02 and below, where sharp ones have 0.05 to 0.17."""
LEAST_CONTRAST = 6.0
"""Standard deviation of a face's pixels, 255 levels: what nearly black photographs have less of."""


def fault_of(pixels: UInt8[np.ndarray, "H W 3"], box: Crop) -> Refused | None:
    """What is wrong with a face, if anything: next to no contrast, or it loses next to nothing at half its resolution.

    Args:
        pixels: the photograph.
        box: the square around the face.
    """
    side = int(min(SIDE, box.side))
    face = Image.fromarray(cut(pixels, box, side, "edge")[0]).convert("L")
    coarse = face.reduce(2).resize((side, side), Image.Resampling.BICUBIC)
    values = np.asarray(face, np.float32)
    contrast, detail = float(values.std()), float((values - np.asarray(coarse, np.float32)).std())
    if contrast < LEAST_CONTRAST:
        return Refused(
            Reason.FAINT,
            f"the face has a contrast of {contrast:.1f} of 255 levels; expected {LEAST_CONTRAST:g} (lighten it)",
        )
    if detail < LEAST_DETAIL * contrast:
        return Refused(Reason.BLURRED, "the face is blurred; expected a sharp one")
    return None

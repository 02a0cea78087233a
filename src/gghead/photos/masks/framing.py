"""Tells whether a head is cut off by the edge of its photograph."""

import numpy as np
from jaxtyping import Bool, Float32
from scipy.ndimage import binary_dilation

from gghead.geometry.canonical_head import FFHQ_FOCAL

MAX_CONTACT = 0.05
"""Of a head with the photograph's edge, sides of FFHQ's square (a face is 0.35 wide): a tuft may touch it."""
EDGE = 0.012
"""Width of the strip along the edge that is looked at, sides of the crop: masks may end a little before it."""
REACH = 0.5
"""How far from the crop's middle, to the left and to the right, what is above the chin is the head, likewise: hands may
be cut off."""


def cut_by_frame(
    alpha: Float32[np.ndarray, "R R"], inside: Bool[np.ndarray, "R R"], chin: float, focal: float = FFHQ_FOCAL
) -> bool:
    """Whether the photograph ends in the head; it may end in neck or shoulders, and the crop may end in the head.

    Args:
        alpha: mask of the person in the crop.
        inside: which of the crop's pixels lie inside of the photograph.
        chin: how far it is below the crop's upper edge, sides of the crop; above 1 if the crop ends before.
        focal: of the crop's label, sides of the crop: how large the head is in it.
    """
    side, head_side = len(alpha), focal / FFHQ_FOCAL
    places = (np.arange(side) + 0.5) / side
    head = (places < chin)[:, None] & (np.abs(places - 0.5) < REACH * head_side)
    width = max(round(EDGE * side), 1)
    contact = binary_dilation(~inside, iterations=width) & inside & (alpha > 0.5) & head
    return bool(contact.sum() > MAX_CONTACT * head_side * side * width)

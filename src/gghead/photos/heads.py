"""A head that was found in a photograph, and what finds it."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, UInt8

from gghead.photos.crop import Crop
from gghead.photos.refusal import Refused


@dataclass(frozen=True)
class Head:
    """A head that was found in a photograph.

    Attributes:
        image: its crop.
        alpha: of the person in it, 0 to 1.
        inside: which of its pixels lie in the photograph.
        label: its camera.
        box: around the face, in the photograph.
        landmarks: pixels of the photograph, and depth.
        crop: where the crop lies in the photograph.
        score: how good it is, 0 to 1.
    """

    image: UInt8[np.ndarray, "R R 3"]
    alpha: Float[np.ndarray, "R R"]
    inside: Bool[np.ndarray, "R R"]
    label: Float[np.ndarray, "25"]
    box: Crop
    landmarks: Float[np.ndarray, "468 3"]
    crop: Crop
    score: float


FindHeads = Callable[[UInt8[np.ndarray, "H W 3"]], Iterable[Head | Refused]]
"""Heads of a photograph, the largest first, and why faces of it are refused; called by several threads."""

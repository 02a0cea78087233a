"""Every face of a photograph, once."""

import math
from dataclasses import replace

import numpy as np
from jaxtyping import Int, UInt8

from gghead.photos.faces.detection import Box, detect_faces
from gghead.photos.faces.landmarks import Face, find_landmarks
from gghead.photos.faces.models import FaceModels
from gghead.photos.faces.template import face_template

PRESENCE = 0.5
"""Probability from which the landmark model says that there is a face."""
SURER = 50
"""So many times less doubt makes a face one that is upside down, and none is without."""


def find_faces(
    pixels: UInt8[np.ndarray, "H W 3"], models: FaceModels, smallest: float = 64, every_size: bool = False
) -> list[Face]:
    """Faces with their landmarks, the largest first, none a part of another.

    Args:
        pixels: the photograph.
        models: detectors and landmark model.
        smallest: side of the smallest faces that are looked for, pixels.
        every_size: whether smaller ones are looked for where larger ones have been found.
    """
    mirrored, found = face_template().mirrored, list[Face]()
    for boxes in detect_faces(pixels, models, smallest):
        new = [box for box in boxes if not any(_within(box, face.box) for face in found)]
        faces = [_either_way_up(pixels, box, models, mirrored) for box in new]
        found += [face for face in faces if face.presence >= PRESENCE]
        if found and not every_size:
            break
    kept: list[Face] = []
    for face in sorted(found, key=lambda face: -face.box.side):
        if not any(_within(face.box, other.box) for other in kept):
            kept.append(face)
    return kept


def _either_way_up(
    pixels: UInt8[np.ndarray, "H W 3"], box: Box, models: FaceModels, mirrored: Int[np.ndarray, "468"]
) -> Face:
    """The face in a box. Upside down it is detected as well, as an upright one; the landmark model is much surer of the
    right way, unless it is a profile."""
    upright = find_landmarks(pixels, box, models, mirrored)
    turned = find_landmarks(pixels, replace(box, roll=box.roll + math.pi), models, mirrored)
    return turned if SURER * (1 - turned.presence) < min(1 - upright.presence, 0.5) else upright


def _within(box: Box, larger: Box) -> bool:
    """Whether the middle of a box lies in one that is no smaller, so that it shows the same face or a part of it."""
    away = np.abs(np.subtract(box.center, larger.center))
    return bool((away < larger.side / 2).all()) and box.side <= larger.side * 1.2

"""Which part of a mask is the person whose head it is of."""

import numpy as np
from jaxtyping import Bool, Float32, Int32
from scipy.ndimage import binary_dilation, label

REACH = 1 / 32
"""How far around a person soft pixels, as those of hair, are still the person's, sides of the picture."""
RIM = 1 / 128
"""How far around anything else, and around a hole, soft pixels belong to it, sides of the picture."""
MAX_HOLE = 1 / 400
"""Largest hole that is filled wherever it is, of the picture: between hair and shoulders one sees larger ones."""


def one_person(alpha: Float32[np.ndarray, "R R"], face: float) -> Float32[np.ndarray, "R R"]:
    """A mask without what is not connected with the head in the middle, and without holes.

    Holes are filled where they are small, or in the face.

    Args:
        alpha: 0 to 1.
        face: radius of a disk in the middle that lies in the face, sides of the picture.
    """
    side = len(alpha)
    parts, count = _parts(alpha > 0.5)
    across = (np.arange(side) + 0.5) / side - 0.5
    disk = np.hypot(across, across[:, None]) < face
    shares = np.bincount(parts[disk], minlength=count + 1)
    shares[0] = 0
    if not shares.any():
        return np.zeros_like(alpha)
    person = parts == shares.argmax()
    kept = _grown(person, REACH)
    others = (parts > 0) & ~person
    if others.any():
        kept &= ~_grown(others, RIM) | person
    filled = _plain_holes(person, disk)
    if filled.any():
        alpha = np.where(filled | (_grown(filled, RIM) & person), np.float32(1), alpha)
    return np.where(kept | filled, alpha, np.float32(0))


def _plain_holes(person: Bool[np.ndarray, "R R"], disk: Bool[np.ndarray, "R R"]) -> Bool[np.ndarray, "R R"]:
    """Holes that are small or in the face."""
    parts, count = _parts(~person)
    sizes = np.bincount(parts.ravel(), minlength=count + 1)
    in_face = np.bincount(parts[disk], minlength=count + 1)
    plain = (sizes < MAX_HOLE * person.size) | (in_face > sizes / 2)
    plain[0] = False
    plain[np.concatenate([parts[0], parts[-1], parts[:, 0], parts[:, -1]])] = False
    return plain[parts]


def _parts(mask: Bool[np.ndarray, "R R"]) -> tuple[Int32[np.ndarray, "R R"], int]:
    """Connected parts, numbered from 1, and how many there are."""
    parts = np.zeros(mask.shape, np.int32)
    label(mask, output=parts)
    return parts, int(parts.max())


def _grown(part: Bool[np.ndarray, "R R"], distance: float) -> Bool[np.ndarray, "R R"]:
    """A part and what is near."""
    return binary_dilation(part, iterations=max(round(distance * len(part)), 1))

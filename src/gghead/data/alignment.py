"""Brings cameras of a scene in any place, size and orientation into the head space."""

import numpy as np
from jaxtyping import Float

from gghead.geometry.cameras import FFHQ_DISTANCE

FACE_DEPTH = 0.2
"""z of the point around which FFHQ's crops turn, world units."""
PARALLEL = 1e-3
"""Least eigenvalue of the mean projector, below which lines of sight are parallel: 3.6 degrees between two cameras."""


def align_cameras(labels: Float[np.ndarray, "M 25"]) -> Float[np.ndarray, "M 25"]:
    """The similarity after which the cameras look at a face as FFHQ's do: upright, and from the front on average.

    What all lines of sight come closest to becomes the middle of the face, (0, 0, .2), the mean up of the cameras y,
    their mean direction z, and their distance from the origin 2.7 in front. So the face must be in the middle of the
    pictures, and seen from the left as often as from the right: labels know nothing of it. The contact sheet of
    `gghead data check` shows whether that was good enough.

    Args:
        labels: EG3D's, of at least two cameras, in any world.

    Raises:
        ValueError: all lines of sight are parallel, or the cameras have no common up or front.
    """
    poses = labels[:, :16].reshape(-1, 4, 4)
    centers, ups, forwards = poses[:, :3, 3], -poses[:, :3, 1], poses[:, :3, 2]
    # The point p nearest to all lines c + t f: sum (I - f f^T) (p - c) = 0.
    projectors = np.eye(3) - forwards[:, :, None] * forwards[:, None, :]
    if np.linalg.eigvalsh(projectors.mean(0))[0] < PARALLEL:
        raise ValueError(
            "all cameras look in the same direction, so it is not known at what; move and scale them yourself"
        )
    target = np.linalg.solve(projectors.sum(0), np.einsum("mij,mj->i", projectors, centers))
    offsets = centers - target
    distances = np.linalg.norm(offsets, axis=1)
    y = _unit(ups.mean(0), "up")
    z = (offsets / distances[:, None]).mean(0)
    z = _unit(z - (z @ y) * y, "front")
    rotation = np.stack([np.cross(y, z), y, z])
    aligned = labels.copy()
    moved = poses.copy()
    moved[:, :3, :3] = rotation @ poses[:, :3, :3]
    scale = (FFHQ_DISTANCE - FACE_DEPTH) / np.median(distances)
    moved[:, :3, 3] = scale * offsets @ rotation.T + [0, 0, FACE_DEPTH]
    aligned[:, :16] = moved.reshape(-1, 16)
    return aligned


def _unit(vector: np.ndarray, what: str) -> np.ndarray:
    length = np.linalg.norm(vector)
    if length < 0.1:
        raise ValueError(
            f"the cameras have no common {what}, so the scene can't be aligned; move and scale them yourself"
        )
    return vector / length

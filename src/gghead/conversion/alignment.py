"""Brings cameras of a scene in any place, size and orientation into the head space."""

import numpy as np
from jaxtyping import Float

from gghead.geometry.canonical_head import FACE_DEPTH, FFHQ_DISTANCE

PARALLEL = 1e-3
"""Least eigenvalue of the mean projector, below which lines of sight are parallel: 3.6 degrees between two cameras."""
LARGEST_MISS = 0.2
"""How far lines of sight may pass by the point that they are nearest to, in units of the distance (median): a face that
is seen 11 degrees off the middle of the pictures."""
BEHIND = 0.1
"""Share of the cameras that may look away from that point."""


def align_cameras(labels: Float[np.ndarray, "M 25"]) -> Float[np.ndarray, "M 25"]:
    """The similarity after which the cameras look at a face as FFHQ's do: upright, and from the front on average.

    Lines of sight go through the middles of the pictures, wherever their principal points are: crops keep the optical
    axis of the whole photograph. What all lines come closest to becomes the middle of the face, (0, 0, 0.2), the mean
    up of the cameras y, their mean direction z, and their distance from the origin 2.7 in front. So the face must be in
    the middle of the pictures, and seen from the left as often as from the right: labels know nothing of it. The
    contact sheet of `gghead data check` shows whether that was good enough.

    Args:
        labels: EG3D's, of at least two cameras, in any world.

    Raises:
        ValueError: the lines of sight are parallel or do not meet, or the cameras have no common up or front.
    """
    poses = labels[:, :16].reshape(-1, 4, 4)
    centers, sights = poses[:, :3, 3], lines_of_sight(labels)
    ups = -poses[:, :3, 1]
    ups = ups - (ups * sights).sum(axis=1, keepdims=True) * sights  # of a camera turned towards what its picture shows
    ups /= np.linalg.norm(ups, axis=1, keepdims=True)
    target = _meeting_point(centers, sights)
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


def lines_of_sight(labels: Float[np.ndarray, "M 25"]) -> Float[np.ndarray, "M 3"]:
    """Unit directions in the world from the cameras through the middles of their pictures."""
    poses, intrinsics = labels[:, :16].reshape(-1, 4, 4), labels[:, 16:].reshape(-1, 3, 3)
    middle = np.broadcast_to([[0.5], [0.5], [1.0]], (len(labels), 3, 1))
    rays = (poses[:, :3, :3] @ np.linalg.solve(intrinsics, middle))[..., 0]
    return rays / np.linalg.norm(rays, axis=1, keepdims=True)


def _meeting_point(centers: Float[np.ndarray, "M 3"], sights: Float[np.ndarray, "M 3"]) -> Float[np.ndarray, "3"]:
    """The point p nearest to all lines c + t s: sum (I - s s^T) (p - c) = 0."""
    projectors = np.eye(3) - sights[:, :, None] * sights[:, None, :]
    if np.linalg.eigvalsh(projectors.mean(0))[0] < PARALLEL:
        raise ValueError(
            "all cameras look in the same direction, so it is not known at what; move and scale them yourself"
        )
    target = np.linalg.solve(projectors.sum(0), np.einsum("mij,mj->i", projectors, centers))
    along = ((target - centers) * sights).sum(axis=1)
    behind = float((along <= 0).mean())
    if behind > BEHIND:
        raise ValueError(
            f"{behind:.0%} of the cameras look away from the point that their lines of sight are nearest to; expected "
            "cameras around a face (wrong cameras may mean another convention: --from)"
        )
    misses = np.linalg.norm(np.einsum("mij,mj->mi", projectors, target - centers), axis=1)
    miss = float(np.median(misses) / np.median(np.abs(along)))
    if miss > LARGEST_MISS:
        raise ValueError(
            "the lines of sight through the middles of the pictures do not meet (half of them pass "
            f"{miss:.0%} of their length or more beside the nearest point); expected a face in the middle of each "
            "picture: crop the heads"
        )
    return target


def _unit(vector: np.ndarray, what: str) -> np.ndarray:
    length = np.linalg.norm(vector)
    if length < 0.1:
        raise ValueError(
            f"the cameras have no common {what}, so the scene can't be aligned; move and scale them yourself"
        )
    return vector / length

"""The mean face, triangulated from where the landmark model sees people whose cameras are known."""

from pathlib import Path

import numpy as np
from jaxtyping import Float

from gghead.checkpoint.atomic import write_file
from gghead.geometry.canonical_cameras import posed_label
from gghead.geometry.canonical_head import FFHQ_FOCAL
from gghead.photos.faces.template import face_template
from studies.head_pose.crops import WIDER

ROUNDS = 12
"""Of least squares, in which landmarks far off their point count ever less."""
MAX_YAW = 70
"""Degrees: farther round the landmark model guesses."""
USUAL_DEPTH = 2.5
"""From the camera to the face, world units: what turns distances there into shares of FFHQ's square."""


def write_template(crops: list[Path], out: Path) -> None:
    """Writes points, deviations, and the table of mirrored landmarks, which stays."""
    mirrored = face_template().mirrored
    poses, seen = [], []
    for path in crops:
        with np.load(path) as stored:
            near = np.abs(stored["pose"][:, 0]) < np.radians(MAX_YAW)
            poses.append(stored["pose"][near])
            seen.append(stored["mediapipe"][near])
    points, away = _triangulate(np.concatenate(poses), np.concatenate(seen).astype(np.float64), mirrored)
    deviations = np.median(away, axis=0) * FFHQ_FOCAL / USUAL_DEPTH
    deviations = (deviations + deviations[mirrored]) / 2

    def save(path: Path) -> None:
        with path.open("wb") as stream:
            values = points.astype(np.float32), deviations.astype(np.float32), mirrored.astype(np.int16)
            np.savez(stream, points=values[0], deviations=values[1], mirrored=values[2])

    write_file(out, save)


def _triangulate(
    poses: Float[np.ndarray, "N 6"], seen: Float[np.ndarray, "N 468 2"], mirrored: np.ndarray
) -> tuple[Float[np.ndarray, "468 3"], Float[np.ndarray, "N 468"]]:
    """Points nearest to all lines of sight, and how far they are from each; weights of Huber, scaled by medians."""
    matrices = np.stack([posed_label(*map(float, pose[:2]))[:16].reshape(4, 4) for pose in poses]).astype(np.float64)
    slopes = (seen - 0.5) * WIDER / FFHQ_FOCAL
    rays = np.concatenate([slopes, np.ones((*slopes.shape[:2], 1))], axis=-1)
    rays = np.einsum("nij,nkj->nki", matrices[:, :3, :3], rays / np.linalg.norm(rays, axis=-1, keepdims=True))
    centers = matrices[:, None, :3, 3]
    weights = np.ones(seen.shape[:2])
    for _ in range(ROUNDS):
        across = np.eye(3) - rays[..., :, None] * rays[..., None, :]
        normal = np.einsum("nk,nkij->kij", weights, across)
        target = np.einsum("nk,nkij,nj->ki", weights, across, centers[:, 0])
        points = np.linalg.solve(normal, target[..., None])[..., 0]
        points = (points + points[mirrored] * [-1, 1, 1]) / 2
        offsets = points - centers
        away = np.linalg.norm(offsets - (offsets * rays).sum(-1, keepdims=True) * rays, axis=-1)
        weights = np.minimum(1, (1.5 * np.median(away, axis=0) + 1e-4) / np.maximum(away, 1e-9))
    return points, away

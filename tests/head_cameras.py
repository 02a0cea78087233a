"""Random cameras of heads, and the same cameras written in other conventions, by formulas of their own."""

import numpy as np
import torch

from gghead.geometry.cameras import Cameras
from gghead.geometry.trajectories import on_sphere

X, Y, Z = np.eye(3)
TO_OTHER_CAMERA = {"opengl": (X, -Y, -Z), "flipped-x": (-X, Y, Z), "flipped-y": (X, -Y, Z), "flipped-z": (X, Y, -Z)}
"""The other camera's axes, in those of an OpenCV camera."""
TO_OTHER_WORLD = {
    "z-up": (X, -Z, Y),
    "y-down": (X, -Y, -Z),
    "backwards": (-X, Y, -Z),
    "mirrored-x": (-X, Y, Z),
    "mirrored-y": (X, -Y, Z),
    "mirrored-z": (X, Y, -Z),
}
"""The other world's axes, in those of the head space."""


def head_labels(seed: int, count: int, yaw: float = 1.5, pitch: float = 0.43) -> np.ndarray:
    """EG3D labels [count, 25] of cameras up to yaw and pitch (radians) that look at a head, more or less."""
    rng = np.random.default_rng(seed)
    angles = torch.from_numpy(rng.uniform(-1, 1, (2, count)) * [[yaw], [pitch]])
    eyes = on_sphere(angles[0], angles[1], float(rng.uniform(2.4, 4)))
    aims = rng.normal(0, 0.04, (count, 3)).clip(-0.06, 0.06)
    aims[:, 2] += rng.uniform(0, 0.2)
    targets = torch.from_numpy(aims)
    rows = [Cameras.looking_at(eye[None], target, 64).labels() for eye, target in zip(eyes, targets, strict=True)]
    return torch.cat(rows).numpy()


def written_as(labels: np.ndarray, words: tuple[str, ...], side: int = 512) -> np.ndarray:
    """The same cameras as somebody else would write them: coordinates by dot products with the other axes."""
    rows = []
    for row in labels:
        pose, intrinsics = row[:16].reshape(4, 4), row[16:].reshape(3, 3).copy()
        axes, position = pose[:3, :3].T, pose[:3, 3]  # rows: right, down, forward in the world
        for word in words:
            if word in TO_OTHER_CAMERA:
                axes = np.array(TO_OTHER_CAMERA[word]) @ axes
        for word in words:
            if word in TO_OTHER_WORLD:
                world = np.array(TO_OTHER_WORLD[word])
                axes, position = axes @ world.T, world @ position
        other = np.eye(4)
        other[:3, :3], other[:3, 3] = axes.T, position
        if "world-to-camera" in words:
            other = np.linalg.inv(other)
        if "pixels" in words:
            intrinsics[:2] *= side
        if "transposed" in words:
            other, intrinsics = other.T, intrinsics.T
        rows.append(np.concatenate([other.reshape(16), intrinsics.reshape(9)]))
    return np.array(rows)

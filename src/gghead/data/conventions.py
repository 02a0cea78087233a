"""Camera labels in other conventions than EG3D's: what the words of a convention mean, and which one labels are in.

A convention is a set of words, "opengl+z-up" say. Turning labels into EG3D's undoes them in this order: transposed
matrices, intrinsics in pixels, world-to-camera matrices, axes of the camera, axes of the world.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product

import numpy as np
from jaxtyping import Bool, Float

from gghead.data.intrinsics import LARGEST_FOCAL
from gghead.geometry.canonical_head import FACE_DEPTH

TRANSPOSED, PIXELS, WORLD_TO_CAMERA = "transposed", "pixels", "world-to-camera"
CAMERA_AXES: dict[str, np.ndarray] = {
    "opengl": np.diag([1.0, -1, -1, 1]),
    "flipped-x": np.diag([-1.0, 1, 1, 1]),
    "flipped-y": np.diag([1.0, -1, 1, 1]),
    "flipped-z": np.diag([1.0, 1, -1, 1]),
}
"""From OpenCV's axes of the camera (x right, y down, z forward) to those of the word; each is its own inverse."""
WORLD_AXES: dict[str, np.ndarray] = {
    "z-up": np.array([[1.0, 0, 0, 0], [0, 0, 1, 0], [0, -1, 0, 0], [0, 0, 0, 1]]),
    "y-down": np.diag([1.0, -1, -1, 1]),
    "backwards": np.diag([-1.0, 1, -1, 1]),
    "mirrored-x": np.diag([-1.0, 1, 1, 1]),
    "mirrored-y": np.diag([1.0, -1, 1, 1]),
    "mirrored-z": np.diag([1.0, 1, -1, 1]),
}
"""From the world of the word to the head space (x to the viewer's right, y up, z from the face to the camera)."""
ALIASES = {"nerf": "opengl", "colmap": WORLD_TO_CAMERA}
MIRRORED_WORLDS = ("mirrored-x", "mirrored-y", "mirrored-z")
MEANINGS = {
    TRANSPOSED: "matrices in column-major order",
    PIXELS: "intrinsics in pixels",
    WORLD_TO_CAMERA: "world-to-camera matrices",
    "opengl": "cameras with y up, looking along -z (OpenGL, Blender, NeRF)",
    "flipped-x": "cameras with x to the left",
    "flipped-y": "cameras with y up, looking along +z",
    "flipped-z": "cameras looking along -z with y down",
    "z-up": "a world with z up, the face towards -y (Blender)",
    "y-down": "a world with y down, the face towards -z",
    "backwards": "a world in which the face looks along -z",
    "mirrored-x": "a world with x to the left",
    "mirrored-y": "a world with y down, mirrored",
    "mirrored-z": "a world with z away from the camera, mirrored",
}
"""What a user reads of each word."""

HEAD = np.array([0.0, 0.0, FACE_DEPTH / 2])
"""Middle between the origin and what FFHQ's cameras look at, the middle of the face; both are heads."""
SAMPLE = 2000
"""Labels that are asked, spread evenly over the set."""
NEAREST, FARTHEST = 0.8, 12.0
"""Distance of a camera from the head, world units: FFHQ has 2.7."""
LARGEST_OFFSET = 0.35
"""How far from the middle of the picture a head may be, in units of the side: half of it is seen at 0.5."""
MIN_UP = 0.3
"""Least cosine between the camera's up and the world's: 72 degrees of roll and pitch."""
MIN_FRONT = -0.2
"""Least z of a camera in units of its distance: 12 degrees behind the ears."""
ROUGH_ROTATION = 1e-2
RIGHT, WRONG, CONVINCING, BLIND = 0.9, 0.5, 0.9, 0.05
"""Labels are right when the first share fits as it is, wrong when less than the second does and another convention
convinces by the third, and wrong in any case when less than the last does."""
FITTING_MARGIN = 0.05
MIN_VOTES = 5
"""Labels without which nobody is accused."""


@dataclass(frozen=True)
class Convention:
    """How labels are written; the empty one is EG3D's own.

    Attributes:
        words: a subset of MEANINGS, at most one for the camera's and one for the world's axes.
    """

    words: tuple[str, ...] = ()

    @classmethod
    def parse(cls, text: str) -> "Convention":
        """From "opengl+z-up"; "eg3d" is the empty one, "nerf" means opengl and "colmap" world-to-camera.

        Raises:
            ValueError: a word is unknown, or two contradict each other.
        """
        given = (ALIASES.get(word, word) for word in text.lower().split("+"))
        words = tuple(dict.fromkeys(word for word in given if word not in ("", "eg3d")))
        unknown = [word for word in words if word not in MEANINGS]
        if unknown:
            raise ValueError(
                f"there is no convention {unknown[0]!r}; known are eg3d, {', '.join(MEANINGS)}, joined by +"
            )
        for axes in (CAMERA_AXES, WORLD_AXES):
            chosen = [word for word in words if word in axes]
            if len(chosen) > 1:
                raise ValueError(f"{' and '.join(chosen)} contradict each other; name one of {', '.join(axes)}")
        return cls(words)

    def __str__(self) -> str:
        return "+".join(self.words) or "eg3d"

    def describe(self) -> str:
        """The convention in words of people."""
        return ", ".join(MEANINGS[word] for word in self.words) or "EG3D's convention"

    def to_eg3d(
        self, labels: Float[np.ndarray, "M 25"], sides: Float[np.ndarray, " M"] | None = None
    ) -> Float[np.ndarray, "M 25"]:
        """The same cameras as EG3D writes them.

        Args:
            labels: 16 numbers of a rigid pose and 9 of intrinsics each, in this convention.
            sides: pixels of the side of each picture, for intrinsics in pixels; by default twice the principal point,
                a guess that is good enough to recognise a convention.
        """
        poses = labels[:, :16].reshape(-1, 4, 4)
        intrinsics = labels[:, 16:].reshape(-1, 3, 3).copy()
        if TRANSPOSED in self.words:
            poses, intrinsics = poses.swapaxes(1, 2), _upright(intrinsics)
        if PIXELS in self.words:
            guess = np.where(intrinsics[:, 0, 2] > 0, 2 * intrinsics[:, 0, 2], 1)
            intrinsics[:, :2] /= (guess if sides is None else sides)[:, None, None]
        if WORLD_TO_CAMERA in self.words:
            poses = invert_poses(poses)
        for word in self.words:
            poses = poses @ CAMERA_AXES.get(word, np.eye(4))
        for word in self.words:
            poses = WORLD_AXES.get(word, np.eye(4)) @ poses
        return np.concatenate([poses.reshape(-1, 16), intrinsics.reshape(-1, 9)], 1)


@dataclass(frozen=True)
class Verdict:
    """In which convention labels seem to be.

    Attributes:
        fitting: share of the labels that are cameras in front of a head as they are.
        better: the simplest conventions in which nearly all of them would be; empty if they are right or nothing helps.
        certain: whether they are wrong beyond doubt, so that training would be in vain: another convention is better,
            or hardly any camera sees a head.
    """

    fitting: float
    better: tuple[Convention, ...] = ()
    certain: bool = False


def recognize(labels: Float[np.ndarray, "M 25"]) -> Verdict:
    """Asks the labels which convention they are in: cameras of a head stand before it, upright, and look at it.

    Cameras that all look straight at a face are the same in several conventions; then nothing is certain, or nothing
    wrong. Scenes that are mirrored as a whole can't be told from labels; the template drawn over pictures shows it.

    Args:
        labels: finite numbers, at least one row.
    """
    labels = labels[:: max(1, len(labels) // SAMPLE)]
    fitting = float(sees_head(labels).mean())
    if fitting >= RIGHT:
        return Verdict(fitting)
    with np.errstate(all="ignore"):  # numbers may be anything
        shares = {other: float(sees_head(other.to_eg3d(labels)).mean()) for other in _candidates(labels)}
    best = max(shares.values())
    enough = len(labels) >= MIN_VOTES
    if best < CONVINCING:
        return Verdict(fitting, certain=enough and fitting < BLIND)
    # A little less and far simpler is more likely the truth.
    likely = [other for other, share in shares.items() if share >= max(CONVINCING, best - FITTING_MARGIN)]
    fewest = min(len(other.words) for other in likely)
    better = tuple(other for other in likely if len(other.words) == fewest)
    return Verdict(fitting, better, certain=enough and fitting < WRONG)


def sees_head(labels: Float[np.ndarray, "M 25"]) -> Bool[np.ndarray, " M"]:
    """Which labels, read as EG3D's, are cameras before a head that see it upright and in the middle."""
    poses, intrinsics = labels[:, :16].reshape(-1, 4, 4), labels[:, 16:].reshape(-1, 3, 3)
    with np.errstate(all="ignore"):
        rotations, centers = poses[:, :3, :3], poses[:, :3, 3]
        drift = np.abs(rotations @ rotations.swapaxes(1, 2) - np.eye(3)).max(axis=(1, 2))
        rigid = (drift < ROUGH_ROTATION) & (np.linalg.det(rotations) > 0)
        rigid &= np.abs(poses[:, 3] - [0, 0, 0, 1]).max(axis=1) < ROUGH_ROTATION
        distances = np.linalg.norm(centers, axis=1)
        focal = intrinsics[:, [0, 1], [0, 1]]
        return (
            rigid
            & (distances > NEAREST)
            & (distances < FARTHEST)
            & (head_offsets(labels) < LARGEST_OFFSET)
            & (-rotations[:, 1, 1] > MIN_UP)
            & (centers[:, 2] > MIN_FRONT * distances)
            & (focal > 0).all(axis=1)
            & (focal < LARGEST_FOCAL).all(axis=1)
        )


def head_offsets(labels: Float[np.ndarray, "M 25"]) -> Float[np.ndarray, " M"]:
    """How far from the middle of the picture a head at the origin is, units of the side; infinite behind a camera."""
    poses, intrinsics = labels[:, :16].reshape(-1, 4, 4), labels[:, 16:].reshape(-1, 3, 3)
    with np.errstate(all="ignore"):
        head = np.einsum("mji,mj->mi", poses[:, :3, :3], HEAD - poses[:, :3, 3])  # in the camera
        seen = np.einsum("mij,mj->mi", intrinsics, head)
        return np.where(head[:, 2] > 0, np.abs(seen[:, :2] / seen[:, 2:] - 0.5).max(axis=1), np.inf)


def _upright(intrinsics: Float[np.ndarray, "M 3 3"]) -> Float[np.ndarray, "M 3 3"]:
    """Intrinsics turned where they are transposed; programs of row vectors often write those of OpenCV all the same."""
    turned = intrinsics.swapaxes(1, 2)
    upright = np.abs(intrinsics[:, 2] - [0, 0, 1]).max(axis=1) <= np.abs(turned[:, 2] - [0, 0, 1]).max(axis=1)
    return np.where(upright[:, None, None], intrinsics, turned)


def invert_poses(poses: Float[np.ndarray, "M 4 4"]) -> Float[np.ndarray, "M 4 4"]:
    """Inverse of matrices whose rotations are orthonormal, mirrored ones included; last rows stay as they are."""
    inverse = poses.copy()
    inverse[:, :3, :3] = poses[:, :3, :3].swapaxes(1, 2)
    inverse[:, :3, 3] = -np.einsum("mji,mj->mi", poses[:, :3, :3], poses[:, :3, 3])
    return inverse


def _candidates(labels: np.ndarray) -> Iterator[Convention]:
    """Every plausible convention but EG3D's; intrinsics in pixels are beyond doubt."""
    pixels = np.median(labels[:, 16]) > LARGEST_FOCAL
    # A mirrored world seen by flipped cameras is a mirror image of the scene, which labels do not show.
    axes = list(product([None, *CAMERA_AXES], [None, *WORLD_AXES]))
    axes = [(camera, world) for camera, world in axes if not (camera and world in MIRRORED_WORLDS)]
    for transposed, inverted, (camera, world) in product((False, True), (False, True), axes):
        flags = ((TRANSPOSED, transposed), (PIXELS, pixels), (WORLD_TO_CAMERA, inverted))
        words = [word for word, wanted in flags if wanted] + [word for word in (camera, world) if word]
        if words:
            yield Convention(tuple(words))

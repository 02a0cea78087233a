"""Where a photograph's edges lie around a person: the whole head inside, and the end of the modelled body outside."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Float64

from gghead.geometry.canonical_head import FFHQ_DISTANCE
from gghead.synthetic.render.renderer import Mesh, Scene

FACE_PIXELS = (140, 430)
"""Least and most pixels from brow to chin."""
FACE_HEIGHT = 0.34
"""From brow to chin, world units."""
NECK = -0.23
"""What is higher than this, world y, is the head and lies inside of the photograph: chins reach down to -0.2."""
BODY_END = -0.4
"""Open edges of the model below this, world y, are where its body ends."""
HEAD_MARGIN = (0.03, 0.3)
"""Least and most between the head and the upper, left and right edges of the photograph, world units."""
RIM_MARGIN = 4
"""Between the lower edge of the photograph and where the body ends, pixels."""
MAX_TRIES = 200
ROUNDING = 1e-6
"""So that the exponential of a logarithm is the whole number that it was."""


@dataclass(frozen=True)
class Frame:
    """A photograph's size and intrinsics.

    Attributes:
        width, height: pixels.
        focal: focal length in pixels.
        principal: where the camera's axis meets the picture, pixels.
    """

    width: int
    height: int
    focal: float
    principal: tuple[float, float]

    def K(self) -> Float64[np.ndarray, "3 3"]:
        """Intrinsics in pixels."""
        x, y = self.principal
        return np.array([[self.focal, 0, x], [0, self.focal, y], [0, 0, 1]])


def random_frame(
    rng: np.random.Generator, scene: Scene, cam2world: Float64[np.ndarray, "4 4"], sides: tuple[int, int]
) -> Frame | None:
    """A frame around a person who is seen from a camera; width, height, size of the face and its place are random.

    Width and height lie between both `sides`, pixels. None where no frame holds the head and leaves out where the body
    ends, as when a camera looks up from the side.
    """
    points = np.concatenate([scene.solid.points, scene.sheer.points])
    head = slopes(points[points[:, 1] > NECK], cam2world)
    rim = slopes(scene.solid.points[body_end(scene.solid)], cam2world)
    for _ in range(MAX_TRIES):
        margin = rng.uniform(*HEAD_MARGIN) / FFHQ_DISTANCE
        low, high = head.min(0) - margin, head.max(0) + np.array([margin, 0])
        width, height = (int(side) for side in np.exp(rng.uniform(*np.log(sides), 2)) + ROUNDING)
        focal = FFHQ_DISTANCE * float(np.exp(rng.uniform(*np.log(FACE_PIXELS)))) / FACE_HEIGHT
        place = rng.random(2)
        # Edges in pixels from the camera's axis.
        first, last = high[0] * focal - width, low[0] * focal
        if first > last:
            continue
        left = first + place[0] * (last - first)
        below = rim[(rim[:, 0] * focal > left - RIM_MARGIN) & (rim[:, 0] * focal < left + width + RIM_MARGIN)]
        end = min(below[:, 1] * focal, default=np.inf) - RIM_MARGIN
        first, last = high[1] * focal - height, min(low[1] * focal, end - height)
        if first > last:
            continue
        # Mostly as low as can be: photographs that end at the chin are rare.
        top = last - place[1] ** 2 * (last - first)
        return Frame(width, height, focal, (-float(left), -float(top)))
    return None


def aimed_at_middle(frame: Frame, cam2world: Float64[np.ndarray, "4 4"]) -> tuple[Frame, Float64[np.ndarray, "4 4"]]:
    """The frame of a photograph that nobody cut, and its camera, whose old axis is seen at the old principal point.

    What lies off the middle is stretched there, as wide angles do.
    """
    middle = np.array([frame.width, frame.height]) / 2
    turned = cam2world.copy()
    turned[:3, :3] = cam2world[:3, :3] @ rotation_to(np.append((frame.principal - middle) / frame.focal, 1.0)).T
    return Frame(frame.width, frame.height, frame.focal, (float(middle[0]), float(middle[1]))), turned


def shows_head_alone(frame: Frame, cam2world: Float64[np.ndarray, "4 4"], scene: Scene) -> bool:
    """Whether all of the head is inside, and all of where the body ends outside."""
    points = np.concatenate([scene.solid.points, scene.sheer.points])
    head, end = points[points[:, 1] > NECK], scene.solid.points[body_end(scene.solid)]
    return bool(_inside(frame, cam2world, head, 0).all()) and not bool(_inside(frame, cam2world, end, RIM_MARGIN).any())


def _inside(
    frame: Frame, cam2world: Float64[np.ndarray, "4 4"], points: Float[np.ndarray, "n 3"], margin: float
) -> Bool[np.ndarray, " n"]:
    """Whether points are seen inside of the photograph, or less than a margin outside."""
    places = slopes(points, cam2world) * frame.focal + np.array(frame.principal)
    return ((places > -margin) & (places < np.array([frame.width, frame.height]) + margin)).all(1)


def rotation_to(ray: Float64[np.ndarray, "3"]) -> Float64[np.ndarray, "3 3"]:
    """The least rotation that turns the axis z to a ray that is not opposite to it."""
    x, y, z = ray / np.linalg.norm(ray)
    cross = np.array([[0, 0, x], [0, 0, y], [-x, -y, 0]])
    return np.eye(3) + cross + cross @ cross / (1 + z)


def slopes(points: Float[np.ndarray, "n 3"], cam2world: Float64[np.ndarray, "4 4"]) -> Float64[np.ndarray, "n 2"]:
    """World points -> x / z and y / z in the camera."""
    seen = (points - cam2world[:3, 3]) @ cam2world[:3, :3]
    return seen[:, :2] / seen[:, 2:]


def body_end(mesh: Mesh) -> np.ndarray:
    """Indices of the points on open edges of a mesh, where its body ends."""
    edges = np.sort(
        np.concatenate([mesh.triangles[:, [0, 1]], mesh.triangles[:, [1, 2]], mesh.triangles[:, [2, 0]]]), 1
    )
    unique, counts = np.unique(edges, axis=0, return_counts=True)
    rim = np.unique(unique[counts == 1])
    return rim[mesh.points[rim, 1] < BODY_END]

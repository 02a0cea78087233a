"""Glasses: two rims around the eyes, a bridge and temples to the ears, fitted to a face. Lenses are clear.

Lengths are decimetres.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Float32
from scipy.spatial import KDTree

from gghead.geometry.grids import cell_corners, grid_of
from gghead.synthetic.anatomy.head_model import Eyeball, Similarity
from gghead.synthetic.anatomy.identities import Person
from gghead.synthetic.render.mesh_rasterizer import vertex_normals
from gghead.synthetic.render.renderer import Material, Mesh

CHANCES = {"child": 0.05, "young": 0.13, "middleage": 0.2, "old": 0.3}
COLORS = np.array(
    [[0.01, 0.01, 0.012], [0.05, 0.022, 0.012], [0.25, 0.25, 0.27], [0.4, 0.28, 0.12], [0.12, 0.02, 0.02]]
)
"""Linear light: black, brown, steel, gold, red."""
RIM_POINTS, SIDES = 40, 6
WRAP = 0.22
"""Rims lie on a parabola around the face: how much further back they are, times the square of the way sideways."""
CLEARANCE = 0.035
"""Between rims and skin."""


@dataclass(frozen=True)
class Glasses:
    """A frame.

    Attributes:
        size: half the width and half the height of a lens.
        squareness: exponent of the lens's outline: 2 is an ellipse, 5 nearly a rectangle.
        radius: of the frame's tubes.
        colour: linear light.
    """

    size: Float[np.ndarray, "2"]
    squareness: float
    radius: float
    color: Float[np.ndarray, "3"]


def random_glasses(person: Person, rng: np.random.Generator) -> Glasses | None:
    """Some people wear glasses, the older the more."""
    wears, thick = rng.random() < CHANCES[person.age], rng.random() < 0.55
    size, squareness = rng.uniform([0.225, 0.155], [0.275, 0.225]), rng.uniform(2, 4.5)
    color = COLORS[rng.choice(len(COLORS), p=[0.4, 0.2, 0.2, 0.12, 0.08])]
    radius = rng.uniform(0.016, 0.026) if thick else rng.uniform(0.009, 0.013)
    return Glasses(size, squareness, radius, color) if wears else None


def glasses_mesh(
    glasses: Glasses, eyes: tuple[Eyeball, Eyeball], skin: Float32[np.ndarray, "n 3"], place: Similarity
) -> Mesh:
    """A frame on the face of a person with these eyeballs and this skin."""
    front = skin[skin[:, 2] > 0.9]
    rims = [_rim(glasses, eye.center) for eye in eyes]
    outline = np.concatenate(rims)
    under = front[KDTree(front[:, :2]).query(outline[:, :2])[1], 2]
    depth = (under - outline[:, 2]).max() + CLEARANCE + glasses.radius
    rims = [rim + np.array([0, 0, depth]) for rim in rims]
    pieces = [_tube(rim, glasses.radius, closed=True) for rim in rims]
    inner = [rim[np.abs(rim[:, 0]).argmin()] for rim in rims]
    rise = 0.25 * glasses.size[1]
    arch = np.array([0.0, rise, 0.02])
    bridge = [inner[0] + arch * [0, 1, 0], (inner[0] + inner[1]) / 2 + 1.3 * arch, inner[1] + arch * [0, 1, 0]]
    pieces.append(_tube(np.array(bridge), glasses.radius, closed=False))
    for rim, sign in zip(rims, (1, -1), strict=True):
        hinge = rim[(sign * rim[:, 0]).argmax()] + [sign * 0.01, 0.3 * glasses.size[1], -0.02]
        beside = (
            (np.abs(skin[:, 1] - hinge[1]) < 0.08) & (skin[:, 2] > 0.55) & (skin[:, 2] < 1.0) & (sign * skin[:, 0] > 0)
        )
        width = np.abs(skin[beside, 0]).max() + glasses.radius + 0.015
        line = [hinge, [sign * max(width, abs(hinge[0])), hinge[1], 1.0], [sign * width, hinge[1] - 0.02, 0.35]]
        pieces.append(_tube(np.array(line), glasses.radius, closed=False))
    counts = np.cumsum([0, *(len(points) for points, _ in pieces[:-1])])
    points = np.concatenate([points for points, _ in pieces]).astype(np.float32)
    triangles = np.concatenate([faces + start for (_, faces), start in zip(pieces, counts, strict=True)]).astype(
        np.int32
    )
    return Mesh(
        points=place.points(points),
        normals=place.directions(vertex_normals(points, triangles)),
        triangles=triangles,
        uvs=np.full((len(triangles), 3, 2), 0.5, np.float32),
        materials=np.full(len(triangles), Material.GLASSES, np.int32),
        reach=np.full(len(points), 0.9, np.float32),
    )


def _rim(glasses: Glasses, center: np.ndarray) -> Float[np.ndarray, "p 3"]:
    """Outline of a lens in front of an eye, with the depth of the parabola only."""
    turn = np.linspace(0, 2 * np.pi, RIM_POINTS, endpoint=False)
    c, s = np.cos(turn), np.sin(turn)
    power = 2 / glasses.squareness
    x = np.sign(center[0]) * (abs(center[0]) + 0.035) + glasses.size[0] * np.sign(c) * np.abs(c) ** power
    y = center[1] - 0.03 + glasses.size[1] * np.sign(s) * np.abs(s) ** power
    return np.stack([x, y, -WRAP * x**2], 1)


def _tube(line: np.ndarray, radius: float, closed: bool) -> tuple[np.ndarray, np.ndarray]:
    """Points and triangles of a tube around a line."""
    steps = np.roll(line, -1, 0) - np.roll(line, 1, 0) if closed else np.gradient(line, axis=0)
    along = steps / np.linalg.norm(steps, axis=1, keepdims=True)
    first = np.cross(along, [0.3, 0.95, 0.1] if not closed else [0, 0, 1])
    first /= np.linalg.norm(first, axis=1, keepdims=True)
    second = np.cross(along, first)
    turn = np.arange(SIDES) * 2 * np.pi / SIDES
    ring = np.cos(turn)[None, :, None] * first[:, None] + np.sin(turn)[None, :, None] * second[:, None]
    points = (line[:, None] + radius * ring).reshape(-1, 3)
    grid = grid_of(len(line), SIDES, closed=True)
    a, b, c, d = cell_corners(np.concatenate([grid, grid[:1]]) if closed else grid)
    return points, np.concatenate([np.stack([a, b, c], 1), np.stack([b, d, c], 1)])

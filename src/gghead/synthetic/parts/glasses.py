"""Glasses: two rims around the eyes, a bridge and temples to the ears, fitted to a face, and lenses that reflect.

Lengths are decimetres.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from jaxtyping import Float, Float32
from scipy.spatial import KDTree

from gghead.synthetic.anatomy.head_model import Eyeball, Similarity
from gghead.synthetic.anatomy.identities import Person
from gghead.synthetic.parts.tubes import tube
from gghead.synthetic.render.mesh_rasterizer import vertex_normals
from gghead.synthetic.render.renderer import Material, Mesh

CHANCES = {"child": 0.05, "young": 0.13, "middleage": 0.2, "old": 0.3}
COLORS = np.array(
    [[0.01, 0.01, 0.012], [0.05, 0.022, 0.012], [0.25, 0.25, 0.27], [0.4, 0.28, 0.12], [0.12, 0.02, 0.02]]
)
"""Linear light: black, brown, steel, gold, red."""
RIM_POINTS = 40
WRAP = 0.22
"""Rims lie on a parabola around the face: how much further back they are, times the square of the way sideways."""
LENS_CURVE = 1.1
"""Lean of a lens's normal for each decimetre from its middle."""
CLEARANCE = 0.035
"""Between rims and skin."""


Shape = Literal["round", "square", "cat eye", "aviator", "half rim", "rimless"]
SHAPES: dict[Shape, float] = {
    "round": 0.24, "square": 0.34, "cat eye": 0.1, "aviator": 0.12, "half rim": 0.12, "rimless": 0.08,
}  # fmt: skip
SUNGLASSES = 0.08
"""Share of glasses with dark lenses."""
COATED = 0.85
"""Share of clear lenses that hardly reflect."""
RIMLESS = 0.004
"""Radius of the rim where there is none to speak of."""


@dataclass(frozen=True)
class Glasses:
    """A frame.

    Attributes:
        shape: of the lenses and their rims.
        size: half the width and half the height of a lens.
        squareness: exponent of the lens's outline: 2 is an ellipse, 5 nearly a rectangle.
        radius: of the frame's tubes.
        colour: linear light.
        tint: alpha of the lenses; clear ones only reflect.
        coated: whether they hardly do.
    """

    shape: Shape
    size: Float[np.ndarray, "2"]
    squareness: float
    radius: float
    color: Float[np.ndarray, "3"]
    tint: float
    coated: bool = False

    @property
    def lens(self) -> Material:
        """What the lenses are made of."""
        return Material.COATED_LENS if self.coated else Material.LENS


def random_glasses(person: Person, rng: np.random.Generator) -> Glasses | None:
    """Some people wear glasses, the older the more."""
    wears, thick = rng.random() < CHANCES[person.age], rng.random() < 0.55
    size, squareness = rng.uniform([0.225, 0.155], [0.275, 0.225]), rng.uniform(2, 4.5)
    color = COLORS[rng.choice(len(COLORS), p=[0.4, 0.2, 0.2, 0.12, 0.08])]
    radius = rng.uniform(0.016, 0.026) if thick else rng.uniform(0.009, 0.013)
    shape: Shape = list(SHAPES)[rng.choice(len(SHAPES), p=list(SHAPES.values()))]
    size = size * {"aviator": (1.08, 1.15), "cat eye": (1.05, 0.9)}.get(shape, (1, 1))
    squareness = {"round": 2.0, "aviator": 2.4, "cat eye": 2.6}.get(shape, max(squareness, 2.6))
    dark, coated = rng.random() < SUNGLASSES, rng.random() < COATED
    tint = rng.uniform(0.7, 0.93) if dark else rng.uniform(0.05, 0.09)
    return Glasses(shape, size, squareness, radius, color, tint, coated and not dark) if wears else None


def glasses_meshes(
    glasses: Glasses, eyes: tuple[Eyeball, Eyeball], skin: Float32[np.ndarray, "n 3"], place: Similarity
) -> tuple[Mesh, Mesh]:
    """The frame, solid, and the lenses, sheer, on the face of a person with these eyeballs and this skin."""
    front = skin[skin[:, 2] > 0.9]
    rims = [_rim(glasses, eye.center) for eye in eyes]
    outline = np.concatenate(rims)
    under = front[KDTree(front[:, :2]).query(outline[:, :2])[1], 2]
    depth = (under - outline[:, 2]).max() + CLEARANCE + glasses.radius
    rims = [rim + np.array([0, 0, depth]) for rim in rims]
    return _frame(glasses, rims, skin, place), _lenses(glasses, rims, place)


def _frame(glasses: Glasses, rims: list[np.ndarray], skin: np.ndarray, place: Similarity) -> Mesh:
    pieces = [tube(rim, _rim_radius(glasses, rim), closed=True) for rim in rims]
    inner = [rim[np.abs(rim[:, 0]).argmin()] for rim in rims]
    rise = 0.25 * glasses.size[1]
    arch = np.array([0.0, rise, 0.02])
    bridge = [inner[0] + arch * [0, 1, 0], (inner[0] + inner[1]) / 2 + 1.3 * arch, inner[1] + arch * [0, 1, 0]]
    pieces.append(tube(np.array(bridge), glasses.radius, closed=False))
    for rim, sign in zip(rims, (1, -1), strict=True):
        hinge = rim[(sign * rim[:, 0]).argmax()] + [sign * 0.01, 0.3 * glasses.size[1], -0.02]
        beside = (
            (np.abs(skin[:, 1] - hinge[1]) < 0.08) & (skin[:, 2] > 0.55) & (skin[:, 2] < 1.0) & (sign * skin[:, 0] > 0)
        )
        width = np.abs(skin[beside, 0]).max() + glasses.radius + 0.015
        line = [hinge, [sign * max(width, abs(hinge[0])), hinge[1], 1.0], [sign * width, hinge[1] - 0.02, 0.35]]
        pieces.append(tube(np.array(line), glasses.radius, closed=False))
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


def _lenses(glasses: Glasses, rims: list[np.ndarray], place: Similarity) -> Mesh:
    """Fans from the middles to the rims; normals as of a slightly curved lens, so that a reflection is a spot."""
    parts = []
    for rim in rims:
        middle = rim.mean(0)
        points = np.concatenate([middle[None], middle + 0.6 * (rim - middle), rim]).astype(np.float32)
        points[:, 2] += 0.02 * (1 - (np.linalg.norm(points - middle, axis=1) / np.abs(rim - middle).max()) ** 2)
        normals = np.append(LENS_CURVE * (points - middle)[:, :2], np.ones((len(points), 1)), 1)
        normals /= np.linalg.norm(normals, axis=1, keepdims=True)
        at = np.arange(len(rim))
        follow = (at + 1) % len(rim)
        near, far = 1, 1 + len(rim)
        triangles = np.concatenate(
            [
                np.stack([0 * at, near + at, near + follow], 1),
                np.stack([near + at, far + at, far + follow], 1),
                np.stack([near + at, far + follow, near + follow], 1),
            ]
        ).astype(np.int32)
        parts.append(
            Mesh(
                points=place.points(points),
                normals=place.directions(normals),
                triangles=triangles,
                uvs=np.full((len(triangles), 3, 2), 0.5, np.float32),
                materials=np.full(len(triangles), glasses.lens, np.int32),
                reach=np.ones(len(points), np.float32),
                alpha=np.full(len(points), glasses.tint, np.float32),
            )
        )
    return Mesh.joined(parts)


def _rim_radius(glasses: Glasses, rim: np.ndarray) -> np.ndarray:
    """Radius of the frame around a lens [p]: nothing below with half a rim."""
    above = np.clip((rim[:, 1] - rim[:, 1].mean()) / glasses.size[1] * 3 + 0.5, 0, 1)
    if glasses.shape == "half rim":
        return RIMLESS + (glasses.radius - RIMLESS) * above
    return np.full(len(rim), RIMLESS if glasses.shape == "rimless" else glasses.radius)


def _rim(glasses: Glasses, center: np.ndarray) -> Float[np.ndarray, "p 3"]:
    """Outline of a lens in front of an eye, with the depth of the parabola only."""
    turn = np.linspace(0, 2 * np.pi, RIM_POINTS, endpoint=False)
    c, s = np.cos(turn), np.sin(turn)
    power = 2 / glasses.squareness
    x = np.sign(center[0]) * (abs(center[0]) + 0.035) + glasses.size[0] * np.sign(c) * np.abs(c) ** power
    y = center[1] - 0.03 + glasses.size[1] * np.sign(s) * np.abs(s) ** power
    outside = np.clip((np.abs(x) - abs(center[0])) / glasses.size[0], -1, 1)
    if glasses.shape == "cat eye":
        y = y + 0.07 * np.maximum(0, outside) ** 2 * (s > -0.2)
    elif glasses.shape == "aviator":
        y = y - 0.04 * (s < 0) * (0.5 - outside)
    return np.stack([x, y, -WRAP * x**2], 1)

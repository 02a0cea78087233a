"""Earrings: studs, hoops and drops at the lobes of the ears.

Lengths are decimetres.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from jaxtyping import Float, Float32

from gghead.synthetic.anatomy.head_model import Chart, HeadModel, Similarity
from gghead.synthetic.anatomy.identities import Person
from gghead.synthetic.parts.tubes import tube
from gghead.synthetic.render.mesh_rasterizer import vertex_normals
from gghead.synthetic.render.renderer import Material, Mesh

Kind = Literal["stud", "hoop", "drop"]
CHANCES = {"female": 0.35, "male": 0.03}
"""Of grown people; children have a third of them."""
KINDS: dict[Kind, float] = {"stud": 0.45, "hoop": 0.3, "drop": 0.25}
COLORS = np.array([[0.75, 0.55, 0.22], [0.72, 0.72, 0.74], [0.8, 0.77, 0.72], [0.03, 0.03, 0.035]])
"""Linear light: gold, silver, pearl, black."""
LOBE = np.array([0.745, 6.88, 0.51])
"""Of the left ear of the neutral head."""
RING_POINTS = 24


@dataclass(frozen=True)
class Earrings:
    """A pair of earrings.

    Attributes:
        kind: of three.
        size: radius of a stud or a hoop, length of a drop.
        color: linear light.
    """

    kind: Kind
    size: float
    color: Float[np.ndarray, "3"]


def random_earrings(person: Person, rng: np.random.Generator) -> Earrings | None:
    """A pair for some people."""
    drawn, kind = rng.random(), list(KINDS)[rng.choice(len(KINDS), p=list(KINDS.values()))]
    low, high = {"stud": (0.018, 0.034), "hoop": (0.06, 0.2), "drop": (0.12, 0.32)}[kind]
    size, color = rng.uniform(low, high), COLORS[rng.choice(len(COLORS), p=[0.4, 0.35, 0.15, 0.1])]
    chance = CHANCES[person.sex] / (3 if person.age == "child" else 1)
    return Earrings(kind, size, color) if drawn < chance else None


class EarringMaker:
    """Knows where lobes are."""

    def __init__(self, model: HeadModel) -> None:
        head = np.unique(model.triangles[model.chart == Chart.HEAD])
        places = model.neutral[head]
        self._lobes = [int(head[np.linalg.norm(places - LOBE * [sign, 1, 1], axis=1).argmin()]) for sign in (1, -1)]

    def mesh(self, earrings: Earrings, skin: Float32[np.ndarray, "v 3"], place: Similarity) -> Mesh:
        """A pair on a person with these skin vertices."""
        parts = []
        for lobe, sign in zip(self._lobes, (1, -1), strict=True):
            at = skin[lobe] + np.array([0.02 * sign, 0, 0])
            if earrings.kind == "hoop":
                turn = np.linspace(0, 2 * np.pi, RING_POINTS, endpoint=False)
                ring = np.stack([0.25 * sign * (1 - np.cos(turn)), np.cos(turn) - 1, np.sin(turn)], 1)
                parts.append(tube(at + earrings.size * ring * [0.4, 1, 1], 0.011, closed=True))
            else:
                parts.append(_ball(at, np.full(3, earrings.size if earrings.kind == "stud" else 0.018)))
            if earrings.kind == "drop":
                half = earrings.size / 2
                parts.append(_ball(at - [0, half + 0.02, 0], np.array([0.3 * half, half, 0.3 * half])))
        counts = np.cumsum([0, *(len(points) for points, _ in parts[:-1])])
        points = np.concatenate([points for points, _ in parts]).astype(np.float32)
        triangles = np.concatenate([faces + start for (_, faces), start in zip(parts, counts, strict=True)])
        triangles = triangles.astype(np.int32)
        return Mesh(
            points=place.points(points),
            normals=place.directions(vertex_normals(points, triangles)),
            triangles=triangles,
            uvs=np.full((len(triangles), 3, 2), 0.5, np.float32),
            materials=np.full(len(triangles), Material.JEWEL, np.int32),
            reach=np.full(len(points), 0.9, np.float32),
        )


def _ball(center: np.ndarray, radii: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """An ellipsoid, as a tube around its axis."""
    polar = np.linspace(0.05, np.pi - 0.05, 8)
    line = center + np.stack([0 * polar, radii[1] * np.cos(polar), 0 * polar], 1)
    return tube(line, radii[0] * np.sin(polar), closed=False)

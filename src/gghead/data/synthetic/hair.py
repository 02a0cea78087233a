"""Strands of hair: guides grown over the skull, strands that follow them in clumps, ribbons that draw them.

Lengths are decimetres.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from jaxtyping import Float
from scipy.spatial import cKDTree

from gghead.data.synthetic.head_model import Chart, HeadModel, Similarity
from gghead.data.synthetic.renderer import Material, Mesh
from gghead.data.synthetic.skin import hair_line

HairStyle = Literal["short", "afro", "bald", "medium", "long"]
MALE_STYLES: dict[HairStyle, float] = {"short": 0.62, "afro": 0.15, "bald": 0.1, "medium": 0.13}
FEMALE_STYLES: dict[HairStyle, float] = {"long": 0.48, "medium": 0.40, "short": 0.06, "afro": 0.06}
RIBBON_WIDTH = 0.013
"""Of a strand at full detail; fewer strands are wider, so that the hair is as dense."""


NAPE = 6.75
"""Height of the lower end of the hair at the back of the neutral neck."""
NECK_RADIUS = 0.66
"""Falling hair stays this far from the axis of the neck."""
WIDEST_FALL = 1.22
"""Falling hair stays within this many radii of the skull, seen from above."""


@dataclass(frozen=True)
class Cut:
    """A hair style.

    Attributes:
        lengths: shortest and longest.
        segments: straight pieces of a strand.
        guides: guide strands.
        strands: strands at full detail.
        rise: how much a strand leaves the skin along its normal at the root.
        curl: strength of its waves.
        falls: whether gravity wins.
    """

    lengths: tuple[float, float]
    segments: int
    guides: int
    strands: int
    rise: float
    curl: float
    falls: bool


CUTS: dict[HairStyle, Cut] = {
    "short": Cut((0.22, 0.5), 5, 1100, 24000, 0.16, 0.04, falls=False),
    "medium": Cut((0.9, 1.5), 9, 900, 15000, 0.22, 0.08, falls=True),
    "long": Cut((2.0, 2.9), 14, 900, 13000, 0.20, 0.06, falls=True),
    "afro": Cut((0.35, 0.8), 6, 1500, 20000, 1.0, 0.8, falls=False),
}


@dataclass(frozen=True)
class Strands:
    """Lines with a shade and a direction of their surroundings' surface at each point."""

    lines: Float[np.ndarray, "n s 3"]
    shades: Float[np.ndarray, "n s"]
    normals: Float[np.ndarray, "n s 3"]


class Scalp:
    """Where hair grows on the subdivided skin; made once."""

    def __init__(self, model: HeadModel) -> None:
        triangles = model.triangles[model.chart == Chart.HEAD]
        corners = model.neutral[triangles]
        centre = corners.mean(1)
        behind_ear = (np.abs(centre[:, 0]) > 0.66) & (centre[:, 1] < 7.5)
        grows = (hair_line(centre) > 0) & ~behind_ear & (centre[:, 1] > NAPE)
        self.triangles = triangles[grows]
        edges = corners[grows][:, 1:] - corners[grows][:, :1]
        area = np.linalg.norm(np.cross(edges[:, 0], edges[:, 1]), axis=1)
        self._cumulative = np.cumsum(area / area.sum())
        self._vertices = np.unique(self.triangles)

    def skull(self, points: np.ndarray) -> "Skull":
        """The skull below the scalp of skin points [n, 3]."""
        return Skull(points[self._vertices])

    def roots(
        self, rng: np.random.Generator, points: np.ndarray, normals: np.ndarray, count: int
    ) -> tuple[np.ndarray, np.ndarray]:
        """Random points on the scalp and their normals, both [count, 3]."""
        picked = np.minimum(np.searchsorted(self._cumulative, rng.random(count)), len(self.triangles) - 1)
        a, b = rng.random((2, count))
        a, b = np.where(a + b > 1, 1 - a, a), np.where(a + b > 1, 1 - b, b)
        weights = np.stack([1 - a - b, a, b], 1)[..., None]
        corners = self.triangles[picked]
        return (points[corners] * weights).sum(1), (normals[corners] * weights).sum(1)


class Skull:
    """Ellipsoid around the scalp, and the region in front of the face that stays free of hair."""

    def __init__(self, scalp: Float[np.ndarray, "n 3"]) -> None:
        low, high = scalp.min(0), scalp.max(0)
        depth = (high[2] - low[2]) / 2
        self.centre = np.array([0, high[1] - 0.95 * depth, (low[2] + high[2]) / 2])
        self.radii = np.array([np.abs(scalp[:, 0]).max(), high[1] - self.centre[1], depth])
        self.front = high[2]

    def push_out(self, points: np.ndarray, gap: np.ndarray) -> np.ndarray:
        """Points [n, 3] moved out of the ellipsoid enlarged by gap [n], and away from the neck below it."""
        radii = self.radii * (1 + gap[:, None])
        local = (points - self.centre) / radii
        radius = np.linalg.norm(local, axis=1, keepdims=True)
        outside = self.centre + local / np.maximum(radius, 1e-6) * radii
        high = points[:, 1:2] > self.centre[1] - 0.3
        around = np.hypot(points[:, 0], points[:, 2] - self.centre[2])
        stretch = np.maximum(1, NECK_RADIUS / np.maximum(around, 0.2))
        beside = np.stack(
            [points[:, 0] * stretch, points[:, 1], self.centre[2] + (points[:, 2] - self.centre[2]) * stretch], 1
        )
        return np.where(high, np.where(radius < 1, outside, points), beside)

    def pull_in(self, points: np.ndarray) -> np.ndarray:
        """Points [n, 3] brought back where falling hair would stand off the head like a fountain."""
        axis = np.array([0, 0, self.centre[2]])
        across = (points - axis) * [1, 0, 1]
        far = np.hypot(across[:, 0] / self.radii[0], across[:, 2] / self.radii[2])
        return points - across * (1 - np.minimum(1, WIDEST_FALL / np.maximum(far, 1e-6)))[:, None]

    def over_face(self, points: np.ndarray, roots: np.ndarray) -> np.ndarray:
        """Which points [n] are in front of the face and below the hair line and their own root."""
        low = points[:, 1] < np.minimum(self.centre[1] + 0.55, roots[:, 1] - 0.04)
        return low & (points[:, 2] > self.front - 0.45) & (np.abs(points[:, 0]) < self.radii[0] + 0.02)


def grow_hair(
    rng: np.random.Generator, scalp: Scalp, points: np.ndarray, normals: np.ndarray, style: HairStyle, detail: float
) -> Strands:
    """Strands of one person; each follows its nearest guide and comes closer to it towards the tip.

    Args:
        rng: decides about everything.
        scalp: where hair grows.
        points: skin of the person [n, 3].
        normals: of the skin [n, 3].
        style: one of `CUTS`.
        detail: share of the strands of full detail.
    """
    cut, skull = CUTS[style], scalp.skull(points)
    roots, root_normals = scalp.roots(rng, points, normals, cut.guides)
    guides = _grow_guides(rng, roots, root_normals, skull, cut)
    count = round(cut.strands * detail)
    own, _ = scalp.roots(rng, points, normals, count)
    nearest = cKDTree(roots).query(own)[1]
    t = np.linspace(0, 1, cut.segments + 1)[None, :, None]
    clump, stray = (0.3, 0.06) if style == "afro" else (rng.uniform(0.3, 0.7), 0.025)
    lines = guides[nearest] + (own - roots[nearest])[:, None] * (1 - clump * t**0.8)
    lines = lines + rng.normal(0, stray, (count, 1, 3)) * t
    lines = lines[:, :1] + (lines - lines[:, :1]) * rng.uniform(0.8, 1.05, (count, 1, 1))
    shades = np.exp(rng.normal(0, 0.16, cut.guides))[nearest] * np.exp(rng.normal(0, 0.14, count))
    reach = np.linalg.norm(np.diff(lines, axis=1), axis=2).sum(1)
    grown = reach > 0.35 * np.median(reach)  # stubs that stopped at the hair line would be specks on the forehead
    lines, shades = lines[grown], shades[grown, None] * np.linspace(0.6, 1, cut.segments + 1)
    radial = lines - skull.centre
    return Strands(lines, shades, radial / np.linalg.norm(radial, axis=2, keepdims=True))


def ribbons(strands: Strands, place: Similarity, detail: float) -> Mesh:
    """Flat ribbons along strands, tapering to the tip; lit as round fibres by normals across the strand."""
    lines = strands.lines
    count, steps = lines.shape[:2]
    tangent = _unit(np.gradient(lines, axis=1))
    across = _unit(np.cross(tangent, strands.normals))
    other = np.cross(tangent, across)
    turn = np.arange(count)[:, None, None] * 2.399963  # the golden angle: ribbons face every side
    across = across * np.cos(turn) + other * np.sin(turn)
    half = RIBBON_WIDTH / 2 / np.sqrt(detail) * np.linspace(1, 0.35, steps)[None, :, None]
    vertices = np.stack([lines - across * half, lines + across * half], 2).reshape(-1, 3)
    shading = _unit(strands.normals - tangent * (strands.normals * tangent).sum(2, keepdims=True) * 0.85)
    first = (np.arange(count) * steps * 2)[:, None] + np.arange(steps - 1)[None] * 2
    lower = np.stack([first, first + 1, first + 2], -1).reshape(-1, 3)
    upper = np.stack([first + 1, first + 3, first + 2], -1).reshape(-1, 3)
    triangles = np.concatenate([lower, upper]).astype(np.int32)
    return Mesh(
        points=place.points(vertices),
        normals=place.directions(np.repeat(shading.reshape(-1, 3), 2, axis=0)),
        triangles=triangles,
        uvs=np.full((len(triangles), 3, 2), 0.5, np.float32),
        materials=np.full(len(triangles), Material.HAIR, np.int32),
        reach=np.repeat(strands.shades.ravel(), 2).astype(np.float32),
        collar=np.ones(len(vertices), np.float32),
    )


def _grow_guides(
    rng: np.random.Generator, roots: np.ndarray, normals: np.ndarray, skull: Skull, cut: Cut
) -> Float[np.ndarray, "n s 3"]:
    """Guide strands: combed, pulled down by gravity, outside of the skull and off the face."""
    n, curly = len(roots), cut.curl > 0.5
    direction = (
        normals * cut.rise + 0.6 * _combed(rng, roots, skull, cut) + rng.normal(0, 0.3 if curly else 0.05, (n, 3))
    )
    direction = _unit(direction)
    gap = 0.05 + 0.10 * rng.random(n) if cut.falls else np.full(n, 0.05)
    step = rng.uniform(*cut.lengths) * rng.uniform(0.9, 1.05, n) / cut.segments
    phase, lines, frozen = rng.random(n) * 2 * np.pi, [roots], np.zeros(n, bool)
    for k in range(cut.segments):
        wave = np.stack([np.sin(phase + k * 1.3), np.zeros(n), np.cos(phase + k * 1.3)], 1) * cut.curl
        direction = direction * ([0.72, 1, 0.8] if cut.falls else 1) + wave * 0.3
        direction = direction + np.array([0, -0.26 if cut.falls else -0.03, 0])
        if curly:
            direction = direction + rng.normal(0, 0.4, (n, 3))
        points = skull.push_out(lines[-1] + _unit(direction) * step[:, None], gap * min(1, (k + 1) / 2))
        points = skull.pull_in(points) if cut.falls else points
        frozen |= skull.over_face(points, roots)
        points = np.where(frozen[:, None], lines[-1], points)
        moved = points - lines[-1]
        direction = np.where(frozen[:, None], direction, _unit(moved))
        lines.append(points)
    return np.stack(lines, 1)


def _combed(rng: np.random.Generator, roots: np.ndarray, skull: Skull, cut: Cut) -> np.ndarray:
    """Where a comb drew each strand [n, 3]: to the sides of a parting, down from the crown, or nowhere."""
    n = len(roots)
    parting, width = rng.uniform(-0.35, 0.35), rng.uniform(0.3, 0.8)
    if cut.curl > 0.5:
        return np.zeros((n, 3))
    if cut.falls:
        frontness = np.clip((roots[:, 2] - skull.centre[2]) / skull.radii[2], 0, 1)
        return np.stack([np.sign(roots[:, 0] - parting) * width, np.full(n, -0.15), -0.5 - 0.7 * frontness], 1)
    height = np.clip((roots[:, 1] - skull.centre[1]) / skull.radii[1], 0, 1)
    return np.stack([np.sign(roots[:, 0]) * 0.25 * height, height - 1, np.full(n, -rng.uniform(0.3, 0.8))], 1)


def _unit(vectors: np.ndarray) -> np.ndarray:
    return vectors / (np.linalg.norm(vectors, axis=-1, keepdims=True) + 1e-9)

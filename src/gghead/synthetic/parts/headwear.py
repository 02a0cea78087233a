"""Hats and headscarves: the skin above or around a line, smoothed, lifted and cut exactly along it, with a rim.

Lengths are decimetres of the neutral head.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
import scipy.sparse as sp
from jaxtyping import Float, Float32

from gghead.synthetic.anatomy.face_chart import azimuths
from gghead.synthetic.anatomy.head_model import Chart, HeadModel, Similarity
from gghead.synthetic.anatomy.identities import Person
from gghead.synthetic.render.mesh_cuts import Cut, cut_below, loops
from gghead.synthetic.render.mesh_rasterizer import vertex_normals
from gghead.synthetic.render.renderer import Material, Mesh, Surface

Kind = Literal["beanie", "cap", "brimmed", "scarf"]
HAT_CHANCES: dict[Kind, float] = {"beanie": 0.02, "cap": 0.025, "brimmed": 0.015}
SCARF_CHANCE = 0.03
"""Of women who are no children."""
KNOTS = np.radians([0, 35, 60, 80, 90, 105, 125, 150, 180])
RIM_HEIGHTS: dict[Kind, tuple[float, ...]] = {
    "beanie": (7.74, 7.70, 7.58, 7.47, 7.45, 7.43, 7.24, 7.02, 6.95),
    "cap": (7.76, 7.72, 7.62, 7.50, 7.47, 7.46, 7.38, 7.28, 7.22),
    "brimmed": (7.78, 7.74, 7.64, 7.52, 7.49, 7.48, 7.42, 7.34, 7.30),
}
"""Heights of the rim at azimuths `KNOTS`."""
OPENING_CENTER, OPENING_RADII = 6.98, (0.61, 0.755)
"""The oval that a headscarf leaves free: its height, half its width and half its height."""
OPENING_DEPTH, SCARF_HEM = 0.7, 5.45
"""What lies behind this depth (z) is covered; where the scarf ends."""
THICKNESS: dict[Kind, float] = {"beanie": 0.15, "cap": 0.15, "brimmed": 0.15, "scarf": 0.10}
"""Between skin and cloth, room for the hair below included."""
CUFF, CUFF_THICKNESS = 0.30, 0.045
"""Height of a beanie's cuff, and how much thicker it is."""
SMOOTHING: dict[Kind, int] = {"beanie": 6, "cap": 6, "brimmed": 6, "scarf": 90}
"""Rounds of averaging neighbours: a scarf lies over ears without their shape."""
VISOR, VISOR_ANGLE = 0.62, np.radians(64)
"""Length of a cap's visor in front, and the azimuth where it ends."""
EAR, EAR_RADIUS, EAR_FOOT, EAR_PRESS = np.array([0.8, 7.12, 0.45]), 0.36, 0.70, 0.8
"""Of the left ear: its middle, its size, the side (x) where it begins, and how much of it a scarf presses in."""
TEXTURE_SIDE = 128
SKULL_CENTER = np.array([0.0, 7.5, 0.45], np.float32)


@dataclass(frozen=True)
class Headwear:
    """What somebody wears on the head.

    Attributes:
        kind: of four.
        colors: of the cloth and of its rim [2, 3], linear light.
        slouch: how far the top stands off.
        brim: length of a brim.
        ribs: of knitting, on half of the way around; 0 for woven cloth.
        turn: of the folds, radians.
    """

    kind: Kind
    colors: Float[np.ndarray, "2 3"]
    slouch: float
    brim: float
    ribs: int
    turn: float

    @property
    def hides_hair(self) -> bool:
        """Whether no hair is seen."""
        return self.kind == "scarf"

    def surface(self, rng: np.random.Generator) -> Surface:
        """The cloth: its rim on top, ribs or threads."""
        column = np.arange(TEXTURE_SIDE) / TEXTURE_SIDE
        shade = 1 + (0.22 * np.sin(2 * np.pi * self.ribs * column) if self.ribs else 0 * column)
        linear = np.broadcast_to(self.colors[0], (TEXTURE_SIDE, TEXTURE_SIDE, 3)).copy()
        linear[: TEXTURE_SIDE // 8] = self.colors[1]
        linear *= shade[None, :, None] * (1 + 0.035 * rng.standard_normal((TEXTURE_SIDE, TEXTURE_SIDE, 1)))
        return Surface.painted(Material.HEADWEAR, (np.clip(linear, 0, 1) ** (1 / 2.2) * 255).round().astype(np.uint8))


def random_headwear(person: Person, rng: np.random.Generator) -> Headwear | None:
    """A hat or a headscarf for some people, about as many as among photographs of faces."""
    drawn, scarf = rng.random(), rng.random() < SCARF_CHANCE
    color = np.clip(np.exp(rng.uniform(np.log(0.01), np.log(0.6))) * (1 + rng.normal(0, 0.2, 3)), 0.006, 0.8)
    other = color * rng.uniform(0.6, 1.2) if rng.random() < 0.7 else np.clip(rng.uniform(0.02, 0.6, 3), 0.01, 0.8)
    slouch, brim, ribs, turn = (
        rng.uniform(0, 0.3),
        rng.uniform(0.35, 0.75),
        int(rng.integers(22, 40)),
        rng.uniform(0, 6),
    )
    kind: Kind | None = None
    if person.sex == "female" and person.age != "child" and scarf:
        kind, other = "scarf", color
    elif drawn < sum(HAT_CHANCES.values()):
        kind = list(HAT_CHANCES)[int(np.searchsorted(np.cumsum(list(HAT_CHANCES.values())), drawn, side="right"))]
    if kind is None:
        return None
    return Headwear(kind, np.stack([color, other]), slouch, brim, ribs if kind == "beanie" else 0, turn)


@dataclass(frozen=True)
class _Pattern:
    """The part of the skin that a kind covers.

    Attributes:
        cut: of the whole skin.
        used: its vertices; triangles: of them.
        neutral: where they are on the neutral head.
        depth: how far inside of the rim they are.
        ears: 1 for those of the ears, which cloth presses to the head, falling to 0 around them.
        averaging: one round of smoothing.
        rim: loops of vertices along the rim.
    """

    cut: Cut
    used: np.ndarray
    triangles: np.ndarray
    neutral: np.ndarray
    depth: np.ndarray
    ears: np.ndarray
    averaging: sp.csr_matrix
    rim: list[np.ndarray]


class HeadwearMaker:
    """Puts headwear on any head; holds what does not depend on the person."""

    def __init__(self, model: HeadModel) -> None:
        outside = (model.chart == Chart.HEAD) | (model.chart == Chart.TORSO)
        outwards = np.abs(model.neutral[:, 0]) - EAR_FOOT
        pressed = EAR_PRESS * np.maximum(0, outwards) * _near_ear(model.neutral)
        self._press = (pressed[:, None] * np.sign(model.neutral[:, :1]) * [1, 0, 0]).astype(np.float32)
        self._patterns: dict[Kind, _Pattern] = {
            kind: _pattern(model.neutral, model.triangles[outside], _free(model.neutral, kind)) for kind in THICKNESS
        }

    def press_ears(self, worn: Headwear | None, skin: Float32[np.ndarray, "v 3"]) -> Float32[np.ndarray, "v 3"]:
        """The skin [v, 3] of somebody who wears this: a scarf lays the ears to the head."""
        if worn is None or worn.kind != "scarf":
            return skin
        return skin - self._press

    def mesh(self, worn: Headwear, skin: Float32[np.ndarray, "v 3"], place: Similarity) -> Mesh:
        """What is worn on a person with these skin vertices."""
        pattern, kind = self._patterns[worn.kind], worn.kind
        own = pattern.cut.spread(skin)[pattern.used]
        smooth = own
        for _ in range(SMOOTHING[kind]):
            smooth = pattern.averaging @ smooth
        smooth = smooth.astype(np.float32)
        out = vertex_normals(smooth, pattern.triangles)
        lift = THICKNESS[kind] + _shape(worn, pattern)
        # Smoothing shrinks: nothing may come nearer to the skin than the cloth is thick.
        lift = lift + np.maximum(0, ((own - smooth) * out).sum(1)) * (1 - pattern.ears)
        points = smooth + lift[:, None].astype(np.float32) * out
        points = points + _rise(worn, pattern)
        parts = [_cloth(points, pattern.triangles, _uvs(pattern), 1.0)]
        edge = own - 0.02 * out
        for loop in pattern.rim:
            parts.append(_band(points[loop], edge[loop], 0.25))
            if kind in ("cap", "brimmed"):
                parts += _brim(worn, points[loop], pattern.neutral[loop])
        if kind == "beanie":
            parts.append(self._cuff(pattern, points, out))
        whole = Mesh.joined(parts)
        return Mesh(
            place.points(whole.points), place.directions(whole.normals), whole.triangles, whole.uvs, whole.materials,
            whole.reach,
        )  # fmt: skip

    @staticmethod
    def _cuff(pattern: _Pattern, points: np.ndarray, out: np.ndarray) -> Mesh:
        """The folded rim of a beanie."""
        band = cut_below(pattern.triangles, (pattern.depth - CUFF).astype(np.float32))
        lifted = band.spread(points + CUFF_THICKNESS * out)
        turn = band.spread((np.abs(azimuths(pattern.neutral)) / np.pi)[:, None].astype(np.float32))[:, 0]
        uvs = np.stack([turn, np.full(len(turn), 0.94)], 1)[band.triangles]
        parts = [_cloth(lifted, band.triangles, uvs, 1.0)]
        inner = band.spread(points)
        for edges in (band.rim, _border(pattern.triangles)):
            parts += [_band(lifted[loop], inner[loop], 0.6) for loop in loops(edges)]
        return Mesh.joined(parts)


def _near_ear(neutral: np.ndarray, radius: float = EAR_RADIUS) -> np.ndarray:
    """1 at an ear of the neutral head, falling to 0 around it [n]."""
    beside = np.stack([np.abs(neutral[:, 0]), neutral[:, 1], neutral[:, 2]], 1) - EAR
    return np.exp(-((np.linalg.norm(beside, axis=1) / radius) ** 4))


def _free(neutral: np.ndarray, kind: Kind) -> np.ndarray:
    """A field on the neutral head, negative where a kind covers it."""
    if kind == "scarf":
        x, y, z = neutral.T
        oval = np.hypot(x / OPENING_RADII[0], (y - OPENING_CENTER) / OPENING_RADII[1])
        oval = oval + 2 * np.maximum(0, OPENING_DEPTH - z)
        return np.maximum(0.6 * (1 - oval), SCARF_HEM - y).astype(np.float32)
    line = np.interp(azimuths(neutral), KNOTS, RIM_HEIGHTS[kind])
    return (line - neutral[:, 1]).astype(np.float32)


def _pattern(neutral: np.ndarray, triangles: np.ndarray, free: np.ndarray) -> _Pattern:
    cut = cut_below(triangles, free)
    used, compact = np.unique(cut.triangles, return_inverse=True)
    mine = compact.reshape(-1, 3).astype(np.int32)
    count = len(used)
    pairs = np.concatenate([mine[:, [0, 1]], mine[:, [1, 2]], mine[:, [2, 0]]])
    pairs = np.unique(np.sort(pairs, axis=1), axis=0)
    links = sp.coo_matrix((np.ones(len(pairs)), (pairs[:, 0], pairs[:, 1])), (count, count))
    links = (links + links.T).tocsr()
    rims = np.searchsorted(used, np.unique(cut.rim))
    on_rim = np.zeros(count, bool)
    on_rim[rims] = True
    share = np.where(on_rim, 0.0, 0.5)
    degree = np.maximum(np.asarray(links.sum(1)).ravel(), 1)
    averaging = sp.diags(1 - share) + sp.diags(share / degree) @ links
    rim = [np.searchsorted(used, loop) for loop in loops(cut.rim) if len(loop) > 20]
    depth = -cut.spread(free[:, None])[used, 0]
    own = cut.spread(neutral)[used]
    ears = _near_ear(own)
    return _Pattern(cut, used, mine, own, depth, ears, averaging.tocsr().astype(np.float32), rim)


def _shape(worn: Headwear, pattern: _Pattern) -> np.ndarray:
    """How far the cloth stands off beside its thickness [n]."""
    height = pattern.neutral[:, 1]
    if worn.kind == "scarf":
        turn = np.arctan2(pattern.neutral[:, 0], pattern.neutral[:, 2])
        low = _smoothstep(-height, -6.6, -5.9)
        folds = np.sin(9 * height + 4 * turn + worn.turn) + np.sin(17 * height - 5 * turn + 2 * worn.turn)
        shape = 0.16 * low + 0.02 * (0.25 + low) * folds + 0.05 * _near_ear(pattern.neutral, 0.8)
        return shape * _smoothstep(pattern.depth, 0, 0.25) - 0.06 * (1 - _smoothstep(pattern.depth, 0, 0.12))
    return 0.03 * _smoothstep(pattern.depth, 0, 0.3)


def _rise(worn: Headwear, pattern: _Pattern) -> np.ndarray:
    """How the top of a hat is raised [n, 3]."""
    top = _smoothstep(pattern.depth, 0.1, 0.9)[:, None]
    if worn.kind == "scarf":
        return np.zeros((1, 3), np.float32)
    up = {"beanie": worn.slouch, "cap": 0.08, "brimmed": 0.25}[worn.kind]
    back = -0.5 * worn.slouch if worn.kind == "beanie" else 0.0
    return (top * np.array([0, up, back])).astype(np.float32)


def _brim(worn: Headwear, rim: np.ndarray, neutral: np.ndarray) -> list[Mesh]:
    """A visor in front, or a brim all round: an upper and a lower sheet along the rim."""
    azimuth = azimuths(neutral)
    if worn.kind == "cap":
        length = VISOR * np.sqrt(np.clip(1 - (azimuth / VISOR_ANGLE) ** 2, 0, 1))
        away = np.stack([0.25 * rim[:, 0], np.full(len(rim), -0.28), np.ones(len(rim))], 1)
    else:
        length = np.full(len(rim), worn.brim)
        away = (rim - [0, 0, 0.35]) * [1, 0, 1]
        away /= np.linalg.norm(away, axis=1, keepdims=True)
        away[:, 1] = -0.12 + 0.3 * np.sin(azimuth) ** 2
    outer = rim + length[:, None] * away / np.linalg.norm(away, axis=1, keepdims=True)
    thick = np.array([0, 0.012, 0]) + 0 * rim
    parts = [_band(outer + thick, rim + thick, 1.0), _band(outer - thick, rim - thick, 0.45)]
    normals = np.array([0, 1, 0.15], np.float32) / np.hypot(1, 0.15)
    flat = [np.broadcast_to(sign * normals, part.normals.shape) for part, sign in zip(parts, (1, -1), strict=True)]
    sheets = [
        Mesh(
            part.points, np.ascontiguousarray(normal, np.float32), part.triangles, part.uvs, part.materials, part.reach
        )
        for part, normal in zip(parts, flat, strict=True)
    ]
    return [*sheets, _band(outer + thick, outer - thick, 0.8)]


def _band(first: np.ndarray, second: np.ndarray, reach: float) -> Mesh:
    """A closed strip between two lines of as many points."""
    n = len(first)
    at = np.arange(n)
    follow = (at + 1) % n
    triangles = np.concatenate([np.stack([at, follow, follow + n], 1), np.stack([at, follow + n, at + n], 1)])
    uvs = np.full((2 * n, 3, 2), 0.94, np.float32)
    return _cloth(np.concatenate([first, second]), triangles.astype(np.int32), uvs, reach)


def _border(triangles: np.ndarray) -> np.ndarray:
    """Directed edges that only one triangle has."""
    edges = np.concatenate([triangles[:, [0, 1]], triangles[:, [1, 2]], triangles[:, [2, 0]]])
    _, where, counts = np.unique(np.sort(edges, axis=1), axis=0, return_index=True, return_counts=True)
    return edges[where[counts == 1]]


def _uvs(pattern: _Pattern) -> np.ndarray:
    turn = np.abs(azimuths(pattern.neutral)) / np.pi
    v = 0.85 * np.clip((pattern.neutral[:, 1] - 5) / 4, 0, 1)
    return np.stack([turn, v], 1)[pattern.triangles]


def _cloth(points: np.ndarray, triangles: np.ndarray, uvs: np.ndarray, reach: float) -> Mesh:
    points = points.astype(np.float32)
    normals = vertex_normals(points, triangles)
    away = ((points - SKULL_CENTER) * normals).sum() >= 0
    return Mesh(
        points=points,
        normals=normals if away else -normals,
        triangles=triangles,
        uvs=uvs.astype(np.float32),
        materials=np.full(len(triangles), Material.HEADWEAR, np.int32),
        reach=np.full(len(points), reach, np.float32),
    )


def _smoothstep(values: np.ndarray, low: float, high: float) -> np.ndarray:
    t = np.clip((values - low) / (high - low), 0, 1)
    return t * t * (3 - 2 * t)

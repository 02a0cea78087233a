"""What is in a mouth: teeth on the skull and on the jaw, and a tongue, in the light that comes through the lips.

Lengths are decimetres.
"""

import numpy as np
from jaxtyping import Float32, UInt8
from scipy.ndimage import gaussian_filter

from gghead.geometry.grids import cell_corners, grid_of
from gghead.synthetic.anatomy.head_model import HeadModel, Similarity
from gghead.synthetic.anatomy.landmarks import LANDMARK_VERTICES
from gghead.synthetic.parts.teeth import Teeth, arch
from gghead.synthetic.render.mesh_rasterizer import vertex_normals
from gghead.synthetic.render.renderer import Material, Mesh

ENAMEL_TINT = 1.4
"""Factor of the albedo of teeth: light that wanders in enamel also shines where lips are in its way."""
HINGE = np.array([0.0, 7.0, 0.4])
"""The jaw turns around the sideways axis through this point of the neutral head, in front of the ears."""
UPPER_LIP, LOWER_LIP = [60, 61, 62, 63, 64], [60, 67, 66, 65, 64]
"""Landmarks on the inner edges of the lips, from the person's right to the left."""
BEHIND_LIPS, BELOW_LIPS = 0.075, 0.012
"""How far the upper front teeth are behind the inner edge of the lips, and how far they reach below where lips meet."""
SHUT, WIDE_GAP, SHUT_LIGHT = 0.012, 0.1, 0.6
"""Gap between the lips below which nothing is seen, from which on all light enters, and the share of it at first."""
TEETH_LIGHT, DEPTH = 1.0, 0.65
"""Ambient light on the front teeth, and how far behind them it is gone."""
LIP_SHADOW = (0.4, 0.03)
"""Share of the light that a lip takes, and how far its shadow reaches."""
TONGUE_SIZE = np.array([0.20, 0.075, 0.38])
TONGUE_OUT = np.array([0.0, -0.02, 0.34])
"""How far the tongue moves when it is stuck out."""
MOUTH_COLOR = np.array([0.15, 0.032, 0.028])
"""Linear light: the inside of the mouth."""
TONGUE_SIDE, TEXTURE_SEED = 64, 8


class Jaw:
    """Finds how far a person's jaw is open."""

    def __init__(self, model: HeadModel) -> None:
        points = model.morph(np.zeros(model.target_count, np.float32))
        low = (points[:, 1] > 6.15) & (points[:, 1] < 6.42)
        self._chin = np.flatnonzero(low & (points[:, 2] > 1.15) & (np.abs(points[:, 0]) < 0.25))

    def moved(
        self, neutral: Float32[np.ndarray, "v 3"], posed: Float32[np.ndarray, "v 3"], points: Float32[np.ndarray, "n 3"]
    ) -> Float32[np.ndarray, "n 3"]:
        """Points that hang on the lower jaw, moved from the face without to the one with expression."""
        before, after = neutral[self._chin].mean(0) - HINGE, posed[self._chin].mean(0) - HINGE
        turn = np.arctan2(after[1], after[2]) - np.arctan2(before[1], before[2])
        c, s = np.cos(turn), np.sin(turn)
        y, z = points[:, 1] - HINGE[1], points[:, 2] - HINGE[2]
        aside = after[0] - before[0]
        moved = [points[:, 0] + aside, c * y + s * z + HINGE[1], c * z - s * y + HINGE[2]]
        return np.stack(moved, 1).astype(np.float32)


class Mouth:
    """Places teeth and a tongue in any person's mouth; made once.

    Attributes:
        tongue: texture of the tongue.
    """

    tongue: UInt8[np.ndarray, "s s 3"]

    def __init__(self, model: HeadModel) -> None:
        self._model, self._jaw = model, Jaw(model)
        self._width = self._lips(model.neutral)[3]
        self._tongue, self.tongue = _tongue(), _paint_tongue()
        self._out = model.row["unit/tongueOut"]

    def mesh(
        self,
        neutral: Float32[np.ndarray, "v 3"],
        weights: Float32[np.ndarray, " k"],
        posed: Float32[np.ndarray, "v 3"],
        teeth: Teeth,
        place: Similarity,
    ) -> Mesh:
        """Teeth, gums and tongue; empty while the lips are shut.

        Args:
            neutral: vertices of the base mesh without expression.
            weights: of the morph targets, with expression.
            posed: vertices with expression.
            teeth: of the person.
            place: the way into the world.
        """
        skin = self._model.skin(posed)
        upper, lower, gap, width = self._lips(skin)
        if gap < SHUT:
            return Mesh.empty()
        rest_upper, rest_lower, _, rest_width = self._lips(self._model.skin(neutral))
        meet = (rest_upper[2] + rest_lower[2]) / 2
        scale = np.full(3, np.clip(rest_width / self._width, 0.85, 1.15))
        scale[0] *= np.clip(width / rest_width, 0.8, 1)  # rows are narrow in a mouth that an expression narrows
        origin = meet - [0, BELOW_LIPS, BEHIND_LIPS]
        light = SHUT_LIGHT + (1 - SHUT_LIGHT) * np.clip(gap / WIDE_GAP, 0, 1)
        parts = []
        for points, uvs, triangles, material, hangs in (
            (*arch(teeth, 0), Material.TEETH, False),
            (*arch(teeth, 1), Material.TEETH, True),
            (self._tongue[0] + TONGUE_OUT * weights[self._out], *self._tongue[1:], Material.TONGUE, True),
        ):
            own = (points * scale + origin).astype(np.float32)
            own = self._jaw.moved(neutral, posed, own) if hangs else own
            inward = np.clip(-points[:, 2] / DEPTH, 0, 1)
            reach = TEETH_LIGHT * light * (1 - inward) ** 1.2 * _lip_shadow(own, upper, lower) + 0.03
            normals = vertex_normals(own, triangles)
            kinds = np.full(len(triangles), material, np.int32)
            corners = uvs[triangles].astype(np.float32)
            shade = np.minimum(reach, 1).astype(np.float32)
            parts.append(Mesh(place.points(own), place.directions(normals), triangles, corners, kinds, shade))
        return Mesh.joined(parts)

    def _lips(self, skin: Float32[np.ndarray, "n 3"]) -> tuple[np.ndarray, np.ndarray, float, float]:
        """Inner edges of the upper and the lower lip [5, 3], the gap in their middle, and the width of the mouth."""
        upper, lower = skin[LANDMARK_VERTICES[UPPER_LIP]], skin[LANDMARK_VERTICES[LOWER_LIP]]
        gap = float((upper[1:4, 1] - lower[1:4, 1]).max())
        return upper, lower, gap, float(upper[-1, 0] - upper[0, 0])


def _lip_shadow(points: np.ndarray, upper: np.ndarray, lower: np.ndarray) -> np.ndarray:
    """Share of the light [n] that the lips let through to points below the upper and above the lower one."""
    x, y = points[:, 0], points[:, 1]
    under = np.maximum(np.interp(x, upper[:, 0], upper[:, 1]) - y, 0) / LIP_SHADOW[1]
    over = np.maximum(y - np.interp(x, lower[:, 0], lower[:, 1]), 0) / LIP_SHADOW[1]
    return (1 - LIP_SHADOW[0] * np.exp(-under)) * (1 - 0.6 * LIP_SHADOW[0] * np.exp(-over))


def _tongue() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A flat ellipsoid with a furrow, behind and between the lower teeth, relative to the upper ones' edge."""
    rings, sectors = 12, 24
    polar = np.linspace(0.02, np.pi * 0.72, rings)[:, None]
    turn = np.linspace(0, 2 * np.pi, sectors, endpoint=False)[None]
    unit = np.stack([np.sin(polar) * np.cos(turn), np.cos(polar) + 0 * turn, np.sin(polar) * np.sin(turn)], -1)
    furrow = 1 - 0.22 * np.exp(-((unit[..., :1] / 0.16) ** 2)) * (unit[..., 1:2] > 0)
    unit[..., 1:2] *= furrow
    points = unit * TONGUE_SIZE + [0, -0.06, -0.075 - TONGUE_SIZE[2]]
    a, b, c, d = cell_corners(grid_of(rings, sectors, closed=True))
    triangles = np.concatenate([np.stack([a, b, c], 1), np.stack([b, d, c], 1)])
    uvs = unit[..., [0, 2]].reshape(-1, 2) / 2 + 0.5
    return points.reshape(-1, 3), uvs, triangles.astype(np.int32)


def _paint_tongue() -> UInt8[np.ndarray, "s s 3"]:
    """Rosy with a pale coat in the middle of the back, and grainy."""
    rng = np.random.default_rng(TEXTURE_SEED)
    y, x = np.mgrid[:TONGUE_SIDE, :TONGUE_SIDE] / (TONGUE_SIDE - 1) * 2 - 1
    coat = (np.exp(-((x / 0.6) ** 2)) * np.clip(0.7 - 0.5 * y, 0, 1))[..., None]
    color = np.array([0.62, 0.34, 0.33]) + coat * np.array([0.03, 0.08, 0.07])
    grain = rng.standard_normal(x.shape) + 2 * gaussian_filter(rng.standard_normal(x.shape), 2)
    furrow = 0.2 * np.exp(-((x / 0.06) ** 2))
    color = color * (1 + 0.05 * grain - furrow)[..., None]
    return (np.clip(color, 0, 1) * 255 + 0.5).astype(np.uint8)

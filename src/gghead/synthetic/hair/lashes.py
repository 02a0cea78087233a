"""Eyelashes: strips along the rims of the lids that follow them, with a painted texture; made for each person.

Lengths are decimetres.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float32, Int64, UInt8

from gghead.geometry.grids import cell_corners, grid_of
from gghead.synthetic.anatomy.head_model import Chart, Eyeball, HeadModel, Similarity
from gghead.synthetic.hair.strokes import draw_hairs, pooled
from gghead.synthetic.render.renderer import Material, Mesh

TEXTURE_WIDTH, TEXTURE_HEIGHT = 256, 64
"""The upper half of the texture has the upper lashes, roots below; the lower half the lower ones, roots above."""
TEXTURE_SEED = 12
ROWS = 4
"""Vertices from root to tip."""


@dataclass(frozen=True)
class _Rim:
    """Skin vertices along a lid, from the nose to the temple; its eye; +1 for upper, -1 for lower."""

    vertices: Int64[np.ndarray, " n"]
    eye: int
    lid: int


class Lashes:
    """Rims of the lids and the texture of lashes; made once.

    Attributes:
        texture: luminance and opacity.
    """

    texture: UInt8[np.ndarray, "h w 4"]

    def __init__(self, model: HeadModel, detail: float) -> None:
        self._rims = [rim for eye in range(2) for rim in _rims(model, eye)]
        self.texture = _paint(detail)

    def mesh(
        self, skin: Float32[np.ndarray, "v 3"], eyeballs: tuple[Eyeball, Eyeball], length: float, place: Similarity
    ) -> Mesh:
        """The lashes of a person.

        Args:
            skin: skin vertices.
            eyeballs: the person's.
            length: of the longest upper lashes.
            place: the way into the world.
        """
        return Mesh.joined([_strip(skin[rim.vertices], eyeballs[rim.eye], rim, length, place) for rim in self._rims])


def _rims(model: HeadModel, eye: int) -> list[_Rim]:
    """Upper and lower rim of an eye: where the skin meets the socket."""
    socket = np.intersect1d(model.triangles[model.chart == Chart.HEAD], model.triangles[model.chart == Chart.SOCKET])
    points = model.neutral[socket]
    ball = model.neutral_eyes[eye]
    near = np.linalg.norm(points - ball.center, axis=1) < 2 * ball.radius
    own, points = socket[near], points[near]
    side = np.abs(points[:, 0])
    inner, outer = points[side.argmin()], points[side.argmax()]
    share = (side - abs(inner[0])) / (abs(outer[0]) - abs(inner[0]))
    above = points[:, 1] - (inner[1] + share * (outer[1] - inner[1]))
    rims = []
    for lid in (1, -1):
        chosen = np.flatnonzero((above * lid > 0.006) & (share > 0.12))
        rims.append(_Rim(own[chosen[np.argsort(share[chosen])]], eye, lid))
    return rims


def _strip(roots: np.ndarray, ball: Eyeball, rim: _Rim, length: float, place: Similarity) -> Mesh:
    count = len(roots)
    away = roots - ball.center
    away /= np.linalg.norm(away, axis=1, keepdims=True)
    u = np.linspace(0, 1, count)
    outside = np.array([np.sign(ball.center[0]), 0, 0])
    long = length * (0.55 + 0.45 * np.sin(np.pi * np.clip(0.15 + 0.75 * u, 0, 1))) * (1 if rim.lid > 0 else 0.5)
    lean = outside * (0.9 * u - 0.25)[:, None]
    up = np.array([0, rim.lid, 0])
    rows = []
    for t in np.linspace(0, 1, ROWS):
        bent = t * (0.75 * away + 0.4 * lean) + t**2 * (0.55 if rim.lid > 0 else 0.3) * up - 0.04 * away * (t == 0)
        rows.append(roots + long[:, None] * bent)
    points = np.concatenate(rows)
    v_root, v_tip = (0.5, 1.0) if rim.lid > 0 else (0.5, 0.0)
    uvs = np.stack([np.tile(u, ROWS), np.repeat(np.linspace(v_root, v_tip, ROWS), count)], 1)
    a, b, c, d = cell_corners(grid_of(ROWS, count))
    triangles = np.concatenate([np.stack([a, b, c], 1), np.stack([b, d, c], 1)])
    return Mesh(
        points=place.points(points),
        normals=place.directions(np.tile(away, (ROWS, 1))),
        triangles=triangles.astype(np.int32),
        uvs=uvs[triangles].astype(np.float32),
        materials=np.full(len(triangles), Material.LASH, np.int32),
        reach=np.full(len(points), 0.8, np.float32),
    )


def _paint(detail: float) -> np.ndarray:
    rng = np.random.default_rng(TEXTURE_SEED)
    half = TEXTURE_HEIGHT / 2
    curves, thickness = [], []
    for lid, count, thick in ((1, 110, 3.2), (-1, 60, 2.0)):
        root = np.sort(rng.uniform(2, TEXTURE_WIDTH - 2, count))
        clump = np.repeat(rng.uniform(2, TEXTURE_WIDTH - 2, count // 3 + 1), 3)[:count]
        nearest = clump[np.abs(root[:, None] - clump[None]).argmin(1)]
        tip = root + 0.55 * (nearest - root) + rng.normal(0, 1.5, count)
        reach = half * rng.uniform(0.55, 0.97, count)
        ends = np.stack([np.stack([root, 0 * root], 1), np.stack([0.7 * root + 0.3 * tip, 0.55 * reach], 1)], 1)
        ends = np.concatenate([ends, np.stack([tip, reach], 1)[:, None]], 1)
        ends[..., 1] = half - lid * ends[..., 1]
        curves.append(ends)
        thickness.append(rng.uniform(0.6, 1, count) * thick)
    alpha = draw_hairs(TEXTURE_HEIGHT, TEXTURE_WIDTH, np.concatenate(curves), np.concatenate(thickness))
    gray = np.full_like(alpha, 0.5)
    return pooled(np.stack([gray, gray, gray, alpha], -1), detail)

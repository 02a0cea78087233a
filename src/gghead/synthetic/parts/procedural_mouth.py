"""Teeth and tongue made by formula: two arches behind the lips, the lower one and the tongue moving with the jaw.

Lengths are decimetres.
"""

import numpy as np
from jaxtyping import Float32, UInt8
from scipy.ndimage import gaussian_filter

from gghead.geometry.grids import cell_corners, grid_of
from gghead.synthetic.anatomy.head_model import Chart, HeadModel, Similarity
from gghead.synthetic.parts.mouth import Jaw
from gghead.synthetic.render.mesh_rasterizer import vertex_normals
from gghead.synthetic.render.renderer import Material, Mesh

WIDTHS = np.array([0.088, 0.068, 0.078, 0.068, 0.068, 0.09, 0.09])
"""Of the upper teeth from the middle to the side; lower ones have `LOWER_SHARE` of them in front."""
LOWER_SHARE = 0.8
HEIGHTS = np.array([0.098, 0.091, 0.096, 0.086, 0.08, 0.07, 0.06])
COLUMNS = 6
"""Vertices along a tooth."""
ROWS = 4
"""Vertices from the gum to the edge."""
BEHIND_LIPS = 0.045
CLOSED, OPEN = 0.03, 0.12
"""Height of the gap between closed lips, and how much higher it is when light falls in freely."""
ARCH_DEPTH = 0.62
"""How far the last teeth are behind the first."""
TEXTURE_WIDTH, TEXTURE_HEIGHT = 256, 32
GUM_SHARE = 0.3
"""Of the arch's height that is gum."""
TOOTH, GUM = np.array([0.86, 0.82, 0.74]), np.array([0.62, 0.33, 0.31])
"""Display colours."""
TONGUE_COLOR = np.array([0.32, 0.09, 0.08])
"""Linear light."""
TEXTURE_SEED = 8


class ProceduralMouth:
    """Arches of teeth and a tongue that fit any person; made once.

    Attributes:
        texture: of the teeth.
    """

    texture: UInt8[np.ndarray, "h w 3"]

    def __init__(self, model: HeadModel) -> None:
        self._model, self._jaw = model, Jaw(model)
        self._rim = np.intersect1d(
            model.triangles[model.chart == Chart.HEAD], model.triangles[model.chart == Chart.MOUTH]
        )
        rim = model.neutral[self._rim]
        self._center = rim.mean(0)
        self._width = np.ptp(rim[:, 0])
        self._middle = self._rim[np.abs(rim[:, 0]) < 0.06]
        middle = model.neutral[self._middle].mean(0)
        self._upper, self._lower = _arch(middle, 1), _arch(middle, -1)
        self._tongue = _tongue(middle)
        self.texture = _paint()

    def mesh(
        self,
        neutral: Float32[np.ndarray, "v 3"],
        posed: Float32[np.ndarray, "v 3"],
        skin: Float32[np.ndarray, "n 3"],
        place: Similarity,
    ) -> Mesh:
        """Teeth and tongue of a person.

        Args:
            neutral, posed: vertices of the base mesh without and with expression.
            skin: skin vertices with expression.
            place: the way into the world.
        """
        opening = np.ptp(skin[self._middle, 1]) - CLOSED
        light = np.float32(0.15 + 0.85 * np.clip(opening / OPEN, 0, 1))
        rim = self._model.skin(neutral)[self._rim]
        scale = np.float32(np.clip(np.ptp(rim[:, 0]) / self._width, 0.85, 1.2))
        shift = rim.mean(0)
        parts = []
        for points, uvs, triangles, material, hangs in (
            (*self._upper, Material.TEETH, False),
            (*self._lower, Material.TEETH, True),
            (*self._tongue, Material.TONGUE, True),
        ):
            own = ((points - self._center) * scale + shift).astype(np.float32)
            own = self._jaw.moved(neutral, posed, own) if hangs else own
            inward = np.clip((points[:, 2].max() - points[:, 2]) / 0.4, 0, 1)
            parts.append(
                Mesh(
                    points=place.points(own),
                    normals=place.directions(vertex_normals(own, triangles)),
                    triangles=triangles,
                    uvs=uvs[triangles].astype(np.float32),
                    materials=np.full(len(triangles), material, np.int32),
                    reach=(light * (0.75 - 0.65 * inward)).astype(np.float32),
                )
            )
        return Mesh.joined(parts)


def _arch(lips: np.ndarray, jaw: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Vertices, texture coordinates and triangles of an arch of teeth; jaw is 1 for the upper, -1 for the lower."""
    share = 1.0 if jaw > 0 else LOWER_SHARE
    widths = np.concatenate([WIDTHS[::-1], WIDTHS]) * np.where(jaw > 0, 1, share)
    heights = np.concatenate([HEIGHTS[::-1], HEIGHTS]) * share
    across = (np.arange(COLUMNS) + 0.5) / COLUMNS
    starts = np.cumsum(widths) - widths - widths.sum() / 2
    along = (starts[:, None] + widths[:, None] * across).ravel()
    rounded = 1 - 0.10 * np.abs(2 * across - 1) ** 3
    edge = (heights[:, None] * rounded).ravel()
    bulge = (0.012 * (1 - (2 * across - 1) ** 2) * np.ones((len(widths), 1))).ravel()
    angle = along / 0.40
    front = lips[2] - BEHIND_LIPS - (0.035 if jaw < 0 else 0)
    x, z = 0.33 * np.sin(np.clip(angle, -1.5, 1.5)), front - ARCH_DEPTH * (1 - np.cos(np.clip(angle, -1.5, 1.5)))
    gum = lips[1] + (0.09 if jaw > 0 else -0.112)
    points, uvs = [], []
    for row in range(ROWS):
        t = row / (ROWS - 1)
        y = gum + jaw * 0.035 * (1 - t) - jaw * t * edge
        points.append(np.stack([x, y, z + bulge * np.sin(np.pi * (0.25 + 0.65 * t)) - 0.02 * (1 - t)], 1))
        u = (np.arange(len(widths))[:, None] + across).ravel() / len(widths)
        uvs.append(np.stack([u, np.full(len(u), 1 - t)], 1))
    a, b, c, d = cell_corners(grid_of(ROWS, len(along)))
    triangles = np.concatenate([np.stack([a, c, b], 1), np.stack([b, c, d], 1)])
    triangles = triangles if jaw > 0 else triangles[:, ::-1]
    return (
        np.concatenate(points).astype(np.float32),
        np.concatenate(uvs),
        np.ascontiguousarray(triangles, dtype=np.int32),
    )


def _tongue(lips: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The upper half of a flat ellipsoid behind the lower teeth."""
    rings, sectors = 8, 20
    polar = np.linspace(0.02, np.pi / 2, rings)[:, None]
    turn = np.linspace(0, 2 * np.pi, sectors, endpoint=False)[None]
    unit = np.stack([np.sin(polar) * np.cos(turn), np.cos(polar) + 0 * turn, np.sin(polar) * np.sin(turn)], -1)
    groove = 1 - 0.25 * np.exp(-((unit[..., :1] / 0.2) ** 2))
    center = np.array([0, lips[1] - 0.115, lips[2] - BEHIND_LIPS - 0.46])
    points = center + unit * [0.19, 0.065, 0.36] * np.concatenate([groove * 0 + 1, groove, groove * 0 + 1], 2)
    a, b, c, d = cell_corners(grid_of(rings, sectors, closed=True))
    triangles = np.concatenate([np.stack([a, b, c], 1), np.stack([b, d, c], 1)])
    return points.reshape(-1, 3).astype(np.float32), np.full((rings * sectors, 2), 0.5), triangles.astype(np.int32)


def _paint() -> UInt8[np.ndarray, "h w 3"]:
    """Gum in the top rows, then teeth with darker gaps between them."""
    rng = np.random.default_rng(TEXTURE_SEED)
    teeth = 2 * len(WIDTHS)
    u = (np.arange(TEXTURE_WIDTH) + 0.5) / TEXTURE_WIDTH * teeth
    v = (np.arange(TEXTURE_HEIGHT)[:, None] + 0.5) / TEXTURE_HEIGHT
    within = u - np.floor(u)
    shade = rng.uniform(0.93, 1.03, teeth)[np.floor(u).astype(int)]
    gap = np.exp(-((np.minimum(within, 1 - within) / 0.04) ** 2))
    border = GUM_SHARE * (1 - 0.35 * np.sin(np.pi * within)) + 0 * v
    gum = np.clip((border - v) / 0.06 + 0.5, 0, 1)[..., None]
    tooth = TOOTH * shade[None, :, None] * (1 - 0.32 * gap)[None, :, None] * (1 - 0.12 * (1 - v))[..., None]
    color = tooth + (GUM - tooth) * gum
    color = gaussian_filter(color, (0.6, 0.6, 0))
    return (np.clip(color, 0, 1) * 255 + 0.5).astype(np.uint8)

"""Eyeballs between their lids: both turned to one point, the iris behind its cornea, wet edges, shadow of the lids.

Lengths are decimetres.
"""

import numpy as np
from jaxtyping import Float, Float32

from gghead.geometry.grids import cell_corners, grid_of
from gghead.synthetic.anatomy.head_model import Chart, Eyeball, HeadModel, Similarity
from gghead.synthetic.parts.irises import FLESH_UV, IRIS_RADIUS, WHITE_RADIUS
from gghead.synthetic.render.renderer import Material, Mesh

IRIS_SHARE = 0.39
"""Radius of the iris divided by that of the eyeball: 11.8 mm across where the pupils are 63 mm apart."""
IRIS_DEPTH = (0.914, 0.91)
"""Depth of the iris's rim and of its middle, as a share of the eyeball's radius: it lies in a plane behind the cornea,
moved forwards as the cornea's refraction shows it."""
CORNEA_RADIUS = 0.65
"""Of the sphere that the cornea is part of, as a share of the eyeball's radius."""
IRIS_RINGS, WHITE_RINGS, SECTORS = 8, 14, 36
REACH = 0.85
"""Ambient light on an eyeball far from its lids."""
UPPER_SHADOW, LOWER_SHADOW = (0.75, 0.036), (0.35, 0.012)
"""Share of the light that lids take, and how far their shadow reaches."""
WET_WIDTH, WET_STEPS = 0.013, 20
"""Of the wet line along the lower lid."""
CARUNCLE = np.array([0.030, 0.017, 0.014])
"""Half axes of the flesh in the inner corner."""


class Eyes:
    """Makes the eyes of any person; holds which vertices are the rims of the lids."""

    def __init__(self, model: HeadModel) -> None:
        triangles, chart = model.triangles, model.chart
        rim = np.intersect1d(triangles[chart == Chart.HEAD], triangles[chart == Chart.SOCKET])
        self._rims = tuple(rim[side * model.neutral[rim, 0] > 0] for side in (1, -1))
        self._model = model

    def mesh(
        self, vertices: Float32[np.ndarray, "v 3"], place: Similarity, gaze: Float[np.ndarray, "2"], focus: float
    ) -> Mesh:
        """Both eyes of base-mesh vertices [v, 3], textured by `paint_eyes`.

        Args:
            vertices: of the base mesh, with expression.
            place: the way into the world.
            gaze: direction from between the eyes to what they look at, towards +x and +y, radians.
            focus: distance of what they look at.
        """
        skin, balls = self._model.skin(vertices), self._model.eyeballs(vertices)
        parts = []
        for half, (ball, rows, turn) in enumerate(zip(balls, self._rims, gazes(balls, gaze, focus), strict=True)):
            lids = _Lids(skin[rows], ball)
            parts += [_ball(ball, turn, lids), _wet_line(lids, ball), _caruncle(lids, ball, 1 - 2 * half)]
            for part in parts[-3:]:
                part.uvs[..., 0] = (part.uvs[..., 0] + half) / 2
        whole = Mesh.joined(parts)
        points, normals = place.points(whole.points), place.directions(whole.normals)
        return Mesh(points, normals, whole.triangles, whole.uvs, whole.materials, whole.reach)


def gazes(
    balls: tuple[Eyeball, Eyeball], gaze: Float[np.ndarray, "2"], focus: float
) -> tuple[Float[np.ndarray, "2"], Float[np.ndarray, "2"]]:
    """Turns of the left and the right eyeball (towards +x and +y, radians) that look at one point.

    Args:
        balls: left and right.
        gaze: direction of the point from the middle between the eyes, like the turns.
        focus: its distance from there.
    """
    middle = (balls[0].center + balls[1].center) / 2
    point = middle + focus * _turn(gaze)[:, 2]

    def towards(center: np.ndarray) -> np.ndarray:
        x, y, z = point - center
        return np.array([np.arctan2(x, z), np.arctan2(y, np.hypot(x, z))])

    return towards(balls[0].center), towards(balls[1].center)


class _Lids:
    """The rims of an eye's lids as heights over x, relative to the centre of the eyeball."""

    def __init__(self, rim: Float32[np.ndarray, "r 3"], ball: Eyeball) -> None:
        points = rim - ball.center
        points = points[np.argsort(points[:, 0])]
        self.first, self.last = points[0], points[-1]
        line = np.interp(points[:, 0], [self.first[0], self.last[0]], [self.first[1], self.last[1]])
        ends = np.zeros(len(points), bool)
        ends[[0, -1]] = True
        self._upper, self._lower = points[(points[:, 1] > line) | ends], points[(points[:, 1] < line) | ends]

    def upper(self, x: np.ndarray) -> np.ndarray:
        """Height of the upper rim."""
        return np.interp(x, self._upper[:, 0], self._upper[:, 1])

    def lower(self, x: np.ndarray) -> Float[np.ndarray, "n 3"]:
        """Points of the lower rim."""
        return np.stack([np.interp(x, self._lower[:, 0], self._lower[:, k]) for k in range(3)], 1)

    def light(self, points: np.ndarray) -> Float32[np.ndarray, " n"]:
        """Ambient light on points: less below the upper lid, a little less above the lower one."""
        x, y = points[:, 0], points[:, 1]
        over = np.maximum(self.upper(x) - y, 0) / UPPER_SHADOW[1]
        under = np.maximum(y - self.lower(x)[:, 1], 0) / LOWER_SHADOW[1]
        share = (1 - UPPER_SHADOW[0] * np.exp(-over)) * (1 - LOWER_SHADOW[0] * np.exp(-under))
        return (REACH * share).astype(np.float32)


def _ball(ball: Eyeball, turn: np.ndarray, lids: _Lids) -> Mesh:
    """The front of an eyeball: the white is a sphere, the iris a plane with the normals of the cornea before it."""
    limbus = np.arcsin(IRIS_SHARE)
    polar = np.concatenate([np.linspace(0, limbus, IRIS_RINGS), np.linspace(limbus, np.pi * 0.72, WHITE_RINGS + 1)[1:]])
    around = np.linspace(0, 2 * np.pi, SECTORS, endpoint=False)
    circle = np.stack([np.cos(around), np.sin(around)], 1)
    out, depth = np.sin(polar), np.cos(polar)
    flat = np.where(polar <= limbus, np.interp(out, [0, IRIS_SHARE], IRIS_DEPTH[::-1]), depth)
    lean = np.where(polar < limbus, out / CORNEA_RADIUS, out)
    steep = np.where(polar < limbus, np.sqrt(1 - np.minimum(lean, 1) ** 2), depth)
    # Where the white passes into the cornea the surface is a soft furrow.
    lean[IRIS_RINGS - 1], steep[IRIS_RINGS - 1] = out[IRIS_RINGS - 1], depth[IRIS_RINGS - 1]
    points, normals = _revolve(circle, out, flat), _revolve(circle, lean, steep)
    matrix = _turn(turn)
    placed = ball.radius * points @ matrix.T
    spread = np.minimum(np.where(polar < np.pi / 2, out, 1) / IRIS_SHARE * IRIS_RADIUS, WHITE_RADIUS)
    uvs = (spread[:, None, None] * circle).reshape(-1, 2) / 2 + 0.5
    return _part(ball, placed, normals @ matrix.T, _faces(len(polar), SECTORS), uvs, lids.light(placed))


def _wet_line(lids: _Lids, ball: Eyeball) -> Mesh:
    """The line of tears along the lower lid, from skin to eyeball."""
    x = np.linspace(lids.first[0], lids.last[0], WET_STEPS + 2)[1:-1]
    rim = lids.lower(x)
    width = WET_WIDTH * np.sin(np.linspace(0.15, np.pi - 0.15, len(x)))
    up = rim[:, 1] + width
    on_ball = np.stack([x, up, np.sqrt(np.maximum(ball.radius**2 - x**2 - up**2, 1e-6))], 1)
    middle = (rim + on_ball) / 2 + np.array([0, 0.002, 0.001])
    points = np.concatenate([rim + np.array([0, -0.002, 0.001]), middle, on_ball])
    outward = on_ball / np.linalg.norm(on_ball, axis=1, keepdims=True)
    tilted = [outward + np.array([0, tilt, 0.3]) for tilt in (-0.2, 0.5, 1.0)]
    normals = np.concatenate([n / np.linalg.norm(n, axis=1, keepdims=True) for n in tilted])
    a, b, c, d = cell_corners(grid_of(3, len(x)))
    triangles = np.concatenate([np.stack([a, b, c], 1), np.stack([b, d, c], 1)])
    uvs = np.broadcast_to(FLESH_UV, (len(points), 2))
    return _part(ball, points, normals, triangles, uvs, np.full(len(points), 0.8, np.float32))


def _caruncle(lids: _Lids, ball: Eyeball, side: int) -> Mesh:
    """Flesh in the inner corner; side is 1 for the left eye."""
    corner = lids.first if side > 0 else lids.last
    center = corner + np.array([-side * 0.35 * CARUNCLE[0], -0.002, -0.45 * CARUNCLE[2]])
    polar, around = np.linspace(0.05, np.pi / 2, 5), np.linspace(0, 2 * np.pi, 12, endpoint=False)
    circle = np.stack([np.cos(around), np.sin(around)], 1)
    unit = _revolve(circle, np.sin(polar), np.cos(polar))
    uvs = np.broadcast_to(FLESH_UV, (len(unit), 2))
    return _part(ball, center + unit * CARUNCLE, unit, _faces(5, 12), uvs, np.full(len(unit), 0.6, np.float32))


def _revolve(circle: np.ndarray, out: np.ndarray, depth: np.ndarray) -> np.ndarray:
    """Rings at distances `out` from the z axis: points [rings * sectors, 3]."""
    across = out[:, None, None] * circle
    along = np.broadcast_to(depth[:, None, None], (*across.shape[:2], 1))
    return np.concatenate([across, along], 2).reshape(-1, 3)


def _faces(rings: int, sectors: int) -> np.ndarray:
    a, b, c, d = cell_corners(grid_of(rings, sectors, closed=True))
    return np.concatenate([np.stack([a, c, b], 1), np.stack([b, c, d], 1)])


def _part(
    ball: Eyeball, points: np.ndarray, normals: np.ndarray, triangles: np.ndarray, uvs: np.ndarray, reach: np.ndarray
) -> Mesh:
    """A mesh of points [n, 3] relative to the eyeball's centre and of texture coordinates [n, 2] of one eye."""
    return Mesh(
        points=(points + ball.center).astype(np.float32),
        normals=normals.astype(np.float32),
        triangles=triangles.astype(np.int32),
        uvs=uvs[triangles].astype(np.float32),
        materials=np.full(len(triangles), Material.EYE, np.int32),
        reach=reach,
    )


def _turn(gaze: np.ndarray) -> np.ndarray:
    """Rotation [3, 3] that takes +z to the direction of a gaze."""
    side, up = gaze
    about_y = np.array([[np.cos(side), 0, np.sin(side)], [0, 1, 0], [-np.sin(side), 0, np.cos(side)]])
    about_x = np.array([[1, 0, 0], [0, np.cos(up), np.sin(up)], [0, -np.sin(up), np.cos(up)]])
    return about_y @ about_x

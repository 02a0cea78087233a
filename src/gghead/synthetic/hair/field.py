"""Space around the neutral head: how far away the skin is, and how a person's shape moves it; roots on the scalp.

Hair grows around the neutral head, where the way to the skin is known in advance, and moves with a person's skin.
"""

from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp
from jaxtyping import Float32, Int32
from scipy.spatial import KDTree

from gghead.config.compiled import compiled
from gghead.synthetic.anatomy.face_chart import azimuths
from gghead.synthetic.anatomy.head_model import Chart, HeadModel
from gghead.synthetic.render.mesh_rasterizer import vertex_normals

LOW, HIGH = np.array([-2.3, 4.4, -1.9]), np.array([2.3, 9.6, 2.3])
"""Corners of the space in which hair may be."""
CELL, COARSE_CELL = 0.09, 0.23
"""Of the grid of distances and of the grid of movements."""
FACE_CENTER, FACE_RADII = np.array([0.0, 6.92, 1.25]), np.array([0.585, 0.73, 0.75])
"""Ellipsoid that hair goes around as if it were solid: the face stays free."""
CONTROLS = 700
"""Skin vertices whose movement moves the space around them."""
NEIGHBORS, SOFTNESS = 10, 0.12
ROOTS = 6800
"""Enough for the ribbons of every cut in the finest pictures."""
ROOT_SEED = 3

_compiled = compiled(nogil=True)


@dataclass(frozen=True)
class Roots:
    """Points of the scalp in an order in which every first part covers it evenly.

    Attributes:
        corners: skin vertices of the triangle of each [n, 3]; weights: of the corners [n, 3].
        position: on the neutral head [n, 3]; normal: unit [n, 3].
        azimuth: around the skull's axis [n].
    """

    corners: Int32[np.ndarray, "n 3"]
    weights: Float32[np.ndarray, "n 3"]
    position: Float32[np.ndarray, "n 3"]
    normal: Float32[np.ndarray, "n 3"]
    azimuth: Float32[np.ndarray, " n"]


class HairField:
    """Made once; immutable.

    Attributes:
        roots: where hair may grow; the line of the hair decides further.
    """

    roots: Roots

    def __init__(self, model: HeadModel) -> None:
        self._neutral = model.neutral
        normals = vertex_normals(model.neutral, model.triangles)
        outer = np.unique(model.triangles[(model.chart == Chart.HEAD) | (model.chart == Chart.TORSO)])
        self._distance = _distance_grid(model.neutral[outer], normals[outer])
        controls = outer[_spread(model.neutral[outer], CONTROLS)]
        self._controls = controls
        self._movement = _movement_weights(model.neutral[controls])
        self.roots = _find_roots(model, normals)

    def probe(self, points: Float32[np.ndarray, "n 3"]) -> tuple[Float32[np.ndarray, " n"], Float32[np.ndarray, "n 3"]]:
        """Distance to the skin or to the space in front of the face, and the unit direction away from it."""
        return _look_up(self._distance, LOW.astype(np.float32), np.float32(CELL), points)

    def move(self, points: Float32[np.ndarray, "n 3"], skin: Float32[np.ndarray, "v 3"]) -> Float32[np.ndarray, "n 3"]:
        """Points around the neutral head -> around a person with the skin vertices `skin`."""
        shift = self._movement @ (skin[self._controls] - self._neutral[self._controls])
        shape = _grid_shape(COARSE_CELL)
        field = np.ascontiguousarray(shift.reshape(*shape, 3), dtype=np.float32)
        return points + _look_up_vectors(field, LOW.astype(np.float32), np.float32(COARSE_CELL), points)


def _grid_shape(cell: float) -> tuple[int, int, int]:
    x, y, z = np.ceil((HIGH - LOW) / cell).astype(int) + 1
    return int(x), int(y), int(z)


def _nodes(cell: float) -> np.ndarray:
    axes = [low + cell * np.arange(count) for low, count in zip(LOW, _grid_shape(cell), strict=True)]
    return np.stack(np.meshgrid(*axes, indexing="ij"), -1).reshape(-1, 3)


def _distance_grid(points: np.ndarray, normals: np.ndarray) -> np.ndarray:
    """Signed distance [x, y, z] to the skin, and to the ellipsoid before the face where that is nearer."""
    nodes = _nodes(CELL)
    distance, nearest = KDTree(points, leafsize=32).query(nodes, k=4)
    along = (normals[nearest] * (nodes[:, None] - points[nearest])).sum(2).mean(1)
    signed = np.where(distance[:, 0] < 0.12, along, np.sign(along) * distance[:, 0])
    local = (nodes - FACE_CENTER) / FACE_RADII
    length = np.linalg.norm(local, axis=1)
    face = (length - 1) * length / np.maximum(np.linalg.norm(local / FACE_RADII, axis=1), 1e-6)
    return np.minimum(signed, face).reshape(_grid_shape(CELL)).astype(np.float32)


def _movement_weights(controls: np.ndarray) -> sp.csr_matrix:
    """Weights [nodes, controls] of the movements of near controls at each node of the coarse grid."""
    nodes = _nodes(COARSE_CELL)
    distance, nearest = KDTree(controls).query(nodes, k=NEIGHBORS)
    weights = 1 / (distance**2 + SOFTNESS**2) ** 1.5
    weights /= weights.sum(1, keepdims=True)
    rows = np.repeat(np.arange(len(nodes)), NEIGHBORS)
    return sp.csr_matrix((weights.ravel().astype(np.float32), (rows, nearest.ravel())), (len(nodes), len(controls)))


def _find_roots(model: HeadModel, normals: np.ndarray) -> Roots:
    """Random points on the skull, then put into an order in which each is as far as possible from those before."""
    rng = np.random.default_rng(ROOT_SEED)
    triangles = model.triangles[model.chart == Chart.HEAD]
    center = model.neutral[triangles].mean(1)
    azimuth = azimuths(center)
    ear = (np.abs(center[:, 0]) > 0.70) & (center[:, 1] < 7.36) & (center[:, 2] < 0.66)
    behind_ear = (np.abs(center[:, 0]) > 0.60) & (center[:, 1] < 7.30) & (np.abs(center[:, 2] - 0.42) < 0.24)
    triangles = triangles[(center[:, 1] > np.where(azimuth < 0.9, 7.6, 6.5)) & ~ear & ~behind_ear]
    corners = model.neutral[triangles]
    area = np.linalg.norm(np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]), axis=1)
    picked = np.minimum(np.searchsorted(np.cumsum(area / area.sum()), rng.random(ROOTS)), len(triangles) - 1)
    a, b = rng.random((2, ROOTS))
    a, b = np.where(a + b > 1, 1 - a, a), np.where(a + b > 1, 1 - b, b)
    weights = np.stack([1 - a - b, a, b], 1).astype(np.float32)
    corners = triangles[picked]
    position = (model.neutral[corners] * weights[..., None]).sum(1)
    order = _spread(position, ROOTS)
    corners, weights, position = corners[order], weights[order], position[order]
    normal = (normals[corners] * weights[..., None]).sum(1)
    normal /= np.linalg.norm(normal, axis=1, keepdims=True)
    return Roots(corners, weights, position, normal.astype(np.float32), azimuths(position))


@_compiled
def _spread(points, count):
    """Indices [count] of points [n, 3]: each is the one farthest from those before it."""
    n = points.shape[0]
    nearest = np.full(n, np.inf)
    order = np.zeros(count, np.int64)
    last = 0
    for i in range(count):
        order[i] = last
        far, best = -1.0, 0
        for j in range(n):
            dx, dy, dz = points[j, 0] - points[last, 0], points[j, 1] - points[last, 1], points[j, 2] - points[last, 2]
            nearest[j] = min(nearest[j], dx * dx + dy * dy + dz * dz)
            if nearest[j] > far:
                far, best = nearest[j], j
        last = best
    return order


@_compiled
def _place(low, cell, shape, point):
    """Cell of the grid [3] and position in it [3] of a point, moved into the grid."""
    i = np.zeros(3, np.int64)
    t = np.zeros(3, np.float32)
    for k in range(3):
        at = min(max((point[k] - low[k]) / cell, np.float32(0)), np.float32(shape[k] - 1.001))
        i[k] = int(at)
        t[k] = at - i[k]
    return i, t


@_compiled
def _look_up(grid, low, cell, points):
    """Trilinear values [n] of a grid and their unit gradients [n, 3] at points [n, 3]."""
    values, gradients = np.zeros(points.shape[0], np.float32), np.zeros((points.shape[0], 3), np.float32)
    for n in range(points.shape[0]):
        i, t = _place(low, cell, grid.shape, points[n])
        for corner in range(8):
            a, b, c = corner & 1, (corner >> 1) & 1, corner >> 2
            value = grid[i[0] + a, i[1] + b, i[2] + c]
            wx, wy, wz = t[0] if a else 1 - t[0], t[1] if b else 1 - t[1], t[2] if c else 1 - t[2]
            values[n] += value * wx * wy * wz
            gradients[n, 0] += value * (1 if a else -1) * wy * wz
            gradients[n, 1] += value * (1 if b else -1) * wx * wz
            gradients[n, 2] += value * (1 if c else -1) * wx * wy
        length = np.sqrt(gradients[n, 0] ** 2 + gradients[n, 1] ** 2 + gradients[n, 2] ** 2) + np.float32(1e-9)
        for k in range(3):
            gradients[n, k] /= length
    return values, gradients


@_compiled
def _look_up_vectors(grid, low, cell, points):
    """Trilinear vectors [n, 3] of a grid [x, y, z, 3] at points [n, 3]."""
    out = np.zeros((points.shape[0], 3), np.float32)
    for n in range(points.shape[0]):
        i, t = _place(low, cell, grid.shape[:3], points[n])
        for corner in range(8):
            a, b, c = corner & 1, (corner >> 1) & 1, corner >> 2
            weight = (t[0] if a else 1 - t[0]) * (t[1] if b else 1 - t[1]) * (t[2] if c else 1 - t[2])
            for k in range(3):
                out[n, k] += weight * grid[i[0] + a, i[1] + b, i[2] + c, k]
    return out

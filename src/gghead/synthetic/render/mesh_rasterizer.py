"""Triangle meshes -> pixels: depth buffer and shading kernels in numba, without any state.

Screen positions [n, 3] float32 hold pixel x (right), pixel y (down) and camera depth > 0; the centre of the top left
pixel is (0.5, 0.5). Everything here is opaque; sheer_layers.py draws what is not. Kernels run on one thread: pictures,
not pixels, are shared among processes. Nothing is reassociated, and sums are in a fixed order: which triangle a pixel
sees does not depend on the processor.
"""

import math

import numpy as np
from jaxtyping import Float32, Int32

from gghead.config.compiled import compiled

FAR = 1e9
"""Depth where nothing is."""

GRID = 4096.0
"""Projected positions are multiples of one over this, pixels."""

exact = compiled(nogil=True, error_model="numpy")
exact_inlined = compiled(nogil=True, error_model="numpy", forceinline=True)
"""Of what kernels call for every sample or triangle: calls copy what describes each array."""


def rasterize(
    screen: Float32[np.ndarray, "n 3"], triangles: Int32[np.ndarray, "m 3"], height: int, width: int
) -> tuple[Float32[np.ndarray, "h w"], Int32[np.ndarray, "h w"], Float32[np.ndarray, "h w 2"]]:
    """The nearest triangle of every pixel.

    Returns:
        Depth (`FAR` where empty), index of the triangle (-1 where empty) and its first two barycentric coordinates,
        perspective-correct.
    """
    depth = np.full((height, width), FAR, np.float32)
    hit = np.full((height, width), -1, np.int32)
    barycentric = np.zeros((height, width, 2), np.float32)
    _fill(screen, triangles, depth, hit, barycentric)
    return depth, hit, barycentric


@exact
def add_targets(vertices, targets, rows, weights):
    """vertices [c] += sum of weights [r] * targets [k, c] at rows [r], summed in a fixed order: the same bits again."""
    for i in range(rows.shape[0]):
        target, weight = targets[rows[i]], np.float32(weights[i])
        for c in range(vertices.shape[0]):
            vertices[c] += weight * target[c]


@exact
def vertex_normals(vertices, triangles):
    """Area-weighted unit normals [n, 3] of vertices [n, 3] and triangles [m, 3]."""
    normals = np.zeros_like(vertices)
    for t in range(triangles.shape[0]):
        a, b, c = triangles[t, 0], triangles[t, 1], triangles[t, 2]
        ux, uy, uz = vertices[b, 0] - vertices[a, 0], vertices[b, 1] - vertices[a, 1], vertices[b, 2] - vertices[a, 2]
        vx, vy, vz = vertices[c, 0] - vertices[a, 0], vertices[c, 1] - vertices[a, 1], vertices[c, 2] - vertices[a, 2]
        nx, ny, nz = uy * vz - uz * vy, uz * vx - ux * vz, ux * vy - uy * vx
        for i in (a, b, c):
            normals[i, 0] += nx
            normals[i, 1] += ny
            normals[i, 2] += nz
    for i in range(vertices.shape[0]):
        scale = 1 / math.sqrt(normals[i, 0] ** 2 + normals[i, 1] ** 2 + normals[i, 2] ** 2 + 1e-12)
        for k in range(3):
            normals[i, k] *= scale
    return normals


@exact
def project(points, pose, intrinsics, side):
    """World points [n, 3] -> pixel x, pixel y, camera depth [n, 3] by a camera-to-world matrix [4, 4] and K [3, 3]."""
    out = np.empty((points.shape[0], 3), np.float32)
    local = np.empty(3)
    for i in range(points.shape[0]):
        for k in range(3):
            local[k] = 0.0
            for j in range(3):
                local[k] += (points[i, j] - pose[j, 3]) * pose[j, k]
        for k in range(2):
            across = intrinsics[k, 0] * local[0] + intrinsics[k, 1] * local[1] + intrinsics[k, 2] * local[2]
            # A grid as fine as that of graphics cards: edge functions of such positions are exact in float64.
            out[i, k] = math.floor(across / local[2] * side * GRID + 0.5) / GRID
        out[i, 2] = local[2]
    return out


@exact_inlined
def edge(ax, ay, bx, by, px, py):
    """Twice the signed area of the triangle a, b, p; exact in sign for float64 copies of float32 positions."""
    return (bx - ax) * (py - ay) - (by - ay) * (px - ax)


@exact
def _fill(screen, triangles, depth, hit, barycentric):
    """Draws triangles [m, 3] into depth, hit [h, w] and barycentric [h, w, 2], in place."""
    height, width = depth.shape
    for t in range(triangles.shape[0]):
        a, b, c = triangles[t, 0], triangles[t, 1], triangles[t, 2]
        x0, y0, z0 = np.float64(screen[a, 0]), np.float64(screen[a, 1]), np.float64(screen[a, 2])
        x1, y1, z1 = np.float64(screen[b, 0]), np.float64(screen[b, 1]), np.float64(screen[b, 2])
        x2, y2, z2 = np.float64(screen[c, 0]), np.float64(screen[c, 1]), np.float64(screen[c, 2])
        area = edge(x0, y0, x1, y1, x2, y2)
        if z0 <= 0.01 or z1 <= 0.01 or z2 <= 0.01 or area == 0.0:
            continue
        left = max(0, math.ceil(max(-1.0, min(x0, x1, x2)) - 0.5))
        right = min(width - 1, math.floor(min(width + 1.0, max(x0, x1, x2)) - 0.5))
        top = max(0, math.ceil(max(-1.0, min(y0, y1, y2)) - 0.5))
        bottom = min(height - 1, math.floor(min(height + 1.0, max(y0, y1, y2)) - 0.5))
        if left > right:
            continue
        inv, i0, i1, i2 = 1.0 / area, 1 / z0, 1 / z1, 1 / z2
        d0, d1, d2 = (y1 - y2) * inv, (y2 - y0) * inv, (y0 - y1) * inv
        for y in range(top, bottom + 1):
            px, py, entered = left + 0.5, y + 0.5, False
            r0 = edge(x1, y1, x2, y2, px, py) * inv
            r1 = edge(x2, y2, x0, y0, px, py) * inv
            r2 = edge(x0, y0, x1, y1, px, py) * inv
            for x in range(left, right + 1):
                step = x - left
                w0, w1, w2 = r0 + step * d0, r1 + step * d1, r2 + step * d2
                if w0 < 0 or w1 < 0 or w2 < 0:
                    if entered:
                        break
                    continue
                entered = True
                z = 1.0 / (w0 * i0 + w1 * i1 + w2 * i2)
                if z < depth[y, x]:
                    depth[y, x] = z
                    hit[y, x] = t
                    barycentric[y, x, 0] = w0 * i0 * z
                    barycentric[y, x, 1] = w1 * i1 * z

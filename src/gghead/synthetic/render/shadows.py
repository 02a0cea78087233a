"""The shadow of the first light: a depth map seen from it, and a soft edge that widens with the way of the shadow."""

import math

import numpy as np
from jaxtyping import Float, Float32

from gghead.config.compiled import compiled
from gghead.synthetic.render.mesh_rasterizer import FAR

inlined = compiled(fastmath=True, nogil=True, error_model="numpy", forceinline=True)

SHADOW_BIAS = 0.006
"""Along the light and along the normal, world units."""
SHADOW_EXTENT = 0.5
"""The shadow map covers this far from the world's origin, world units."""
BLOCK = 8
"""Cells along the side of the blocks whose nearest and farthest depth are kept, and the widest half edge in cells."""
NARROWEST = 1.6
"""Least half width of a shadow's edge, cells."""
STRIDE = 2
"""Of the cells that are asked how far away is what shades."""
MAX_SLOPE = 3.0
"""Tilt of surfaces against the light that the lookup follows, cells of depth for each cell."""


def shadow_matrix(direction: Float[np.ndarray, "3"], size: int) -> Float[np.ndarray, "3 4"]:
    """The way from the world into a map of size x size cells seen from a light: cells right and down, depth."""
    forward = -direction
    right = np.cross(forward, [0, 1, 0.01])
    right /= np.linalg.norm(right)
    scale = size / (2 * SHADOW_EXTENT)
    down = np.cross(forward, right)
    return np.stack([np.append(right * scale, size / 2), np.append(down * scale, size / 2), np.append(forward, 2.0)])


def shadow_of(
    depth: Float32[np.ndarray, "s s"], matrix: Float[np.ndarray, "3 4"], radius: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, float]:
    """What `lit_share` looks up: the map, nearest and farthest depth around each block of it, matrix and edge.

    Args:
        depth: the map.
        matrix: the way into it.
        radius: half of the angle under which the light is seen, radians.
    """
    blocks = -(-len(depth) // BLOCK)
    padded = np.full((blocks * BLOCK, blocks * BLOCK), FAR, np.float32)
    padded[: len(depth), : len(depth)] = depth
    tiles = padded.reshape(blocks, BLOCK, blocks, BLOCK)
    nearest = np.pad(tiles.min((1, 3)), 1, constant_values=FAR)
    farthest = np.pad(tiles.max((1, 3)), 1, constant_values=FAR)
    windows = [slice(0, -2), slice(1, -1), slice(2, None)]
    near = np.min([nearest[y, x] for y in windows for x in windows], 0)
    far = np.max([farthest[y, x] for y in windows for x in windows], 0)
    return depth, near, far, matrix, math.tan(radius)


@inlined
def lit_share(shadow, px, py, pz, nx, ny, nz):
    """Share of the first light that reaches a point a little above a surface.

    Source: Fernando 2005, "Percentage-closer soft shadows"; taps follow the surface's plane, as Isidoro 2006 has it.
    """
    depth, near, far, m, spread = shadow
    size = depth.shape[0]
    qx, qy, qz = px + SHADOW_BIAS * nx, py + SHADOW_BIAS * ny, pz + SHADOW_BIAS * nz
    fx = m[0, 0] * qx + m[0, 1] * qy + m[0, 2] * qz + m[0, 3] - 0.5
    fy = m[1, 0] * qx + m[1, 1] * qy + m[1, 2] * qz + m[1, 3] - 0.5
    z = m[2, 0] * qx + m[2, 1] * qy + m[2, 2] * qz + m[2, 3] - SHADOW_BIAS
    if not (0 <= fx < size and 0 <= fy < size):
        return 1.0
    by, bx = int(fy) // BLOCK, int(fx) // BLOCK
    if z < near[by, bx]:
        return 1.0
    if z > far[by, bx]:
        return 0.0
    scale = size / (2 * SHADOW_EXTENT)
    along = min(-0.1, m[2, 0] * nx + m[2, 1] * ny + m[2, 2] * nz)
    sx = -(m[0, 0] * nx + m[0, 1] * ny + m[0, 2] * nz) / (along * scale * scale)
    sy = -(m[1, 0] * nx + m[1, 1] * ny + m[1, 2] * nz) / (along * scale * scale)
    limit = MAX_SLOPE / scale
    sx, sy = min(max(sx, -limit), limit), min(max(sy, -limit), limit)
    column, row, gap, count = int(fx), int(fy), 0.0, 0
    for y in range(max(0, (row - BLOCK) // STRIDE * STRIDE), min(size, row + BLOCK + 1), STRIDE):
        for x in range(max(0, (column - BLOCK) // STRIDE * STRIDE), min(size, column + BLOCK + 1), STRIDE):
            above = z + sx * (x - fx) + sy * (y - fy) - depth[y, x]
            if above > 0:
                gap += above
                count += 1
    half = NARROWEST if count == 0 else min(max(NARROWEST, spread * scale * gap / count), BLOCK)
    lit, total, widest = 0.0, 0.0, 1 / (half * half)
    for y in range(max(0, math.ceil(fy - half)), min(size, int(fy + half) + 1)):
        for x in range(max(0, math.ceil(fx - half)), min(size, int(fx + half) + 1)):
            weight = 1 - ((x - fx) * (x - fx) + (y - fy) * (y - fy)) * widest
            if weight > 0:
                total += weight
                if z + sx * (x - fx) + sy * (y - fy) <= depth[y, x]:
                    lit += weight
    return lit / total if total > 0 else 1.0

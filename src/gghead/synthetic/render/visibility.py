"""How much of the light around a person reaches each vertex, and how curved the surface is there.

Depth maps from directions all around are made of the vertices alone: a head has so many that they leave few holes at
this size, and a hundred directions take as long as one shadow map of triangles.
"""

import math

import numpy as np
from jaxtyping import Float, Float32

from gghead.config.compiled import compiled
from gghead.synthetic.render.environment import LEVEL_ROUGHNESS
from gghead.synthetic.render.reflectance import environment_at
from gghead.synthetic.render.textures import CASTS, texel

fast = compiled(fastmath=True, nogil=True, error_model="numpy")
inlined = compiled(fastmath=True, nogil=True, error_model="numpy", forceinline=True)

DIRECTIONS = 48
"""Directions from which light is tried."""
CELLS = 88
"""Along the side of a depth map."""
EXTENT, MIDDLE = 0.56, (0.0, -0.06, 0.0)
"""A depth map covers this far from this point, world units: the head and the neck."""
CELL = 2 * EXTENT / CELLS
BIAS = 0.6
"""Nothing shades that is less above a surface that faces the direction, cells; tilted ones have more by their slope."""
STEP_A, STEP_B = 0.7548776662, 0.5698402910
"""Of points on a triangle: powers of the inverse of the plastic number, which fill the unit square evenly."""
MOST_ON_TRIANGLE, MOST_POINTS = 64, 60000
"""Points on a triangle and on a mesh, at most."""
MIN_ALPHA = 0.4
"""What is less opaque shades nothing around it."""
EMPTY = -1e9
"""Height where nothing is."""
LEAST_COSINE = 0.02
"""Directions that are lower above a surface do not light it."""
STEEPEST = 4.0
"""Slope at which the bias ends."""
LIT_LIGHTS = 4
"""Places for lights whose shadow is kept for each vertex."""
COLUMNS = 4 + LIT_LIGHTS
"""Share of the ambient light in red, green and blue; curvature; share of each light."""


def exposure_of_vertices(
    blockers: tuple[Float32[np.ndarray, "b 3"], ...],
    meshes: tuple[tuple[np.ndarray, np.ndarray, np.ndarray], ...],
    lights: tuple[np.ndarray, ...],
) -> list[Float32[np.ndarray, "n c"]]:
    """What light reaches the vertices of meshes, as `COLUMNS` says; the curvature is 0.

    Args:
        blockers: points of everything that shades.
        meshes: points and normals of each [n, 3], and the vertices that matter; the others get nothing. The second one
            sees every other direction only: hair has many vertices, and is rough.
        lights: see reflectance.py.
    """
    directions = np.concatenate([around(DIRECTIONS), lights[0][:, :3]])
    radiance = np.empty((DIRECTIONS, 3), np.float32)
    _radiance(lights, directions[:DIRECTIONS], radiance)
    frames = _frames(directions)
    compact = [(points[used], normals[used]) for points, normals, used in meshes]
    sums = [np.zeros((len(points), 6), np.float32) for points, _ in compact]
    out = [np.zeros((len(points), COLUMNS), np.float32) for points, _, _ in meshes]
    splats, depth = np.empty((2, CELLS, CELLS), np.float32)
    for i, axes in enumerate(frames):
        splats[:] = EMPTY
        for block in blockers:
            _splat(block, axes, splats)
        _fill_holes(splats, depth)
        for number, (mesh, share, column) in enumerate(zip(compact, sums, out, strict=True)):
            if i < DIRECTIONS and i % (number + 1) == 0:
                _gather_ambient(*mesh, axes, depth, radiance[i], share)
            elif i >= DIRECTIONS:
                _gather_light(*mesh, meshes[number][2], axes, depth, column[:, 4 + i - DIRECTIONS])
    for share, column, (_, _, used) in zip(sums, out, meshes, strict=True):
        column[used, :3] = (share[:, :3] + 1e-6) / (share[:, 3:] + 1e-6)
    return out


def around(count: int) -> Float[np.ndarray, "n 3"]:
    """Unit vectors spread evenly over the sphere: Fibonacci's spiral."""
    height = 1 - (2 * np.arange(count) + 1) / count
    turn, flat = np.arange(count) * np.pi * (3 - np.sqrt(5)), np.sqrt(1 - height**2)
    return np.stack([flat * np.sin(turn), height, flat * np.cos(turn)], 1)


def _frames(directions: Float[np.ndarray, "n 3"]) -> Float32[np.ndarray, "n 3 3"]:
    """Right, up and forward of the depth map from each direction."""
    right = np.cross([0.13, 1.0, 0.07], directions)
    right /= np.linalg.norm(right, axis=1, keepdims=True)
    return np.stack([right, np.cross(directions, right), directions], 1).astype(np.float32)


@fast
def _radiance(lights, directions, out):
    for i in range(directions.shape[0]):
        r, g, b = environment_at(lights, SOFTEST, directions[i, 0], directions[i, 1], directions[i, 2])
        out[i, 0], out[i, 1], out[i, 2] = r, g, b


SOFTEST = len(LEVEL_ROUGHNESS) - 1


@fast
def points_on(mesh, look, spacing):
    """Points [b, 3] all over a sheer mesh where it is opaque enough to shade, about so far apart."""
    points, _, _, _, alphas, triangles, uvs, materials = mesh
    _, places, _, _, _ = look
    found, count = np.empty((MOST_POINTS, 3), np.float32), 0
    stride = 1 + 2 * triangles.shape[0] // MOST_POINTS  # many triangles lie above each other
    for t in range(0, triangles.shape[0], stride):
        a, b, c, m = triangles[t, 0], triangles[t, 1], triangles[t, 2], materials[t]
        if not places[m, CASTS]:
            continue
        ux, uy, uz = points[b, 0] - points[a, 0], points[b, 1] - points[a, 1], points[b, 2] - points[a, 2]
        vx, vy, vz = points[c, 0] - points[a, 0], points[c, 1] - points[a, 1], points[c, 2] - points[a, 2]
        nx, ny, nz = uy * vz - uz * vy, uz * vx - ux * vz, ux * vy - uy * vx
        area = 0.5 * math.sqrt(nx * nx + ny * ny + nz * nz)
        for i in range(min(1 + int(area / (spacing * spacing)), MOST_ON_TRIANGLE)):
            wa, wb = (0.5 + i * STEP_A) % 1.0, (0.3 + i * STEP_B) % 1.0
            if wa + wb > 1:
                wa, wb = 1 - wa, 1 - wb
            wc = 1 - wa - wb
            u = wa * uvs[t, 0, 0] + wb * uvs[t, 1, 0] + wc * uvs[t, 2, 0]
            v = wa * uvs[t, 0, 1] + wb * uvs[t, 1, 1] + wc * uvs[t, 2, 1]
            if texel(look, m, u, v)[3] * (wa * alphas[a] + wb * alphas[b] + wc * alphas[c]) < MIN_ALPHA:
                continue
            if count == MOST_POINTS:
                return found
            for k in range(3):
                found[count, k] = wa * points[a, k] + wb * points[b, k] + wc * points[c, k]
            count += 1
    return found[:count]


@fast
def _splat(points, axes, depth):
    """Keeps the height of the points nearest to the light in each cell, in place."""
    size, scale = depth.shape[0], np.float32(1 / CELL)
    rx, ry, rz = scale * axes[0, 0], scale * axes[0, 1], scale * axes[0, 2]
    ux, uy, uz = scale * axes[1, 0], scale * axes[1, 1], scale * axes[1, 2]
    fx, fy, fz = axes[2, 0], axes[2, 1], axes[2, 2]
    ox, oy = _origin(axes, size)
    for i in range(points.shape[0]):
        px, py, pz = points[i, 0], points[i, 1], points[i, 2]
        across, along = px * rx + py * ry + pz * rz + ox, px * ux + py * uy + pz * uz + oy
        if 0 <= across < size and 0 <= along < size:
            x, y = int(across), int(along)
            depth[y, x] = max(depth[y, x], px * fx + py * fy + pz * fz)


@inlined
def _origin(axes, size):
    """Where the world's origin is on a depth map, cells."""
    scale = np.float32(1 / CELL)
    mx, my, mz = np.float32(MIDDLE[0]), np.float32(MIDDLE[1]), np.float32(MIDDLE[2])
    half = np.float32(0.5 * size)
    return (
        half - scale * (mx * axes[0, 0] + my * axes[0, 1] + mz * axes[0, 2]),
        half - scale * (mx * axes[1, 0] + my * axes[1, 1] + mz * axes[1, 2]),
    )


@fast
def _fill_holes(depth, out):
    """Copies a depth map; empty cells between filled neighbors on opposite sides get the lower of these."""
    size = depth.shape[0]
    for y in range(size):
        for x in range(size):
            out[y, x] = depth[y, x]
    for y in range(1, size - 1):
        for x in range(1, size - 1):
            if depth[y, x] == EMPTY:
                beside = min(depth[y, x - 1], depth[y, x + 1])
                out[y, x] = max(beside, min(depth[y - 1, x], depth[y + 1, x]))


@inlined
def _seen(px, py, pz, nx, ny, nz, cosine, axes, ox, oy, depth):
    """Share of a direction's light that reaches a point: bilinear over the four nearest cells."""
    size, cell = depth.shape[0], np.float32(CELL)
    scale, one, lift = np.float32(1 / CELL), np.float32(1), np.float32(0.5 * CELL)
    px, py, pz = px + lift * nx, py + lift * ny, pz + lift * nz
    fx = scale * (px * axes[0, 0] + py * axes[0, 1] + pz * axes[0, 2]) + ox - np.float32(0.5)
    fy = scale * (px * axes[1, 0] + py * axes[1, 1] + pz * axes[1, 2]) + oy - np.float32(0.5)
    if not (0 <= fx < size - 1 and 0 <= fy < size - 1):
        return one
    x, y = int(fx), int(fy)
    slope = min(np.float32(STEEPEST), one / max(cosine, np.float32(0.05)) - one)
    z = px * axes[2, 0] + py * axes[2, 1] + pz * axes[2, 2] + cell * (np.float32(BIAS) + slope)
    wx, wy, lit = fx - x, fy - y, np.float32(0)
    if z >= depth[y, x]:
        lit += (one - wx) * (one - wy)
    if z >= depth[y, x + 1]:
        lit += wx * (one - wy)
    if z >= depth[y + 1, x]:
        lit += (one - wx) * wy
    if z >= depth[y + 1, x + 1]:
        lit += wx * wy
    return lit


@fast
def _gather_ambient(points, normals, axes, depth, radiance, sums):
    """Adds a direction's light that reaches each vertex, and what would without anything in the way, in place."""
    ox, oy = _origin(axes, depth.shape[0])
    for i in range(points.shape[0]):
        nx, ny, nz = normals[i, 0], normals[i, 1], normals[i, 2]
        cosine = nx * axes[2, 0] + ny * axes[2, 1] + nz * axes[2, 2]
        if cosine > np.float32(LEAST_COSINE):
            lit = _seen(points[i, 0], points[i, 1], points[i, 2], nx, ny, nz, cosine, axes, ox, oy, depth)
            for k in range(3):
                light = cosine * radiance[k]
                sums[i, k] += lit * light
                sums[i, 3 + k] += light


@fast
def _gather_light(points, normals, used, axes, depth, out):
    """Share of a direction's light that reaches each vertex, at the rows `used` of the result, in place."""
    ox, oy = _origin(axes, depth.shape[0])
    for i in range(points.shape[0]):
        nx, ny, nz = normals[i, 0], normals[i, 1], normals[i, 2]
        cosine = nx * axes[2, 0] + ny * axes[2, 1] + nz * axes[2, 2]
        out[used[i]] = _seen(points[i, 0], points[i, 1], points[i, 2], nx, ny, nz, cosine, axes, ox, oy, depth)


@fast
def curvatures(points, normals, triangles):
    """Mean of the absolute curvatures along the edges at each vertex, 1 / world units [n]."""
    sums, counts = np.zeros(points.shape[0], np.float32), np.zeros(points.shape[0], np.float32)
    for t in range(triangles.shape[0]):
        for e in range(3):
            a, b = triangles[t, e], triangles[t, (e + 1) % 3]
            bent, length = 0.0, 1e-9
            for k in range(3):
                step = points[b, k] - points[a, k]
                bent += step * (normals[b, k] - normals[a, k])
                length += step * step
            curvature = abs(bent) / length
            sums[a] += curvature
            sums[b] += curvature
            counts[a] += 1
            counts[b] += 1
    for i in range(points.shape[0]):
        sums[i] /= max(counts[i], 1.0)
    return sums

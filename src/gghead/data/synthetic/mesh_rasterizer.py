"""Triangle meshes -> pixels: depth buffer and shading kernels in numba, without any state.

Screen positions [n, 3] float32 hold pixel x (right), pixel y (down) and camera depth > 0; the centre of the top left
pixel is (.5, .5). Everything is opaque. Kernels run on one thread: pictures, not pixels, are shared among processes.
"""

import math

import numba
import numpy as np
from jaxtyping import Float32, Int32

FAR = 1e9
"""Depth where nothing is."""

_compiled = numba.njit(cache=True, fastmath=True, nogil=True)


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


@_compiled
def add_targets(vertices, targets, rows, weights):
    """vertices [c] += sum of weights [r] * targets [k, c] at rows [r], summed in a fixed order: the same bits again."""
    for i in range(rows.shape[0]):
        target, weight = targets[rows[i]], np.float32(weights[i])
        for c in range(vertices.shape[0]):
            vertices[c] += weight * target[c]


@_compiled
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


@_compiled
def _fill(screen, triangles, depth, hit, barycentric):
    """Draws triangles [m, 3] into depth, hit [h, w] and barycentric [h, w, 2], in place."""
    height, width = depth.shape
    for t in range(triangles.shape[0]):
        a, b, c = triangles[t, 0], triangles[t, 1], triangles[t, 2]
        x0, y0, z0 = screen[a, 0], screen[a, 1], screen[a, 2]
        x1, y1, z1 = screen[b, 0], screen[b, 1], screen[b, 2]
        x2, y2, z2 = screen[c, 0], screen[c, 1], screen[c, 2]
        area = (x1 - x0) * (y2 - y0) - (x2 - x0) * (y1 - y0)
        if z0 <= 0.01 or z1 <= 0.01 or z2 <= 0.01 or area == 0.0:
            continue
        left = max(0, math.ceil(min(x0, x1, x2) - 0.5))
        right = min(width - 1, math.floor(max(x0, x1, x2) - 0.5))
        top = max(0, math.ceil(min(y0, y1, y2) - 0.5))
        bottom = min(height - 1, math.floor(max(y0, y1, y2) - 0.5))
        inv, i0, i1, i2 = 1.0 / area, 1 / z0, 1 / z1, 1 / z2
        for y in range(top, bottom + 1):
            py = y + 0.5
            for x in range(left, right + 1):
                px = x + 0.5
                w0 = ((x1 - px) * (y2 - py) - (x2 - px) * (y1 - py)) * inv
                w1 = ((x2 - px) * (y0 - py) - (x0 - px) * (y2 - py)) * inv
                w2 = 1.0 - w0 - w1
                if w0 < 0 or w1 < 0 or w2 < 0:
                    continue
                z = 1.0 / (w0 * i0 + w1 * i1 + w2 * i2)
                if z < depth[y, x]:
                    depth[y, x] = z
                    hit[y, x] = t
                    barycentric[y, x, 0] = w0 * i0 * z
                    barycentric[y, x, 1] = w1 * i1 * z


@_compiled
def shade(mesh, look, lights, shadow, eye, hit, barycentric, image, label):
    """Colours every covered pixel, in place: image [h, w, 4] linear rgb and coverage, label [h, w] material + 1.

    Args:
        mesh: (points [n, 3], normals [n, 3], extras [n, 2] = light that reaches and height above the collar,
            triangles [m, 3], uvs [m, 3, 2], materials [m]).
        look: (atlas [texels, 3] uint8, starts, widths, heights, tints [., 3], gloss [., 2], wrap [., 3], the number of
            the cloth material, which is drawn below the collar); the arrays are indexed by material.
        lights: (directions [l, 3], colours [l, 3], ambient from below [3], ambient from above [3]).
        shadow: (depth map [s, s] of light 0, matrix [3, 4] from world into it, bias in world units).
        eye: camera position [3].
        hit: triangle of each pixel [h, w], -1 for none.
        barycentric: its coordinates in the triangle [h, w, 2].
    """
    points, normals, extras, triangles, uvs, materials = mesh
    atlas, starts, widths, heights, tints, gloss, wrap, cloth = look
    for y in range(hit.shape[0]):
        for x in range(hit.shape[1]):
            t = hit[y, x]
            if t < 0:
                continue
            i, b0, b1 = triangles[t], barycentric[y, x, 0], barycentric[y, x, 1]
            b2 = 1 - b0 - b1
            px, py, pz = _at(points, i, b0, b1, b2)
            nx, ny, nz = _unit(*_at(normals, i, b0, b1, b2))
            vx, vy, vz = _unit(eye[0] - px, eye[1] - py, eye[2] - pz)
            reach = b0 * extras[i[0], 0] + b1 * extras[i[1], 0] + b2 * extras[i[2], 0]
            collar = b0 * extras[i[0], 1] + b1 * extras[i[1], 1] + b2 * extras[i[2], 1]
            m = cloth if collar < 0 else materials[t]
            u = b0 * uvs[t, 0, 0] + b1 * uvs[t, 1, 0] + b2 * uvs[t, 2, 0]
            v = b0 * uvs[t, 0, 1] + b1 * uvs[t, 1, 1] + b2 * uvs[t, 2, 1]
            texel = _texel(atlas, starts[m], widths[m], heights[m], u, v)
            lit = _lit_share(shadow, px, py, pz, nx, ny, nz)
            for k in range(3):
                albedo = texel[k] ** 2.2 * tints[m, k]
                image[y, x, k] = _radiance(
                    lights, k, (nx, ny, nz), (vx, vy, vz), albedo, gloss[m], wrap[m, k], lit, reach
                )
            image[y, x, 3] = 1
            label[y, x] = m + 1


@_compiled
def _at(values, i, b0, b1, b2):
    """Values [n, 3] at a point of the triangle with the corners i."""
    x = b0 * values[i[0], 0] + b1 * values[i[1], 0] + b2 * values[i[2], 0]
    y = b0 * values[i[0], 1] + b1 * values[i[1], 1] + b2 * values[i[2], 1]
    z = b0 * values[i[0], 2] + b1 * values[i[1], 2] + b2 * values[i[2], 2]
    return x, y, z


@_compiled
def _unit(x, y, z):
    scale = 1 / math.sqrt(x * x + y * y + z * z + 1e-12)
    return x * scale, y * scale, z * scale


@_compiled
def _texel(atlas, start, width, height, u, v):
    """Bilinear display colour in 0 .. 1, clamped at the borders; v points up."""
    fx = min(max(u * width - 0.5, 0.0), width - 1.0)
    fy = min(max((1.0 - v) * height - 0.5, 0.0), height - 1.0)
    x0, y0 = int(fx), int(fy)
    ax, ay = fx - x0, fy - y0
    x1, y1 = min(x0 + 1, width - 1), min(y0 + 1, height - 1)
    i00, i10 = start + y0 * width + x0, start + y0 * width + x1
    i01, i11 = start + y1 * width + x0, start + y1 * width + x1
    w00, w10, w01, w11 = (1 - ax) * (1 - ay), ax * (1 - ay), (1 - ax) * ay, ax * ay
    r = w00 * atlas[i00, 0] + w10 * atlas[i10, 0] + w01 * atlas[i01, 0] + w11 * atlas[i11, 0]
    g = w00 * atlas[i00, 1] + w10 * atlas[i10, 1] + w01 * atlas[i01, 1] + w11 * atlas[i11, 1]
    b = w00 * atlas[i00, 2] + w10 * atlas[i10, 2] + w01 * atlas[i01, 2] + w11 * atlas[i11, 2]
    return r / 255, g / 255, b / 255


@_compiled
def _lit_share(shadow, px, py, pz, nx, ny, nz):
    """Share of 3 x 3 cells of the shadow map not in front of the point, looked up a little above the surface."""
    depth, m, bias = shadow
    size = depth.shape[0]
    qx, qy, qz = px + bias * nx, py + bias * ny, pz + bias * nz
    x = math.floor(m[0, 0] * qx + m[0, 1] * qy + m[0, 2] * qz + m[0, 3])
    y = math.floor(m[1, 0] * qx + m[1, 1] * qy + m[1, 2] * qz + m[1, 3])
    z = m[2, 0] * qx + m[2, 1] * qy + m[2, 2] * qz + m[2, 3] - bias
    lit = 0
    for yy in range(y - 1, y + 2):
        for xx in range(x - 1, x + 2):
            if xx < 0 or yy < 0 or xx >= size or yy >= size or z < depth[yy, xx]:
                lit += 1
    return lit / 9.0


@_compiled
def _radiance(lights, k, normal, view, albedo, gloss, wrap, lit, reach):
    """Channel k of the light towards the viewer: hemisphere, wrapped diffuse, Blinn highlight; light 0 is shadowed."""
    directions, colours, ambient_down, ambient_up = lights
    up = 0.5 + 0.5 * normal[1]
    out = albedo * reach * (ambient_down[k] * (1 - up) + ambient_up[k] * up)
    for i in range(directions.shape[0]):
        dx, dy, dz = directions[i, 0], directions[i, 1], directions[i, 2]
        cosine = normal[0] * dx + normal[1] * dy + normal[2] * dz
        seen = lit if i == 0 else 1.0
        hx, hy, hz = _unit(dx + view[0], dy + view[1], dz + view[2])
        half = max(0.0, normal[0] * hx + normal[1] * hy + normal[2] * hz)
        highlight = gloss[0] * half ** gloss[1] * min(1.0, reach) if cosine > 0 else 0.0
        diffuse = max(0.0, (cosine + wrap) / (1.0 + wrap)) * (seen + (1 - seen) * wrap * 0.35)
        out += colours[i, k] * (albedo * diffuse * (0.4 + 0.6 * reach) + highlight * seen)
    return out

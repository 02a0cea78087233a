"""Light on the surfaces of a scene, in numba: bumps, and which of a pixel's samples are shaded as one.

Every kernel takes tuples of arrays:
    mesh: (points [n, 3], normals [n, 3], tangents [n, 3], reach [n], alpha [n], triangles [m, 3], uvs [m, 3, 2],
        materials [m]).
    look: see textures.py.
    lights, finish: see reflectance.py.
    shadow: see shadows.py.
    exposed [n, c]: what light reaches the vertices, see visibility.py.
"""

import math

import numpy as np

from gghead.config.compiled import compiled
from gghead.synthetic.render.reflectance import (
    BUMP,
    COATED,
    STRAND,
    coat_light,
    diffuse_light,
    gloss_light,
    strand_light,
    unit,
)
from gghead.synthetic.render.shadows import lit_share
from gghead.synthetic.render.textures import DETAIL, INNER, detail, texel
from gghead.synthetic.render.visibility import LIT_LIGHTS

fast = compiled(fastmath=True, nogil=True, error_model="numpy")
inlined = compiled(fastmath=True, nogil=True, error_model="numpy", forceinline=True)

SAME_SURFACE = 0.02
"""Samples of a pixel that are this close in depth and of one material are shaded as one, world units."""
STRANDS_PASS = 0.6
"""Share of the ambient light that strands above others let through, as a factor of the square root of their albedo."""
STEEPEST = 0.35
"""Slope of bumps is cut off here."""
INSIDE_LIGHT = 0.55
"""Share of light on the inside of a shell of hair."""
DIRECT_SHARE = 0.6
"""Share of a light that reaches the deepest folds, which the shadow map is too coarse for."""


@fast
def light_vertices(mesh, look, finish, lights, shadow, exposed, vertex_material, used):
    """Light [n, 6] on used vertices of a sheer mesh, a factor of the albedo and what is added; both sides are lit."""
    points, normals, tangents, reach, alpha, _, _, _ = mesh
    _, places, tints, _, _ = look
    sources, _, _, gaze = lights
    numbers, _, _ = finish
    count = sources.shape[0]
    out, lit = np.zeros((points.shape[0], 6), np.float32), np.zeros(LIT_LIGHTS)
    light = np.zeros(6)
    for i in used:
        m = vertex_material[i]
        px, py, pz = points[i, 0], points[i, 1], points[i, 2]
        nx, ny, nz = normals[i, 0], normals[i, 1], normals[i, 2]
        v = unit(gaze[5] - px, gaze[6] - py, gaze[7] - pz)
        facing, share = nx * v[0] + ny * v[1] + nz * v[2], 1.0
        if facing < 0 and places[m, INNER]:
            # At its rim hair that faces away a little is lit as what is beside it, not as its far side.
            nx, ny, nz = unit(nx - facing * v[0], ny - facing * v[1], nz - facing * v[2])
            share = 1 - (1 - INSIDE_LIGHT) * min(1.0, max(0.0, -2 * facing - 0.5))
        elif facing < 0:
            nx, ny, nz = -nx, -ny, -nz
        direct = 1 - DIRECT_SHARE + DIRECT_SHARE * reach[i]
        for j in range(1, count):
            lit[j] = exposed[i, 4 + j] * direct
        if count > 0:
            lit[0] = lit_share(shadow, px, py, pz, nx, ny, nz) * share * direct
        around = (exposed[i, 0] * reach[i], exposed[i, 1] * reach[i], exposed[i, 2] * reach[i])
        inside, n = around, (nx, ny, nz)
        if numbers[m, STRAND] > 0:
            # Fair hair is bright and warm below its outermost strands.
            inside = (_passed(around[0], tints[m, 0]), _passed(around[1], tints[m, 1]), _passed(around[2], tints[m, 2]))
        diffuse_light(lights, finish, m, n, n, 0.0, inside, lit, light)
        tx, ty, tz = tangents[i, 0], tangents[i, 1], tangents[i, 2]
        if tx * tx + ty * ty + tz * tz > 0.1:
            strand_light(lights, finish, m, n, (tx, ty, tz), v, around[1], lit, light)
        elif numbers[m, COATED] > 0:
            coat_light(lights, finish, m, n, v, around[1], False, lit, light)
            for k in range(3):
                light[3 + k] /= max(alpha[i], 0.02)
        else:
            gloss_light(lights, finish, m, n, v, 1.0, min(1.0, around[1]), lit, light)
        for k in range(6):
            out[i, k] = light[k]
    return out


@fast
def shade_solid(mesh, look, finish, lights, shadow, exposed, side, hit, barycentric, depth, image):
    """Linear color of every covered sample, in place: image [h, w, 3].

    Args:
        mesh, look, finish, lights, shadow, exposed: see the module.
        side: samples along the side of a pixel; samples of a pixel that see the same surface are shaded once.
        hit: triangle of each sample [h, w], -1 for none.
        barycentric: its coordinates in the triangle [h, w, 2].
        depth: its depth [h, w].
    """
    _, _, _, _, _, _, _, materials = mesh
    sources, _, _, gaze = lights
    numbers, _, _ = finish
    todo, members = np.zeros(side * side, np.bool_), np.zeros(side * side, np.int64)
    light, lit = np.zeros(6), np.zeros(LIT_LIGHTS)
    for top in range(0, hit.shape[0], side):
        for left in range(0, hit.shape[1], side):
            for s in range(side * side):
                todo[s] = hit[top + s // side, left + s % side] >= 0
            for seed in range(side * side):
                if not todo[seed]:
                    continue
                m = materials[hit[top + seed // side, left + seed % side]]
                found, p, smooth, fine, albedo, gloss = _gather(
                    mesh, look, numbers[m, BUMP], seed, top, left, side, hit, barycentric, depth, todo, members
                )
                near = _nearby(mesh, exposed, top + seed // side, left + seed % side, hit, barycentric, lit)
                if sources.shape[0] > 0:
                    direct = 1 - DIRECT_SHARE + DIRECT_SHARE * near[3]
                    lit[0] = direct * lit_share(shadow, p[0], p[1], p[2], smooth[0], smooth[1], smooth[2])
                view = unit(gaze[5] - p[0], gaze[6] - p[1], gaze[7] - p[2])
                around = (_bounced(near[0], albedo[0]), _bounced(near[1], albedo[1]), _bounced(near[2], albedo[2]))
                diffuse_light(lights, finish, m, smooth, fine, near[4], around, lit, light)
                if numbers[m, COATED] > 0:
                    coat_light(lights, finish, m, fine, view, near[1], True, lit, light)
                else:
                    gloss_light(lights, finish, m, fine, view, gloss, near[1], lit, light)
                for f in range(found):
                    y, x = top + members[f] // side, left + members[f] % side
                    for k in range(3):
                        image[y, x, k] = albedo[k] * light[k] + light[3 + k]


@inlined
def _passed(reached, albedo):
    """Share of ambient light with what comes through the strands in the way, which takes their color."""
    return reached + (1 - min(1.0, reached)) * STRANDS_PASS * math.sqrt(min(1.0, albedo))


@inlined
def _bounced(reached, albedo):
    """Share of ambient light with what the surfaces in the way reflect, which have the same albedo.

    Source: Jimenez et al. 2016, "Practical real-time strategies for accurate indirect occlusion", equation 24.
    """
    a, b, c = 2.0404 * albedo - 0.3324, -4.7951 * albedo + 0.6417, 2.7552 * albedo + 0.6903
    return max(reached, ((reached * a + b) * reached + c) * reached)


@inlined
def _nearby(mesh, exposed, y, x, hit, barycentric, lit):
    """What changes slowly, at one sample: shares of ambient light, that of folds, curvature; of lights in `lit`."""
    _, _, _, reaches, _, triangles, _, _ = mesh
    t = hit[y, x]
    b0, b1 = barycentric[y, x, 0], barycentric[y, x, 1]
    b2 = 1 - b0 - b1
    i, j, k = triangles[t, 0], triangles[t, 1], triangles[t, 2]
    reach = b0 * reaches[i] + b1 * reaches[j] + b2 * reaches[k]
    direct = 1 - DIRECT_SHARE + DIRECT_SHARE * reach
    for c in range(1, LIT_LIGHTS):
        lit[c] = direct * (b0 * exposed[i, 4 + c] + b1 * exposed[j, 4 + c] + b2 * exposed[k, 4 + c])
    return (
        min(reach, b0 * exposed[i, 0] + b1 * exposed[j, 0] + b2 * exposed[k, 0]),
        min(reach, b0 * exposed[i, 1] + b1 * exposed[j, 1] + b2 * exposed[k, 1]),
        min(reach, b0 * exposed[i, 2] + b1 * exposed[j, 2] + b2 * exposed[k, 2]),
        reach,
        b0 * exposed[i, 3] + b1 * exposed[j, 3] + b2 * exposed[k, 3],
    )


@inlined
def _gather(mesh, look, bump, seed, top, left, side, hit, barycentric, depth, todo, members):
    """Means over the samples of a pixel that see the surface of sample `seed`; takes them off `todo`.

    Where all samples of a pixel see it, the normal leans away from what is higher: by the detail map, and by the
    texture of skin, as if dark were deep.
    """
    points, normals, _, _, _, triangles, uvs, materials = mesh
    _, places, _, _, _ = look
    y, x = top + seed // side, left + seed % side
    m, z, found = materials[hit[y, x]], depth[y, x], 0
    detailed = places[m, DETAIL] >= 0
    px, py, pz, nx, ny, nz = 0.0, 0.0, 0.0, 0.0, 0.0, 0.0
    red, green, blue, gloss = 0.0, 0.0, 0.0, 0.0
    bright = (0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0)
    high = (0.0, 0.0)
    for s in range(seed, side * side):
        y, x = top + s // side, left + s % side
        t = hit[y, x]
        if not todo[s] or materials[t] != m or abs(depth[y, x] - z) > SAME_SURFACE:
            continue
        todo[s] = False
        members[found] = s
        found += 1
        b0, b1 = barycentric[y, x, 0], barycentric[y, x, 1]
        b2 = 1 - b0 - b1
        i, j, k = triangles[t, 0], triangles[t, 1], triangles[t, 2]
        qx = b0 * points[i, 0] + b1 * points[j, 0] + b2 * points[k, 0]
        qy = b0 * points[i, 1] + b1 * points[j, 1] + b2 * points[k, 1]
        qz = b0 * points[i, 2] + b1 * points[j, 2] + b2 * points[k, 2]
        px, py, pz = px + qx, py + qy, pz + qz
        nx += b0 * normals[i, 0] + b1 * normals[j, 0] + b2 * normals[k, 0]
        ny += b0 * normals[i, 1] + b1 * normals[j, 1] + b2 * normals[k, 1]
        nz += b0 * normals[i, 2] + b1 * normals[j, 2] + b2 * normals[k, 2]
        u = b0 * uvs[t, 0, 0] + b1 * uvs[t, 1, 0] + b2 * uvs[t, 2, 0]
        v = b0 * uvs[t, 0, 1] + b1 * uvs[t, 1, 1] + b2 * uvs[t, 2, 1]
        r, g, b, _ = texel(look, m, u, v)
        red, green, blue = red + r, green + g, blue + b
        across, down = s % side - 0.5 * (side - 1), s // side - 0.5 * (side - 1)
        bright = _add_slopes(bright, across, down, qx, qy, qz, g)
        if detailed:
            own, level = detail(look, m, u, v)
            gloss += own
            high = (high[0] + across * level, high[1] + down * level)
        else:
            gloss += 1.0
    share = 1.0 / found
    albedo = (red * share, green * share, blue * share)
    smooth = unit(nx, ny, nz)
    fine = smooth
    if side > 1 and found == side * side and (bump > 0 or detailed):
        depth_of = bump / max(albedo[1], 1e-3)
        ax, ay, az, ah, dx, dy, dz, dh = bright
        slopes = (ax, ay, az, depth_of * ah + high[0], dx, dy, dz, depth_of * dh + high[1])
        fine = _bumped(smooth, slopes)
    return found, (px * share, py * share, pz * share), smooth, fine, albedo, gloss * share


@inlined
def _add_slopes(slopes, across, down, x, y, z, height):
    """Adds a sample's part in the differences of position and height along the rows and columns of samples."""
    ax, ay, az, ah, dx, dy, dz, dh = slopes
    return (
        ax + across * x,
        ay + across * y,
        az + across * z,
        ah + across * height,
        dx + down * x,
        dy + down * y,
        dz + down * z,
        dh + down * height,
    )


@inlined
def _bumped(n, slopes):
    """The normal of a surface with heights on it.

    Source: Mikkelsen 2010, "Bump mapping unparametrized surfaces on the GPU".
    """
    ax, ay, az, ah, dx, dy, dz, dh = slopes
    rx, ry, rz = dy * n[2] - dz * n[1], dz * n[0] - dx * n[2], dx * n[1] - dy * n[0]
    sx, sy, sz = n[1] * az - n[2] * ay, n[2] * ax - n[0] * az, n[0] * ay - n[1] * ax
    area = ax * rx + ay * ry + az * rz
    if abs(area) < 1e-14:
        return n
    scale = 1 / area
    gx, gy, gz = scale * (ah * rx + dh * sx), scale * (ah * ry + dh * sy), scale * (ah * rz + dh * sz)
    steep = math.sqrt(gx * gx + gy * gy + gz * gz)
    keep = min(1.0, STEEPEST / max(steep, 1e-6))
    return unit(n[0] - keep * gx, n[1] - keep * gy, n[2] - keep * gz)

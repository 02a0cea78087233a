"""Light on surfaces, in numba: textures, shadow, diffuse light and highlights.

Every kernel takes tuples of arrays:
    mesh: (points [n, 3], normals [n, 3], tangents [n, 3], reach [n], alpha [n], triangles [m, 3], uvs [m, 3, 2],
        materials [m]).
    look: (atlas [texels, 4] uint8 display colour and alpha, starts, widths, heights, tints [., 3], recoloured,
        linear [256] = linear light of a display value, gloss [., 3], wrap [., 3], inner, casts, bump); by material.
    lights: (directions [l, 3], colours [l, 3], ambient from below [3], ambient from above [3], eye [3]).
    shadow: (depth map [s, s] of light 0, matrix [3, 4] from world into it, bias in world units).
"""

import math

import numpy as np

from gghead.config.compiled import compiled

fast = compiled(fastmath=True, nogil=True)

SAME_SURFACE = 0.02
"""Samples of a pixel that are this close in depth and of one material are shaded as one, world units."""
STEEPEST = 0.22
"""Slope of bumps is cut off here."""
INSIDE_LIGHT = 0.55
"""Share of light on the inside of a shell of hair."""


@fast
def unit(x, y, z):
    """The vector at length 1; short ones become shorter than 1."""
    scale = 1 / math.sqrt(x * x + y * y + z * z + 1e-12)
    return x * scale, y * scale, z * scale


@fast
def texel(look, m, u, v):
    """Albedo in linear light and alpha, bilinear, clamped at the borders; v points up. Clear texels have no colour."""
    atlas, starts, widths, heights, tints, recolored, linear, _, _, _, _, _ = look
    width, height, start = widths[m], heights[m], starts[m]
    fx = min(max(u * width - 0.5, 0.0), width - 1.0)
    fy = min(max((1.0 - v) * height - 0.5, 0.0), height - 1.0)
    x0, y0 = int(fx), int(fy)
    ax, ay = fx - x0, fy - y0
    x1, y1 = min(x0 + 1, width - 1), min(y0 + 1, height - 1)
    r, g, b, a = 0.0, 0.0, 0.0, 0.0
    for corner in range(4):
        right, low = corner & 1, corner >> 1
        i = start + (y1 if low else y0) * width + (x1 if right else x0)
        w = (ax if right else 1 - ax) * (ay if low else 1 - ay) * atlas[i, 3]
        r += w * linear[atlas[i, 0]]
        g += w * linear[atlas[i, 1]]
        b += w * linear[atlas[i, 2]]
        a += w
    scale = 1 / max(a, 1e-6)
    r, g, b = r * scale, g * scale, b * scale
    if recolored[m]:
        r = g = b = 0.12 + 3.9 * (0.3 * r + 0.55 * g + 0.15 * b)
    return r * tints[m, 0], g * tints[m, 1], b * tints[m, 2], a / 255


@fast
def lit_share(shadow, px, py, pz, nx, ny, nz):
    """Share of 3 x 3 cells of the shadow map not in front of the point, looked up a little above the surface."""
    depth, m, bias = shadow
    size = depth.shape[0]
    qx, qy, qz = px + bias * nx, py + bias * ny, pz + bias * nz
    fx = m[0, 0] * qx + m[0, 1] * qy + m[0, 2] * qz + m[0, 3] - 0.5
    fy = m[1, 0] * qx + m[1, 1] * qy + m[1, 2] * qz + m[1, 3] - 0.5
    z = m[2, 0] * qx + m[2, 1] * qy + m[2, 2] * qz + m[2, 3] - bias
    x, y = math.floor(fx), math.floor(fy)
    ax, ay = fx - x, fy - y
    lit = 0.0
    for dy in range(-1, 3):
        wy = 1 - ay if dy == -1 else (ay if dy == 2 else 1.0)
        for dx in range(-1, 3):
            xx, yy = x + dx, y + dy
            if xx < 0 or yy < 0 or xx >= size or yy >= size or z < depth[yy, xx]:
                lit += wy * (1 - ax if dx == -1 else (ax if dx == 2 else 1.0))
    return lit / 9.0


@fast
def light_at(lights, n, v, tangent, gloss, wrap, lit, reach):
    """Factor of the albedo and highlight, three channels each: hemisphere, wrapped diffuse light, highlights.

    The highlight of a strand of hair (`tangent` not 0) is that of Kajiya and Kay 1989, "Rendering fur with three
    dimensional textures", twice: near the root in the colour of the hair, near the tip in that of the light, as
    Marschner et al. 2003 measured. Other surfaces have Blinn's, with Schlick's Fresnel term.
    """
    directions, colors, ambient_down, ambient_up, _ = lights
    nx, ny, nz = n
    strand = tangent[0] * tangent[0] + tangent[1] * tangent[1] + tangent[2] * tangent[2] > 0.1
    facing = max(0.0, nx * v[0] + ny * v[1] + nz * v[2])
    rim = (1 - facing) * (1 - facing)
    rim = rim * rim * gloss[2] * reach
    up = 0.5 + 0.5 * ny
    ambient = (
        ambient_down[0] * (1 - up) + ambient_up[0] * up,
        ambient_down[1] * (1 - up) + ambient_up[1] * up,
        ambient_down[2] * (1 - up) + ambient_up[2] * up,
    )
    dr, dg, db = ambient[0] * reach, ambient[1] * reach, ambient[2] * reach
    sr, sg, sb = ambient[0] * rim, ambient[1] * rim, ambient[2] * rim
    for i in range(directions.shape[0]):
        lx, ly, lz = directions[i, 0], directions[i, 1], directions[i, 2]
        cosine = nx * lx + ny * ly + nz * lz
        seen = lit if i == 0 else 1.0
        hx, hy, hz = unit(lx + v[0], ly + v[1], lz + v[2])
        colored = 0.0
        if strand:
            shift = 0.12
            bright, colored = 0.0, 0.0
            if cosine > -0.3:
                front = min(1.0, (cosine + 0.3) / 0.6)
                tip = _across(tangent, n, shift, hx, hy, hz)
                root = _across(tangent, n, -shift, hx, hy, hz)
                bright = gloss[0] * tip ** gloss[1] * front * min(1.0, reach)
                colored = 6 * gloss[0] * root ** (0.4 * gloss[1]) * front
        else:
            bright = 0.0
            if cosine > 0:
                half = max(0.0, nx * hx + ny * hy + nz * hz)
                fresnel = 1 - max(0.0, lx * hx + ly * hy + lz * hz)
                fresnel = 1 + 12 * fresnel * fresnel * fresnel * fresnel * fresnel
                bright = gloss[0] * half ** gloss[1] * fresnel * min(1.0, reach) * min(1.0, 4 * cosine)
        for k in range(3):
            diffuse = max(0.0, (cosine + wrap[k]) / (1.0 + wrap[k])) * (seen + (1 - seen) * wrap[k] * 0.35)
            diffuse = colors[i, k] * (diffuse * (0.4 + 0.6 * reach) + colored * seen)
            highlight = colors[i, k] * bright * seen
            if k == 0:
                dr += diffuse
                sr += highlight
            elif k == 1:
                dg += diffuse
                sg += highlight
            else:
                db += diffuse
                sb += highlight
    return dr, dg, db, sr, sg, sb


@fast
def _across(tangent, n, shift, hx, hy, hz):
    """Sine of the angle between the half vector and a strand that leans by `shift` towards the normal."""
    tx, ty, tz = unit(tangent[0] + shift * n[0], tangent[1] + shift * n[1], tangent[2] + shift * n[2])
    along = tx * hx + ty * hy + tz * hz
    return math.sqrt(max(0.0, 1 - along * along))


@fast
def light_vertices(mesh, look, lights, shadow, vertex_material):
    """Light [n, 6] on the vertices of a sheer mesh, as `light_at` has it; both sides of a surface are lit."""
    points, normals, tangents, reach, _, _, _, _ = mesh
    gloss, wrap, inner, eye = look[7], look[8], look[9], lights[4]
    out = np.zeros((points.shape[0], 6), np.float32)
    for i in range(points.shape[0]):
        m = vertex_material[i]
        px, py, pz = points[i, 0], points[i, 1], points[i, 2]
        nx, ny, nz = normals[i, 0], normals[i, 1], normals[i, 2]
        v = unit(eye[0] - px, eye[1] - py, eye[2] - pz)
        facing, share = nx * v[0] + ny * v[1] + nz * v[2], 1.0
        if facing < 0 and inner[m]:
            # At its rim hair that faces away a little is lit as what is beside it, not as its far side.
            nx, ny, nz = unit(nx - facing * v[0], ny - facing * v[1], nz - facing * v[2])
            share = 1 - (1 - INSIDE_LIGHT) * min(1.0, max(0.0, -2 * facing - 0.5))
        elif facing < 0:
            nx, ny, nz = -nx, -ny, -nz
        lit = lit_share(shadow, px, py, pz, nx, ny, nz)
        tangent = (tangents[i, 0], tangents[i, 1], tangents[i, 2])
        light = light_at(lights, (nx, ny, nz), v, tangent, gloss[m], wrap[m], lit * share, reach[i])
        out[i, 0], out[i, 1], out[i, 2], out[i, 3], out[i, 4], out[i, 5] = light
    return out


@fast
def shade_solid(mesh, look, lights, shadow, side, hit, barycentric, depth, image):
    """Linear colour of every covered sample, in place: image [h, w, 3].

    Args:
        mesh, look, lights, shadow: see the module.
        side: samples along the side of a pixel; samples of a pixel that see the same surface are shaded once.
        hit: triangle of each sample [h, w], -1 for none.
        barycentric: its coordinates in the triangle [h, w, 2].
        depth: its depth [h, w].
    """
    gloss, wrap, eye, materials = look[7], look[8], lights[4], mesh[7]
    todo, members = np.zeros(side * side, np.bool_), np.zeros(side * side, np.int64)
    for top in range(0, hit.shape[0], side):
        for left in range(0, hit.shape[1], side):
            for s in range(side * side):
                todo[s] = hit[top + s // side, left + s % side] >= 0
            for seed in range(side * side):
                if not todo[seed]:
                    continue
                m = materials[hit[top + seed // side, left + seed % side]]
                found, p, n, reach, albedo = _gather(
                    mesh, look, seed, top, left, side, hit, barycentric, depth, todo, members
                )
                lit = lit_share(shadow, p[0], p[1], p[2], n[0], n[1], n[2])
                view = unit(eye[0] - p[0], eye[1] - p[1], eye[2] - p[2])
                light = light_at(lights, n, view, (0.0, 0.0, 0.0), gloss[m], wrap[m], lit, reach)
                for f in range(found):
                    y, x = top + members[f] // side, left + members[f] % side
                    image[y, x, 0] = albedo[0] * light[0] + light[3]
                    image[y, x, 1] = albedo[1] * light[1] + light[4]
                    image[y, x, 2] = albedo[2] * light[2] + light[5]


@fast
def _gather(mesh, look, seed, top, left, side, hit, barycentric, depth, todo, members):
    """Means over the samples of a pixel that see the surface of sample `seed`; takes them off `todo`.

    Where all samples of a pixel of skin see it, the normal leans away from what is brighter, as if dark were deep.
    """
    points, normals, _, reaches, _, triangles, uvs, materials = mesh
    y, x = top + seed // side, left + seed % side
    m, z, found = materials[hit[y, x]], depth[y, x], 0
    px, py, pz, nx, ny, nz = 0.0, 0.0, 0.0, 0.0, 0.0, 0.0
    red, green, blue, reach = 0.0, 0.0, 0.0, 0.0
    slopes = (0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0)
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
        reach += b0 * reaches[i] + b1 * reaches[j] + b2 * reaches[k]
        u = b0 * uvs[t, 0, 0] + b1 * uvs[t, 1, 0] + b2 * uvs[t, 2, 0]
        v = b0 * uvs[t, 0, 1] + b1 * uvs[t, 1, 1] + b2 * uvs[t, 2, 1]
        r, g, b, _ = texel(look, m, u, v)
        red, green, blue = red + r, green + g, blue + b
        across, down = s % side - 0.5 * (side - 1), s // side - 0.5 * (side - 1)
        slopes = _add_slopes(slopes, across, down, qx, qy, qz, g)
    share = 1.0 / found
    albedo = (red * share, green * share, blue * share)
    normal = unit(nx, ny, nz)
    if look[11][m] > 0 and side > 1 and found == side * side:
        normal = _bumped(normal, slopes, look[11][m] / max(albedo[1], 1e-3))
    return found, (px * share, py * share, pz * share), normal, reach * share, albedo


@fast
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


@fast
def _bumped(n, slopes, strength):
    """The normal of a surface with heights on it.

    Source: Mikkelsen 2010, "Bump mapping unparametrized surfaces on the GPU".
    """
    ax, ay, az, ah, dx, dy, dz, dh = slopes
    rx, ry, rz = dy * n[2] - dz * n[1], dz * n[0] - dx * n[2], dx * n[1] - dy * n[0]
    sx, sy, sz = n[1] * az - n[2] * ay, n[2] * ax - n[0] * az, n[0] * ay - n[1] * ax
    area = ax * rx + ay * ry + az * rz
    if abs(area) < 1e-14:
        return n
    scale = strength / area
    gx, gy, gz = scale * (ah * rx + dh * sx), scale * (ah * ry + dh * sy), scale * (ah * rz + dh * sz)
    steep = math.sqrt(gx * gx + gy * gy + gz * gz)
    keep = min(1.0, STEEPEST / max(steep, 1e-6))
    return unit(n[0] - keep * gx, n[1] - keep * gy, n[2] - keep * gz)

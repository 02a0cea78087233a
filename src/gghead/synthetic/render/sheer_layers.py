"""Transparent triangles over an opaque picture, composited in exact order of depth, in numba.

Samples are worked on in bands of rows, so that the layers of a band stay in the cache and memory does not grow with the
picture. A sample keeps its nearest `LAYERS` layers; what lies behind an opaque layer is dropped at once. Which samples
a triangle covers is decided in float64 without reassociation: its edges are exact there, so that triangles that share
an edge share no sample and leave none out, on any machine.
"""

import math

import numpy as np

from gghead.synthetic.render.mesh_rasterizer import edge, exact, exact_inlined
from gghead.synthetic.render.textures import CASTS, INNER, texel
from gghead.synthetic.render.tone import TONE_LIMIT, TONE_STEPS

LAYERS = 24
BAND = 16
"""Rows of samples in a band."""
MIN_ALPHA = 0.004
"""Layers of less alpha are dropped, 1/255."""
MAX_COVERAGE = 0.998
"""Nothing is added behind so much coverage."""
COVERED = 0.5 * (1 - MAX_COVERAGE)
"""Where the layers at hand let less light through, the deepest of them ends what a sample collects: half of what ends
the blending, so that the order of multiplications decides about no pixel."""
EDGE_ON = 0.15
"""Shells fade from this cosine between their normal and the view on."""
SHADING_ALPHA = 0.5
"""Sheer surfaces cast a shadow where they have this alpha or more."""
TILE, REFRESH = 16, 192
"""Columns of a tile, whose farthest limit spares triangles behind it; found anew after so many triangles of a band."""


@exact_inlined
def owns_edge(dx, dy):
    """Whether a triangle owns the samples on an edge along dx, dy with its inside on the positive side."""
    return dy > 0 or (dy == 0 and dx > 0)


@exact
def in_view(screen, triangles, depth):
    """Whether each triangle may be in a picture, and not behind its solid depth [h, w] everywhere [m]."""
    rows, columns = (depth.shape[0] + TILE - 1) // TILE, (depth.shape[1] + TILE - 1) // TILE
    far, shown = np.empty((rows, columns), np.float32), np.zeros(triangles.shape[0], np.bool_)
    for row in range(rows):
        _find_farthest(depth[row * TILE :], min(TILE, depth.shape[0] - row * TILE), far[row])
    for t in range(triangles.shape[0]):
        a, b, c = triangles[t, 0], triangles[t, 1], triangles[t, 2]
        top = max(0.0, min(screen[a, 1], screen[b, 1], screen[c, 1]))
        bottom = min(depth.shape[0] - 1.0, max(screen[a, 1], screen[b, 1], screen[c, 1]))
        for row in range(int(top) // TILE, math.floor(bottom / TILE) + 1):
            if not shown[t]:
                shown[t] = not _is_hidden(screen, a, b, c, far[row])
    return shown


@exact
def composite(screen, sequence, eye, mesh, look, light, depth, hit, solid_material, solid_image, tone, out, out_depth,
              out_material):  # fmt: skip
    """Blends the layers of every sample over the solid picture, in place.

    Args:
        screen: positions on the screen [n, 3].
        sequence: triangles in the order in which they are looked at; from the front, many behind others are spared.
        eye: position of the camera [3].
        mesh, look: see shading.py.
        light: light on the vertices [n, 6].
        depth: depth of the solid picture [h, w].
        hit: its triangles, -1 for none [h, w].
        solid_material: material of its triangles.
        solid_image: its linear colours [h, w, 3].
        tone: display value of sqrt(linear / `TONE_LIMIT`) * (`TONE_STEPS` - 1).
        out: [h, w, 4], display colour times coverage, and coverage.
        out_depth: [h, w], depth where the coverage from the front passes one half, 0 if it does not.
        out_material: [h, w], material + 1 there.
    """
    height, width = depth.shape
    band = min(BAND, height)
    shape = (band, width, LAYERS)
    count = np.zeros((band, width), np.int32)
    layer_depth, layer_color = np.empty(shape, np.float32), np.empty((*shape, 4), np.float32)
    layer_material, order = np.empty(shape, np.uint8), np.zeros(LAYERS, np.int64)
    limit = np.empty((band, width), np.float32)
    clear, deepest = np.empty((band, width), np.float32), np.empty((band, width), np.float32)
    triangles = mesh[5]
    far = np.empty((width + TILE - 1) // TILE, np.float32)
    rows = np.empty((sequence.shape[0], 2), np.int32)
    for i in range(sequence.shape[0]):
        t = sequence[i]
        y0, y1, y2 = screen[triangles[t, 0], 1], screen[triangles[t, 1], 1], screen[triangles[t, 2], 1]
        rows[i, 0] = max(0, math.ceil(max(-1.0, min(y0, y1, y2)) - 0.5))
        rows[i, 1] = min(height - 1, math.floor(min(height + 1.0, max(y0, y1, y2)) - 0.5))
    for top in range(0, height, band):
        bottom = min(top + band, height) - 1
        count[:], clear[:], deepest[:] = 0, 1, 0
        for y in range(top, bottom + 1):
            for x in range(width):
                limit[y - top, x] = depth[y, x]
        drawn = 0
        for i in range(sequence.shape[0]):
            first, last = max(rows[i, 0], top), min(rows[i, 1], bottom)
            if first <= last:
                t = sequence[i]
                if drawn % REFRESH == 0:
                    _find_farthest(limit, bottom - top + 1, far)
                drawn += 1
                if _is_hidden(screen, triangles[t, 0], triangles[t, 1], triangles[t, 2], far):
                    continue
                _collect(t, first, last, top, screen, eye, mesh, look, light, limit, clear, deepest, count, layer_depth,
                         layer_color, layer_material)  # fmt: skip
        _blend(top, bottom, count, layer_depth, layer_color, layer_material, order, depth, hit, solid_material,
               solid_image, tone, out, out_depth, out_material)  # fmt: skip


@exact_inlined
def _find_farthest(limit, rows, far):
    """The largest limit of the first rows of each tile, in place."""
    far[:] = 0
    for y in range(rows):
        for x in range(limit.shape[1]):
            far[x // TILE] = max(far[x // TILE], limit[y, x])


@exact_inlined
def _is_hidden(screen, a, b, c, far):
    """Whether a triangle is behind the limits of all tiles that it may touch."""
    nearest = min(screen[a, 2], screen[b, 2], screen[c, 2])
    width = far.shape[0] * TILE
    left = min(max(0.0, min(screen[a, 0], screen[b, 0], screen[c, 0])), width)
    right = max(-1.0, min(width - 1.0, max(screen[a, 0], screen[b, 0], screen[c, 0])))
    hidden = True
    for tile in range(int(left) // TILE, math.floor(right / TILE) + 1):
        hidden &= nearest >= far[tile]
    return hidden


@exact_inlined
def _collect(t, first, last, top, screen, eye, mesh, look, light, limit, clear, deepest, count, layer_depth,
             layer_color, layer_material):  # fmt: skip
    """Adds the layers of a triangle in the rows first .. last of the band that begins at `top`."""
    points, _, _, _, alphas, triangles, uvs, materials = mesh
    _, places, _, _, _ = look
    a, b, c, m = triangles[t, 0], triangles[t, 1], triangles[t, 2], materials[t]
    shown = _shown(points[a], points[b], points[c], eye) if places[m, INNER] else 1.0
    x0, y0, z0 = np.float64(screen[a, 0]), np.float64(screen[a, 1]), np.float64(screen[a, 2])
    x1, y1, z1 = np.float64(screen[b, 0]), np.float64(screen[b, 1]), np.float64(screen[b, 2])
    x2, y2, z2 = np.float64(screen[c, 0]), np.float64(screen[c, 1]), np.float64(screen[c, 2])
    area = edge(x0, y0, x1, y1, x2, y2)
    if z0 <= 0.01 or z1 <= 0.01 or z2 <= 0.01 or area == 0.0:
        return
    sign = 1.0 if area > 0 else -1.0
    width = limit.shape[1]
    left = max(0, math.ceil(max(-1.0, min(x0, x1, x2)) - 0.5))
    right = min(width - 1, math.floor(min(width + 1.0, max(x0, x1, x2)) - 0.5))
    inv, i0, i1, i2 = sign / area, 1 / z0, 1 / z1, 1 / z2
    d0, d1, d2 = sign * (y1 - y2), sign * (y2 - y0), sign * (y0 - y1)
    closed0 = owns_edge(sign * (x2 - x1), sign * (y2 - y1))
    closed1 = owns_edge(sign * (x0 - x2), sign * (y0 - y2))
    closed2 = owns_edge(sign * (x1 - x0), sign * (y1 - y0))
    for y in range(first, last + 1):
        row, px, py, entered = y - top, left + 0.5, y + 0.5, False
        r0 = sign * edge(x1, y1, x2, y2, px, py)
        r1 = sign * edge(x2, y2, x0, y0, px, py)
        r2 = sign * edge(x0, y0, x1, y1, px, py)
        for x in range(left, right + 1):
            step = x - left
            w0, w1, w2 = r0 + step * d0, r1 + step * d1, r2 + step * d2
            if w0 < 0 or w1 < 0 or w2 < 0:
                if entered:
                    break
                continue
            entered = True
            if (w0 == 0 and not closed0) or (w1 == 0 and not closed1) or (w2 == 0 and not closed2):
                continue
            z = 1.0 / ((w0 * i0 + w1 * i1 + w2 * i2) * inv)
            if z >= limit[row, x]:
                continue
            b0, b1 = w0 * inv * i0 * z, w1 * inv * i1 * z
            b2 = 1 - b0 - b1
            u = b0 * uvs[t, 0, 0] + b1 * uvs[t, 1, 0] + b2 * uvs[t, 2, 0]
            v = b0 * uvs[t, 0, 1] + b1 * uvs[t, 1, 1] + b2 * uvs[t, 2, 1]
            r, g, blue, alpha = texel(look, m, u, v)
            alpha *= shown * (b0 * alphas[a] + b1 * alphas[b] + b2 * alphas[c])
            if alpha < MIN_ALPHA:
                continue
            slot = _place_for(z, row, x, count, layer_depth)
            if slot < 0:
                continue
            clear[row, x] *= 1 - alpha
            deepest[row, x] = max(deepest[row, x], z)
            if alpha > MAX_COVERAGE:
                limit[row, x] = z
            elif clear[row, x] < COVERED:
                limit[row, x] = min(limit[row, x], deepest[row, x])
            layer_depth[row, x, slot] = z
            layer_material[row, x, slot] = m
            lights = layer_color[row, x, slot]
            lights[0] = r * (b0 * light[a, 0] + b1 * light[b, 0] + b2 * light[c, 0])
            lights[1] = g * (b0 * light[a, 1] + b1 * light[b, 1] + b2 * light[c, 1])
            lights[2] = blue * (b0 * light[a, 2] + b1 * light[b, 2] + b2 * light[c, 2])
            lights[0] += b0 * light[a, 3] + b1 * light[b, 3] + b2 * light[c, 3]
            lights[1] += b0 * light[a, 4] + b1 * light[b, 4] + b2 * light[c, 4]
            lights[2] += b0 * light[a, 5] + b1 * light[b, 5] + b2 * light[c, 5]
            lights[3] = alpha


@exact_inlined
def _place_for(z, row, x, count, layer_depth):
    """Where a layer of this depth goes: a free place, or that of the deepest layer, -1 if the new one is deeper."""
    slot = count[row, x]
    if slot < LAYERS:
        count[row, x] = slot + 1
        return slot
    slot = 0
    for k in range(1, LAYERS):
        if layer_depth[row, x, k] > layer_depth[row, x, slot]:
            slot = k
    return slot if z < layer_depth[row, x, slot] else -1


@exact_inlined
def _shown(a, b, c, eye):
    """Share of its alpha with which a shell is drawn: seen along its surface it would be a line of dots."""
    ux, uy, uz = b[0] - a[0], b[1] - a[1], b[2] - a[2]
    vx, vy, vz = c[0] - a[0], c[1] - a[1], c[2] - a[2]
    nx, ny, nz = uy * vz - uz * vy, uz * vx - ux * vz, ux * vy - uy * vx
    ex, ey, ez = eye[0] - a[0], eye[1] - a[1], eye[2] - a[2]
    size = math.sqrt((nx * nx + ny * ny + nz * nz) * (ex * ex + ey * ey + ez * ez))
    facing = abs(nx * ex + ny * ey + nz * ez) / max(size, 1e-20)
    return min(1.0, facing / EDGE_ON)


@exact
def _blend(top, bottom, count, layer_depth, layer_color, layer_material, order, depth, hit, solid_material, solid_image,
           tone, out, out_depth, out_material):  # fmt: skip
    """The samples of the rows top .. bottom: layers from the front to the back, then the solid surface."""
    for y in range(top, bottom + 1):
        for x in range(depth.shape[1]):
            row, layers, solid = y - top, count[y - top, x], hit[y, x] >= 0
            if layers == 0 and solid:
                for k in range(3):
                    out[y, x, k] = _display(tone, solid_image[y, x, k])
                out[y, x, 3], out_depth[y, x] = 1, depth[y, x]
                out_material[y, x] = solid_material[hit[y, x]] + 1
            if layers == 0:
                continue
            for i in range(layers):
                k, j = i, i - 1
                while j >= 0 and layer_depth[row, x, order[j]] > layer_depth[row, x, k]:
                    order[j + 1] = order[j]
                    j -= 1
                order[j + 1] = k
            covered, red, green, blue = 0.0, 0.0, 0.0, 0.0
            for i in range(layers + solid):
                if covered > MAX_COVERAGE:
                    break
                if i < layers:
                    k = order[i]
                    r, g, b = layer_color[row, x, k, 0], layer_color[row, x, k, 1], layer_color[row, x, k, 2]
                    alpha, z, m = layer_color[row, x, k, 3], layer_depth[row, x, k], layer_material[row, x, k]
                else:
                    r, g, b = solid_image[y, x, 0], solid_image[y, x, 1], solid_image[y, x, 2]
                    alpha, z, m = np.float32(1), depth[y, x], np.uint8(solid_material[hit[y, x]])
                weight = (1 - covered) * alpha
                red, green, blue = red + weight * r, green + weight * g, blue + weight * b
                if covered < 0.5 and covered + weight >= 0.5:
                    out_depth[y, x] = z
                    out_material[y, x] = m + 1
                covered += weight
            scale = 1 / max(covered, 1e-6)
            covered = 1.0 if covered > MAX_COVERAGE else covered
            out[y, x, 0] = covered * _display(tone, red * scale)
            out[y, x, 1] = covered * _display(tone, green * scale)
            out[y, x, 2] = covered * _display(tone, blue * scale)
            out[y, x, 3] = covered


@exact_inlined
def _display(tone, linear):
    """Display value of linear light by the table."""
    position = math.sqrt(min(max(linear, 0.0), TONE_LIMIT - 0.01) / TONE_LIMIT) * (TONE_STEPS - 1)
    i = int(position)
    return tone[i] + (tone[i + 1] - tone[i]) * (position - i)


@exact
def pool(samples, depth, material, side, image, pixel_depth, pixel_material):
    """Samples -> pixels, in place: mean colours, the material that most samples have, the mean depth of those."""
    for y in range(image.shape[0]):
        for x in range(image.shape[1]):
            for k in range(4):
                image[y, x, k] = 0
            best, most = 0, 0
            for s in range(side * side):
                yy, xx = y * side + s // side, x * side + s % side
                for k in range(4):
                    image[y, x, k] += samples[yy, xx, k] / (side * side)
                m = material[yy, xx]
                if m == best and most > 0:
                    continue
                votes, total = 0, 0.0
                for other in range(side * side):
                    v, u = y * side + other // side, x * side + other % side
                    if material[v, u] == m:
                        votes += 1
                        total += depth[v, u]
                if votes > most or (votes == most and m > best):
                    best, most = m, votes
                    pixel_depth[y, x] = total / votes
            pixel_material[y, x] = best


@exact
def cast(screen, chosen, mesh, look, sheer, depth):
    """Draws those of the chosen triangles that cast a shadow into the depth [s, s] of a parallel projection, in place.

    Depth is linear in the picture here, as it is not before a pinhole.
    """
    _, _, _, _, alphas, triangles, uvs, materials = mesh
    _, places, _, _, _ = look
    size = depth.shape[0]
    for t in chosen:
        a, b, c, m = triangles[t, 0], triangles[t, 1], triangles[t, 2], materials[t]
        x0, y0, z0 = np.float64(screen[a, 0]), np.float64(screen[a, 1]), np.float64(screen[a, 2])
        x1, y1, z1 = np.float64(screen[b, 0]), np.float64(screen[b, 1]), np.float64(screen[b, 2])
        x2, y2, z2 = np.float64(screen[c, 0]), np.float64(screen[c, 1]), np.float64(screen[c, 2])
        area = edge(x0, y0, x1, y1, x2, y2)
        faint = sheer and max(alphas[a], alphas[b], alphas[c]) < SHADING_ALPHA
        if not places[m, CASTS] or area == 0.0 or faint:
            continue
        left = max(0, math.ceil(max(-1.0, min(x0, x1, x2)) - 0.5))
        right = min(size - 1, math.floor(min(size + 1.0, max(x0, x1, x2)) - 0.5))
        top = max(0, math.ceil(max(-1.0, min(y0, y1, y2)) - 0.5))
        bottom = min(size - 1, math.floor(min(size + 1.0, max(y0, y1, y2)) - 0.5))
        inv = 1 / area
        d0, d1 = (y1 - y2) * inv, (y2 - y0) * inv
        for y in range(top, bottom + 1):
            r0 = edge(x1, y1, x2, y2, left + 0.5, y + 0.5) * inv
            r1 = edge(x2, y2, x0, y0, left + 0.5, y + 0.5) * inv
            entered = False
            for x in range(left, right + 1):
                b0, b1 = r0 + (x - left) * d0, r1 + (x - left) * d1
                b2 = 1 - b0 - b1
                if b0 < 0 or b1 < 0 or b2 < 0:
                    if entered:
                        break
                    continue
                entered = True
                z = b0 * z0 + b1 * z1 + b2 * z2
                if z >= depth[y, x]:
                    continue
                if sheer:
                    u = b0 * uvs[t, 0, 0] + b1 * uvs[t, 1, 0] + b2 * uvs[t, 2, 0]
                    v = b0 * uvs[t, 0, 1] + b1 * uvs[t, 1, 1] + b2 * uvs[t, 2, 1]
                    alpha = texel(look, m, u, v)[3] * (b0 * alphas[a] + b1 * alphas[b] + b2 * alphas[c])
                    if alpha < SHADING_ALPHA:
                        continue
                depth[y, x] = z

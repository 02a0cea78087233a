"""Textures of all materials in one atlas, looked up in numba.

Every kernel takes
    look: (atlas [texels, 4] uint8 display color and alpha; places [m, 7], whole numbers at the columns named below;
        tints [m, 3]; linear [256] = linear light of a display value; details [texels, 2] uint8); by material.
"""

from gghead.config.compiled import compiled

inlined = compiled(fastmath=True, nogil=True, error_model="numpy", forceinline=True)

START, WIDTH, HEIGHT, RECOLORED, DETAIL, INNER, CASTS = range(7)
"""Columns of the places: first texel and size of a texture, whether it is recolored, the first texel of its details (-1
for none), whether it is a shell of hair, whether it casts a shadow."""
PLAIN_GLOSS = 128.0
"""Value of a detail map where a surface is as glossy as its material, and where it is level."""
RELIEF = 0.003
"""Height of 127 levels of a detail map, world units: about 1 mm."""


@inlined
def _corners(width, height, u, v):
    """Columns and rows of the texels around a place, clamped at the borders, and its shares of the farther ones."""
    fx = min(max(u * width - 0.5, 0.0), width - 1.0)
    fy = min(max((1.0 - v) * height - 0.5, 0.0), height - 1.0)
    x0, y0 = int(fx), int(fy)
    return x0, y0, min(x0 + 1, width - 1), min(y0 + 1, height - 1), fx - x0, fy - y0


@inlined
def detail(look, m, u, v):
    """Gloss as a factor and height in world units of the detail map, bilinear, clamped at the borders."""
    _, places, _, _, details = look
    width, height, start = places[m, WIDTH], places[m, HEIGHT], places[m, DETAIL]
    x0, y0, x1, y1, ax, ay = _corners(width, height, u, v)
    a, b, c, d = start + y0 * width + x0, start + y0 * width + x1, start + y1 * width + x0, start + y1 * width + x1
    p, q, r, s = (1 - ax) * (1 - ay), ax * (1 - ay), (1 - ax) * ay, ax * ay
    gloss = p * details[a, 0] + q * details[b, 0] + r * details[c, 0] + s * details[d, 0]
    level = p * details[a, 1] + q * details[b, 1] + r * details[c, 1] + s * details[d, 1]
    return gloss / PLAIN_GLOSS, (level - PLAIN_GLOSS) * (RELIEF / 127.0)


@inlined
def texel(look, m, u, v):
    """Albedo in linear light and alpha, bilinear, clamped at the borders; v points up. Clear texels have no colour."""
    atlas, places, tints, linear, _ = look
    width, height, start = places[m, WIDTH], places[m, HEIGHT], places[m, START]
    x0, y0, x1, y1, ax, ay = _corners(width, height, u, v)
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
    if places[m, RECOLORED]:
        r = g = b = 0.12 + 3.9 * (0.3 * r + 0.55 * g + 0.15 * b)
    return r * tints[m, 0], g * tints[m, 1], b * tints[m, 2], a / 255

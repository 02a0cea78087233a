"""How surfaces scatter and reflect light, in numba: lobes of skin, strands of hair, the clear layer of an eye.

Every kernel takes tuples of arrays, few and wide, because calls copy them:
    lights: (sources [l, 7]: direction, color, radius; ambient [3, 4, 4]; reflections [t, 3]; view [8]: cosine and sine
        of the environment's turn, gain of the reflections, eye); see `Lighting`.
    finish: by material (numbers [m, c], at the columns named below; factor and addend of the reflectance of a lobe [m,
        2, `ANGLES`, 2]; scattered light [3, `CURVES`, `COSINES`]).
"""

import math
from functools import cache

import numpy as np
from jaxtyping import Float

from gghead.config.compiled import compiled
from gghead.synthetic.render.environment import LEVEL_SIDES, LEVEL_STARTS

inlined = compiled(fastmath=True, nogil=True, error_model="numpy", forceinline=True)

ANGLES = 32
"""Even steps of the cosine between normal and view in the table of reflectances."""
COSINES, CURVES = 64, 24
"""Even steps of the cosine of the light, -1 to 1, and of the curvature, 0 to `MAX_CURVATURE`."""
MAX_CURVATURE = 0.25
"""1 / mm."""
WORLD_MM = 310.0
"""Millimeters in a world unit, of an average adult."""
PROFILE = np.array(
    [
        [0.0064, 0.233, 0.455, 0.649],
        [0.0484, 0.100, 0.336, 0.344],
        [0.187, 0.118, 0.198, 0.0],
        [0.567, 0.113, 0.007, 0.007],
        [1.99, 0.358, 0.004, 0.0],
        [7.41, 0.078, 0.0, 0.0],
    ]
)
"""How light spreads in skin: variances of Gaussians, mm^2, and their weights in red, green and blue.

Source: d'Eon and Luebke 2007, "Advanced techniques for realistic real-time skin rendering", GPU Gems 3, chapter 14."""
SHADOW_GLOW = (0.7, 0.3, 0.1)
"""Light that creeps into the edge of a shadow on what scatters, share of its half-lit part."""
TIP, ROOT = 0.12, -0.12
"""Tilt of the two highlights of a strand towards the normal."""
HAIR_LEVEL = 2
"""Of the reflections that strands show."""
REFLECTANCE, SECOND, ROUGHNESS, LEVEL, WRAP, SOFT, STRAND, SCATTERS, COATED, BUMP = 0, 1, 2, 4, 6, 9, 12, 14, 15, 16
"""Columns of the numbers of a material, see `Finish`: where it has several, the first."""
FINISH_COLUMNS = 17
MIN_GLINT = 0.03
"""Half angle of the smallest light that is seen mirrored in an eye, radians."""


@cache
def scattered_light() -> Float[np.ndarray, "3 c l"]:
    """Diffuse light on a ball of skin for each curvature and cosine of the light, divided by that at the brightest.

    Source: Penner and Borshukov 2011, "Pre-integrated skin shading", GPU Pro 2.
    """
    cosines, curves = np.linspace(-1, 1, COSINES), np.linspace(0, MAX_CURVATURE, CURVES)
    steps = np.linspace(-1, 1, 720)
    around = np.pi * steps**3  # narrow Gaussians need fine steps in the middle
    lit = np.maximum(np.cos(np.arccos(cosines)[:, None] + around), 0)
    table = np.empty((3, CURVES, COSINES))
    for row, curve in enumerate(np.maximum(curves, 1e-3)):
        chord = 2 / curve * np.abs(np.sin(around / 2))
        spread = np.exp(-(chord**2) / (2 * PROFILE[:, :1])) / (2 * np.pi * PROFILE[:, :1])
        weights = PROFILE[:, 1:].T @ spread * steps**2
        table[:, row] = (weights @ lit.T) / weights.sum(1, keepdims=True)
    table[:, 0] = np.maximum(cosines, 0)
    return table


@cache
def lobe_table(roughness: float) -> Float[np.ndarray, "a 2"]:
    """Share of light from all sides that a lobe reflects is F0 * factor + addend, for each cosine of the view.

    Source: Karis 2013, "Real shading in Unreal Engine 4", split sum; by quadrature over GGX normals.
    """
    u, v = np.meshgrid((np.arange(64) + 0.5) / 64, (np.arange(64) + 0.5) / 64)
    cosine = np.sqrt((1 - u) / (1 + (roughness**2 - 1) * u))
    sine, turn = np.sqrt(1 - cosine**2), np.pi * v
    table = np.empty((ANGLES, 2))
    for i, facing in enumerate((np.arange(ANGLES) + 0.5) / ANGLES):
        across = np.sqrt(1 - facing**2)
        view_half = np.maximum(across * sine * np.cos(turn) + facing * cosine, 1e-6)
        light = 2 * view_half * cosine - facing
        k = roughness / 2
        smith = [c / (c * (1 - k) + k) for c in (facing, np.maximum(light, 1e-6))]
        weight = np.where(light > 0, smith[0] * smith[1] * view_half / (cosine * facing), 0)
        fresnel = (1 - np.minimum(view_half, 1)) ** 5
        table[i] = (weight * (1 - fresnel)).mean(), (weight * fresnel).mean()
    return table


@inlined
def unit(x, y, z):
    """The vector at length 1; short ones become shorter than 1."""
    scale = 1 / math.sqrt(x * x + y * y + z * z + 1e-12)
    return x * scale, y * scale, z * scale


@inlined
def environment_at(lights, level, x, y, z):
    """Filtered radiance of the environment from a direction of any length, bilinear on the octahedral map."""
    _, _, texels, gaze = lights
    c, s = gaze[0], gaze[1]
    x, z = c * x - s * z, s * x + c * z
    scale = 1 / (abs(x) + abs(y) + abs(z) + 1e-12)
    u, v = x * scale, z * scale
    if y < 0:
        u, v = math.copysign(1 - abs(v), u), math.copysign(1 - abs(u), v)
    side, start = LEVEL_SIDES[level], LEVEL_STARTS[level]
    fx = min(max((u + 1) * 0.5 * side - 0.5, 0.0), side - 1.001)
    fy = min(max((v + 1) * 0.5 * side - 0.5, 0.0), side - 1.001)
    x0, y0 = int(fx), int(fy)
    ax, ay = fx - x0, fy - y0
    i = start + y0 * side + x0
    a, b, d, e = (1 - ax) * (1 - ay), ax * (1 - ay), (1 - ax) * ay, ax * ay
    j = i + side
    return (
        gaze[2] * (a * texels[i, 0] + b * texels[i + 1, 0] + d * texels[j, 0] + e * texels[j + 1, 0]),
        gaze[3] * (a * texels[i, 1] + b * texels[i + 1, 1] + d * texels[j, 1] + e * texels[j + 1, 1]),
        gaze[4] * (a * texels[i, 2] + b * texels[i + 1, 2] + d * texels[j, 2] + e * texels[j + 1, 2]),
    )


@inlined
def ambient_on(form, x, y, z):
    """What a white surface with this normal shows in a channel: (n, 1) A (n, 1)."""
    return max(
        0.0,
        x * (form[0, 0] * x + 2 * (form[0, 1] * y + form[0, 2] * z + form[0, 3]))
        + y * (form[1, 1] * y + 2 * (form[1, 2] * z + form[1, 3]))
        + z * (form[2, 2] * z + 2 * form[2, 3])
        + form[3, 3],
    )


@inlined
def diffuse_light(lights, finish, m, smooth, fine, curvature, reached, lit, out):
    """Diffuse light on a surface into out [0:3], as a factor of the albedo.

    Args:
        lights, finish, m: see the module; the material.
        smooth, fine: normals without and with bumps: red light has wandered so far that it hardly sees bumps.
        curvature: 1 / world units.
        reached: shares of the ambient light that reach the surface, three channels.
        lit: shares of the lights that do [l].
        out: at least three numbers.
    """
    sources, ambient, _, _ = lights
    numbers, _, table = finish
    bend = min(curvature / (WORLD_MM * MAX_CURVATURE), 1.0) * (CURVES - 1.001)
    row = int(bend)
    bend -= row
    for k in range(3):
        keep = 1 - numbers[m, SOFT + k]
        nx = smooth[0] + keep * (fine[0] - smooth[0])
        ny = smooth[1] + keep * (fine[1] - smooth[1])
        nz = smooth[2] + keep * (fine[2] - smooth[2])
        total = ambient_on(ambient[k], nx, ny, nz) * reached[k]
        for i in range(sources.shape[0]):
            cosine = nx * sources[i, 0] + ny * sources[i, 1] + nz * sources[i, 2]
            seen = lit[i]
            if numbers[m, SCATTERS] > 0:
                place = min(max((cosine + 1) * 0.5, 0.0), 1.0) * (COSINES - 1.001)
                j = int(place)
                share = place - j
                flat = table[k, row, j] * (1 - share) + table[k, row, j + 1] * share
                round_ = table[k, row + 1, j] * (1 - share) + table[k, row + 1, j + 1] * share
                falls = flat + bend * (round_ - flat)
                seen += SHADOW_GLOW[k] * seen * (1 - seen)
            else:
                falls = max(0.0, (cosine + numbers[m, WRAP + k]) / (1 + numbers[m, WRAP + k]))
            total += sources[i, 3 + k] * falls * seen
        out[k] = total


@inlined
def gloss_light(lights, finish, m, n, view, gloss, reached, lit, out):
    """What a surface reflects, into out [3:6]: two GGX lobes for every light and for the environment.

    Source: Walter et al. 2007, "Microfacet models for refraction through rough surfaces"; Hammon 2017, "PBR diffuse
    lighting for GGX+Smith microsurfaces" (visibility); lights with a width widen the lobe, as Karis 2013 has it.
    """
    sources, _, _, _ = lights
    numbers, lobes, _ = finish
    f0 = numbers[m, REFLECTANCE]
    facing = max(n[0] * view[0] + n[1] * view[1] + n[2] * view[2], 0.03)
    twice = 2 * (n[0] * view[0] + n[1] * view[1] + n[2] * view[2])
    rx, ry, rz = twice * n[0] - view[0], twice * n[1] - view[1], twice * n[2] - view[2]
    red, green, blue = 0.0, 0.0, 0.0
    for lobe in range(2):
        weight = gloss * (numbers[m, SECOND] if lobe else 1 - numbers[m, SECOND])
        if weight <= 0:
            continue
        alpha = numbers[m, ROUGHNESS + lobe]
        angle = min(int(facing * ANGLES), ANGLES - 1)
        share = f0 * lobes[m, lobe, angle, 0] + lobes[m, lobe, angle, 1]
        e = environment_at(lights, int(numbers[m, LEVEL + lobe]), rx, ry, rz)
        share *= weight * reached
        red, green, blue = red + share * e[0], green + share * e[1], blue + share * e[2]
        for i in range(sources.shape[0]):
            lx, ly, lz = sources[i, 0], sources[i, 1], sources[i, 2]
            cosine = n[0] * lx + n[1] * ly + n[2] * lz
            if cosine <= 0 or lit[i] <= 0:
                continue
            hx, hy, hz = unit(lx + view[0], ly + view[1], lz + view[2])
            half = n[0] * hx + n[1] * hy + n[2] * hz
            a2 = alpha * alpha + 0.25 * sources[i, 6] * sources[i, 6]
            a = math.sqrt(a2)
            bell = half * half * (a2 - 1) + 1
            spread = 2 * cosine * facing * (1 - a) + a * (cosine + facing)
            away = 1 - (lx * hx + ly * hy + lz * hz)
            fresnel = f0 + (1 - f0) * away * away * away * away * away
            bright = weight * lit[i] * fresnel * cosine * a2 / (bell * bell) * 0.5 / max(spread, 1e-4)
            red += bright * sources[i, 3]
            green += bright * sources[i, 4]
            blue += bright * sources[i, 5]
    out[3], out[4], out[5] = red, green, blue


@inlined
def coat_light(lights, finish, m, n, view, reached, lidded, lit, out):
    """What a clear wet layer mirrors, into out [3:6]: the environment, and lights as the squares of windows."""
    sources, _, _, _ = lights
    numbers, _, _ = finish
    facing = max(n[0] * view[0] + n[1] * view[1] + n[2] * view[2], 0.0)
    away = 1 - facing
    fresnel = numbers[m, REFLECTANCE] + (1 - numbers[m, REFLECTANCE]) * away * away * away * away * away
    rx, ry, rz = 2 * facing * n[0] - view[0], 2 * facing * n[1] - view[1], 2 * facing * n[2] - view[2]
    e = environment_at(lights, int(numbers[m, LEVEL]), rx, ry, rz)
    open_share = min(1.0, 0.3 + 2 * reached)
    if lidded:  # brows hide what is above, little of what is in front
        open_share *= 1 - 0.85 * min(1.0, max(0.0, (ry - 0.35) / 0.35))
    out[3], out[4], out[5] = e[0] * open_share, e[1] * open_share, e[2] * open_share
    for i in range(sources.shape[0]):
        lx, ly, lz = sources[i, 0], sources[i, 1], sources[i, 2]
        if rx * lx + ry * ly + rz * lz <= 0:
            continue
        radius = max(sources[i, 6], MIN_GLINT)
        ax, _, az = unit(lz, 0.0, -lx)
        upx, upy, upz = ly * az, lz * ax - lx * az, -ly * ax
        across = abs(rx * ax + rz * az)
        along = abs(rx * upx + ry * upy + rz * upz)
        half = 0.886 * radius  # the square has the area of the disc
        edge = 0.25 * radius
        seen = min(1.0, max(0.0, (half - max(across, along)) / edge + 0.5)) * lit[i]
        for k in range(3):
            out[3 + k] += seen * sources[i, 3 + k] / (radius * radius)
    for k in range(3):
        out[3 + k] *= fresnel


@inlined
def strand_light(lights, finish, m, n, tangent, view, reached, lit, out):
    """Adds the highlights of strands of hair: in the color of the hair to out [0:3], in that of the light to [3:6].

    Kajiya and Kay 1989, "Rendering fur with three dimensional textures", twice: nearer to the root in the color of the
    hair, nearer to the tip in that of the light, as Marschner et al. 2003 measured. The environment is looked up where
    the middle of the cone of reflections points.
    """
    sources, _, _, _ = lights
    numbers, _, _ = finish
    strength, power = numbers[m, STRAND], numbers[m, STRAND + 1]
    along = tangent[0] * view[0] + tangent[1] * view[1] + tangent[2] * view[2]
    cx, cy, cz = unit(
        view[0] - along * tangent[0] + n[0], view[1] - along * tangent[1] + n[1], view[2] - along * tangent[2] + n[2]
    )
    e = environment_at(lights, HAIR_LEVEL, cx - along * tangent[0], cy - along * tangent[1], cz - along * tangent[2])
    open_share = min(1.0, reached)
    for k in range(3):
        out[k] += 1.2 * strength * open_share * e[k]
        out[3 + k] = 0.35 * strength * open_share * e[k]
    for i in range(sources.shape[0]):
        lx, ly, lz = sources[i, 0], sources[i, 1], sources[i, 2]
        cosine = n[0] * lx + n[1] * ly + n[2] * lz
        if cosine <= -0.3 or lit[i] <= 0:
            continue
        front = min(1.0, (cosine + 0.3) / 0.6) * lit[i]
        hx, hy, hz = unit(lx + view[0], ly + view[1], lz + view[2])
        bright = strength * across_strand(tangent, n, TIP, hx, hy, hz) ** power * front * open_share
        colored = 6 * strength * across_strand(tangent, n, ROOT, hx, hy, hz) ** (0.4 * power) * front
        for k in range(3):
            out[k] += sources[i, 3 + k] * colored
            out[3 + k] += sources[i, 3 + k] * bright


@inlined
def across_strand(tangent, n, shift, hx, hy, hz):
    """Sine of the angle between the half vector and a strand that leans by `shift` towards the normal."""
    tx, ty, tz = unit(tangent[0] + shift * n[0], tangent[1] + shift * n[1], tangent[2] + shift * n[2])
    along = tx * hx + ty * hy + tz * hz
    return math.sqrt(max(0.0, 1 - along * along))

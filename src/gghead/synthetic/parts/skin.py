"""Colour of a person's skin: a base from light to dark, regions with more or less pigment and blood, lines of age.

Colours multiply as layers of dye do: skin = base * exp(-sum of amount * dye) with dyes for melanin, blood and shadow,
all in display values, so that the same blush or freckle suits light and dark skin.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Float32, UInt8

from gghead.synthetic.anatomy.face_chart import HeadChart
from gghead.synthetic.anatomy.identities import Person, aged
from gghead.synthetic.anatomy.skin_regions import CREASE_HEIGHTS, Noise, Region, SkinMaps
from gghead.synthetic.hair.hairline import HairLine
from gghead.synthetic.parts.makeup import LINER, ROUGE, Makeup
from gghead.synthetic.parts.skin_kernels import cover, dye
from gghead.synthetic.parts.skin_relief import Lines, emboss_skin

SHADES = np.array([0, 0.15, 0.35, 0.55, 0.75, 1])
SKIN = np.array(
    [
        [0.87, 0.715, 0.65],
        [0.83, 0.66, 0.57],
        [0.775, 0.605, 0.495],
        [0.64, 0.465, 0.36],
        [0.47, 0.335, 0.255],
        [0.31, 0.205, 0.155],
    ]
)
"""Display colours of skin at `SHADES` of melanin, from very light to very dark."""
MELANIN, BLOOD, SHADOW = np.array([0.30, 0.62, 0.85]), np.array([0.05, 0.52, 0.42]), np.array([1.0, 1.0, 1.0])
"""Dyes: optical densities of red, green and blue."""
VEINS = np.array([0.72, 0.70, 0.52])
"""Dye of what lies deep in the skin and is seen bluish through it: veins and the roots of shaved hair."""
FRECKLED = 0.22
"""Chance of freckles on light skin."""
LINE_SHADES = {
    Region.FOLDS: 0.6,
    Region.FOREHEAD_LINES: 0.3,
    Region.CROWS_FEET: 0.5,
    Region.FROWN_LINES: 0.5,
    Region.UNDER_EYES: 0.35,
    Region.ABOVE_LIPS: 0.15,
}
"""How dark lines are beside the shadow in them."""
MOLES = 1.3
"""Mean number on a face."""
BLEMISH_YEARS, BLEMISHES = (8.0, 15.0, 20.0, 30.0, 50.0), (0.3, 5.0, 4.0, 2.0, 1.0)
"""Mean number of red spots on a face at these ages."""
SHAVING_YEARS = 17
"""Age from which men have a beard to shave."""
STUBBLE_LIMIT = 0.5
"""Thin stubble is no lighter than this share of the skin."""


@dataclass(frozen=True)
class SkinTextures:
    """Display colours: the head chart, one colour [1, 1, 3] for neck and shoulders, and that colour in 0 .. 1.

    The detail is gloss and height of the head chart, as `emboss_skin` has it.
    """

    head: UInt8[np.ndarray, "h w 3"]
    detail: UInt8[np.ndarray, "h w 2"]
    body: UInt8[np.ndarray, "1 1 3"]
    base: Float[np.ndarray, "3"]


@dataclass(frozen=True)
class Face:
    """What a person has on the skin.

    Attributes:
        hair_line: where hair grows.
        scalp: how much the hair's roots hide the skin below, 0 to 1.
        stubble: density of beard, moustache and goatee [3], 0 to 1.
        makeup: on lips, lids, lashes and cheeks.
        lines: of age and expression.
    """

    hair_line: HairLine
    scalp: float
    stubble: Float[np.ndarray, "3"]
    makeup: Makeup
    lines: Lines


def skin_color(person: Person, rng: np.random.Generator) -> Float[np.ndarray, "3"]:
    """Display colour of a person's skin: by melanin, a little pinker or more olive than the average."""
    base = np.array([np.interp(person.melanin, SHADES, channel) for channel in SKIN.T])
    pink, light = np.clip(rng.normal(0, 1, 2), -2, 2)
    return np.clip(base * (1 + 0.02 * light) * (1 + pink * np.array([0.012, -0.012, 0.0])), 0.05, 0.97)


def paint_skin(
    chart: HeadChart, maps: SkinMaps, person: Person, base: Float[np.ndarray, "3"], face: Face, rng: np.random.Generator
) -> SkinTextures:
    """Skin of one person of a display colour, with the roots of the hair, stubble and makeup."""
    image = np.empty((*chart.shape, 3), np.float32)
    offsets = (rng.random((len(Noise), 2)) * chart.shape).astype(np.int64)
    dye(
        maps.regions,
        maps.spans,
        region_dyes(person, face.lines, rng).astype(np.float32),
        maps.noise,
        offsets,
        noise_dyes(person, rng).astype(np.float32),
        maps.inside,
        base.astype(np.float32),
        image,
    )
    _paint_freckles(maps, person, base, offsets[Noise.FRECKLES], rng, image)
    hair = np.clip(person.hair_color, 0, 1) ** (1 / 2.2)
    _paint_makeup(maps, base, face.makeup, image)
    lashes = maps.regions[Region.LASH_LINE] * np.float32(
        0.45 + 0.5 * max(face.makeup.liner, 0.4 * (person.sex == "female"))
    )
    cover(image, lashes, LINER.astype(np.float32))
    grain = np.roll(maps.noise[Noise.STUBBLE], tuple(offsets[Noise.STUBBLE]), (0, 1))
    _paint_stubble(maps, base, hair, face.stubble, grain, image)
    _paint_scalp(chart, maps, base, hair, face, grain, image)
    head = _to_uint8(image)
    paint_marks(chart, person, head, rng)
    detail = emboss_skin(maps, person, face.lines, offsets, face.makeup.gloss * face.makeup.lips, rng)
    return SkinTextures(head, detail, _to_uint8(base.reshape(1, 1, 3)), base)


def region_dyes(person: Person, lines: Lines, rng: np.random.Generator) -> Float[np.ndarray, "r 3"]:
    """Optical density of each region of a face with such lines."""
    blood = (1 - 0.65 * person.melanin) * BLOOD
    old = aged(person.years)
    ruddy, tired, full = rng.uniform(0.4, 1.6), rng.uniform(0.4, 1.4), rng.uniform(0.85, 1.2)
    dark_lips = 0.18 * person.melanin
    red = 0.42 if person.sex == "male" else 0.56
    dyes = np.zeros((len(Region), 3))
    dark, veined = person.melanin * rng.uniform(0.3, 1.3), (1 - person.melanin) * tired
    dyes[Region.CHEEKS] = 0.28 * ruddy * blood
    dyes[Region.NOSE] = 0.42 * ruddy * blood
    dyes[Region.EARS] = 0.42 * blood
    dyes[Region.SOCKETS] = (0.07 * tired + 0.3 * dark) * MELANIN + 0.06 * blood
    dyes[Region.INNER_EYES] = 0.22 * blood + 0.07 * SHADOW
    dyes[Region.EYE_BAGS] = (1 + 0.8 * old) * (0.05 * tired * blood + 0.15 * veined * VEINS)
    dyes[Region.FOREHEAD] = -0.06 * blood + 0.04 * MELANIN
    dyes[Region.CHIN] = 0.2 * ruddy * blood
    dyes[Region.AROUND_MOUTH] = 0.35 * dark * MELANIN + 0.05 * veined * VEINS
    dyes[Region.LIPS] = full * (red * (1 - 0.35 * person.melanin) * BLOOD + 0.12 * SHADOW) * (1 - 0.3 * old)
    dyes[Region.UPPER_LIP] = dark_lips * MELANIN + 0.09 * SHADOW
    dyes[Region.LIP_EDGE] = 0.05 * MELANIN - 0.03 * SHADOW
    dyes[Region.MOUTH_LINE] = 0.30 * SHADOW + 0.3 * blood
    dyes[Region.LIDS] = 0.10 * MELANIN + 0.12 * blood
    dyes[Region.NOSTRIL_FOLD] = 0.16 * (MELANIN + blood)
    shade = 0.28 * SHADOW + 0.22 * MELANIN + 0.2 * blood
    for region, share in LINE_SHADES.items():
        dyes[region] = lines.depth[region] * shade * share * (1 - 0.25 * person.melanin)
    for crease in CREASE_HEIGHTS:
        dyes[crease] = (
            lines.depth[crease] * (0.65 * SHADOW + 0.5 * MELANIN + 0.15 * blood) * (1 - 0.25 * person.melanin)
        )
    dyes[Region.LIP_LINES] = -0.025 * SHADOW - 0.02 * blood
    # Roots of dark hair are seen through light skin, however closely it is shaved.
    roots = rng.uniform(0.2, 1) * float(np.exp(-6 * person.hair_color.mean())) * (1 - person.melanin)
    if person.sex == "male" and person.years > SHAVING_YEARS:
        dyes[Region.BEARD], dyes[Region.MOUSTACHE] = 0.42 * roots * VEINS, 0.34 * roots * VEINS
    return dyes


def noise_dyes(person: Person, rng: np.random.Generator) -> Float[np.ndarray, "n 3"]:
    """Optical density of each field of noise."""
    blood = (1 - 0.6 * person.melanin) * BLOOD
    rough = {"child": 0.75, "young": 1.1, "middleage": 1.3, "old": 1.5}[person.age] * rng.uniform(0.8, 1.2)
    dyes = np.zeros((len(Noise), 3))
    uneven, flushed = rng.uniform(0.7, 1.5) * (1 + person.melanin), rng.uniform(0.6, 1.4)
    dyes[Noise.PATCHES] = uneven * (0.03 * MELANIN + 0.018 * SHADOW)
    dyes[Noise.BLOTCHES] = rough * (0.033 * flushed * blood + 0.01 * uneven * MELANIN)
    dyes[Noise.MOTTLING] = rough * (0.03 * flushed * blood + 0.014 * uneven * MELANIN)
    dyes[Noise.PORES] = rough * 0.018 * SHADOW
    dyes[Noise.SPOTS] = (0.04 + 0.2 * aged(person.years)) * rng.uniform(0.0, 1.2) * MELANIN
    return dyes


def _paint_freckles(
    maps: SkinMaps, person: Person, base: np.ndarray, offset: np.ndarray, rng: np.random.Generator, image: np.ndarray
) -> None:
    """Freckles gather on nose and cheeks; few on the rest of the face."""
    strength, spread = rng.uniform(0.15, 0.6), rng.uniform(0.03, 0.2)
    chance = FRECKLED * (1.4 if person.age == "child" else 1) * (1 if person.melanin < 0.3 else 0.2)
    if rng.random() > chance:
        return
    where = maps.regions[Region.CHEEKS] + 0.9 * maps.regions[Region.NOSE] + 0.35 * maps.regions[Region.FOREHEAD]
    dots = np.roll(maps.noise[Noise.FRECKLES], tuple(offset), (0, 1)) * np.minimum(1, 1.3 * where + spread)
    cover(image, (strength * dots * maps.inside).astype(np.float32), (base * np.exp(-0.9 * MELANIN)).astype(np.float32))


def _paint_makeup(maps: SkinMaps, base: np.ndarray, makeup: Makeup, image: np.ndarray) -> None:
    layers = (
        (Region.LIPS, makeup.lips, makeup.lip_color),
        (Region.LIDS, makeup.lids, makeup.lid_color),
        (Region.CHEEKS, makeup.cheeks, base * ROUGE),
    )
    for region, amount, color in layers:
        if amount > 0:
            cover(image, maps.regions[region] * np.float32(amount), color.astype(np.float32))


def paint_marks(
    chart: HeadChart, person: Person, texture: UInt8[np.ndarray, "h w c"], rng: np.random.Generator
) -> None:
    """A few moles, and red spots by age, at random places of the face, in place."""
    red = (1 - 0.6 * person.melanin) * BLOOD + 0.25 * person.melanin * MELANIN
    spots = float(np.interp(person.years, BLEMISH_YEARS, BLEMISHES)) * rng.exponential()
    _paint_dots(chart, min(int(rng.poisson(MOLES)), 8), (0.6, 1.4), MELANIN + 0.1, texture, rng)
    _paint_dots(chart, min(int(rng.poisson(spots)), 16), (1.0, 2.6), 0.55 * red, texture, rng)


def _paint_dots(
    chart: HeadChart,
    count: int,
    size: tuple[float, float],
    density: Float[np.ndarray, "3"],
    texture: UInt8[np.ndarray, "h w c"],
    rng: np.random.Generator,
) -> None:
    """Soft dots of a dye; smallest and largest radius in texels of the full texture."""
    rows, columns = rng.random((2, count, 12))
    sizes, depths = rng.uniform(*size, count), rng.uniform(0.4, 1.3, count)
    for k in range(count):
        y, x = (rows[k] * chart.shape[0]).astype(int), (columns[k] * chart.shape[1]).astype(int)
        seen = np.flatnonzero(chart.facing[y, x] > 0.5)
        if len(seen) == 0:
            continue
        y, x, radius = y[seen[0]], x[seen[0]], max(sizes[k] * chart.detail, 0.6)
        reach = int(3 * radius) + 1
        area = (slice(max(y - reach, 0), y + reach + 1), slice(max(x - reach, 0), x + reach + 1))
        own_y, own_x = np.arange(*area[0].indices(chart.shape[0]))[:, None], np.arange(*area[1].indices(chart.shape[1]))
        hill = np.exp(-((((own_y - y) ** 2 + (own_x - x) ** 2) / (2 * radius**2)) ** 2))
        darker = np.exp(-depths[k] * hill[..., None] * density)
        texture[(*area, slice(3))] = (texture[(*area, slice(3))] * darker).astype(np.uint8)


def _paint_stubble(
    maps: SkinMaps, base: np.ndarray, hair: np.ndarray, density: np.ndarray, grain: np.ndarray, image: np.ndarray
) -> None:
    """Shaved or short beards: a shadow of hair below the skin and dots of cut hairs on it."""
    if density.max() <= 0:
        return
    limit = (STUBBLE_LIMIT + 0.6 * density.max()) * base.mean()
    color = hair * min(1, limit / hair.max()) * np.array([0.97, 1, 1.03])
    areas = (Region.BEARD, Region.MOUSTACHE, Region.GOATEE)
    area = np.max([maps.regions[region] * share for region, share in zip(areas, density, strict=True)], 0)
    # Towards the edges of a beard hairs are fewer, not fainter.
    dots = np.clip(2.2 * (1.25 * area - grain), 0, 1)
    shadow = (0.35 + 0.4 * area**2) * area
    cover(image, ((shadow + (1 - shadow) * dots * area) * maps.inside).astype(np.float32), color.astype(np.float32))


def _paint_scalp(
    chart: HeadChart,
    maps: SkinMaps,
    base: np.ndarray,
    hair: np.ndarray,
    face: Face,
    grain: np.ndarray,
    image: np.ndarray,
) -> None:
    ragged = face.hair_line.above(chart.azimuth, chart.height) + np.float32(0.05) * (grain - np.float32(0.5))
    ragged += np.float32(0.012) * maps.noise[Noise.MOTTLING]
    roots = np.clip((ragged + 0.02) / 0.16, 0, 1) * (1 - 0.9 * np.clip(1.6 * maps.regions[Region.EARS] - 0.3, 0, 1))
    dots = np.clip(0.5 + 0.9 * grain, 0, 1) if face.scalp < 0.85 else 1
    cover(image, (roots * dots * face.scalp).astype(np.float32), (hair * 0.8 + 0.06 * base).astype(np.float32))


def _to_uint8(display: Float32[np.ndarray, "*P 3"]) -> UInt8[np.ndarray, "*P 3"]:
    return (np.clip(display, 0, 1) * 255 + 0.5).astype(np.uint8)

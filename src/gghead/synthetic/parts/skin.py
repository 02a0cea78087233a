"""Colour of a person's skin: a base from light to dark, regions with more or less pigment and blood, lines of age.

Colours multiply as layers of dye do: skin = base * exp(-sum of amount * dye) with dyes for melanin, blood and shadow,
all in display values, so that the same blush or freckle suits light and dark skin.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Float32, UInt8

from gghead.synthetic.anatomy.face_chart import HeadChart
from gghead.synthetic.anatomy.identities import Person
from gghead.synthetic.anatomy.skin_regions import Noise, Region, SkinMaps
from gghead.synthetic.hair.hairline import HairLine
from gghead.synthetic.parts.skin_kernels import cover, dye

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
FOLD_DEPTH = {"child": 0.0, "young": 0.06, "middleage": 0.45, "old": 1.0}
"""How deep the lines of age are."""
FRECKLED = 0.22
"""Chance of freckles on light skin."""
LASH_COLOR = np.array([0.07, 0.05, 0.045])
STUBBLE_LIMIT = 0.5
"""Thin stubble is no lighter than this share of the skin."""


@dataclass(frozen=True)
class SkinTextures:
    """Display colours: the head chart, one colour [1, 1, 3] for neck and shoulders, and that colour in 0 .. 1."""

    head: UInt8[np.ndarray, "h w 3"]
    body: UInt8[np.ndarray, "1 1 3"]
    base: Float[np.ndarray, "3"]


@dataclass(frozen=True)
class Face:
    """What a person has on the skin.

    Attributes:
        hair_line: where hair grows.
        scalp: how much the hair's roots hide the skin below, 0 to 1.
        stubble: density of beard, moustache and goatee [3], 0 to 1.
        makeup: lips, lids and line of the lashes [3], 0 to 1.
    """

    hair_line: HairLine
    scalp: float
    stubble: Float[np.ndarray, "3"]
    makeup: Float[np.ndarray, "3"]


def skin_color(person: Person, rng: np.random.Generator) -> Float[np.ndarray, "3"]:
    """Display colour of a person's skin: by melanin, a little pinker or more olive than the average."""
    base = np.array([np.interp(person.melanin, SHADES, channel) for channel in SKIN.T])
    pink, light = np.clip(rng.normal(0, 1, 2), -2, 2)
    return np.clip(base * (1 + 0.02 * light) * (1 + pink * np.array([0.012, -0.012, 0.0])), 0.05, 0.97)


def random_makeup(person: Person, rng: np.random.Generator) -> Float[np.ndarray, "3"]:
    """Some women paint lips, lids and the line of their lashes."""
    drawn, wears = rng.uniform(0, 1, 3), rng.random() < 0.45
    if person.sex == "male" or person.age == "child" or not wears:
        return np.zeros(3)
    return drawn * np.array([0.55, 0.4, 0.8])


def paint_skin(chart: HeadChart, maps: SkinMaps, person: Person, face: Face, rng: np.random.Generator) -> SkinTextures:
    """Skin of one person, with the roots of the hair, stubble and makeup."""
    base = skin_color(person, rng)
    image = np.empty((*chart.shape, 3), np.float32)
    offsets = (rng.random((len(Noise), 2)) * chart.shape).astype(np.int64)
    dye(
        maps.regions,
        _region_dyes(person, rng).astype(np.float32),
        maps.noise,
        offsets,
        _noise_dyes(person, rng).astype(np.float32),
        maps.inside,
        base.astype(np.float32),
        image,
    )
    _paint_freckles(maps, person, base, offsets[Noise.FRECKLES], rng, image)
    hair = np.clip(person.hair_color, 0, 1) ** (1 / 2.2)
    _paint_makeup(maps, base, face.makeup, rng, image)
    lashes = maps.regions[Region.LASH_LINE] * np.float32(
        0.55 + 0.4 * max(face.makeup[2], 0.5 * (person.sex == "female"))
    )
    cover(image, lashes, LASH_COLOR.astype(np.float32))
    grain = np.roll(maps.noise[Noise.STUBBLE], tuple(offsets[Noise.STUBBLE]), (0, 1))
    _paint_stubble(maps, base, hair, face.stubble, grain, image)
    _paint_scalp(chart, maps, base, hair, face, grain, image)
    return SkinTextures(_to_uint8(image), _to_uint8(base.reshape(1, 1, 3)), base)


def _region_dyes(person: Person, rng: np.random.Generator) -> Float[np.ndarray, "r 3"]:
    """Optical density of each region."""
    blood = (1 - 0.65 * person.melanin) * BLOOD
    old = person.age == "old"
    ruddy, tired, full = rng.uniform(0.4, 1.5), rng.uniform(0.4, 1.4), rng.uniform(0.8, 1.2)
    depth = FOLD_DEPTH[person.age] * rng.uniform(0.6, 1.2)
    lines = depth * rng.uniform(0.6, 1.2, 4) * (1 - 0.25 * person.melanin)
    dark_lips = 0.18 * person.melanin
    dyes = np.zeros((len(Region), 3))
    dyes[Region.CHEEKS] = 0.15 * ruddy * blood
    dyes[Region.NOSE] = 0.16 * ruddy * blood
    dyes[Region.EARS] = 0.22 * blood
    dyes[Region.SOCKETS] = 0.07 * tired * MELANIN + 0.06 * blood
    dyes[Region.INNER_EYES] = 0.22 * blood + 0.07 * SHADOW
    dyes[Region.EYE_BAGS] = 0.10 * tired * (1.6 if old else 1) * (0.5 * blood + 0.5 * SHADOW)
    dyes[Region.FOREHEAD] = -0.05 * blood + 0.02 * MELANIN
    dyes[Region.CHIN] = 0.05 * blood
    dyes[Region.LIPS] = full * (0.62 * (1 - 0.35 * person.melanin) * BLOOD + 0.10 * SHADOW) * (0.75 if old else 1)
    dyes[Region.UPPER_LIP] = dark_lips * MELANIN + 0.07 * SHADOW
    dyes[Region.LIP_EDGE] = 0.05 * MELANIN - 0.03 * SHADOW
    dyes[Region.MOUTH_LINE] = 0.30 * SHADOW + 0.3 * blood
    dyes[Region.LIDS] = 0.10 * MELANIN + 0.12 * blood
    dyes[Region.LID_CREASE] = rng.uniform(0.1, 0.34) * (MELANIN + 0.4 * blood)
    dyes[Region.NOSTRIL_FOLD] = 0.16 * (MELANIN + blood)
    shade = 0.28 * SHADOW + 0.22 * MELANIN + 0.2 * blood
    dyes[Region.FOLDS] = (0.12 + lines[0]) * shade * 0.9
    dyes[Region.FOREHEAD_LINES] = lines[1] * shade * 0.45
    dyes[Region.CROWS_FEET] = lines[2] * shade * 0.8
    dyes[Region.FROWN_LINES] = (0.05 + lines[3]) * shade * 0.7
    return dyes


def _noise_dyes(person: Person, rng: np.random.Generator) -> Float[np.ndarray, "n 3"]:
    """Optical density of each field of noise."""
    blood = (1 - 0.6 * person.melanin) * BLOOD
    rough = {"child": 0.6, "young": 0.9, "middleage": 1.2, "old": 1.5}[person.age] * rng.uniform(0.8, 1.2)
    dyes = np.zeros((len(Noise), 3))
    dyes[Noise.PATCHES] = 0.022 * MELANIN + 0.01 * SHADOW
    dyes[Noise.BLOTCHES] = rough * 0.035 * blood
    dyes[Noise.MOTTLING] = rough * (0.018 * blood + 0.010 * MELANIN)
    dyes[Noise.PORES] = rough * 0.014 * SHADOW
    dyes[Noise.SPOTS] = {"old": 0.28, "middleage": 0.16}.get(person.age, 0.1) * rng.uniform(0.3, 1.2) * MELANIN
    return dyes


def _paint_freckles(
    maps: SkinMaps, person: Person, base: np.ndarray, offset: np.ndarray, rng: np.random.Generator, image: np.ndarray
) -> None:
    """Freckles gather on nose and cheeks; few on the rest of the face."""
    strength, spread = rng.uniform(0.25, 0.8), rng.uniform(0.05, 0.3)
    chance = FRECKLED * (1.4 if person.age == "child" else 1) * (1 if person.melanin < 0.3 else 0.2)
    if rng.random() > chance:
        return
    where = maps.regions[Region.CHEEKS] + 0.9 * maps.regions[Region.NOSE] + 0.35 * maps.regions[Region.FOREHEAD]
    dots = np.roll(maps.noise[Noise.FRECKLES], tuple(offset), (0, 1)) * np.minimum(1, 1.3 * where + spread)
    cover(image, (strength * dots * maps.inside).astype(np.float32), (base * np.exp(-0.9 * MELANIN)).astype(np.float32))


def _paint_makeup(
    maps: SkinMaps, base: np.ndarray, makeup: np.ndarray, rng: np.random.Generator, image: np.ndarray
) -> None:
    lipstick = (
        np.array([0.60, 0.22, 0.25]) * (1 + 0.15 * rng.standard_normal(3)) * np.clip(0.6 + 0.5 * base.mean(), 0.5, 1)
    )
    shadow = base * rng.uniform(0.45, 0.75) * (1 + 0.10 * rng.standard_normal(3))
    if makeup.max() > 0:
        cover(image, maps.regions[Region.LIPS] * np.float32(makeup[0]), np.clip(lipstick, 0.1, 0.9).astype(np.float32))
        cover(image, maps.regions[Region.LIDS] * np.float32(makeup[1]), np.clip(shadow, 0, 1).astype(np.float32))


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
    dots = np.clip((grain - 0.35) * 2, 0, 1)
    dots += (1 - dots) * (0.4 + 0.6 * area**2)
    cover(image, (area * dots * maps.inside).astype(np.float32), color.astype(np.float32))


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

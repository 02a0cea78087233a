"""Regions and lines of the face that differ in colour from the rest of the skin, as maps of the head's texture.

A map says where; `skin.py` decides how much of it a person has. All are made once for a texture size.
"""

from dataclasses import dataclass
from enum import IntEnum

import numpy as np
from jaxtyping import Float32, Int32
from scipy.ndimage import gaussian_filter, zoom

from gghead.synthetic.anatomy.face_chart import FULL_HEIGHT, FULL_WIDTH, HeadChart
from gghead.synthetic.render.mesh_rasterizer import exact

NOISE_SEED = 20
"""Of the fields of noise that everybody shares; a person sees them shifted by a random offset."""
BACK_SEAM = 0.35
"""Radians beside the cut of the chart at the back of the head, in which skin gets its plain colour."""

FAINTEST = 1 / 512
"""What is nearer to 0 in a map colours nothing: most regions are small, and nothing else is looked at."""


class Region(IntEnum):
    """Maps of the face."""

    CHEEKS = 0
    NOSE = 1
    EARS = 2
    SOCKETS = 3
    INNER_EYES = 4
    EYE_BAGS = 5
    FOREHEAD = 6
    CHIN = 7
    LIPS = 8
    UPPER_LIP = 9
    LIP_EDGE = 10
    MOUTH_LINE = 11
    LASH_LINE = 12
    LIDS = 13
    LID_CREASE = 14
    NOSTRIL_FOLD = 15
    FOLDS = 16
    FOREHEAD_LINES = 17
    CROWS_FEET = 18
    FROWN_LINES = 19
    BEARD = 20
    MOUSTACHE = 21
    GOATEE = 22
    LIP_LINES = 23
    ABOVE_LIPS = 24
    UNDER_EYES = 25
    OILY = 26
    AROUND_MOUTH = 27
    LOW_CREASE = 28
    HIGH_CREASE = 29


class Noise(IntEnum):
    """Fields of noise, from coarse to fine."""

    PATCHES = 0
    BLOTCHES = 1
    MOTTLING = 2
    PORES = 3
    FRECKLES = 4
    SPOTS = 5
    STUBBLE = 6


UPPER_RIM = [(0.18, 7.285), (0.25, 7.332), (0.335, 7.345), (0.415, 7.335), (0.475, 7.288)]
"""Along the upper lid above its rim, from the nose to the temple: (side, height)."""
CREASE_HEIGHTS = {Region.LOW_CREASE: 0.018, Region.LID_CREASE: 0.036, Region.HIGH_CREASE: 0.056}
"""Of the creases of upper lids above that line at the middle of the eye; towards the nose they come down to it."""


@dataclass(frozen=True)
class SkinMaps:
    """Where the regions of the face are and how its skin is mottled.

    Attributes:
        regions: one map for each `Region`, 0 to 1; folds also have what is below 0.
        spans: first column of each row of a map that is not faint, and the column after the last one.
        noise: one field for each `Noise`; the first four have zero mean and unit deviation, the spots are 0 to 1.
            Their borders match, so that they may be shifted.
        inside: 0 at the seam to the neck and at the cut at the back, where nothing may differ from the plain colour,
            1 away from both.
    """

    regions: Float32[np.ndarray, "r h w"]
    spans: Int32[np.ndarray, "r h 2"]
    noise: Float32[np.ndarray, "n h w"]
    inside: Float32[np.ndarray, "h w"]


def map_skin(chart: HeadChart) -> SkinMaps:
    """The maps for a texture size."""
    made = {**_soft_regions(chart), **_mouth(chart), **_eyes(chart), **_lines(chart), **_beard(chart)}
    regions = np.stack([made[region] for region in Region], dtype=np.float32, casting="same_kind")
    spans = np.zeros((*regions.shape[:2], 2), np.int32)
    _find_spans(regions, np.float32(FAINTEST), spans)
    # Noise has a seam where the chart is cut at the back of the head.
    seamless = np.clip((np.pi - chart.azimuth) / BACK_SEAM, 0, 1)
    return SkinMaps(regions, spans, _noise_fields(chart), (chart.inside * seamless).astype(np.float32))


@exact
def _find_spans(regions, faintest, spans):
    """Where rows of maps [r, h, w] are not faint: spans [r, h, 2], in place."""
    for r in range(regions.shape[0]):
        for y in range(regions.shape[1]):
            first, end = regions.shape[2], 0
            for x in range(regions.shape[2]):
                if abs(regions[r, y, x]) >= faintest:
                    first, end = min(first, x), x + 1
            spans[r, y, 0], spans[r, y, 1] = min(first, end), end


def _soft_regions(chart: HeadChart) -> dict[Region, np.ndarray]:
    hills = {
        Region.CHEEKS: chart.near((0.40, 6.93, 1.28), (0.17, 0.15, 0.3)),
        Region.NOSE: chart.near((0.0, 6.93, 1.66), (0.15, 0.09, 0.12)),
        Region.SOCKETS: chart.near((0.31, 7.28, 1.33), (0.17, 0.11, 0.2)),
        Region.INNER_EYES: chart.near((0.155, 7.26, 1.38), (0.05, 0.07, 0.1)),
        Region.EYE_BAGS: chart.near((0.29, 7.165, 1.33), (0.12, 0.045, 0.2)),
        Region.FOREHEAD: chart.near((0.0, 7.72, 1.45), (0.32, 0.2, 0.4)),
        Region.CHIN: chart.near((0.0, 6.32, 1.45), (0.22, 0.12, 0.25)),
    }
    oily = chart.near((0.0, 7.62, 1.45), (0.2, 0.2, 0.4)) + 0.6 * hills[Region.CHIN]
    hills[Region.OILY] = np.clip(oily + chart.near((0.0, 7.05, 1.6), (0.09, 0.2, 0.25)), 0, 1)
    return {**hills, Region.EARS: gaussian_filter(chart.masks["ears"], 3 * chart.detail)}


def _mouth(chart: HeadChart) -> dict[Region, np.ndarray]:
    lips = gaussian_filter(chart.masks["lips"], 1.6 * chart.detail)
    upper = np.clip((chart.height - 6.605) / 0.02 + 0.5, 0, 1)
    edge = np.clip(gaussian_filter(chart.masks["lips"], 4 * chart.detail) * (1 - lips) * 4, 0, 1)
    return {
        Region.LIPS: lips,
        Region.UPPER_LIP: lips * upper,
        Region.LIP_EDGE: edge,
        Region.AROUND_MOUTH: chart.near((0.12, 6.6, 1.5), (0.17, 0.11, 0.25)) * (1 - lips),
        Region.MOUTH_LINE: chart.crease([(0, 6.612), (0.1, 6.61), (0.2, 6.612), (0.29, 6.612)], 0.012),
        Region.LIP_LINES: lips * _upright(chart, 0.0125),
        Region.ABOVE_LIPS: _upright(chart, 0.03) * chart.near((0.1, 6.745, 1.5), (0.1, 0.04, 0.2)),
    }


def _eyes(chart: HeadChart) -> dict[Region, np.ndarray]:
    upper = np.clip((chart.height - 7.285) / 0.03 + 0.5, 0, 1)
    around = chart.near((0.31, 7.28, 1.33), (0.25, 0.2, 0.3)) > 0.05
    lids = np.exp(-0.5 * (chart.rim / 0.045) ** 2) * upper
    return {
        Region.LASH_LINE: np.exp(-0.5 * (chart.rim / 0.011) ** 2) * (0.35 + 0.65 * upper) * around,
        Region.LIDS: lids * around,
        **{region: _lid_fold(chart, height) for region, height in CREASE_HEIGHTS.items()},
    }


def _lid_fold(chart: HeadChart, height: float) -> np.ndarray:
    """The crease of the upper lid: a dark line, the shade of the fold below it, and the lighter fold above it."""
    shares = (0.35, 0.85, 1.0, 1.0, 0.8)
    line = [(side, y + share * height) for (side, y), share in zip(UPPER_RIM, shares, strict=True)]
    shade, fold = chart.crease(line, 0.014, -0.010), chart.crease(line, 0.020, 0.030)
    return chart.crease(line, 0.0065) + 0.35 * shade - 0.3 * fold


def _lines(chart: HeadChart) -> dict[Region, np.ndarray]:
    """Folds as a dark line with a lighter ridge beside it: positive where dark, negative where light."""

    broken = _broken(chart)

    def fold(line: list[tuple[float, float]], width: float, strength: float = 1) -> np.ndarray:
        ridge = chart.crease(line, 1.8 * width, 2.2 * width) + chart.crease(line, 1.8 * width, -2.2 * width)
        return strength * (chart.crease(line, width) - 0.3 * ridge)

    outer = [
        fold([(0.465, 7.29 + 0.6 * d), (0.46 + 0.5 * reach, 7.285 + 1.6 * d), (0.46 + reach, 7.27 + 3 * d)], 0.006, s)
        for d, reach, s in (
            (-0.03, 0.1, 0.8),
            (-0.013, 0.08, 0.6),
            (0.004, 0.13, 1),
            (0.02, 0.09, 0.7),
            (0.036, 0.1, 0.6),
        )
    ]
    # Lines of a forehead are single, wavy and of unlike length.
    forehead = [
        fold([(start, y), (start + 0.3 * (end - start), y + 0.018), (0.5 * end, y + 0.012), (end, y - drop)], width, s)
        for start, end, y, drop, width, s in (
            *((0, 0.40, 7.60, 0.02, 0.010, 0.8), (0.05, 0.46, 7.665, 0.035, 0.008, 0.55)),
            *((0, 0.43, 7.72, 0.03, 0.011, 1.0), (0, 0.33, 7.78, 0.01, 0.007, 0.5), (0, 0.39, 7.84, 0.03, 0.010, 0.7)),
        )
    ]
    below = [
        fold([(0.18, y), (0.25, y - 0.045), (0.33, y - 0.055), (0.42, y - 0.02)], 0.006, s)
        for y, s in ((7.235, 1.0), (7.205, 0.7))
    ]
    return {
        Region.NOSTRIL_FOLD: chart.crease([(0.165, 6.97), (0.185, 6.91), (0.165, 6.85)], 0.014),
        Region.FOLDS: fold([(0.19, 6.95), (0.25, 6.86), (0.31, 6.74), (0.335, 6.60)], 0.018)
        + fold([(0.30, 6.58), (0.305, 6.5), (0.29, 6.40)], 0.015, 0.5)
        + fold([(0.17, 7.215), (0.23, 7.15), (0.32, 7.125), (0.44, 7.17)], 0.014, 0.5),
        Region.FOREHEAD_LINES: np.sum(forehead, 0) * broken,
        Region.CROWS_FEET: np.sum(outer, 0) * broken,
        Region.FROWN_LINES: fold([(0.055, 7.42), (0.06, 7.48), (0.075, 7.55)], 0.009)
        + fold([(0.03, 7.44), (0.035, 7.49), (0.03, 7.53)], 0.007, 0.5)
        + 0.5 * chart.crease([(0, 7.345), (0.06, 7.34), (0.11, 7.33)], 0.011),
        Region.UNDER_EYES: np.sum(below, 0) * broken,
    }


def _broken(chart: HeadChart) -> np.ndarray:
    """Field around 1 that makes lines stronger and weaker along their way."""
    return np.clip(1 + 0.4 * _values(chart, np.random.default_rng(NOISE_SEED + 1), 16), 0.2, 1.8)


def _upright(chart: HeadChart, spacing: float) -> np.ndarray:
    """Lines from above to below, -1 to 1, about `spacing` decimetres apart, no two alike."""
    rng = np.random.default_rng(NOISE_SEED + 2)
    x, y = chart.position[..., 0], chart.position[..., 1]
    bent = x / spacing * (1 + 0.5 * (y - 6.6)) + 0.6 * _values(chart, rng, 12)
    return np.clip(np.sin(2 * np.pi * bent) + 0.5 * np.sin(2.6 * np.pi * bent + 1), -1, 1)


def _beard(chart: HeadChart) -> dict[Region, np.ndarray]:
    side, y, z = chart.side, chart.height, chart.depth
    cheek_line = 6.62 + 0.55 * np.clip((side - 0.28) / 0.42, 0, 1) ** 1.3
    ragged = 0.035 * _values(chart, np.random.default_rng(NOISE_SEED + 3), 34)
    below = np.clip((cheek_line + ragged - y) / 0.32 + 0.3, 0, 1) ** 1.5
    before_ear = np.clip((z - 0.58) / 0.14, 0, 1)
    mouth = np.clip(((side / 0.30) ** 2 + ((y - 6.6) / 0.115) ** 2 - 1) / 0.4, 0, 1)
    beard = below * before_ear * mouth * np.clip(1 - gaussian_filter(chart.masks["ears"], 5 * chart.detail) * 3, 0, 1)
    philtrum = 1 - 0.6 * np.exp(-((side / 0.03) ** 2))
    upper = np.clip((6.835 - 0.25 * side - y) / 0.03, 0, 1) * np.clip((y - 6.66 + 0.3 * side) / 0.03, 0, 1)
    moustache = upper * np.clip((0.34 - side) / 0.09, 0, 1) * philtrum * chart.facing
    corners = (
        np.clip((0.36 - side) / 0.05, 0, 1) * np.clip((side - 0.26) / 0.05, 0, 1) * np.clip((6.72 - y) / 0.05, 0, 1)
    )
    outside_lips = 1 - np.clip(gaussian_filter(chart.masks["lips"], 2 * chart.detail) * 2, 0, 1)
    beard = gaussian_filter(np.maximum(beard, corners * below * chart.facing) * outside_lips, 2 * chart.detail)
    chin = np.clip((0.34 - side) / 0.1, 0, 1) * np.clip((6.68 - y) / 0.08, 0, 1)
    return {
        Region.BEARD: beard,
        Region.GOATEE: gaussian_filter(beard * chin, 3 * chart.detail),
        Region.MOUSTACHE: gaussian_filter(moustache * outside_lips, 2.5 * chart.detail),
    }


def _noise_fields(chart: HeadChart) -> np.ndarray:
    rng = np.random.default_rng(NOISE_SEED)
    fields = [_values(chart, rng, cell) for cell in (90, 28, 9)]
    # Skin is pale with red blotches rather than the other way round.
    skewed = np.exp(0.6 * fields[Noise.BLOTCHES])
    fields[Noise.BLOTCHES] = (skewed - skewed.mean()) / skewed.std()
    fields[Noise.MOTTLING] = 0.75 * fields[Noise.MOTTLING] + 0.66 * _values(chart, rng, 4)
    pores = 0.5 * _values(chart, rng, 2.5) + rng.standard_normal(chart.shape, dtype=np.float32) * chart.detail
    spots = [_dots(chart, rng, count, radius) for count, radius in ((14000, 0.9), (110, 3.2))]
    stubble = rng.random(chart.shape, dtype=np.float32)
    return np.stack([*fields, pores / pores.std(), *spots, stubble], dtype=np.float32, casting="same_kind")


def _values(chart: HeadChart, rng: np.random.Generator, cell: float) -> np.ndarray:
    """Smooth noise with features of `cell` texels of the full texture, which goes on beyond its borders."""
    coarse = rng.standard_normal((round(FULL_HEIGHT / cell) + 2, round(FULL_WIDTH / cell) + 2))
    scale = (chart.shape[0] / coarse.shape[0], chart.shape[1] / coarse.shape[1])
    fine = np.asarray(zoom(coarse, scale, order=3, mode="grid-wrap", grid_mode=True))
    return (fine - fine.mean()) / fine.std()


def _dots(chart: HeadChart, rng: np.random.Generator, count: int, radius: float) -> np.ndarray:
    """Soft dots of random size and strength, radii in texels of the full texture."""
    height, width = chart.shape
    out = np.zeros(chart.shape)
    at = (rng.random(count) * height).astype(int), (rng.random(count) * width).astype(int)
    np.maximum.at(out, at, rng.uniform(0.1, 1, count) ** 2.5)
    spread = max(radius * chart.detail, 0.4)
    return np.clip(gaussian_filter(out, spread, mode="wrap") * 2 * np.pi * spread**2, 0, 1)

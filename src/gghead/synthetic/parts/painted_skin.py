"""Painted skins in any shade: two pictures of skin, each divided by its own colour, times the colour of a person."""

import math
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Float32, UInt8
from PIL import Image

from gghead.config.compiled import compiled
from gghead.synthetic.anatomy.face_chart import HeadChart
from gghead.synthetic.anatomy.skin_regions import Noise, SkinMaps
from gghead.synthetic.parts.skin_kernels import add_shifted, add_to
from gghead.synthetic.render.mesh_rasterizer import exact

fast = compiled(fastmath=True, nogil=True)

DARKEST_SCALP = 0.8
"""Least display value of the scalp as a share of the face's."""
FACE_REGIONS = ((0.40, 6.93, 1.28), (0.0, 7.72, 1.45))
"""Cheeks and forehead: where the colour of a skin is measured, decimetres of the neutral head."""


CONTRAST, HUE_SHARE = 0.12, 0.75
"""Largest standard deviation of the logarithm of a face's display values, as some skins have painted highlights, and
how much of the differences of hue is kept, as those are blue."""


@dataclass(frozen=True)
class PaintedSkin:
    """A picture of skin.

    Attributes:
        head: the head chart, display colours.
        body: the other charts.
        colour: of the face, display values.
    """

    head: UInt8[np.ndarray, "h w 3"]
    body: UInt8[np.ndarray, "s s 3"]
    color: Float32[np.ndarray, "3"]


@dataclass(frozen=True)
class Paint:
    """What lies on the skin of the head, one after the other, as coverings of a colour.

    Attributes:
        regions: rows of `SkinMaps.regions`, or of the extra maps after them [n].
        amounts: how much of each [n], 0 to 1.
        grains: how much each is broken up into dots [n], 0 to 1.
        colours: display colours [n, 3].
    """

    regions: Float[np.ndarray, " n"]
    amounts: Float[np.ndarray, " n"]
    grains: Float[np.ndarray, " n"]
    colors: Float[np.ndarray, "n 3"]


class SkinReader:
    """Reads skins at the size of a chart."""

    def __init__(self, chart: HeadChart) -> None:
        self._shape = chart.shape
        self._plain = np.sum([chart.near(center, (0.15, 0.12, 0.2)) for center in FACE_REGIONS], 0) > 0.5
        self._face = (chart.facing > 0.5) & (chart.height > 6.3) & (chart.height < 7.8)
        # Some skins are painted with the stubble of a shaved head: hair has the colour of the person instead.
        scalp = np.clip(np.maximum((chart.azimuth - 0.7) / 0.2, (chart.height - 7.6) / 0.15), 0, 1)
        self._scalp = scalp.astype(np.float32)

    def read(self, head: UInt8[np.ndarray, "h0 w0 4"], body: UInt8[np.ndarray, "s s 4"]) -> PaintedSkin:
        """A skin with its colour measured and its painted light and shadow softened."""
        height, width = self._shape
        scaled = np.asarray(Image.fromarray(head[..., :3]).resize((width, height), Image.Resampling.LANCZOS))
        color = np.maximum(np.median(scaled[self._plain], 0), 1)
        logs = np.log(np.maximum(np.arange(256), 4)[:, None] / color).astype(np.float32)
        spread = float(np.stack([logs[scaled[self._face, k], k] for k in range(3)]).std())
        contrast = min(1.0, CONTRAST / max(spread, 0.01))
        no_scalp, shown = np.zeros(body.shape[:2], np.float32), color.astype(np.float32)
        soft_head, soft_body = np.empty_like(scaled), np.empty_like(body[..., :3])
        _soften(scaled, logs, shown, np.float32(contrast), self._scalp, soft_head)
        _soften(body, logs, shown, np.float32(contrast), no_scalp, soft_body)
        return PaintedSkin(soft_head, soft_body, shown / 255)


@fast
def _soften(image, logs, color, contrast, scalp, out):
    """A picture [h, w, 3 or more] whose differences from a colour [3] are smaller, those of hue more so, in place.

    Args:
        logs: logarithm of each display value as a share of the colour [256, 3].
        contrast: share of the differences that is kept.
        scalp: 1 where what is darker than `DARKEST_SCALP` is lightened to that [h, w].
        out: [h, w, 3].
    """
    darkest, third = np.float32(math.log(DARKEST_SCALP)), np.float32(1 / 3)
    for y in range(out.shape[0]):
        for x in range(out.shape[1]):
            r, g, b = logs[image[y, x, 0], 0], logs[image[y, x, 1], 1], logs[image[y, x, 2], 2]
            light, bald = (r + g + b) * third, scalp[y, x]
            lifted = contrast * (light + bald * (max(light, darkest) - light))
            hue = contrast * np.float32(HUE_SHARE) * (1 - np.float32(0.5) * bald)
            out[y, x, 0] = _level(color[0] * math.exp(lifted + hue * (r - light)))
            out[y, x, 1] = _level(color[1] * math.exp(lifted + hue * (g - light)))
            out[y, x, 2] = _level(color[2] * math.exp(lifted + hue * (b - light)))


@fast
def _level(value):
    """A display value, rounded and clipped."""
    return np.uint8(min(max(value + np.float32(0.5), np.float32(0)), np.float32(255)))


def blend_heads(
    first: PaintedSkin,
    second: PaintedSkin,
    share: float,
    color: Float[np.ndarray, "3"],
    maps: SkinMaps,
    dyes: tuple[Float[np.ndarray, "r 3"], Float[np.ndarray, "n 3"]],
    offsets: np.ndarray,
    paint: Paint,
    extra: Float32[np.ndarray, "h w"],
    used: Bool[np.ndarray, "h w"],
) -> UInt8[np.ndarray, "h w 4"]:
    """The head's texture.

    Args:
        first, second: the skins.
        share: of the second.
        colour: of the face, display values.
        maps: regions and noise of the chart.
        dyes: optical density of each region and of each field of noise, as in skin.py.
        offsets: where each field of noise begins [n, 2], texels.
        paint: what lies on the skin.
        extra: map that `paint` finds after the regions: where hair grows.
        used: texels that are needed; the others become white.
    """
    worn = paint.amounts > 0
    out = np.full((*first.head.shape[:2], 4), 255, np.uint8)
    gains = [(color * part / skin.color).astype(np.float32) for part, skin in ((1 - share, first), (share, second))]
    _blend(
        first.head,
        second.head,
        gains[0],
        gains[1],
        maps.regions,
        maps.spans,
        maps.noise,
        np.flatnonzero(dyes[0].any(1)),
        dyes[0].astype(np.float32),
        dyes[1].astype(np.float32),
        offsets,
        maps.inside,
        paint.regions[worn].astype(np.int64),
        paint.amounts[worn].astype(np.float32),
        paint.grains[worn].astype(np.float32),
        (paint.colors[worn] * 255).astype(np.float32),
        extra,
        used,
        int(Noise.STUBBLE),
        out,
    )
    return out


def blend_bodies(
    first: PaintedSkin, second: PaintedSkin, share: float, color: Float[np.ndarray, "3"]
) -> UInt8[np.ndarray, "s s 3"]:
    """The texture of neck, shoulders and sockets that belongs to a head's."""
    gains = [(color * part / skin.color).astype(np.float32) for part, skin in ((1 - share, first), (share, second))]
    mixed = first.body * gains[0] + second.body * gains[1]
    return np.clip(mixed + 0.5, 0, 255).astype(np.uint8)


@exact
def _blend(first, second, gain, gain2, regions, spans, noise, dyed, region_dyes, dyes, offsets, inside, rows, amounts,
           grains, colors, extra, used, grain_row, out):  # fmt: skip
    """See `blend_heads`; gains include the shares of the skins, colours are 0 to 255."""
    height, width = inside.shape
    line, (dots, alpha) = np.empty((3, width), np.float32), np.empty((2, width), np.float32)
    for y in range(height):
        line[:], dots[:] = 0, 0
        for k in range(3):
            for r in dyed:
                begin, end = spans[r, y]
                add_to(line[k, begin:end], regions[r, y, begin:end], region_dyes[r, k])
            for n in range(dyes.shape[0]):
                if dyes[n, 1] != 0:
                    add_shifted(line[k], noise[n, (y + offsets[n, 0]) % height], offsets[n, 1], dyes[n, k])
            for x in range(width):
                # exp(-d) to the second order: densities are small.
                d = line[k, x] * inside[y, x]
                fade = 1 / (1 + d + np.float32(0.5) * d * d)
                line[k, x] = (first[y, x, k] * gain[k] + second[y, x, k] * gain2[k]) * fade
        add_shifted(dots, noise[grain_row, (y + offsets[grain_row, 0]) % height], offsets[grain_row, 1], np.float32(1))
        for p in range(rows.shape[0]):
            begin, end, area = 0, width, extra[y]
            if rows[p] < regions.shape[0]:
                begin, end, area = spans[rows[p], y, 0], spans[rows[p], y, 1], regions[rows[p], y]
            for x in range(begin, end):
                # Towards the edges of an area dots are fewer, not fainter.
                broken = min(np.float32(1), max(np.float32(0), np.float32(2.2) * (np.float32(1.2) * area[x] - dots[x])))
                covering = min(np.float32(1), max(np.float32(0), area[x] * amounts[p]))
                alpha[x] = covering * (1 - grains[p] + grains[p] * broken)
            for k in range(3):
                for x in range(begin, end):
                    line[k, x] += (colors[p, k] - line[k, x]) * alpha[x]
        for x in range(width):
            if used[y, x]:
                for k in range(3):
                    out[y, x, k] = np.uint8(min(max(line[k, x] + np.float32(0.5), np.float32(0)), np.float32(255)))

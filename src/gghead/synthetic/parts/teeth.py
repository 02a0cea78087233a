"""Teeth one by one on two arches, with their gums: no two people have the same.

Lengths are decimetres; the origin is between the upper front teeth at their edge, z forwards, y up.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, UInt8
from scipy.ndimage import gaussian_filter

from gghead.geometry.grids import cell_corners, grid_of

WIDTHS = np.array([[0.085, 0.066, 0.076, 0.069, 0.066, 0.098], [0.053, 0.058, 0.067, 0.069, 0.069, 0.104]])
HEIGHTS = np.array([[0.104, 0.092, 0.101, 0.086, 0.078, 0.07], [0.088, 0.09, 0.1, 0.085, 0.078, 0.07]])
"""Of the crowns of the upper and the lower teeth, from the middle to the side.

Source: mean values of dental anatomy, as in Nelson 2014, "Wheeler's Dental Anatomy, Physiology and Occlusion", table 1.
"""
EDGES = np.array([[0.0, 0.009, 0.002, 0.008, 0.012, 0.018], [0.0, 0.0, -0.004, 0.004, 0.008, 0.012]])
"""How far the edges are from the line of the middle ones, towards the gums."""
ARCH = (0.285, 0.50)
"""Half width and depth of the ellipse that the upper teeth stand on; the lower ones bite behind."""
OVERBITE, OVERJET = 0.022, 0.026
"""How far the lower edges are above the upper ones and behind them when the jaws are closed."""
COLUMNS = np.array([-1.0, -0.82, -0.45, 0.0, 0.45, 0.82, 1.0])
PROFILE = np.array([[-0.12, 0.0], [0.2, 0.5], [0.45, 0.9], [0.7, 1], [0.9, 0.75], [1, 0.4], [1, -1.2], [0.5, -2.6]])
"""Rows of a tooth: share of its height from the gum, and how far forwards, in units of `BULGE`."""
BULGE, FLANK = 0.013, 0.030
"""How far a tooth stands out in its middle, and how far its flanks go back."""
GUM_HEIGHT, GUM_BACK = (0.06, 0.03), (-0.07, -0.08)
"""Of the gums above the upper and below the lower teeth, and how far back they end: the lips are in front of them."""
GUM_COLUMNS = 11
PAPILLA = 0.28
"""Share of a crown's height to which the gum reaches between two teeth."""
TOOTH_TEXELS, GUM_TEXELS, TEXTURE_HEIGHT = 14, 16, 64
"""Columns of the texture for each tooth, rows of it for the gums, and all rows."""
ENAMEL = np.array([[0.89, 0.865, 0.82], [0.84, 0.765, 0.65]])
"""Display colours of the whitest and of the yellowest teeth."""
GUM = np.array([0.66, 0.37, 0.36])
COUNT = WIDTHS.shape[1]


@dataclass(frozen=True)
class Teeth:
    """One person's teeth; arrays have a row for each jaw (upper, lower) and a column for each tooth from right to left.

    Attributes:
        turn: about the vertical axis, radians.
        lean: sideways, radians.
        shift: forwards.
        length: factor of the height.
        gap: share of the width that is gap.
        tone: of the enamel [2, n, 3], display colours.
        gum: display colour.
        missing: whether a tooth is not there.
    """

    turn: Float[np.ndarray, "2 n"]
    lean: Float[np.ndarray, "2 n"]
    shift: Float[np.ndarray, "2 n"]
    length: Float[np.ndarray, "2 n"]
    gap: Float[np.ndarray, "2 n"]
    tone: Float[np.ndarray, "2 n 3"]
    gum: Float[np.ndarray, "3"]
    missing: np.ndarray


def random_teeth(years: float, melanin: float, rng: np.random.Generator) -> Teeth:
    """Teeth of somebody: the crookedness of a person is drawn first, then that of each tooth.

    Args:
        years: age; teeth yellow, wear down and, of children, fall out.
        melanin: darkness of the skin; gums follow it a little.
        rng: decides about the rest.
    """
    shape = (2, 2 * COUNT)
    crooked, spaced = rng.gamma(1.5, 0.6), rng.uniform(0.0, 0.035) + 0.06 * (rng.random() < 0.1)
    yellow = np.clip(rng.beta(2, 3) + 0.35 * np.clip((years - 30) / 50, 0, 1), 0, 1)
    tone = ENAMEL[0] + (ENAMEL[1] - ENAMEL[0]) * np.clip(yellow + rng.normal(0, 0.06, (*shape, 1)), 0, 1)
    tone = tone * (1 + rng.normal(0, 0.02, (*shape, 1)))
    for canine in (COUNT - 3, COUNT + 2):
        tone[:, canine] *= [0.97, 0.94, 0.87]
    gap = np.clip(rng.normal(spaced, 0.015, shape), 0.0, 0.2)
    if rng.random() < 0.05:
        gap[0, COUNT - 1 : COUNT + 1] += rng.uniform(0.08, 0.16)
    worn = 1 - 0.12 * np.clip((years - 40) / 50, 0, 1)
    missing = np.zeros(shape, bool)
    if 5.5 < years < 8.5 and rng.random() < 0.5:
        missing[rng.integers(2), COUNT - 1 + rng.integers(2)] = True
    return Teeth(
        turn=rng.normal(0, np.radians(4.0) * crooked, shape),
        lean=rng.normal(0, np.radians(1.6) * crooked, shape),
        shift=rng.normal(0, 0.0035 * crooked, shape),
        length=np.clip(rng.normal(worn, 0.03, shape), 0.75, 1.1),
        gap=gap,
        tone=np.clip(tone, 0, 1),
        gum=GUM * (1 - 0.25 * melanin) * (1 + rng.normal(0, 0.03)),
        missing=missing,
    )


def arch(teeth: Teeth, jaw: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Points [n, 3], texture coordinates [n, 2] and triangles [m, 3] of a jaw's teeth and gum: 0 upper, 1 lower."""
    widths, edges = _both_sides(WIDTHS[jaw]), _both_sides(EDGES[jaw])
    heights, middles = _both_sides(HEIGHTS[jaw]) * teeth.length[jaw], np.cumsum(widths) - widths / 2 - widths.sum() / 2
    there = np.flatnonzero(~teeth.missing[jaw])
    crowns = _crowns(widths * (1 - teeth.gap[jaw]), heights, teeth.turn[jaw], teeth.lean[jaw])
    crowns = _on_arch(crowns, middles, edges, teeth.shift[jaw], jaw)[there]
    down = GUM_TEXELS + 1 + (TEXTURE_HEIGHT - GUM_TEXELS - 2) * np.clip(PROFILE[:, 0], 0, 1)
    u = (there[:, None, None] + 0.5 + 0.46 * COLUMNS) / (2 * COUNT)
    uvs = np.stack(np.broadcast_arrays(u, (1 - down / TEXTURE_HEIGHT)[None, :, None]), -1)
    gum = _on_arch(_gum_strips(widths, heights, jaw), middles, edges, np.zeros(2 * COUNT), jaw)
    gum = gum.reshape(2 * COUNT, 4, GUM_COLUMNS, 3).swapaxes(0, 1)
    gum_u = (np.arange(2 * COUNT * GUM_COLUMNS) + 0.5) / (2 * COUNT * GUM_COLUMNS)
    gum_v = 1 - np.array([GUM_TEXELS - 3.0, GUM_TEXELS - 4, GUM_TEXELS / 2, 1]) / TEXTURE_HEIGHT
    gum_uvs = np.stack(np.broadcast_arrays(gum_u, gum_v[:, None]), -1)
    of_crowns = _triangles(len(PROFILE), len(COLUMNS))[:, ::-1] + np.arange(len(there))[:, None, None] * crowns.shape[1]
    of_gum = _triangles(4, 2 * COUNT * GUM_COLUMNS) + crowns.shape[0] * crowns.shape[1]
    triangles = np.concatenate([of_crowns.reshape(-1, 3), of_gum])
    return (
        np.concatenate([crowns.reshape(-1, 3), gum.reshape(-1, 3)]),
        np.concatenate([uvs.reshape(-1, 2), gum_uvs.reshape(-1, 2)]),
        (triangles[:, ::-1] if jaw else triangles).astype(np.int32),
    )


def paint_teeth(teeth: Teeth, rng: np.random.Generator) -> UInt8[np.ndarray, "h w 3"]:
    """Gum in the top rows, then teeth from the gum to the edge; the upper jaw's tones serve both."""
    within = (np.arange(TOOTH_TEXELS) + 0.5) / TOOTH_TEXELS * 2 - 1
    along = ((np.arange(TEXTURE_HEIGHT - GUM_TEXELS) + 0.5) / (TEXTURE_HEIGHT - GUM_TEXELS))[:, None, None]
    columns = np.repeat(teeth.tone[0], TOOTH_TEXELS, 0)[None]
    flanks = np.tile(np.clip((np.abs(within) - 0.62) / 0.38, 0, 1) ** 2, 2 * COUNT)[None, :, None]
    neck, edge = np.exp(-((along / 0.22) ** 2)), np.clip((along - 0.82) / 0.18, 0, 1)
    enamel = columns * (1 - neck * [0.06, 0.11, 0.18]) * (1 - edge * [0.16, 0.12, 0.08])
    enamel = enamel * (1 - flanks * [0.20, 0.26, 0.32])
    streaks = gaussian_filter(rng.standard_normal(enamel.shape[:2]), (8, 0.8))
    gum = np.broadcast_to(teeth.gum, (GUM_TEXELS, columns.shape[1], 3))
    blood = gaussian_filter(rng.standard_normal(gum.shape[:2]), (1.5, 2.5))
    gum = gum * (1 + blood[..., None] * [0.15, 0.3, 0.3])
    enamel = enamel * (1 + 0.12 * streaks[..., None])
    return (np.clip(np.concatenate([gum, enamel]), 0, 1) * 255 + 0.5).astype(np.uint8)


def _both_sides(values: np.ndarray) -> np.ndarray:
    """From the middle to the side -> from the right to the left."""
    return np.concatenate([values[::-1], values])


def _triangles(rows: int, columns: int) -> np.ndarray:
    """Two triangles for each cell of a grid of vertices."""
    a, b, c, d = cell_corners(grid_of(rows, columns))
    return np.concatenate([np.stack([a, b, c], 1), np.stack([b, d, c], 1)])


def _crowns(widths: np.ndarray, heights: np.ndarray, turn: np.ndarray, lean: np.ndarray) -> np.ndarray:
    """Crowns [n, rows * columns, 3] around the middle of their edge: x along the arch, y from the edge to the gum."""
    up, out, across = PROFILE[:, :1], PROFILE[:, 1:], COLUMNS[None]
    widths, heights = widths[:, None, None], heights[:, None, None]
    taper = 1 - 0.22 * np.clip(1 - up, 0, 1) ** 1.5
    rounded = 0.16 * np.abs(across) ** 5 * np.clip((up - 0.6) / 0.4, 0, 1)
    x = across * widths / 2 * taper
    y = heights * np.clip(1 - up + rounded * widths / heights, 0, 1.2)
    z = BULGE * out - FLANK * np.abs(across) ** 3 * (out > -0.5)
    c, s = np.cos(turn)[:, None, None], np.sin(turn)[:, None, None]
    x, y, z = c * x + s * z + lean[:, None, None] * y, y, c * z - s * x
    return np.stack(np.broadcast_arrays(x, y, z), -1).reshape(len(widths), -1, 3)


def _gum_strips(widths: np.ndarray, heights: np.ndarray, jaw: int) -> np.ndarray:
    """The gum of each tooth [n, 4 * columns, 3] in rows from its margin away from the edge, like `_crowns`."""
    across = ((np.arange(GUM_COLUMNS) + 0.5) / GUM_COLUMNS * 2 - 1)[None]
    heights = heights[:, None]
    margin = heights * (1.0 - PAPILLA * across**2)
    bulge = 0.7 * BULGE * (1 - across**2)
    rows = ((margin, bulge + 0.003), (margin + 0.008, bulge + 0.012), (margin + 0.04, 0.7 * bulge + 0.012))
    last = (heights + GUM_HEIGHT[jaw], np.full_like(across, GUM_BACK[jaw]))
    strips = [np.broadcast_arrays(across * widths[:, None] / 2, y, z - 0.012 * across**2) for y, z in (*rows, last)]
    return np.stack([np.stack(strip, -1) for strip in strips], 1).reshape(len(widths), -1, 3)


def _on_arch(parts: np.ndarray, middles: np.ndarray, edges: np.ndarray, shift: np.ndarray, jaw: int) -> np.ndarray:
    """Teeth, or the gum of each [n, k, 3], at their places on the jaw."""
    width, depth = ARCH[0] - jaw * 0.02, ARCH[1]
    fine = np.linspace(0, np.pi / 2, 64)
    length = np.concatenate([[0], np.cumsum(np.hypot(np.diff(width * np.sin(fine)), np.diff(depth * np.cos(fine))))])
    angle = (np.sign(middles) * np.interp(np.abs(middles), length, fine))[:, None]
    along_x, along_z = width * np.cos(angle), -depth * np.sin(angle)
    norm = np.hypot(along_x, along_z)
    along_x, along_z = along_x / norm, along_z / norm
    way, rise, back = (-1, OVERBITE, OVERJET) if jaw else (1, 0.0, 0.0)
    x, y = parts[..., 0], parts[..., 1]
    z = parts[..., 2] + shift[:, None] - 0.12 * y  # front teeth lean forwards at their edges
    return np.stack(
        [
            width * np.sin(angle) + x * along_x - z * along_z,
            way * (y + edges[:, None]) + rise,
            depth * (np.cos(angle) - 1) + x * along_z + z * along_x - back,
        ],
        -1,
    )

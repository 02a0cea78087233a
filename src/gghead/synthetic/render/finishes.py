"""What surfaces are made of, and how each of these materials takes light."""

from dataclasses import dataclass
from enum import IntEnum
from functools import cache

import numpy as np

from gghead.synthetic.render.environment import LEVEL_ROUGHNESS
from gghead.synthetic.render.reflectance import (
    BUMP,
    COATED,
    FINISH_COLUMNS,
    LEVEL,
    REFLECTANCE,
    ROUGHNESS,
    SCATTERS,
    SECOND,
    SOFT,
    STRAND,
    WRAP,
    lobe_table,
    scattered_light,
)


class Material(IntEnum):
    """What a surface is made of."""

    SKIN_HEAD = 0
    SKIN_BODY = 1
    CLOTH = 2
    EYE = 3
    MOUTH = 4
    HAIR = 5
    TEETH = 6
    TONGUE = 7
    BROW = 8
    LASH = 9
    BEARD = 10
    GLASSES = 11
    HEADWEAR = 12
    LENS = 13
    JEWEL = 14
    COATED_LENS = 15


@dataclass(frozen=True)
class Finish:
    """How a material takes light.

    Attributes:
        reflectance: share of light that it reflects along its normal without going into it.
        roughness: GGX alpha of the two lobes that this share is spread over.
        second: share of the second lobe.
        wrap: how far diffuse light goes round the edge of light and shadow, per channel; of no effect if it scatters.
        scatters: whether light wanders below its surface as in skin.
        coated: whether it is wet or of glass: mirrors sharply, instead of by the lobes, however transparent it is.
        inner: whether a sheer surface is a shell of hair: darker inside, fading where it is seen along its surface.
        casts: whether it casts a shadow.
        bump: height, in world units, of what is twice as bright above what is black.
        strand: strength and exponent of the highlights where it is strands of hair.
    """

    reflectance: float
    roughness: tuple[float, float]
    second: float = 0.0
    wrap: tuple[float, float, float] = (0.0, 0.0, 0.0)
    scatters: bool = False
    coated: bool = False
    inner: bool = False
    casts: bool = True
    bump: float = 0.0
    strand: tuple[float, float] = (0.0, 1.0)


SKIN_REFLECTANCE, SKIN_ROUGHNESS, SKIN_SECOND = 0.028, (0.40, 0.16), 0.3
"""Of skin; Weyrich et al. 2006, "Analysis of human faces using a measurement-based skin reflectance model"."""
EYE_REFLECTANCE = 0.025
"""Of the cornea, refractive index 1.376."""
LENS_REFLECTANCE = 0.07
"""Of both sides of a lens of glass, refractive index 1.5."""
COATED_LENS_REFLECTANCE = 0.01
"""Of both sides of a lens with several layers against reflections: half a percent each."""
HAIR_REFLECTANCE = 0.046
"""Of keratin, refractive index 1.55."""
SOFT_NORMALS = (0.65, 0.35, 0.1)
"""Share of bumps that light in red, green and blue no longer sees when it leaves the skin again."""
_SKIN = {"wrap": (0.32, 0.17, 0.10), "scatters": True}
FINISHES = {
    Material.SKIN_HEAD: Finish(SKIN_REFLECTANCE, SKIN_ROUGHNESS, SKIN_SECOND, **_SKIN, bump=0.001),
    Material.SKIN_BODY: Finish(SKIN_REFLECTANCE, SKIN_ROUGHNESS, 0.15, **_SKIN),
    Material.CLOTH: Finish(0.01, (0.6, 0.6), wrap=(0.1, 0.1, 0.1)),
    Material.EYE: Finish(EYE_REFLECTANCE, (0.02, 0.02), wrap=(0.3, 0.25, 0.2), coated=True, casts=False),
    Material.MOUTH: Finish(0.025, (0.2, 0.2), wrap=(0.2, 0.2, 0.2), casts=False),
    Material.HAIR: Finish(HAIR_REFLECTANCE, (0.4, 0.4), wrap=(0.4, 0.4, 0.4), inner=True, strand=(0.045, 40)),
    Material.TEETH: Finish(0.05, (0.12, 0.12), wrap=(0.3, 0.3, 0.3), casts=False),
    Material.TONGUE: Finish(0.03, (0.2, 0.2), wrap=(0.3, 0.2, 0.2), casts=False),
    Material.BROW: Finish(0.0, (0.4, 0.4), wrap=(0.3, 0.3, 0.3), casts=False),
    Material.BEARD: Finish(0.02, (0.4, 0.4), wrap=(0.35, 0.35, 0.35), strand=(0.03, 30)),
    Material.GLASSES: Finish(0.05, (0.12, 0.12), wrap=(0.0, 0.0, 0.0)),
    Material.HEADWEAR: Finish(0.01, (0.6, 0.6), wrap=(0.12, 0.12, 0.12)),
    Material.LENS: Finish(LENS_REFLECTANCE, (0.02, 0.02), coated=True, casts=False),
    Material.COATED_LENS: Finish(COATED_LENS_REFLECTANCE, (0.02, 0.02), coated=True, casts=False),
    Material.JEWEL: Finish(0.6, (0.12, 0.12)),
    Material.LASH: Finish(0.0, (0.4, 0.4), wrap=(0.2, 0.2, 0.2), casts=False),
}


@cache
def finish_arrays() -> tuple[np.ndarray, ...]:
    """`FINISHES` as reflectance.py needs them."""
    finishes = [FINISHES[material] for material in Material]
    numbers = np.zeros((len(finishes), FINISH_COLUMNS))
    for row, finish in zip(numbers, finishes, strict=True):
        levels = np.abs(np.subtract.outer(finish.roughness, LEVEL_ROUGHNESS)).argmin(1)
        row[REFLECTANCE], row[SECOND], row[BUMP] = finish.reflectance, finish.second, finish.bump
        row[ROUGHNESS : ROUGHNESS + 2], row[LEVEL : LEVEL + 2] = finish.roughness, levels
        row[WRAP : WRAP + 3], row[STRAND : STRAND + 2] = finish.wrap, finish.strand
        row[SOFT : SOFT + 3] = SOFT_NORMALS if finish.scatters else 0
        row[SCATTERS], row[COATED] = finish.scatters, finish.coated
    lobes = np.array([[lobe_table(alpha) for alpha in finish.roughness] for finish in finishes])
    return numbers, lobes, scattered_light()

"""Gloss and relief of the skin of a head: where it is oily or moist, and its pores."""

import numpy as np
from jaxtyping import UInt8

from gghead.synthetic.anatomy.skin_regions import Noise, Region, SkinMaps
from gghead.synthetic.render.textures import PLAIN_GLOSS

DRY = 0.75
"""Gloss of skin without much sebum, as a factor of the material's."""
OILY = {
    Region.FOREHEAD: 0.75,
    Region.NOSE: 1.1,
    Region.CHIN: 0.5,
    Region.CHEEKS: 0.3,
    Region.LIDS: 0.4,
    Region.LIPS: 1.0,
}
"""What regions add to it."""
GRAIN = 0.18
"""Standard deviation of the gloss from pore to pore."""
PORE_LEVELS = 5.0
"""Standard deviation of the height of pores, levels of a detail map: about 0.04 mm."""


def skin_detail(maps: SkinMaps) -> UInt8[np.ndarray, "h w 2"]:
    """The detail map, as `Surface.detail` has it, of young skin without expression."""
    gloss = DRY + sum(amount * maps.regions[region] for region, amount in OILY.items())
    pores = np.clip(maps.noise[Noise.PORES], -2.5, 2.5) * maps.inside
    smooth = 1 - 0.8 * np.clip(maps.regions[Region.LIPS] + maps.regions[Region.LIDS], 0, 1)
    gloss = gloss * (1 + GRAIN * pores)
    height = PLAIN_GLOSS + PORE_LEVELS * pores * smooth
    return np.clip(np.stack([PLAIN_GLOSS * gloss, height], 2) + 0.5, 0, 255).astype(np.uint8)

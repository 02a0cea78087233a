"""A photograph and the head that was made of it, seen from the same camera, in one picture."""

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import UInt8

from gghead.inversion.fitting import Fitting
from gghead.media.images import to_uint8

LINE = 255
"""Grey of the line between both."""


@dataclass(frozen=True, eq=False)
class Comparison:
    """Two pictures of the same size.

    Attributes:
        photograph: the crop.
        head: drawn from the photograph's camera, on the mean colour of its background.
    """

    photograph: UInt8[np.ndarray, "S S 3"]
    head: UInt8[np.ndarray, "S S 3"]

    def split(self, share: float) -> UInt8[np.ndarray, "S S 3"]:
        """The photograph at the left, the head at the right.

        Args:
            share: of the width that shows the photograph, 0 to 1.
        """
        side = len(self.head)
        column = round(min(max(share, 0.0), 1.0) * side)
        picture = self.head.copy()
        picture[:, :column] = self.photograph[:, :column]
        if 0 < column < side:
            picture[:, column] = LINE
        return picture


@torch.no_grad()
def compare(photograph: UInt8[np.ndarray, "S S 3"], fitting: Fitting) -> Comparison:
    """How far the fit of one photograph is.

    Args:
        photograph: the crop that is fitted to.
        fitting: of this photograph alone.
    """
    maps = fitting.base_maps() + fitting.fit.residual()
    rgb, alpha = fitting.draw(maps, torch.zeros(1, dtype=torch.long, device=maps.device))
    drawn = rgb + (1 - alpha) * fitting.targets.backgrounds[0, 0]
    return Comparison(photograph, to_uint8(drawn[0]))

"""People with painted skins and modelled hair, brows, lashes, teeth and tongue, from an asset pack."""

from pathlib import Path

import numpy as np

from gghead.data.synthetic.head_model import HeadModel
from gghead.data.synthetic.heads import Head, HeadMaker


class TexturedHeads(HeadMaker):
    """Makes people from an asset pack."""

    def __init__(self, assets: Path, resolution: int) -> None:
        """Reads the pack and prepares for pictures of a resolution."""
        self.model = HeadModel()
        raise FileNotFoundError(f"{assets}: asset packs cannot be read yet; leave --assets out ({resolution})")

    def draw(self, rng: np.random.Generator) -> Head:
        raise NotImplementedError

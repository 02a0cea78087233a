"""A person's hair: from a style to a mesh."""

import numpy as np
from jaxtyping import Float32

from gghead.data.synthetic.hair_cards import ribbons
from gghead.data.synthetic.hair_field import HairField
from gghead.data.synthetic.hair_growth import Lines, grow
from gghead.data.synthetic.hair_line import HairLine
from gghead.data.synthetic.hair_styles import Cut
from gghead.data.synthetic.head_model import HeadModel, Similarity
from gghead.data.synthetic.renderer import Mesh

EDGE = 0.15
"""Width of the band behind the line of the hair where ribbons are shorter and narrower, decimetres."""


class HairGrower:
    """Grows hair on any person; holds what does not depend on the person."""

    def __init__(self, model: HeadModel, detail: float) -> None:
        self._field = HairField(model)
        self._detail = detail

    def grow(
        self, cut: Cut, line: HairLine, skin: Float32[np.ndarray, "v 3"], place: Similarity, rng: np.random.Generator
    ) -> Mesh:
        """The hair of a person.

        Args:
            cut: the style.
            line: where hair grows.
            skin: skin vertices of the person, decimetres.
            place: the way into the world.
            rng: decides about every ribbon.
        """
        roots = self._field.roots
        inside = line.above(roots.azimuth, roots.position[:, 1])
        share = np.sqrt(self._detail)
        wanted = np.flatnonzero(inside > 0.005)
        chosen = wanted[: round(cut.cards * share)]
        lines = grow(self._field, chosen, cut, rng)
        edge = np.clip(inside[lines.roots] / EDGE, 0, 1)
        widths = cut.width / share * (0.6 + 0.4 * edge) * rng.uniform(0.8, 1.25, len(lines.roots))
        strips = np.array(cut.strips)[rng.integers(len(cut.strips), size=len(lines.roots))]
        return ribbons(self._moved(lines, skin), widths, strips, _shades(lines, rng), place, rng)

    def _moved(self, lines: Lines, skin: np.ndarray) -> Lines:
        """Lines around the neutral head -> around the person, each with its root exactly on the skin."""
        count, steps = lines.points.shape[:2]
        moved = self._field.move(lines.points.reshape(-1, 3), skin).reshape(count, steps, 3)
        roots = self._field.roots
        on_skin = (skin[roots.corners[lines.roots]] * roots.weights[lines.roots][..., None]).sum(1)
        t = np.linspace(0, 1, steps, dtype=np.float32)[None, :, None]
        return Lines(moved + (on_skin - moved[:, 0])[:, None] * (1 - t), lines.outward, lines.roots)


def _shades(lines: Lines, rng: np.random.Generator) -> np.ndarray:
    count, steps = lines.points.shape[:2]
    own = np.exp(rng.normal(0, 0.14, (count, 1)))
    along = np.linspace(0, 1, steps)[None]
    return own * (0.6 + 0.4 * np.minimum(1, 2 * along))

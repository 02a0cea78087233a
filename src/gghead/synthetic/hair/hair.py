"""A person's hair: from a style to a mesh."""

from dataclasses import replace

import numpy as np
from jaxtyping import Float32

from gghead.synthetic.anatomy.head_model import HeadModel, Similarity
from gghead.synthetic.hair.cards import ribbons
from gghead.synthetic.hair.field import HairField, Roots
from gghead.synthetic.hair.growth import Lines, grow, tie_point
from gghead.synthetic.hair.hairline import HairLine
from gghead.synthetic.hair.styles import Cut
from gghead.synthetic.hair.texture import Strip
from gghead.synthetic.hair.tied import braid, bun, tail
from gghead.synthetic.render.renderer import Mesh

HAIRLINE_BAND = 0.15
"""Width of the band behind the line of the hair where ribbons are shorter and narrower, decimetres."""

BASE_WIDTH, BASE_TONE = 1.7, 0.8
"""Of the ribbons of the layer below, as factors of those above."""
BASE_END = 0.3
"""Last share of their length over which they fade."""
FLYAWAY_WIDTH, FLYAWAY_OPACITY = 0.09, 0.42
"""Of a ribbon with a handful of strands, decimetres."""
SLIMNESS, BASE_SLIMNESS = 0.4, 1.0
"""No ribbon is wider than the first share of its length; none of the layer below, whose ends fade, than the second."""


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
        ragged = rng.normal(0, 0.02, len(inside))
        inside = inside - (cut.comb == "tied") * _before_ear(roots)  # sideburns are too short to be tied
        wanted = np.flatnonzero(inside > 0.005 + ragged.clip(0))
        chosen = wanted[: round(cut.cards * share)]
        # Every first part of the roots covers the scalp evenly.
        below = np.arange(len(roots.azimuth)) <= chosen[round(cut.base * (len(chosen) - 1))] if len(chosen) else None
        if below is None:
            return Mesh.empty()
        lines = grow(self._field, chosen, below[chosen], cut, line, rng)
        edge, below = np.clip(inside[lines.roots] / HAIRLINE_BAND, 0, 1), below[lines.roots]
        length = np.linalg.norm(np.diff(lines.points, axis=1), axis=2).sum(1)
        slimness = np.where(below, BASE_SLIMNESS, SLIMNESS)
        widths = np.minimum(cut.width * np.where(below, BASE_WIDTH, 1), slimness * length) / share
        widths = widths * (0.5 + 0.5 * edge) * rng.uniform(0.8, 1.25, len(lines.roots))
        strips = np.array(cut.strips)[rng.integers(len(cut.strips), size=len(lines.roots))]
        strips = np.where(below, Strip.COIL_BASE if Strip.CURLY_B in cut.strips else Strip.BASE, strips)
        tones = _shades(lines, rng) * np.where(below, BASE_TONE, 1)[:, None]
        opacity = _opacity(edge, cut.steps) * np.where(below[:, None], _base_ends(cut.steps), 1)
        parts = [ribbons(self._moved(lines, skin), widths, strips, tones, place, rng, opacity)]
        if cut.flyaways and len(wanted):
            parts.append(self._flyaways(cut, line, wanted, skin, place, rng))
        if cut.comb == "tied":
            ends = {"tail": tail, "bun": bun, "braid": braid}[cut.knot](
                self._field, tie_point(self._field, cut), share, rng
            )
            strips = rng.choice([Strip.DENSE_A, Strip.DENSE_B], len(ends.points))
            low, high = (0.03, 0.05) if cut.knot == "braid" else (0.1, 0.15)
            widths = rng.uniform(low, high, len(ends.points)) / share
            parts.append(ribbons(self._around(ends, skin), widths, strips, _shades(ends, rng), place, rng))
        return Mesh.joined(parts)

    def _flyaways(
        self,
        cut: Cut,
        line: HairLine,
        wanted: np.ndarray,
        skin: np.ndarray,
        place: Similarity,
        rng: np.random.Generator,
    ) -> Mesh:
        """Single strands that leave the others: without them hair ends like a helmet."""
        share = np.sqrt(self._detail)
        chosen = np.sort(rng.choice(wanted, round(cut.flyaways * share)))
        loose = replace(
            cut,
            lift=cut.lift + 0.15,
            gap=1.12 * cut.gap + rng.uniform(0.01, 0.04),
            stray=cut.stray + 0.2,
            wave=cut.wave + 0.02,
            turns=max(1.0, cut.turns),
        )
        lines = grow(self._field, chosen, np.zeros(len(chosen), bool), loose, line, rng)
        widths = np.full(len(lines.roots), FLYAWAY_WIDTH) / share
        tones, strips = _shades(lines, rng), np.full(len(lines.roots), Strip.FINE)
        return ribbons(self._moved(lines, skin), widths, strips, tones, place, rng, FLYAWAY_OPACITY)

    def _around(self, lines: Lines, skin: np.ndarray) -> Lines:
        """Lines around the neutral head -> around the person."""
        moved = self._field.move(lines.points.reshape(-1, 3), skin).reshape(lines.points.shape)
        return Lines(moved, lines.outward, lines.roots)

    def _moved(self, lines: Lines, skin: np.ndarray) -> Lines:
        """Lines around the neutral head -> around the person, each with its root exactly on the skin."""
        moved, roots = self._around(lines, skin).points, self._field.roots
        on_skin = (skin[roots.corners[lines.roots]] * roots.weights[lines.roots][..., None]).sum(1)
        t = np.linspace(0, 1, moved.shape[1], dtype=np.float32)[None, :, None]
        return Lines(moved + (on_skin - moved[:, 0])[:, None] * (1 - t), lines.outward, lines.roots)


def _shades(lines: Lines, rng: np.random.Generator) -> np.ndarray:
    """Light that reaches each point [n, s]: streaks, darker roots, tips that the sun has bleached."""
    count, steps = lines.points.shape[:2]
    streaks, roots, bleached = rng.uniform(0.05, 0.16), rng.uniform(0.7, 0.9), rng.uniform(0, 0.25)
    own = np.exp(rng.normal(0, streaks, (count, 1)))
    along = np.linspace(0, 1, steps)[None]
    return own * (roots + (1 - roots) * np.minimum(1, 2 * along) + bleached * along**2)


def _before_ear(roots: Roots) -> np.ndarray:
    """1 for roots of the sideburns, 0 for others [n]."""
    before = (roots.azimuth > np.radians(58)) & (roots.azimuth < np.radians(92))
    return (before & (roots.position[:, 1] < 7.42)).astype(np.float32)


def _base_ends(steps: int) -> np.ndarray:
    """Opacity [s] of the layer below: it ends before the hair above does, so that its broad ribbons show no ends."""
    return np.clip((1 - np.linspace(0, 1, steps + 1)) / BASE_END, 0, 1)


def _opacity(edge: np.ndarray, steps: int) -> np.ndarray:
    """Opacity [n, s] of ribbons: at the line of the hair they begin thin."""
    t = np.linspace(0, 1, steps + 1)[None]
    return np.minimum(1, (0.25 + 0.75 * edge[:, None]) * (0.7 + 1.2 * t))

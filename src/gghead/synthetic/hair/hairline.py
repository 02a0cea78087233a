"""Where hair grows on the skull: one line around the head, different for everybody."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Float32

from gghead.synthetic.anatomy.identities import Person

KNOTS = np.radians([0, 8, 18, 30, 42, 54, 64, 72, 78, 84, 90, 100, 108, 116, 128, 150, 180])
"""Azimuths at which the height of the line is given: forehead, temple, sideburn, above and behind the ear, nape."""
HAIRLINE_HEIGHTS = np.array(
    [7.88, 7.89, 7.90, 7.88, 7.80, 7.67, 7.48, 7.28, 7.08, 7.06, 7.40, 7.42, 7.36, 7.0, 6.80, 6.70, 6.66]
)
"""Heights on the neutral head, decimetres."""
NO_CROWN = 10.0
"""Height of a bald crown's edge when there is no bald crown."""


@dataclass(frozen=True)
class HairLine:
    """Edge of the hair.

    Attributes:
        heights: of the line at `KNOTS`, decimetres of the neutral head.
        crown: hair grows below this height only, decimetres.
    """

    heights: Float[np.ndarray, "17"]
    crown: float

    def above(self, azimuth: Float32[np.ndarray, "*P"], height: Float32[np.ndarray, "*P"]) -> Float32[np.ndarray, "*P"]:
        """How far points are inside the hair, decimetres; negative outside."""
        line = np.interp(azimuth.ravel(), KNOTS, self.heights).reshape(azimuth.shape).astype(np.float32)
        slope = np.gradient(self.heights, KNOTS)
        steep = np.interp(azimuth.ravel(), KNOTS, slope).reshape(azimuth.shape).astype(np.float32)
        across = (height - line) / np.sqrt(1 + (steep / np.float32(0.75)) ** 2)
        return np.minimum(across, np.float32(self.crown) - height)


def random_hair_line(person: Person, receding: float, rng: np.random.Generator) -> HairLine:
    """A round, straight or receding line, with or without a widow's peak.

    Args:
        person: men recede and have sideburns.
        receding: 0 to 1; from 0.75 on only a ring of hair is left.
        rng: decides about the shape.
    """
    degrees = np.degrees(KNOTS)
    male = person.sex == "male" and person.age != "child"
    front = np.clip(1 - degrees / 66, 0, 1) ** 0.5
    heights = HAIRLINE_HEIGHTS + front * np.clip(rng.normal(0, 0.045), -0.08, 0.08)
    heights += np.exp(-(((degrees - 33) / 13) ** 2)) * (rng.uniform(0, 0.10) if male else rng.uniform(-0.06, 0.03))
    heights -= np.exp(-((degrees / 9) ** 2)) * (rng.uniform(0.03, 0.10) if rng.random() < 0.3 else 0)
    sideburn = rng.uniform(-0.16, 0.14) if male else rng.uniform(0.1, 0.22)
    heights[7:10] += np.array([0.4, 1, 1]) * sideburn
    heights[13:] += rng.uniform(-0.06, 0.1)
    heights += receding * (0.55 * np.exp(-(((degrees - 34) / 17) ** 2)) + 0.30 * np.exp(-((degrees / 24) ** 2)))
    crown = NO_CROWN
    if receding >= 0.75:
        heights[:7] += np.array([1.0, 1.0, 1.0, 0.9, 0.6, 0.3, 0.1])
        crown = 7.95 - 0.5 * (receding - 0.75) + rng.uniform(-0.08, 0.08)
    return HairLine(heights, crown)

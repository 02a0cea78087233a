"""Makeup: who wears how much of it on lips, lids, lashes and cheeks, and in which colours."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from gghead.synthetic.anatomy.identities import Person

WEARING = 0.5
"""Share of the grown women who wear some."""
LIPSTICKS = np.array(
    [
        [0.70, 0.44, 0.40],
        [0.72, 0.36, 0.42],
        [0.64, 0.15, 0.18],
        [0.44, 0.13, 0.21],
        [0.48, 0.25, 0.21],
        [0.75, 0.36, 0.30],
    ]
)
"""Display colours: nude, pink, red, berry, brown, coral."""
LIPSTICK_CHANCES = (0.3, 0.22, 0.16, 0.1, 0.12, 0.1)
SHADOWS = np.array([[0.62, 0.48, 0.42], [0.5, 0.46, 0.46], [0.42, 0.44, 0.52], [0.72, 0.5, 0.5], [0.68, 0.55, 0.36]])
"""Display colours of eye shadow: brown, grey, blue, rose, gold."""
ROUGE = np.array([1.02, 0.70, 0.72])
"""Factor of the skin's colour."""
LINER = np.array([0.075, 0.055, 0.05])
"""Display colour of the line of the lashes."""


@dataclass(frozen=True)
class Makeup:
    """What is painted on a face.

    Attributes:
        lips, lids, liner, cheeks: how much, 0 (none) to 1.
        gloss: of the lips, 0 to 1.
        lip_color, lid_color: display colours.
    """

    lips: float
    lids: float
    liner: float
    cheeks: float
    gloss: float
    lip_color: Float[np.ndarray, "3"]
    lid_color: Float[np.ndarray, "3"]

    @property
    def any(self) -> bool:
        """Whether there is any."""
        return max(self.lips, self.lids, self.liner, self.cheeks) > 0


NO_MAKEUP = Makeup(0.0, 0.0, 0.0, 0.0, 0.0, LIPSTICKS[0], SHADOWS[0])


def random_makeup(person: Person, base: Float[np.ndarray, "3"], rng: np.random.Generator) -> Makeup:
    """Half of the grown women paint their faces, most of them a little.

    Args:
        person: who.
        base: display colour of the skin; makeup on dark skin is darker.
        rng: decides.
    """
    wears, amounts, gloss = rng.random() < WEARING, rng.beta(1.5, 2.0, 4), rng.random() ** 2
    lips = LIPSTICKS[rng.choice(len(LIPSTICKS), p=LIPSTICK_CHANCES)] * (1 + 0.08 * rng.standard_normal(3))
    lids = SHADOWS[rng.integers(len(SHADOWS))] * (1 + 0.08 * rng.standard_normal(3))
    if person.sex == "male" or person.age == "child" or not wears:
        return NO_MAKEUP
    dark = np.clip(0.5 + 0.7 * base.mean(), 0.5, 1)
    strongest = np.array([0.8, 0.5, 0.95, 0.35])
    lip, lid, liner, cheek = (float(part) for part in amounts * strongest)
    return Makeup(lip, lid, liner, cheek, float(gloss), np.clip(lips * dark, 0.05, 0.9), np.clip(lids * dark, 0, 0.9))

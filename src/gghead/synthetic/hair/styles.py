"""Hair styles: what a barber does, in numbers, and who wears what."""

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from gghead.synthetic.anatomy.identities import ANCESTRIES, Person
from gghead.synthetic.hair.texture import Strip

HairStyle = Literal[
    "bald", "shaved", "ring", "buzz", "crop", "parted", "swept", "forward", "curly", "afro", "bob", "fringed_bob",
    "long", "fringed_long", "wavy", "long_curly", "ponytail", "braid", "bun",
]  # fmt: skip
Comb = Literal["down", "back", "parted", "forward", "out", "tied"]
"""Which way hair is combed."""
MEN: dict[HairStyle, float] = {
    "bald": 0.02, "shaved": 0.04, "buzz": 0.07, "ring": 0.04, "crop": 0.26, "parted": 0.20, "swept": 0.12,
    "forward": 0.14, "curly": 0.08, "wavy": 0.02, "bun": 0.01,
}  # fmt: skip
WOMEN: dict[HairStyle, float] = {
    "long": 0.18, "fringed_long": 0.06, "wavy": 0.17, "long_curly": 0.06, "bob": 0.15, "fringed_bob": 0.08,
    "ponytail": 0.11, "braid": 0.03, "bun": 0.08, "curly": 0.04, "parted": 0.04,
}  # fmt: skip
AFRICAN_MEN: dict[HairStyle, float] = {
    "bald": 0.04, "shaved": 0.14, "buzz": 0.24, "ring": 0.03, "crop": 0.15, "curly": 0.18, "afro": 0.22,
}  # fmt: skip
AFRICAN_WOMEN: dict[HairStyle, float] = {
    "afro": 0.26, "curly": 0.14, "long_curly": 0.12, "bun": 0.13, "ponytail": 0.10, "braid": 0.04, "long": 0.08,
    "wavy": 0.06, "bob": 0.05, "shaved": 0.02,
}  # fmt: skip
AGE_FACTORS: dict[str, dict[HairStyle, float]] = {
    "child": {"bald": 0, "ring": 0, "shaved": 0.3, "buzz": 0.5, "swept": 0.5},
    "young": {"ring": 0, "bald": 0.5},
    "middleage": {"bob": 1.5},
    "old": {
        "ring": 4, "bald": 2, "forward": 0.3, "long": 0.3, "fringed_long": 0.2, "wavy": 0.5, "long_curly": 0.5,
        "bob": 2, "parted": 2, "ponytail": 0.4, "braid": 0.3,
    },
}  # fmt: skip
"""Multiply the chances above."""


@dataclass(frozen=True)
class Cut:
    """How one person's hair is cut and combed; lengths in decimetres of the neutral head.

    Attributes:
        comb: which way.
        top: length on the top; side: at the temples; nape: at the back.
        hem: height at which falling hair ends; 0 for none.
        cards: ribbons at full detail; steps: straight pieces of each; width: of a ribbon.
        lift: share of the normal in a root's direction.
        gap: distance of the outermost layer from the skin.
        gravity: pull for each step.
        wave: amplitude; turns: number of waves along a ribbon.
        stray: disorder of directions.
        strips: which textures.
        parting: side (x) of the parting.
        tie: height at which tied hair comes together; knot: what is behind it.
        base: share of the ribbons that make an opaque layer below the others.
        flyaways: single strands that stand off.
    """

    comb: Comb
    top: float
    side: float
    nape: float
    hem: float
    cards: int
    steps: int
    width: float
    lift: float
    gap: float
    gravity: float
    wave: float
    turns: float
    stray: float
    strips: tuple[Strip, ...]
    parting: float = 0.0
    tie: float = 7.8
    knot: Literal["tail", "braid", "bun"] = "tail"
    base: float = 0.3
    flyaways: int = 90


_STRAIGHT = (Strip.DENSE_A, Strip.DENSE_A, Strip.DENSE_B, Strip.WISPY_A)
_LOOSE = (Strip.DENSE_B, Strip.WAVY, Strip.WAVY, Strip.WISPY_A)
_CURLS = (Strip.CURLY_A, Strip.CURLY_B, Strip.CURLY_A, Strip.WAVY)
_COILS = (Strip.COILS, Strip.COILS, Strip.CURLY_B)
CUTS: dict[HairStyle, Cut] = {
    "ring": Cut("down", 0.2, 0.2, 0.2, 0, 1300, 3, 0.06, 0.35, 0.05, 0.25, 0, 0, 0.15, _STRAIGHT),
    "buzz": Cut("down", 0.075, 0.06, 0.055, 0, 3400, 1, 0.03, 0.8, 0.03, 0.0, 0, 0, 0.2, _STRAIGHT, base=0, flyaways=0),
    "crop": Cut("forward", 0.3, 0.17, 0.15, 0, 4200, 2, 0.036, 0.4, 0.10, 0.1, 0, 0, 0.12, _STRAIGHT, base=0.4),
    "parted": Cut("parted", 0.85, 0.3, 0.2, 0, 2400, 6, 0.054, 0.5, 0.14, 0.1, 0.01, 1, 0.12, _STRAIGHT),
    "swept": Cut("back", 0.85, 0.35, 0.3, 0, 2300, 6, 0.054, 0.6, 0.14, 0.06, 0.01, 1, 0.10, _STRAIGHT),
    "forward": Cut("forward", 0.62, 0.32, 0.25, 0, 3200, 4, 0.042, 0.42, 0.12, 0.12, 0.01, 1, 0.10, _STRAIGHT),
    "curly": Cut("down", 0.7, 0.45, 0.4, 0, 1900, 6, 0.095, 0.9, 0.26, 0.10, 0.05, 2, 0.45, _CURLS, base=0.25),
    "afro": Cut("out", 0.5, 0.4, 0.35, 0, 2050, 3, 0.13, 1.0, 0.5, 0.0, 0.03, 2, 0.30, _COILS, base=0.25),
    "bob": Cut("parted", 2.2, 1.4, 0.7, 6.35, 1350, 8, 0.085, 0.3, 0.12, 0.24, 0.015, 1.2, 0.06, _STRAIGHT),
    "fringed_bob": Cut("forward", 2.2, 1.4, 0.7, 6.35, 1350, 8, 0.085, 0.3, 0.12, 0.26, 0.01, 1, 0.05, _STRAIGHT),
    "long": Cut("parted", 3.4, 2.6, 2.0, 5.0, 1100, 10, 0.095, 0.3, 0.11, 0.24, 0.015, 1.5, 0.05, _STRAIGHT),
    "fringed_long": Cut("forward", 3.0, 2.4, 2.0, 5.1, 1100, 10, 0.095, 0.3, 0.12, 0.26, 0.01, 1, 0.05, _STRAIGHT),
    "long_curly": Cut("parted", 2.9, 2.3, 1.9, 5.4, 1000, 14, 0.12, 0.5, 0.2, 0.2, 0.07, 6, 0.16, _CURLS),
    "wavy": Cut("parted", 3.2, 2.5, 2.0, 5.1, 1050, 14, 0.10, 0.4, 0.15, 0.22, 0.06, 3.5, 0.08, _LOOSE),
    "ponytail": Cut("tied", 1.6, 1.3, 1.2, 0, 1100, 8, 0.08, 0.1, 0.06, 0, 0, 0, 0.01, _STRAIGHT),
    "braid": Cut("tied", 1.6, 1.3, 1.2, 0, 1100, 8, 0.08, 0.1, 0.06, 0, 0, 0, 0.01, _STRAIGHT, knot="braid"),
    "bun": Cut("tied", 1.6, 1.3, 1.2, 0, 1100, 8, 0.08, 0.1, 0.06, 0, 0, 0, 0.01, _STRAIGHT, knot="bun"),
}  # fmt: skip
"""Styles that are more than paint on the scalp."""


def random_style(person: Person, rng: np.random.Generator) -> HairStyle:
    """A style by sex, age and ancestry."""
    african = person.ancestry[ANCESTRIES.index("african")] > 0.5
    if person.sex == "male":
        chances = AFRICAN_MEN if african else MEN
    else:
        chances = AFRICAN_WOMEN if african else WOMEN
    factors = AGE_FACTORS[person.age]
    weights = np.array([chance * factors.get(style, 1) for style, chance in chances.items()])
    return list(chances)[rng.choice(len(weights), p=weights / weights.sum())]


def random_cut(style: HairStyle, rng: np.random.Generator) -> Cut | None:
    """A style's cut with a person's lengths, volume and parting; None when there are no ribbons to draw."""
    length, volume, wave = rng.uniform(0.75, 1.25), rng.uniform(0.8, 1.25), rng.uniform(0.6, 1.4)
    hem, parting = rng.normal(0, 0.15), rng.choice([-1, 0, 1], p=[0.35, 0.25, 0.4]) * rng.uniform(0.15, 0.38)
    tie = rng.uniform(7.3, 8.15)
    if style not in CUTS:
        return None
    cut = CUTS[style]
    falls = cut.hem > 0
    return replace(
        cut,
        top=cut.top * (1 if falls else length),
        side=cut.side * (1 if falls else length),
        nape=cut.nape * (1 if falls else length),
        hem=cut.hem + hem if falls else 0,
        gap=cut.gap * volume * (length if style == "afro" else 1),
        wave=cut.wave * wave,
        parting=float(parting),
        tie=tie,
    )


def under_a_hat(cut: Cut) -> Cut:
    """The same hair pressed to the head; what is tied comes together below the hat."""
    return replace(
        cut,
        comb="down" if cut.comb == "out" else cut.comb,
        top=min(cut.top, 0.3) if cut.hem == 0 and cut.comb != "tied" else cut.top,
        lift=min(cut.lift, 0.15),
        gap=min(cut.gap, 0.02),
        wave=min(cut.wave, 0.03),
        stray=min(cut.stray, 0.1),
        flyaways=0,
        tie=min(cut.tie, 7.0),
    )

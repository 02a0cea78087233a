"""What a person of a pack looks like beside the shape of the head: which skin, hair, brows and lashes, and their tones.

Chances are those of a pack with all names below; names that a pack lacks are left out, names that are not listed here
have the chance `OTHER_STYLE`.
"""

import re
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from gghead.synthetic.anatomy.asset_pack import AssetPack
from gghead.synthetic.anatomy.identities import Person
from gghead.synthetic.hair.beards import Beard, random_beard
from gghead.synthetic.hair.hairline import HairLine, random_hair_line
from gghead.synthetic.hair.styles import Cut, random_cut, random_style
from gghead.synthetic.parts.makeup import Makeup, random_makeup
from gghead.synthetic.parts.skin import skin_color

SHAVED = "shaved"
"""Name of the style of those who have no hair to speak of."""
STYLES = {
    "male": {"short01": 0.1, "short02": 0.2, "short03": 0.05, "short04": 0.1, "long01": 0.03, "ponytail01": 0.03},
    "female": {"long01": 0.3, "ponytail01": 0.2, "bob02": 0.05, "braid01": 0.1}
    | {"short01": 0.02, "short02": 0.06, "short03": 0.02, "short04": 0.02},
}
OTHER_STYLE = 0.1
GROWN = 0.96
"""Chance of hair that is grown strand by strand instead of modelled in the pack."""
MOST_RECEDING = 0.4
"""Of a line of grown hair that is no ring."""
SHAVED_CHANCE = {
    "male": {"child": 0.02, "young": 0.06, "middleage": 0.10, "old": 0.16},
    "female": {"child": 0.0, "young": 0.01, "middleage": 0.01, "old": 0.01},
}
SKIN_AGE = {"child": "young", "young": "young", "middleage": "middleage", "old": "old"}
DARK_SKINS = (0.3, 0.65)
"""Melanin from which on some, and all, people have a skin that was painted dark."""
SKIN_NAME = re.compile(r"(?P<age>young|middleage|old)_(?P<shade>dark|light)_(?P<sex>female|male)")


@dataclass(frozen=True)
class Look:
    """Choices from a pack.

    Attributes:
        skins: names of two skins that are mixed.
        share: of the second skin, 0 to 0.5.
        colour: of the face, display values.
        style: name of the modelled hair, of grown hair (styles.py), or `SHAVED`.
        mirrored: whether the hair's left and right are exchanged.
        stretch: factors of the hair's size along the axes.
        cut: of grown hair; None where the hair is modelled, or shaved.
        hair_line: where hair grows.
        beard: kind, painted shadow and length.
        makeup: on lips, lids, lashes and cheeks.
        freckles: density, 0 to 1.
        lashes: name.
        brow_tone: brows' colour as a share of the hair's.
    """

    skins: tuple[str, str]
    share: float
    color: Float[np.ndarray, "3"]
    style: str
    mirrored: bool
    stretch: Float[np.ndarray, "3"]
    cut: Cut | None
    hair_line: HairLine
    beard: Beard
    makeup: Makeup
    freckles: float
    lashes: str
    brow_tone: float


def random_look(person: Person, pack: AssetPack, rng: np.random.Generator) -> Look:
    """A look that suits a person."""
    color = skin_color(person, rng)
    skins = (_random_skin(person, pack, rng), _random_skin(person, pack, rng))
    style, cut = _random_style(person, pack, rng)
    receding = rng.uniform(0, 1) ** 2 * {"child": 0.0, "young": 0.3, "middleage": 0.8, "old": 1.0}[person.age]
    if cut is not None:
        receding = 0.9 if style == "ring" else min(receding, MOST_RECEDING)
    return Look(
        skins=skins,
        share=rng.uniform(0, 0.5),
        color=color,
        style=style,
        mirrored=bool(rng.random() < 0.5),
        stretch=rng.uniform(0.0, 0.05) + rng.uniform([0.985, 0.985, 0.985], [1.015, 1.03, 1.03]),
        cut=cut,
        hair_line=random_hair_line(person, receding if person.sex == "male" else 0.0, rng),
        beard=random_beard(person, rng),
        makeup=random_makeup(person, color, rng),
        freckles=rng.uniform(0.08, 0.35) if rng.random() < (0.14 if person.melanin < 0.3 else 0.03) else 0.0,
        lashes=str(rng.choice(list(pack.proxies["eyelashes"]))),
        brow_tone=rng.uniform(0.4, 0.8),
    )


def _random_skin(person: Person, pack: AssetPack, rng: np.random.Generator) -> str:
    """Of the person's sex, age and darkness if there is one; children have the skin of young women."""
    low, high = DARK_SKINS
    dark = rng.random() < np.clip((person.melanin - low) / (high - low), 0, 1)
    wanted = {
        "sex": "female" if person.age == "child" else person.sex,
        "shade": "dark" if dark else "light",
        "age": SKIN_AGE[person.age],
    }
    names = list(pack.textures["skins_head"])
    for key, value in wanted.items():
        fitting = [name for name in names if (match := SKIN_NAME.match(name)) and match[key] == value]
        names = fitting or names
    return names[int(rng.random() * len(names))]


def _random_style(person: Person, pack: AssetPack, rng: np.random.Generator) -> tuple[str, Cut | None]:
    """Name of the hair, and how it is cut if it is grown."""
    shaved, grown = rng.random() < SHAVED_CHANCE[person.sex][person.age], rng.random() < GROWN
    own = random_style(person, rng)
    cut = random_cut(own, rng)
    known = STYLES["male"].keys() | STYLES["female"].keys()
    chances = {
        name: STYLES[person.sex].get(name, 0.0 if name in known else OTHER_STYLE) for name in pack.proxies["hair"]
    }
    shares = np.array(list(chances.values())) + 1e-9
    chosen = list(chances)[rng.choice(len(chances), p=shares / shares.sum())]
    if shaved or (grown and cut is None):
        return SHAVED, None
    return (own, cut) if grown else (chosen, None)

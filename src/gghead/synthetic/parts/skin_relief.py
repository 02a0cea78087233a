"""Height and gloss of skin: pores, wrinkles of age and of expression, lines of the lips, oily and dry places."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, UInt8

from gghead.synthetic.anatomy.head_model import HeadModel
from gghead.synthetic.anatomy.identities import ANCESTRIES, Person, aged
from gghead.synthetic.anatomy.skin_regions import CREASE_HEIGHTS, Noise, Region, SkinMaps
from gghead.synthetic.parts.skin_kernels import emboss

LINE_YEARS = (12.0, 22.0, 35.0, 50.0, 65.0, 80.0)
LINE_DEPTHS = (0.0, 0.03, 0.16, 0.42, 0.75, 1.0)
"""How deep the lines of age are at these ages."""
CREASING = {
    Region.FOLDS: {"mouthSmile": 0.8, "noseSneer": 0.6, "mouthUpperUp": 0.3, "cheekSquint": 0.3},
    Region.FOREHEAD_LINES: {"browInnerUp": 0.6, "browOuterUp": 0.7, "eyeWide": 0.1},
    Region.CROWS_FEET: {"mouthSmile": 0.4, "cheekSquint": 0.6, "eyeSquint": 0.6, "eyeBlink": 0.1},
    Region.FROWN_LINES: {"browDown": 1.0, "noseSneer": 0.5, "eyeSquint": 0.1},
    Region.UNDER_EYES: {"cheekSquint": 0.6, "eyeSquint": 0.6, "mouthSmile": 0.2},
    Region.ABOVE_LIPS: {"mouthPucker": 0.8, "mouthFunnel": 0.3},
}
"""Regions of lines, and how much the units of an expression deepen each."""
SMOOTH_FACE = 0.35
"""Share of an expression's lines that the skin of a child shows; that of an old face shows all."""
LINE_HEIGHTS = {
    Region.FOLDS: 0.9,
    Region.FOREHEAD_LINES: 0.55,
    Region.CROWS_FEET: 0.45,
    Region.FROWN_LINES: 0.55,
    Region.UNDER_EYES: 0.3,
    Region.ABOVE_LIPS: 0.12,
    **dict.fromkeys(CREASE_HEIGHTS, 0.8),
}
"""Depth of a line of depth 1, millimetres."""
CREASE_CHANCES = {"asian": (0.75, 0.22, 0.03), "other": (0.25, 0.5, 0.25), "old": (0.6, 0.35, 0.05)}
"""How often the crease of the upper lid is low, in the middle and high."""
MONOLIDS = 0.45
"""Share of Asian lids without a crease."""
LEVELS = 127.0
"""Of a detail map for a millimetre; 128 is level, and gloss as that of the material."""


@dataclass(frozen=True)
class Lines:
    """How deep the lines of a face are: 0 is none, 1 those of somebody old.

    Attributes:
        depth: of each `Region` [r]; zero where there are no lines.
    """

    depth: Float[np.ndarray, " r"]


def age_lines(years: float) -> float:
    """How deep lines are by age alone, 0 to 1."""
    return float(np.interp(years, LINE_YEARS, LINE_DEPTHS))


def face_lines(model: HeadModel, person: Person, rng: np.random.Generator) -> Lines:
    """Lines of a person's face, by age and expression."""
    own, depth = age_lines(person.years), np.zeros(len(Region))
    for region, units in CREASING.items():
        pulled = sum(share * _weight(model, person, unit) for unit, share in units.items())
        shown = SMOOTH_FACE + (1 - SMOOTH_FACE) * own
        depth[region] = own * rng.uniform(0.6, 1.2) + 0.55 * min(pulled, 1.2) * shown
    crease, deep = _random_crease(person, rng)
    depth[crease] = deep * (1 - 0.6 * min(_weight(model, person, "eyeBlink"), 1.0))
    return Lines(depth)


def _random_crease(person: Person, rng: np.random.Generator) -> tuple[Region, float]:
    """Which crease the upper lids have, and how deep it is; shut lids pull it flat."""
    share, deep, single = float(person.ancestry[ANCESTRIES.index("asian")]), rng.uniform(0.45, 1.1), rng.random()
    kind = "old" if rng.random() < aged(person.years) else "asian" if rng.random() < share else "other"
    crease = list(CREASE_HEIGHTS)[rng.choice(len(CREASE_HEIGHTS), p=CREASE_CHANCES[kind])]
    return crease, deep * (0.1 if single < MONOLIDS * share else 1.0)


def emboss_skin(
    maps: SkinMaps, person: Person, lines: Lines, offsets: np.ndarray, gloss: float, rng: np.random.Generator
) -> UInt8[np.ndarray, "h w 2"]:
    """The detail map of the head's skin: gloss (128 = as the material) and height (128 = level, 127 levels = 1 mm).

    Args:
        maps: regions and noise of the head chart.
        person: age decides about pores.
        lines: of the face.
        offsets: where each field of noise begins [n, 2], texels, as for the colours.
        gloss: of the lips beyond their own, from 0, none, to 1, wet.
        rng: decides about oiliness.
    """
    heights, shine = np.zeros(len(Region)), np.zeros(len(Region))
    for region, depth in LINE_HEIGHTS.items():
        heights[region] = -depth * lines.depth[region]
    heights[Region.LIP_LINES] = 0.03 + 0.03 * age_lines(person.years)
    oil = rng.uniform(0.1, 0.9) * (0.5 if person.age == "child" else 1)
    shine[Region.OILY], shine[Region.CHEEKS], shine[Region.LIDS] = oil, 0.3 * oil - 0.3, 0.3 * oil
    shine[Region.NOSE], shine[Region.SOCKETS], shine[Region.AROUND_MOUTH] = 0.4 * oil, -0.2, -0.2
    shine[Region.LIPS], shine[Region.BEARD] = 0.7 + 0.6 * gloss, -0.15
    rough = {"child": 0.5, "young": 0.9, "middleage": 1.2, "old": 1.4}[person.age] * rng.uniform(0.8, 1.2)
    noise_heights, noise_shine = np.zeros(len(Noise)), np.zeros(len(Noise))
    noise_heights[Noise.PORES], noise_heights[Noise.MOTTLING] = 0.03 * rough, 0.025 * rough
    noise_shine[Noise.BLOTCHES], noise_shine[Noise.MOTTLING], noise_shine[Noise.PORES] = 0.1, 0.14, 0.28
    out = np.empty((*maps.inside.shape, 2), np.uint8)
    columns = [np.stack([shine, heights], 1), np.stack([noise_shine, noise_heights], 1)]
    scale = np.array([128.0, LEVELS])
    emboss(
        maps.regions,
        maps.spans,
        (columns[0] * scale).astype(np.float32),
        maps.noise,
        offsets,
        (columns[1] * scale).astype(np.float32),
        maps.inside,
        out,
    )
    return out


def _weight(model: HeadModel, person: Person, unit: str) -> float:
    rows = [model.row[name] for name in (f"unit/{unit}", f"unit/{unit}Left", f"unit/{unit}Right") if name in model.row]
    return float(np.mean(person.weights[rows]))

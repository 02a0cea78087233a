"""Random people: weights of the morph targets, and what else makes a person look like one and no other."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from jaxtyping import Float, Float32

from gghead.synthetic.anatomy.expressions import lids_that_follow, place_lids, random_expression
from gghead.synthetic.anatomy.head_model import HeadModel

Sex = Literal["female", "male"]
Age = Literal["child", "young", "middleage", "old"]
ANCESTRIES = ("african", "asian", "caucasian")
"""Names of the groups of faces of the head model's morph targets."""
MELANIN = np.array([0.85, 0.14, 0.0])
"""How much each of the `ANCESTRIES` darkens the skin."""
MELANIN_OF_FAIR_HAIR = 0.4
"""Darker people have brown eyes and dark hair; lighter ones may have others."""
HAIR_COLORS = np.array(
    [
        [0.012, 0.009, 0.008],
        [0.03, 0.017, 0.01],
        [0.09, 0.045, 0.022],
        [0.17, 0.09, 0.045],
        [0.44, 0.285, 0.16],
        [0.6, 0.435, 0.285],
        [0.28, 0.085, 0.03],
    ]
)
"""Linear light."""
GRAYS = np.array([[0.17, 0.17, 0.175], [0.52, 0.51, 0.49]])
"""Hair without pigment, linear light: iron grey to white."""
LIGHT_SKIN_HAIR = np.array([0.31, 0.23, 0.16, 0.1, 0.07, 0.07, 0.06])
OTHER_HAIR = np.array([0.61, 0.25, 0.08, 0.03, 0.01, 0.01, 0.01])
AGES: dict[Age, tuple[float, float, float]] = {
    "child": (0.11, 5, 15),
    "young": (0.48, 15, 36),
    "middleage": (0.28, 36, 60),
    "old": (0.13, 60, 90),
}
"""Share of the people, and from which year to which."""
TARGET_YEARS = {"baby": 1.0, "child": 12.0, "young": 25.0, "old": 90.0}
"""Age of the head model's shapes; between them faces are mixed."""
DETAIL_MEANS = {"eye-scale-decr": 0.2}
"""Where sliders are centered if not at 0, named by their negative end: eyes of the head model are small."""
AGED = (35.0, 85.0)
"""Years from which on age shows in ears, nose, lips and lids, and at which it does in full."""
AGE_DETAILS = {
    "ear-scale-decr": 0.30,
    "ear-lobe-decr": 0.35,
    "nose-scale-vert-decr": 0.18,
    "nose-point-down": -0.22,
    "nose-volume-decr": 0.12,
    "mouth-upperlip-volume-decr": -0.35,
    "mouth-lowerlip-volume-decr": -0.30,
    "mouth-upperlip-height-decr": -0.15,
    "eye-bag-decr": 0.35,
    "eye-eyefold-down": -0.30,
    "cheek-volume-decr": -0.15,
    "neck-double-decr": 0.25,
}
"""How far age shifts sliders, named by their negative end."""
GRAYING = (58.0, 8.0)
"""Mean and standard deviation of the age at which half of the hair is grey."""
DYED, DYED_UNTIL = {"female": 0.45, "male": 0.15}, 70
"""Share of the people who dye what is grey, and until which age."""
LIDS, CHILD_LIDS = (0.285, 0.035), 0.03
"""Height of the upper lids above the middle of the eyes, radii of the eyeball: mean and standard deviation, and how
much higher it is of children. Lids cover a fifth of the iris's upper half, as in portraits."""
LIDS_LIMITS, OLD_LIDS = (0.20, 0.37), 0.045
"""Lowest and highest, and how much age lowers them."""
LOWER_LIDS = (-0.40, 0.025)
"""Height of the lower lids, alike: they touch the iris from below."""
IRIS_COLORS = {
    "brown": (0.33, 0.205, 0.125),
    "dark_brown": (0.225, 0.145, 0.105),
    "light_brown": (0.40, 0.275, 0.16),
    "hazel": (0.37, 0.31, 0.19),
    "blue": (0.39, 0.45, 0.505),
    "gray": (0.42, 0.455, 0.47),
    "green": (0.35, 0.385, 0.29),
}
"""Display colours of the middle of the iris."""
LIGHT_IRISES = {"brown": 0.3, "light_brown": 0.14, "hazel": 0.13, "blue": 0.25, "gray": 0.1, "green": 0.08}
DARK_IRISES = {"brown": 0.42, "dark_brown": 0.5, "light_brown": 0.08}
"""Chances for those who may have fair hair, and for all others."""
DETAIL_SPREAD, OUTLINE_SHARE = 0.18, 0.7
"""Standard deviation of the detail sliders, and the share of it for those of head, neck and chin: more looks like
putty."""
CALMED = ("eye-scale-decr", "nose-base-down", "mouth-trans-down")
"""Sliders that move less: short upper lips fold into themselves when they smile."""
ASYMMETRY = 0.22
"""Largest weight of an asymmetric target."""
GAZE_SPREAD, GAZE_LIMIT = np.radians([6.5, 3.5]), np.radians([18.0, 9.0])
"""Standard deviation and largest turn of the eyes sideways and up."""
FOCUS = (9.0, 60.0)
"""Nearest and furthest point that people look at, decimetres; its logarithm is uniform."""
ODD_EYES = 0.004
"""Chance that the eyes of a person differ in colour."""


@dataclass(frozen=True)
class Person:
    """One person.

    Attributes:
        neutral: weights of the morph targets without expression [k].
        weights: the same with expression [k].
        sex: which of the two the face is mostly of.
        years: age, 5 to 90.
        ancestry: shares of `ANCESTRIES` in the face's shape; they sum to 1.
        melanin: darkness of the skin, 0 to 1.
        hair_colour: linear light, with what is grey in it.
        grayness: share of the hair that is grey, 0 to 1; beards and brows may be ahead of it.
        iris_colors: display colours of the left and the right iris [2, 3], alike but for rare exceptions.
        gaze: direction from between the eyes to what they look at, towards +x and +y of the head, radians.
        focus: distance of what they look at, decimetres.
        cloth_colour: linear light.
        collar: how far the collar is shifted, decimetres.
    """

    neutral: Float32[np.ndarray, " k"]
    weights: Float32[np.ndarray, " k"]
    sex: Sex
    years: float
    ancestry: Float[np.ndarray, "3"]
    melanin: float
    hair_color: Float[np.ndarray, "3"]
    grayness: float
    iris_colors: Float[np.ndarray, "2 3"]
    gaze: Float[np.ndarray, "2"]
    focus: float
    cloth_color: Float[np.ndarray, "3"]
    collar: float

    @property
    def age(self) -> Age:
        """Which of the four ages of life the years belong to."""
        for age, (_, _, end) in AGES.items():
            if self.years < end:
                return age
        return "old"


def random_person(model: HeadModel, rng: np.random.Generator) -> Person:
    """A person drawn from the distributions of this module; see docs/data.md."""
    male, mix = bool(rng.random() < 0.5), rng.random() * 0.25
    gender = {"male": 1 - mix if male else mix, "female": mix if male else 1 - mix}
    years = _random_years(rng)
    ancestry = rng.dirichlet([0.35, 0.35, 0.5])
    shares: dict[str, float] = dict(zip(ANCESTRIES, ancestry, strict=True))
    neutral = np.zeros(model.target_count, np.float32)
    _add_macro_targets(model, gender, age_mix(years), shares, rng, neutral)
    _add_detail_targets(model, years, rng, neutral)
    weights, gaze = neutral.copy(), np.clip(rng.normal(0, GAZE_SPREAD), -GAZE_LIMIT, GAZE_LIMIT)
    expression, lids = random_expression(rng), rng.normal(*LIDS) - OLD_LIDS * aged(years) + CHILD_LIDS * (years < 15)
    upper, lower = model.lids(model.morph(neutral))
    place_lids(expression, (float(np.clip(lids, *LIDS_LIMITS)) - upper, rng.normal(*LOWER_LIDS) - lower))
    for unit, value in {**expression, **lids_that_follow(gaze)}.items():
        weights[model.row[f"unit/{unit}"]] = value
    melanin = float(np.clip(ancestry @ MELANIN + rng.normal(0.12, 0.08), 0.02, 1))
    light = max(shares, key=shares.__getitem__) == "caucasian" and melanin < MELANIN_OF_FAIR_HAIR
    sex: Sex = "male" if male else "female"
    hair, grayness = _random_hair(rng, light, years, sex)
    return Person(
        neutral=neutral,
        weights=weights,
        sex=sex,
        years=years,
        ancestry=ancestry,
        melanin=melanin,
        hair_color=hair,
        grayness=grayness,
        iris_colors=_random_irises(rng, LIGHT_IRISES if light else DARK_IRISES),
        gaze=gaze,
        focus=float(np.exp(rng.uniform(*np.log(FOCUS)))),
        cloth_color=np.clip(rng.uniform(0.02, 0.6) * (1 + rng.normal(0, 0.25, 3)), 0.01, 0.8),
        collar=rng.uniform(-0.12, 0.12),
    )


def aged(years: float) -> float:
    """How much age shows in a face, 0 at 35 years, 1 at 85."""
    return float(np.clip((years - AGED[0]) / (AGED[1] - AGED[0]), 0, 1))


def age_mix(years: float) -> dict[str, float]:
    """Shares of the head model's ages in a face; they sum to 1."""
    knots = list(TARGET_YEARS.values())
    return {
        name: share
        for name, unit in zip(TARGET_YEARS, np.eye(len(knots)), strict=True)
        if (share := float(np.interp(years, knots, unit))) > 0
    }


def _random_years(rng: np.random.Generator) -> float:
    shares, starts, ends = np.array(list(AGES.values())).T
    row = rng.choice(len(AGES), p=shares)
    # Of the old, fewer and fewer.
    position = rng.random() if row < len(AGES) - 1 else 1 - np.sqrt(rng.random())
    return float(starts[row] + (ends[row] - starts[row]) * position)


def _random_irises(rng: np.random.Generator, chances: dict[str, float]) -> np.ndarray:
    drawn = [str(name) for name in rng.choice(list(chances), 2, p=list(chances.values()))]
    color = np.array([IRIS_COLORS[name] for name in drawn]) * np.exp(rng.normal(0, 0.12)) + rng.normal(0, 0.012, 3)
    return np.clip(color if rng.random() < ODD_EYES else color[[0, 0]], 0.06, 0.7)


def _random_hair(rng: np.random.Generator, light: bool, years: float, sex: Sex) -> tuple[np.ndarray, float]:
    """Colour of the hair, and how much of it is grey."""
    chances = LIGHT_SKIN_HAIR if light else OTHER_HAIR
    color = HAIR_COLORS[rng.choice(len(HAIR_COLORS), p=chances / chances.sum())] * np.exp(rng.normal(0, 0.15))
    half, dyes = rng.normal(*GRAYING), rng.random() < DYED[sex]
    grayness = 0.0 if dyes and years < DYED_UNTIL else float(1 / (1 + np.exp((half - years) / 4)))
    gray = GRAYS[0] + (GRAYS[1] - GRAYS[0]) * np.clip(rng.normal((years - 50) / 45, 0.2), 0, 1)
    return np.clip(color + (gray - color) * grayness, 0, 1), grayness


def _add_macro_targets(
    model: HeadModel,
    gender: dict[str, float],
    age: dict[str, float],
    shares: dict[str, float],
    rng: np.random.Generator,
    out: np.ndarray,
) -> None:
    muscle, weight = _steps(rng.random()), _steps(float(np.clip(rng.normal(0.48, 0.17), 0, 1)))
    for sex, sex_share in gender.items():
        for years, years_share in age.items():
            both = sex_share * years_share
            wanted = {f"macrodetails/{group}-{sex}-{years}": both * share for group, share in shares.items()}
            for m, m_share in muscle.items():
                for w, w_share in weight.items():
                    wanted[f"macrodetails/universal-{sex}-{years}-{m}muscle-{w}weight"] = both * m_share * w_share
            for name, value in wanted.items():
                if name in model.row:
                    out[model.row[name]] += value


def _steps(slider: float) -> dict[str, float]:
    """Weights of the targets min, average and max of a slider in 0 .. 1."""
    return {"min": max(0.0, 1 - 2 * slider), "average": 1 - abs(2 * slider - 1), "max": max(0.0, 2 * slider - 1)}


def _add_detail_targets(model: HeadModel, years: float, rng: np.random.Generator, out: np.ndarray) -> None:
    """Bipolar details, alike on both sides up to a little noise; outlines of the head; asymmetries."""
    shared: dict[str, float] = {}
    for negative, positive in model.detail_pairs:
        group, name = negative.split("/")
        sided = name.startswith(("l-", "r-"))
        key = name[2:] if sided else name
        if key not in shared:
            spread = DETAIL_SPREAD * (OUTLINE_SHARE if group in ("head", "neck", "chin") else 1)
            shared[key] = float(np.clip(rng.normal(0, spread), -0.5, 0.5)) + AGE_DETAILS.get(key, 0.0) * aged(years)
            shared[key] += DETAIL_MEANS.get(key, 0.0)
        value = shared[key] + (rng.normal(0, 0.04) if sided else 0)
        if group == "head" and "trans" in name:
            continue
        if name.endswith(CALMED):
            value *= 0.6
        out[model.row[negative]], out[model.row[positive]] = max(0, -value), max(0, value)
    for name in rng.choice(model.shape_names, 2, replace=False):
        out[model.row[str(name)]] = rng.random() * 0.25
    for name, row in model.row.items():
        if name.startswith("asym/") and "breast" not in name and "trunk" not in name and rng.random() < 0.2:
            out[row] = rng.random() * ASYMMETRY

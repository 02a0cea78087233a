"""Random people: weights of the morph targets, and what else makes a person look like one and no other."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from jaxtyping import Float, Float32

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
        [0.45, 0.30, 0.15],
        [0.6, 0.46, 0.28],
        [0.28, 0.085, 0.03],
        [0.26, 0.26, 0.26],
    ]
)
"""Linear light; the last one is grey."""
LIGHT_SKIN_HAIR = np.array([0.3, 0.22, 0.15, 0.1, 0.06, 0.05, 0.05, 0.02])
OTHER_HAIR = np.array([0.6, 0.25, 0.08, 0.03, 0.01, 0.01, 0.01, 0.01])
AGES: dict[Age, float] = {"child": 0.08, "young": 0.45, "middleage": 0.27, "old": 0.2}
AGE_MIX: dict[Age, dict[str, float]] = {
    "child": {"child": 0.6, "young": 0.4},
    "young": {"young": 1.0},
    "middleage": {"young": 0.6, "old": 0.4},
    "old": {"young": 0.2, "old": 0.8},
}
IRIS_COLORS = {
    "brown": (0.23, 0.12, 0.06),
    "light_brown": (0.42, 0.26, 0.12),
    "blue": (0.30, 0.45, 0.60),
    "green": (0.33, 0.42, 0.26),
}
"""Display colours."""
DETAIL_SPREAD = 0.19
"""Standard deviation of the detail sliders."""
GAZE_SPREAD, GAZE_LIMIT = np.radians([8.0, 4.0]), np.radians([20.0, 10.0])
"""Standard deviation and largest turn of the eyes sideways and up."""
LID_REACH = np.radians(25.0)
"""Turn of the eyes at which the lids have followed all the way."""


EXPRESSIONS: dict[str, tuple[float, dict[str, tuple[float, float]]]] = {
    "none": (0.22, {}),
    "smile": (
        0.28,
        {"mouthSmile": (0.8, 1.0), "cheekSquint": (0.4, 0.6), "mouthUpperUp": (0.1, 0.4), "jawOpen": (0.0, 0.15)},
    ),
    "laugh": (
        0.14,
        {"mouthSmile": (0.9, 1.0), "cheekSquint": (0.6, 0.9), "mouthUpperUp": (0.4, 0.7), "jawOpen": (0.2, 0.5)},
    ),
    "speech": (0.12, {"jawOpen": (0.1, 0.6), "mouthFunnel": (0.0, 0.5), "mouthStretch": (0.0, 0.3)}),
    "pout": (0.04, {"mouthPucker": (0.3, 0.9), "mouthFunnel": (0.0, 0.3)}),
    "frown": (0.07, {"mouthFrown": (0.6, 0.9), "browDown": (0.6, 0.9), "mouthPress": (0.0, 0.4)}),
    "surprise": (
        0.06,
        {"browInnerUp": (0.7, 1.0), "browOuterUp": (0.7, 1.0), "eyeWide": (0.3, 0.6), "jawOpen": (0.0, 0.5)},
    ),
    "disgust": (0.03, {"noseSneer": (0.5, 0.9), "mouthUpperUp": (0.2, 0.5), "browDown": (0.3, 0.7)}),
    "worry": (0.04, {"browInnerUp": (0.6, 1.0), "mouthFrown": (0.1, 0.4)}),
}
"""Chance of each expression, and the range of each of its units as a share of a strength of 0.2 to 0.9."""
SIDED_UNITS = {
    *("mouthSmile", "mouthFrown", "mouthPress", "mouthStretch", "mouthUpperUp"),
    *("browDown", "browOuterUp", "cheekSquint", "eyeWide", "noseSneer"),
}
"""Units that the head has for either side."""
BLINK_SPREAD = 0.09
"""Standard deviation of the normal distribution whose absolute value says how far lids are closed, up to 0.3."""
SIDEDNESS = 0.1
"""Standard deviation of an expression's strength on one side."""


@dataclass(frozen=True)
class Person:
    """One person.

    Attributes:
        neutral: weights of the morph targets without expression [k].
        weights: the same with expression [k].
        sex: which of the two the face is mostly of.
        age: one of four.
        ancestry: shares of `ANCESTRIES` in the face's shape; they sum to 1.
        melanin: darkness of the skin, 0 to 1.
        hair_colour: linear light.
        iris_colour: display colour.
        gaze: turn of the eyes towards +x and +y of the head, radians.
        cloth_colour: linear light.
        collar: how far the collar is shifted, decimetres.
    """

    neutral: Float32[np.ndarray, " k"]
    weights: Float32[np.ndarray, " k"]
    sex: Sex
    age: Age
    ancestry: Float[np.ndarray, "3"]
    melanin: float
    hair_color: Float[np.ndarray, "3"]
    iris_color: Float[np.ndarray, "3"]
    gaze: Float[np.ndarray, "2"]
    cloth_color: Float[np.ndarray, "3"]
    collar: float


def random_person(model: HeadModel, rng: np.random.Generator) -> Person:
    """A person drawn from the distributions of this module; see docs/data.md."""
    male, mix = bool(rng.random() < 0.5), rng.random() * 0.25
    gender = {"male": 1 - mix if male else mix, "female": mix if male else 1 - mix}
    age = list(AGES)[rng.choice(len(AGES), p=list(AGES.values()))]
    ancestry = rng.dirichlet([0.35, 0.35, 0.5])
    shares: dict[str, float] = dict(zip(ANCESTRIES, ancestry, strict=True))
    neutral = np.zeros(model.target_count, np.float32)
    _add_macro_targets(model, gender, AGE_MIX[age], shares, rng, neutral)
    _add_detail_targets(model, rng, neutral)
    weights, gaze = neutral.copy(), _random_gaze(rng)
    for unit, value in {**_random_expression(rng), **_lids_that_follow(gaze)}.items():
        weights[model.row[f"unit/{unit}"]] = value
    melanin = float(np.clip(ancestry @ MELANIN + rng.normal(0.12, 0.08), 0.02, 1))
    light = max(shares, key=shares.__getitem__) == "caucasian" and melanin < MELANIN_OF_FAIR_HAIR
    irises = list(IRIS_COLORS) if light else ["brown"]
    return Person(
        neutral=neutral,
        weights=weights,
        sex="male" if male else "female",
        age=age,
        ancestry=ancestry,
        melanin=melanin,
        hair_color=_random_hair_color(rng, light, age == "old"),
        iris_color=np.array(IRIS_COLORS[str(rng.choice(irises))]),
        gaze=gaze,
        cloth_color=np.clip(rng.uniform(0.02, 0.6) * (1 + rng.normal(0, 0.25, 3)), 0.01, 0.8),
        collar=rng.uniform(-0.12, 0.12),
    )


def _random_gaze(rng: np.random.Generator) -> np.ndarray:
    return np.clip(rng.normal(0, GAZE_SPREAD), -GAZE_LIMIT, GAZE_LIMIT)


def _lids_that_follow(gaze: np.ndarray) -> dict[str, float]:
    """Weights of the expression units that move the lids with the eyes."""
    up, down = max(0.0, gaze[1] / LID_REACH), max(0.0, -gaze[1] / LID_REACH)
    return {f"eyeLook{way}{side}": share for way, share in (("Up", up), ("Down", down)) for side in ("Left", "Right")}


def _random_hair_color(rng: np.random.Generator, light: bool, old: bool) -> np.ndarray:
    chances = (LIGHT_SKIN_HAIR if light else OTHER_HAIR) / (LIGHT_SKIN_HAIR if light else OTHER_HAIR).sum()
    if old:
        chances = chances * 0.4
        chances[-1] += 1 - chances.sum()
    color = HAIR_COLORS[rng.choice(len(HAIR_COLORS), p=chances)]
    return np.clip(color * np.exp(rng.normal(0, 0.15)), 0, 1)


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


def _add_detail_targets(model: HeadModel, rng: np.random.Generator, out: np.ndarray) -> None:
    """Bipolar details, alike on both sides up to a little noise; outlines of the head; asymmetries."""
    shared: dict[str, float] = {}
    for negative, positive in model.detail_pairs:
        name = negative.split("/")[1]
        sided = name.startswith(("l-", "r-"))
        key = name[2:] if sided else name
        if key not in shared:
            shared[key] = float(np.clip(rng.normal(0, DETAIL_SPREAD), -0.6, 0.6))
        value = shared[key] + (rng.normal(0, 0.05) if sided else 0)
        if negative.startswith("head/") and "trans" in negative:
            continue
        if "eye-scale" in negative:
            value *= 0.6
        out[model.row[negative]], out[model.row[positive]] = max(0, -value), max(0, value)
    for name in rng.choice(model.shape_names, 2, replace=False):
        out[model.row[str(name)]] = rng.random() * 0.3
    for name, row in model.row.items():
        if name.startswith("asym/") and "breast" not in name and "trunk" not in name and rng.random() < 0.2:
            out[row] = rng.random() * 0.35


def _random_expression(rng: np.random.Generator) -> dict[str, float]:
    """Weights of expression units: one of `EXPRESSIONS`, a little stronger on one side, and always some blink."""
    name = list(EXPRESSIONS)[rng.choice(len(EXPRESSIONS), p=[chance for chance, _ in EXPRESSIONS.values()])]
    strength, blink = rng.uniform(0.2, 0.9), min(abs(rng.normal(0, BLINK_SPREAD)), 0.3)
    sides = {"Left": 1 + rng.normal(0, SIDEDNESS), "Right": 1 + rng.normal(0, SIDEDNESS)}
    units = {"eyeBlinkLeft": blink, "eyeBlinkRight": blink}
    for unit, (low, high) in EXPRESSIONS[name][1].items():
        value = strength * rng.uniform(low, high)
        if unit in SIDED_UNITS:
            for side, factor in sides.items():
                units[f"{unit}{side}"] = float(np.clip(value * factor, 0, 1))
        else:
            units[unit] = value
    return units

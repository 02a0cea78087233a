"""Random expressions: what people do with their faces, as weights of the head model's 52 units (ARKit's blend shapes).

An expression has one main part, drawn from `EXPRESSIONS`, and sometimes an accent from `ACCENTS` beside it: a raised
brow, a sniff, lips pressed. Both are scaled by a strength, which is mild more often than strong, as in photographs.
"""

import numpy as np

Units = dict[str, tuple[float, float]]
"""Range of each unit at full strength."""

EXPRESSIONS: dict[str, tuple[float, Units]] = {
    "none": (0.26, {}),
    "smile": (0.31, {"mouthSmile": (0.5, 1.0), "cheekSquint": (0.2, 0.6), "mouthDimple": (0.0, 0.5)}),
    "smile with teeth": (
        0.19,
        {"mouthSmile": (0.9, 1.0), "cheekSquint": (0.4, 0.8), "mouthUpperUp": (0.3, 0.6), "eyeSquint": (0.0, 0.4)}
        | {"jawOpen": (0.08, 0.25), "mouthStretch": (0.0, 0.25)},
    ),
    "laugh": (
        0.04,
        {"mouthSmile": (0.9, 1.0), "cheekSquint": (0.6, 1.0), "mouthUpperUp": (0.3, 0.6), "jawOpen": (0.3, 0.7)}
        | {"mouthLowerDown": (0.2, 0.5), "eyeSquint": (0.3, 0.8), "noseSneer": (0.0, 0.3)},
    ),
    "open vowel": (0.02, {"jawOpen": (0.3, 0.7), "mouthLowerDown": (0.0, 0.4), "mouthUpperUp": (0.0, 0.3)}),
    "wide vowel": (0.015, {"mouthStretch": (0.3, 0.8), "jawOpen": (0.1, 0.3), "mouthLowerDown": (0.2, 0.6)}),
    "rounded vowel": (0.02, {"mouthFunnel": (0.4, 0.9), "mouthPucker": (0.0, 0.4), "jawOpen": (0.0, 0.4)}),
    "lip consonant": (0.02, {"mouthRollLower": (0.2, 0.8), "mouthRollUpper": (0.0, 0.5), "mouthPress": (0.0, 0.5)}),
    "tongue consonant": (0.005, {"jawOpen": (0.1, 0.3), "tongueOut": (0.1, 0.3), "mouthLowerDown": (0.1, 0.4)}),
    "chewing": (0.005, {"jawOpen": (0.3, 0.5), "mouthClose": (0.3, 0.5), "cheekPuff": (0.0, 0.3)}),
    "pout": (0.015, {"mouthPucker": (0.4, 1.0), "mouthShrugLower": (0.0, 0.5)}),
    "frown": (0.025, {"mouthFrown": (0.3, 0.8), "browDown": (0.5, 1.0), "mouthPress": (0.0, 0.5)}),
    "concentration": (0.025, {"browDown": (0.3, 0.8), "eyeSquint": (0.3, 0.8), "mouthPress": (0.0, 0.6)}),
    "surprise": (
        0.015,
        {"browInnerUp": (0.6, 1.0), "browOuterUp": (0.6, 1.0), "eyeWide": (0.4, 0.9), "jawOpen": (0.0, 0.7)},
    ),
    "disgust": (0.005, {"noseSneer": (0.5, 1.0), "mouthUpperUp": (0.3, 0.7), "browDown": (0.3, 0.7)}),
    "worry": (0.015, {"browInnerUp": (0.6, 1.0), "mouthFrown": (0.1, 0.5), "mouthStretch": (0.0, 0.4)}),
    "shrug": (0.015, {"mouthShrugLower": (0.5, 1.0), "mouthShrugUpper": (0.3, 0.8), "mouthFrown": (0.1, 0.5)}),
}
"""Chance of each expression, and its units."""
ACCENTS: tuple[Units, ...] = (
    {"browInnerUp": (0.2, 0.9), "browOuterUp": (0.2, 0.9)},
    {"browOuterUp:one": (0.4, 1.0)},
    {"browDown": (0.2, 0.6)},
    {"eyeSquint": (0.3, 0.8)},
    {"eyeBlink:one": (0.8, 1.0), "cheekSquint:one": (0.4, 0.8)},
    {"mouthLeft": (0.2, 0.7)},
    {"mouthRight": (0.2, 0.7)},
    {"mouthSmile:one": (0.3, 0.7), "mouthDimple:one": (0.2, 0.6)},
    {"mouthPress": (0.3, 0.8)},
    {"mouthRollLower": (0.3, 0.8), "mouthRollUpper": (0.2, 0.6)},
    {"jawLeft": (0.2, 0.6)},
    {"jawRight": (0.2, 0.6)},
    {"jawForward": (0.2, 0.7)},
    {"noseSneer": (0.2, 0.5)},
    {"cheekPuff": (0.3, 0.8)},
    {"tongueOut": (0.5, 1.0), "jawOpen": (0.3, 0.5)},
)
"""What is added to an expression; ":one" marks what only one side of the face does."""
ACCENT_CHANCES = (0.2, 0.08, 0.12, 0.16, 0.02, 0.04, 0.04, 0.1, 0.08, 0.04, 0.02, 0.02, 0.02, 0.03, 0.02, 0.01)
ACCENTED = 0.35
"""Share of faces with an accent."""
SIDED_UNITS = {
    *("mouthSmile", "mouthFrown", "mouthPress", "mouthStretch", "mouthUpperUp", "mouthLowerDown", "mouthDimple"),
    *("browDown", "browOuterUp", "cheekSquint", "eyeWide", "noseSneer", "eyeBlink", "eyeSquint"),
}
"""Units that the head has for either side."""
SIDEDNESS = 0.12
"""Standard deviation of an expression's strength on one side."""
CALM = (0.05, 0.2)
"""Everybody's lips smile at least so much: without, the head model looks dour."""
STRONG = 0.12
"""Share of faces whose expression is strong; the others are mild, as those of people in photographs mostly are."""
MILD_STRENGTH, FULL_STRENGTH = (0.15, 0.65), (0.65, 1.0)
LID_SPREAD, SHUT = 0.03, 0.015
"""Standard deviation of the normal distribution whose absolute value says how far lids are closed, and the share of
faces whose eyes are shut."""
WIDE_RISE, BLINK_FALL, SQUINT_RISE = 0.2, 0.72, 0.17
"""How far the upper lids go up at full `eyeWide`, and down by an `eyeBlink` of 1 if it went on as it begins, and how
far the lower lids go up at full `eyeSquint`; radii of the eyeball."""
MOST_RAISED = 0.6
"""Weight of `eyeSquint` up to which the lower lids are put in place."""
SHUT_FROM = 0.5
"""Weight of `eyeBlink` from which on lids are shut on purpose."""
LID_REACH = np.radians(25.0)
"""Turn of the eyes at which the lids have followed all the way."""


def random_expression(rng: np.random.Generator) -> dict[str, float]:
    """Weights of expression units, 0 to 1, but for those by which lids follow the eyes."""
    name = list(EXPRESSIONS)[rng.choice(len(EXPRESSIONS), p=[chance for chance, _ in EXPRESSIONS.values()])]
    low, high = FULL_STRENGTH if rng.random() < STRONG else MILD_STRENGTH
    strength, calm = low + (high - low) * rng.beta(2, 2), rng.uniform(*CALM)
    closed = rng.uniform(0.85, 1) if rng.random() < SHUT else min(abs(rng.normal(0, LID_SPREAD)), 0.1)
    units = {"mouthSmileLeft": calm, "mouthSmileRight": calm, "eyeBlinkLeft": closed, "eyeBlinkRight": closed}
    _add(units, EXPRESSIONS[name][1], strength, rng)
    if rng.random() < ACCENTED:
        accent = ACCENTS[rng.choice(len(ACCENTS), p=ACCENT_CHANCES)]
        _add(units, accent, 0.3 + 0.7 * rng.beta(2, 2), rng)
    return units


def place_lids(units: dict[str, float], rise: tuple[float, float]) -> None:
    """Moves the lids of an expression, in place, to where they are in a person's face; lower lids only go up.

    Args:
        units: weights of the expression's units.
        rise: how much higher the upper and the lower lids must be, in radii of the eyeball.
    """
    upper, lower = rise
    name, reach = ("eyeWide", WIDE_RISE) if upper > 0 else ("eyeBlink", BLINK_FALL)
    for side in ("Left", "Right"):
        if units[f"eyeBlink{side}"] < SHUT_FROM:
            units[f"{name}{side}"] = min(1.0, units.get(f"{name}{side}", 0.0) + abs(upper) / reach)
            units[f"eyeSquint{side}"] = max(units.get(f"eyeSquint{side}", 0.0), min(MOST_RAISED, lower / SQUINT_RISE))


def lids_that_follow(gaze: np.ndarray) -> dict[str, float]:
    """Weights of the expression units that move the lids with eyes turned by `gaze` [2], radians."""
    side, up = gaze / LID_REACH
    turns = {"UpLeft": up, "UpRight": up, "DownLeft": -up, "DownRight": -up}
    turns |= {"OutLeft": side, "InRight": side, "InLeft": -side, "OutRight": -side}
    return {f"eyeLook{way}": float(np.clip(turn, 0, 1)) for way, turn in turns.items()}


def _add(units: dict[str, float], wanted: Units, strength: float, rng: np.random.Generator) -> None:
    """Raises units to what is wanted, a little stronger on one side."""
    factors = {"Left": 1 + rng.normal(0, SIDEDNESS), "Right": 1 + rng.normal(0, SIDEDNESS)}
    chosen = "Left" if rng.random() < 0.5 else "Right"
    for key, (low, high) in wanted.items():
        unit, value = key.removesuffix(":one"), strength * rng.uniform(low, high)
        sides = (chosen,) if unit != key else ("Left", "Right")
        for name, factor in [(unit + side, factors[side]) for side in sides] if unit in SIDED_UNITS else [(unit, 1.0)]:
            units[name] = float(np.clip(max(units.get(name, 0.0), value * factor), 0, 1))

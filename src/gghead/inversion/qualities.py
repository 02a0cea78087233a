"""How long a fit takes: steps on styles, then on details."""

from typing import Literal

from gghead.inversion.fitting import Stage

Quality = Literal["encoder", "fast", "good", "best"]

QUALITIES: dict[Quality, tuple[Stage, ...]] = {
    "encoder": (),
    "fast": (Stage(40, details=False), Stage(60, details=True)),
    "good": (Stage(160, details=False), Stage(120, details=True)),
    "best": (Stage(600, details=False), Stage(400, details=True)),
}
"""Without steps a person is what the encoder says.

A step on styles runs the generator both ways, and takes twice as long as one on details."""
BEST_WITHOUT_ENCODER = (Stage(300, details=False, layers=False), Stage(300, details=False), Stage(400, details=True))
"""Nobody has looked for one style of all layers yet, and there is time to."""


def stages_of(quality: Quality, encoded: bool = True) -> tuple[Stage, ...]:
    """The stages of a quality.

    Args:
        quality: its name.
        encoded: whether an encoder says where styles begin; else they begin at the mean.

    Raises:
        ValueError: there is none of that name.
    """
    if quality == "best" and not encoded:
        return BEST_WITHOUT_ENCODER
    if quality not in QUALITIES:
        raise ValueError(f"the quality is {quality!r}; expected one of {', '.join(QUALITIES)}")
    return QUALITIES[quality]

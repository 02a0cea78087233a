"""How long a fit takes: steps on styles, then on details."""

from typing import Literal

from gghead.inversion.fitting import Stage

Quality = Literal["encoder", "fast", "good", "best"]

QUALITIES: dict[Quality, tuple[Stage, ...]] = {
    "encoder": (),
    "fast": (Stage(40, details=False), Stage(60, details=True)),
    "good": (Stage(160, details=False), Stage(120, details=True)),
    "best": (Stage(300, details=False, layers=False), Stage(300, details=False), Stage(400, details=True)),
}
"""Without steps a person is what the encoder says. One style for all layers is looked for first where there is time.

A step on styles runs the generator both ways, and takes twice as long as one on details."""


def stages_of(quality: Quality) -> tuple[Stage, ...]:
    """The stages of a quality.

    Raises:
        ValueError: there is none of that name.
    """
    if quality not in QUALITIES:
        raise ValueError(f"the quality is {quality!r}; expected one of {', '.join(QUALITIES)}")
    return QUALITIES[quality]

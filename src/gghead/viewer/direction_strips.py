"""What the sliders of the principal directions do: a strip of faces each, from one end of the slider to the other."""

from dataclasses import replace

from gghead.viewer.state import NUM_DIRECTIONS, HeadChoice, Look, Viewpoint

MAX_DEVIATIONS = 4.0
"""The sliders go so far to both sides, standard deviations."""
STEPS = (-MAX_DEVIATIONS, -MAX_DEVIATIONS / 2, 0.0, MAX_DEVIATIONS / 2, MAX_DEVIATIONS)
SIDE = 64
"""Of a face, pixels."""
LOOK, VIEWPOINT = Look(side=SIDE), Viewpoint()


def choices() -> tuple[tuple[HeadChoice, ...], ...]:
    """The heads of each strip: the average head, moved along one direction."""
    average = HeadChoice(truncation=0.0)
    return tuple(
        tuple(replace(average, walk=(*[0.0] * direction, step) if step else ()) for step in STEPS)
        for direction in range(NUM_DIRECTIONS)
    )

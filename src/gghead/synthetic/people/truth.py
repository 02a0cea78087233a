"""What is known of rendered heads beside their pictures: records while they are made, then the arrays of an .npz."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Bool, Float32

from gghead.synthetic.anatomy.head_model import HeadModel
from gghead.synthetic.anatomy.heads import Head
from gghead.synthetic.anatomy.identities import AGES, ANCESTRIES
from gghead.synthetic.anatomy.landmarks import LANDMARK_VERTICES, landmarks
from gghead.synthetic.render.lighting import Lighting
from gghead.synthetic.render.renderer import View, project

LANDMARKS = len(LANDMARK_VERTICES)
EXPRESSION_PREFIX = "unit/"
STYLE_LENGTH, LIGHT_LENGTH = 24, 16
MAX_LIGHTS = 4
"""Places for lights in a record; those that a scene does not have are zero."""
HIDDEN_BEHIND = 0.02
"""A landmark is visible if nothing is so much nearer to the camera, world units: skin folds and lashes are less."""

HEAD_RECORD = np.dtype(
    [
        ("head", "i8"),
        ("expression", "f4", (52,)),
        ("gaze", "f4", (2,)),
        ("landmarks_3d", "f4", (LANDMARKS, 3)),
        ("female", "?"),
        ("age", "u1"),
        ("years", "f4"),
        ("ancestry", "f4", (3,)),
        ("melanin", "f4"),
        ("hair_colour", "f4", (3,)),
        ("style", f"S{STYLE_LENGTH}"),
        ("light", f"S{LIGHT_LENGTH}"),
        ("light_turn", "f4"),
        ("light_exposure", "f4"),
        ("light_directions", "f4", (MAX_LIGHTS, 3)),
        ("light_colours", "f4", (MAX_LIGHTS, 3)),
        ("light_radii", "f4", (MAX_LIGHTS,)),
        ("ambient", "f4", (3, 4, 4)),
    ]
)
PICTURE_RECORD = np.dtype(
    [
        ("head", "i8"),
        ("label", "f4", (25,)),
        ("landmarks_2d", "f4", (LANDMARKS, 2)),
        ("landmark_visible", "?", (LANDMARKS,)),
    ]
)


@dataclass(frozen=True)
class Sighting:
    """The landmarks in one picture: pixels (x right, y down, centre of the first pixel 0.5), and which are seen."""

    pixels: Float32[np.ndarray, "68 2"]
    visible: Bool[np.ndarray, "68"]


def expression_names(model: HeadModel) -> list[str]:
    """Names of the expression units, ARKit's blend shapes, in the order of the codes."""
    return [name.removeprefix(EXPRESSION_PREFIX) for name in model.names if name.startswith(EXPRESSION_PREFIX)]


def head_record(number: int, head: Head, model: HeadModel, lighting: Lighting) -> np.ndarray:
    """The truth of one head, dtype `HEAD_RECORD`, shape []."""
    person, record = head.person, np.zeros((), HEAD_RECORD)
    units = [row for row, name in enumerate(model.names) if name.startswith(EXPRESSION_PREFIX)]
    record["head"] = number
    record["expression"] = (person.weights - person.neutral)[units]
    record["gaze"] = person.gaze
    record["landmarks_3d"] = landmarks(model, model.morph(person.weights), head.place)
    record["female"] = person.sex == "female"
    record["age"] = list(AGES).index(person.age)
    record["years"] = person.years
    record["ancestry"] = person.ancestry
    record["melanin"] = person.melanin
    record["hair_colour"] = person.hair_color
    record["style"] = head.style.encode()[:STYLE_LENGTH]
    lights = len(lighting.directions)
    record["light_directions"][:lights] = lighting.directions
    record["light_colours"][:lights] = lighting.colors
    record["light_radii"][:lights] = lighting.radii
    record["light"] = lighting.kind.encode()[:LIGHT_LENGTH]
    record["light_turn"], record["light_exposure"] = lighting.turn, lighting.exposure
    record["ambient"] = lighting.ambient
    return record


def picture_record(number: int, label: Float32[np.ndarray, "25"], sighting: Sighting) -> np.ndarray:
    """The truth of one picture of head `number`, dtype `PICTURE_RECORD`, shape []."""
    record = np.zeros((), PICTURE_RECORD)
    record["head"], record["label"] = number, label
    record["landmarks_2d"], record["landmark_visible"] = sighting.pixels, sighting.visible
    return record


def sight(points: Float32[np.ndarray, "68 3"], label: Float32[np.ndarray, "25"], view: View) -> Sighting:
    """Where world points are in a view, and whether they are inside of it and not behind something."""
    side = len(view.depth)
    seen = project(points, label, side)
    column, row = np.floor(seen[:, 0]).astype(int), np.floor(seen[:, 1]).astype(int)
    inside = (column >= 0) & (column < side) & (row >= 0) & (row < side)
    depth = view.depth[row.clip(0, side - 1), column.clip(0, side - 1)]
    return Sighting(seen[:, :2], inside & (depth > 0) & (seen[:, 2] < depth + HIDDEN_BEHIND))


def write_truth(path: Path, heads: np.ndarray, pictures: np.ndarray, model: HeadModel) -> None:
    """Writes records as arrays of an .npz; docs/data.md explains each of them.

    Args:
        path: file to write.
        heads: `HEAD_RECORD`s [H].
        pictures: `PICTURE_RECORD`s [M].
        model: names the expressions.
    """
    arrays = {name: heads[name] for name in HEAD_RECORD.names or () if name not in ("head", "style", "light")}
    arrays |= {name: pictures[name] for name in PICTURE_RECORD.names or () if name not in ("head", "label")}
    with path.open("wb") as stream:
        np.savez(
            stream,
            head_ids=pictures["head"],
            labels=pictures["label"],
            hair_style=heads["style"].astype(str),
            light=heads["light"].astype(str),
            expression_names=np.array(expression_names(model)),
            age_names=np.array(list(AGES)),
            ancestry_names=np.array(ANCESTRIES),
            **arrays,  # pyright: ignore[reportArgumentType] - no array is called like an option
        )

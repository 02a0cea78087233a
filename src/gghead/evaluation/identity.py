"""Is a head the same person from all sides, and are other heads other people? Asked of a face-recognition network."""

import math
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, UInt8
from torch import Tensor

from gghead.evaluation.report import Measure
from gghead.geometry.cameras import Cameras
from gghead.geometry.canonical_cameras import posed_label
from gghead.inference.generated import GeneratedHeads, finite_heads
from gghead.media.images import to_uint8
from gghead.metrics.identity import PUBLISHED_THRESHOLD, FaceRecognizer

DEGREES = (15, 30, 45)
"""A head is compared with itself from so far to the left and to the right."""
VIEWS = (*(-degrees for degrees in reversed(DEGREES)), 0, *DEGREES)
"""Yaws of the views, degrees; the face is in the middle of the picture, as in FFHQ."""
CARD_DEGREES = 30
"""The pair of views of which the share that is one person is told."""
SYNTHETIC_THRESHOLD = 0.45
"""Tells rendered people apart, see docs/evaluation.md; 0.6 takes a fifth to a half of the pairs of two for one."""
FACE_LANDMARKS = np.array(
    [
        [0.116, 0.1029, 0.1153],
        [0.0439, 0.0977, 0.13],
        [-0.116, 0.1029, 0.1153],
        [-0.0439, 0.0977, 0.13],
        [0, -0.011, 0.1909],
    ]
)
"""World: outer and inner corner of the person's left eye, of the right, base of the nose, of the head that the
canonical space was fitted to. Those of each single person are no better: see docs/evaluation.md."""


@dataclass(frozen=True)
class Identities:
    """Vectors of the same heads from several sides.

    Attributes:
        embeddings: of each head from each side.
        yaws: the sides, degrees.
    """

    embeddings: Float[Tensor, "H V 128"]
    yaws: tuple[int, ...] = VIEWS

    def seen_from(self, yaw: int) -> Float[Tensor, "H 128"]:
        """Vectors of all heads from one of the sides."""
        return self.embeddings[:, self.yaws.index(yaw)]

    def turned(self, degrees: int) -> Float[Tensor, " H"]:
        """Distances of each head seen from so far to the left and to the right."""
        return (self.seen_from(-degrees) - self.seen_from(degrees)).norm(dim=1)

    def others(self) -> Float[Tensor, " P"]:
        """Distances of all pairs of heads, from the front."""
        return torch.nn.functional.pdist(self.seen_from(0))


def identity_cameras(resolution: int, device: torch.device | str = "cpu", yaws: tuple[int, ...] = VIEWS) -> Cameras:
    """The cameras of the views, batch [V]."""
    labels = np.stack([posed_label(math.radians(degrees), 0.0) for degrees in yaws])
    return Cameras.from_labels(torch.from_numpy(labels).to(device), resolution)


def identities(
    recognizer: FaceRecognizer,
    pictures: UInt8[np.ndarray, "H V R R 3"],
    landmarks: Float[np.ndarray, "5 3"] = FACE_LANDMARKS,
    yaws: tuple[int, ...] = VIEWS,
) -> Identities:
    """Vectors of heads of which there are pictures from `identity_cameras`.

    Args:
        recognizer: looks at them.
        pictures: of each head from each side.
        landmarks: where the heads have what `FACE_LANDMARKS` names.
        yaws: the sides, degrees.
    """
    pixels, _ = identity_cameras(pictures.shape[2], yaws=yaws).project(torch.from_numpy(landmarks).float())
    return Identities(torch.stack([recognizer.embed(views, pixels.numpy()) for views in pictures]), yaws)


@torch.no_grad()
def generated_identities(
    fakes: GeneratedHeads,
    heads: int,
    recognizer: FaceRecognizer,
    *,
    camera_followed: bool,
    yaws: tuple[int, ...] = VIEWS,
) -> Identities:
    """The same of generated heads; broken ones are left out.

    Args:
        fakes: makes the heads; its own cameras are not used.
        heads: how many.
        recognizer: looks at them.
        camera_followed: whether the mapping network sees the camera of each view, as it does under the official FID;
            otherwise it always sees the frontal one.
        yaws: the sides, degrees, 0 among them.
    """
    cameras = identity_cameras(fakes.recipe.resolution, fakes.generator.device, yaws)
    found = []
    for number in range(heads):
        span = range(number, number + 1)
        if camera_followed:
            styles = torch.cat([fakes.styles(span, camera) for camera in cameras])
            bodies = fakes.generator.decode(styles)
            drawn = fakes.render(bodies, cameras, pairwise=True).rgb
        else:
            bodies = fakes.generator.decode(fakes.styles(span, cameras[yaws.index(0)]))
            drawn = fakes.render(bodies, cameras).rgb[0]
        if bool(finite_heads(bodies).all()):
            found.append(identities(recognizer, to_uint8(drawn)[None], yaws=yaws).embeddings)
    return Identities(torch.cat(found) if found else torch.empty(0, len(yaws), 128), yaws)


def identity_measures(known: Identities, mode: str) -> list[Measure]:
    """Distances of heads to themselves and to each other, and how many heads stay one person.

    Args:
        known: of the heads.
        mode: what the mapping network saw, for the names.
    """
    heads = f"{len(known.embeddings)} heads"
    if not len(known.embeddings):
        return [Measure(f"identity distance, {mode}", math.nan, "lower", "no usable heads")]
    found = []
    for degrees in DEGREES:
        distance, note = float(known.turned(degrees).mean()), f"{degrees} degrees to the left and to the right"
        found.append(Measure(f"identity distance +-{degrees}, {mode}", distance, "lower", f"{heads}, each from {note}"))
    distances = known.turned(CARD_DEGREES)
    for threshold, meaning in ((PUBLISHED_THRESHOLD, "photographs"), (SYNTHETIC_THRESHOLD, "rendered heads")):
        share = float((distances < threshold).double().mean())
        name = f"same person at +-{CARD_DEGREES} (below {threshold}), {mode}"
        found.append(Measure(name, share, "higher", f"{heads}; the threshold between people of {meaning}"))
    if len(known.embeddings) > 1:
        name, note = f"identity distance of other heads, {mode}", f"all pairs of {heads}, from the front"
        found.append(Measure(name, float(known.others().mean()), "higher", note))
    return found

"""How near a fitted head is to the person, from each side."""

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from benchmarks.inversion.people import OFFSETS, HeldOut
from gghead.evaluation.identity import FACE_LANDMARKS, SYNTHETIC_THRESHOLD
from gghead.gaussians.scene import Gaussians
from gghead.geometry.cameras import Cameras
from gghead.inference.observation import as_learned
from gghead.inversion.losses import multiscale_ssim
from gghead.media.images import to_uint8
from gghead.metrics.efficientnet import EfficientNetLite, feature_distance
from gghead.metrics.identity import FaceRecognizer
from gghead.model.generator import Generator

BEHIND = 0.5
"""Grey on which both are compared."""


@dataclass(frozen=True)
class Score:
    """Of a person, from 0, 15, 30 and 60 degrees beside the first photograph; means of both sides.

    Attributes:
        psnr: dB over the pixels that show the person or the head, weighed by the larger alpha.
        ssim: multi-scale, of whole pictures.
        features: distance by EfficientNet-Lite0, no LPIPS.
        same: shares of views that the face-recognition network takes for the true view's person.
        identity: distances of its vectors of these views.
    """

    psnr: tuple[float, ...]
    ssim: tuple[float, ...]
    features: tuple[float, ...]
    same: tuple[float, ...]
    identity: tuple[float, ...]


@torch.no_grad()
def score(
    generator: Generator,
    heads: Gaussians,
    person: HeldOut,
    first_camera: Cameras | None,
    network: EfficientNetLite,
    recognizer: FaceRecognizer | None,
) -> Score:
    """Compares a head with the truth.

    Args:
        generator: that made the head.
        heads: the head, batch [1].
        person: the truth.
        first_camera: of the first photograph as it was refined, batch [P]; the others stand beside it as they do in
            truth. None for the true ones.
        network: for the distance of features.
        recognizer: for identity; None leaves it out.
    """
    cameras = beside(person, first_camera).to(generator.device)
    drawn = as_learned(generator.config).render(heads, cameras, background=0.0)
    alphas = torch.from_numpy(person.alphas)[..., None].to(generator.device)
    truth = torch.from_numpy(person.colors).to(generator.device) * alphas + BEHIND * (1 - alphas)
    found = (drawn.rgb[0] + BEHIND * (1 - drawn.alpha[0])).clamp(0, 1)
    weights = torch.maximum(alphas, drawn.alpha[0])
    errors = ((found - truth).square() * weights).sum(dim=(1, 2, 3)) / (3 * weights.sum(dim=(1, 2, 3)))
    first, second = found.permute(0, 3, 1, 2), truth.permute(0, 3, 1, 2)
    bytes_of = [(pictures * 255).round().byte() for pictures in (first, second)]
    same = identity = torch.full((len(OFFSETS),), torch.nan)
    if recognizer is not None:
        points, _ = cameras.to("cpu").project(torch.from_numpy(FACE_LANDMARKS).float())
        vectors = [recognizer.embed(to_uint8(pictures.cpu()), points.numpy()) for pictures in (found, truth)]
        identity = (vectors[0] - vectors[1]).norm(dim=1)
        same = (identity < SYNTHETIC_THRESHOLD).float()
    return Score(
        psnr=by_angle(-10 * errors.log10()),
        ssim=by_angle(multiscale_ssim(first, second)),
        features=by_angle(feature_distance(network, *bytes_of)),
        same=by_angle(same),
        identity=by_angle(identity),
    )


def beside(person: HeldOut, first_camera: Cameras | None) -> Cameras:
    """Cameras of `OFFSETS` beside the first photograph's, as `score` takes it."""
    side = person.alphas.shape[-1]
    cameras = Cameras.from_labels(torch.from_numpy(person.labels), side)
    if first_camera is None:
        return cameras
    motion = torch.linalg.inv(cameras.viewmats[0]) @ first_camera.viewmats[0].cpu()
    return Cameras(cameras.viewmats @ motion, cameras.Ks, side, side)


def by_angle(values: Float[Tensor, "7"]) -> tuple[float, ...]:
    """Means of both sides, at 0, 15, 30 and 60 degrees."""
    angles = sorted({abs(offset) for offset in OFFSETS})
    places = [[view for view, offset in enumerate(OFFSETS) if abs(offset) == angle] for angle in angles]
    return tuple(round(float(values[place].mean()), 4) for place in places)


def mean_score(scores: list[Score]) -> Score:
    """The means over people."""
    names = ("psnr", "ssim", "features", "same", "identity")
    columns = {name: np.array([getattr(one, name) for one in scores]).mean(axis=0) for name in names}
    return Score(**{name: tuple(round(float(value), 4) for value in column) for name, column in columns.items()})

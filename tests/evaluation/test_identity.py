"""Identity: distances are those of the right pairs, landmarks are where faces are, rendered people are told apart."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import Tensor

from gghead.evaluation.identity import (
    FACE_LANDMARKS,
    VIEWS,
    Identities,
    generated_identities,
    identities,
    identity_measures,
)
from gghead.evaluation.real_statistics import RealStatistics
from gghead.geometry.canonical_cameras import posed_label
from gghead.inference.generated import GeneratedHeads, SamplingProtocol
from gghead.metrics.identity import FaceRecognizer, load_recognizer
from gghead.model.generator import Generator
from gghead.synthetic.anatomy.head_model import HeadModel
from gghead.synthetic.anatomy.landmarks import landmarks
from gghead.synthetic.people.procedural_heads import ProceduralHeads
from gghead.synthetic.render.lighting import random_lighting
from gghead.synthetic.render.renderer import render
from tolerances import EXACT_FLOAT32

IBUG = [45, 42, 36, 39, 33]
"""Corners of the eyes and base of the nose among the 68 landmarks."""


class MeanColors(FaceRecognizer):
    """Stands in for the network: keeps what it was given."""

    def __init__(self) -> None:
        torch.nn.Module.__init__(self)
        self.landmarks: list[np.ndarray] = []

    def embed(self, pictures: np.ndarray, landmarks: np.ndarray) -> Tensor:
        """Colours of four cells, padded to 128 numbers."""
        self.landmarks.append(landmarks)
        cells = torch.from_numpy(pictures).float().permute(0, 3, 1, 2)
        means = torch.nn.functional.adaptive_avg_pool2d(cells, [2, 2]).flatten(1)
        return torch.nn.functional.pad(means, (0, 128 - means.shape[1]))


def known_people(turn: float, apart: float) -> Identities:
    """Three people on a line, `apart` from each other, who move by `turn` for each degree."""
    embeddings = torch.zeros(3, len(VIEWS), 128)
    embeddings[..., 0] = torch.arange(3)[:, None] * apart
    embeddings[..., 1] = torch.tensor(VIEWS) * turn
    return Identities(embeddings)


def test_measures_are_of_the_right_pairs() -> None:
    known = known_people(turn=0.01, apart=0.7)
    torch.testing.assert_close(known.turned(30), torch.full((3,), 0.6), **EXACT_FLOAT32._asdict())
    values = {measure.name: measure.value for measure in identity_measures(known_people(0.009, 0.7), "test")}
    assert values["identity distance +-15, test"] == pytest.approx(0.27)
    assert values["identity distance +-45, test"] == pytest.approx(0.81)
    assert values["same person at +-30 (below 0.6), test"] == 1
    assert values["identity distance of other heads, test"] == pytest.approx((0.7 + 0.7 + 1.4) / 3)
    (nothing,) = identity_measures(Identities(torch.empty(0, len(VIEWS), 128)), "test")
    assert math.isnan(nothing.value)


def test_landmarks_are_those_of_the_head_of_the_canonical_space() -> None:
    model = HeadModel()
    average = model.morph(model.average_adult)
    np.testing.assert_allclose(FACE_LANDMARKS, landmarks(model, average, model.to_canonical(average))[IBUG], atol=1e-4)


def test_landmarks_are_projected_into_every_view() -> None:
    stand_in = MeanColors()
    identities(stand_in, np.zeros((1, len(VIEWS), 100, 100, 3), np.uint8))
    (points,) = stand_in.landmarks
    front = points[VIEWS.index(0)]
    assert front[0, 0] > front[1, 0] > 50 > front[3, 0] > front[2, 0], "the person's left eye is at the right"
    assert front[:4, 1].max() < front[4, 1], "eyes above the nose"
    nose = points[:, 4, 0] - points[:, :4, 0].mean(axis=1)
    assert (np.diff(nose) < 0).all(), "from +x the nose points to the left of the picture"


def test_faces_are_where_they_are_from_the_sides_that_are_asked_for() -> None:
    usual, other = MeanColors(), MeanColors()
    identities(usual, np.zeros((1, len(VIEWS), 16, 16, 3), np.uint8))
    known = identities(other, np.zeros((1, 2, 16, 16, 3), np.uint8), yaws=(30, -15))
    assert known.yaws == (30, -15)
    expected = usual.landmarks[0][[VIEWS.index(30), VIEWS.index(-15)]]
    np.testing.assert_allclose(other.landmarks[0], expected, **EXACT_FLOAT32._asdict())


def test_a_head_that_follows_the_camera_changes_more(generator: Generator, reference: RealStatistics) -> None:
    fakes = GeneratedHeads(
        generator, torch.from_numpy(reference.dataset.labels), SamplingProtocol(seed=0, resolution=32)
    )
    frozen, follows = (generated_identities(fakes, 3, MeanColors(), camera_followed=way) for way in (False, True))
    assert frozen.embeddings.shape == (3, len(VIEWS), 128)
    front = VIEWS.index(0)
    torch.testing.assert_close(frozen.embeddings[:, front], follows.embeddings[:, front], rtol=0, atol=1)
    assert follows.turned(30).mean() > frozen.turned(30).mean()


def test_broken_heads_are_left_out(
    generator: Generator, reference: RealStatistics, monkeypatch: pytest.MonkeyPatch
) -> None:
    decode = type(generator).decode

    def broken(self: Generator, styles: Tensor, *rest: object) -> object:
        heads = decode(self, styles, *rest)
        sick = torch.zeros(len(styles), 1, 1, dtype=torch.bool)
        sick[:] = styles[:, :1, :1] > 0
        return replace(heads, means=torch.where(sick, torch.nan, heads.means))

    monkeypatch.setattr(type(generator), "decode", broken)
    fakes = GeneratedHeads(
        generator, torch.from_numpy(reference.dataset.labels), SamplingProtocol(seed=0, resolution=16)
    )
    known = generated_identities(fakes, 8, MeanColors(), camera_followed=False)
    assert 0 < len(known.embeddings) < 8


@pytest.mark.slow
def test_rendered_people_are_told_apart() -> None:
    recognizer = load_recognizer()
    if recognizer is None:
        pytest.skip("the weights are an extra: gghead[identity]")
    maker, pictures = ProceduralHeads(128), []
    for number in range(4):
        rng = np.random.default_rng(number)
        lighting, scene = random_lighting(rng), maker.draw(rng).scene
        views = [render(scene, posed_label(math.radians(yaw), 0.0), 128, lighting, supersampling=2) for yaw in VIEWS]
        pictures.append([view.color * view.coverage[..., None] for view in views])
    known = identities(recognizer, (np.array(pictures) * 255).round().astype(np.uint8))
    assert known.turned(15).mean() < known.turned(45).mean()
    assert known.turned(30).max() < known.others().mean()

"""Scores of inversions: the truth scores best, and an angle's two sides are averaged."""

import math

import numpy as np
import pytest
import torch

from benchmarks.inversion.people import OFFSETS, HeldOut, held_out
from benchmarks.inversion.scores import Score, by_angle, mean_score
from gghead.synthetic.people.procedural_heads import ProceduralHeads


def test_both_sides_of_an_angle_are_averaged() -> None:
    values = torch.tensor([float(offset > 0) + abs(offset) for offset in OFFSETS])
    assert by_angle(values) == (0.0, 15.5, 30.5, 60.5)


def test_means_are_over_people() -> None:
    one, two = (Score((value,) * 4, (value,) * 4, (value,) * 4, (math.nan,) * 4, (value,) * 4) for value in (1.0, 2.0))
    mean = mean_score([one, two])
    assert mean.psnr == mean.ssim == mean.features == mean.identity == (1.5,) * 4
    assert all(math.isnan(value) for value in mean.same)


@pytest.mark.slow
def test_a_person_is_the_same_whoever_draws_it() -> None:
    maker = ProceduralHeads(32)
    first, again = (held_out(maker, 5, 1, 32) for _ in range(2))
    assert isinstance(first, HeldOut)
    assert np.array_equal(first.colors, again.colors)
    assert not np.array_equal(first.colors[1], first.colors[2]), "from two sides"
    pictures = first.photographs(3)
    assert len(pictures) == 3
    assert (pictures[0].image[first.alphas[0] == 0] == (first.background[first.alphas[0] == 0] * 255).round()).all()

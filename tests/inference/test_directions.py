"""Principal directions, style mixing and blends."""

from dataclasses import replace

import pytest
import torch

from gghead.inference.directions import Directions, principal_directions
from gghead.inference.mixing import blend, layers_of, mix_styles
from gghead.model.generator import build_generator
from tiny_run import MODEL
from tolerances import EXACT_FLOAT32


def test_directions_are_orthonormal_ordered_and_reproducible() -> None:
    generator = build_generator(MODEL.generator, seed=0)
    found = principal_directions(generator, count=4, samples=256)
    again = principal_directions(generator, count=4, samples=256)
    assert torch.equal(found.axes, again.axes)
    torch.testing.assert_close(found.axes @ found.axes.mT, torch.eye(4), **EXACT_FLOAT32._asdict())
    assert (found.deviations.diff() <= 0).all()
    assert (found.axes.amax(dim=1) == found.axes.abs().amax(dim=1)).all()


def test_the_first_direction_varies_most() -> None:
    generator = build_generator(MODEL.generator, seed=0)
    found = principal_directions(generator, count=1, samples=512, seed=0)
    styles = generator.styles(range(64), truncation=1)[:, 0]
    along = (styles @ found.axes[0]).std()
    torch.manual_seed(0)
    others = torch.nn.functional.normalize(torch.randn(20, styles.shape[1]), dim=1)
    assert along > (styles @ others.mT).std(dim=0).max()


def test_steps_are_standard_deviations() -> None:
    found = Directions(torch.eye(3)[:2], torch.tensor([2.0, 0.5]))
    assert found.offset(torch.tensor([1.0, -2.0])).tolist() == [2.0, -1.0, 0.0]
    assert found.offset(torch.tensor([3.0])).tolist() == [6.0, 0.0, 0.0]


def test_a_model_without_condition_has_directions() -> None:
    generator = build_generator(replace(MODEL.generator, camera_conditioned=False), seed=0)
    assert principal_directions(generator, count=2, samples=64).axes.shape == (2, 8)


def test_more_directions_than_dimensions_are_refused() -> None:
    with pytest.raises(ValueError, match="expected 1 to 8"):
        principal_directions(build_generator(MODEL.generator, seed=0), count=9)


@pytest.mark.parametrize("num_styles", [4, 6, 8, 10, 14, 18])
def test_bands_share_all_layers_among_them(num_styles: int) -> None:
    bands = [range(num_styles)[layers_of(band, num_styles)] for band in ("coarse", "middle", "fine")]
    assert [index for band in bands for index in band] == list(range(num_styles))


def test_mixing_takes_a_band_and_nothing_else() -> None:
    base, other = torch.zeros(10, 3), torch.ones(10, 3)
    assert mix_styles(base, other, "middle")[:, 0].tolist() == [0, 0, 0, 1, 1, 1, 1, 0, 0, 0]
    assert not base.any()


def test_blends_reach_their_corners() -> None:
    corners = torch.arange(4.0).reshape(4, 1, 1)
    places = {(0, 0): 0, (1, 0): 1, (0, 1): 2, (1, 1): 3, (0.5, 0.5): 1.5}
    for (x, y), value in places.items():
        assert blend(corners, x, y).item() == value
    assert blend(corners[:2], 0.25, 0.9).item() == 0.25
    with pytest.raises(ValueError, match="expected 2 or 4"):
        blend(corners[:3], 0, 0)

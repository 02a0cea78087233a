"""The mapping network's running mean and truncation."""

import pytest
import torch

from gghead.stylegan.layers import initialize
from gghead.stylegan.mapping import StyleBounds, StyleMapping, truncate


def test_truncation_and_cutoff() -> None:
    styles, mean = torch.ones(2, 4, 3), torch.zeros(3)
    assert torch.equal(truncate(styles, mean, 1.0, None), styles)
    assert torch.equal(truncate(styles, mean, 0.5, None), styles / 2)
    assert truncate(styles, mean, 0.5, 1)[0, :, 0].tolist() == [0.5, 1, 1, 1]


def test_running_mean_decays_by_998() -> None:
    mapping = StyleMapping(4, 0, 3, 2)
    mapping.update_mean(torch.tensor([[1.0, 2, 3], [3, 4, 5]]))
    torch.testing.assert_close(mapping.mean_style, 0.002 * torch.tensor([2.0, 3, 4]))


def test_scale_of_the_latent_does_not_matter() -> None:
    mapping = StyleMapping(4, 0, 3, 2)
    initialize(mapping, seed=0)
    z = torch.randn(2, 4)
    torch.testing.assert_close(mapping(z, None), mapping(10 * z, None))


def test_labels_must_be_given_exactly_where_they_are_used() -> None:
    with pytest.raises(ValueError, match="needs a camera label"):
        StyleMapping(4, 25, 3, 2)(torch.ones(1, 4), None)
    with pytest.raises(ValueError, match="takes no camera labels"):
        StyleMapping(4, 0, 3, 2)(torch.ones(1, 4), torch.ones(1, 25))


def test_bounds_move_what_lies_beyond_them_and_nothing_else() -> None:
    bounds = StyleBounds(2, 3)
    styles = torch.tensor([[0.5, 0.2, 7.0], [2.0, 0.2, 7.0], [2.0, 3.0, 7.0]])
    assert torch.equal(bounds(styles), styles), "a fresh one has no effect"
    bounds.normals.copy_(torch.tensor([[1.0, 0, 0], [0, 2, 0]]))
    bounds.steps.copy_(torch.tensor([[1.0, 0, -1], [0, 0.5, 0]]))
    bounds.limits.copy_(torch.tensor([1.0, 2.0]))
    expected = torch.tensor([[0.5, 0.2, 7.0], [1.0, 0.2, 8.0], [1.0, 1.0, 8.0]])
    torch.testing.assert_close(bounds(styles), expected)


def test_styles_of_a_mapping_stay_within_its_bounds() -> None:
    mapping = StyleMapping(4, 0, 3, 2, bounds=1)
    initialize(mapping, seed=0)
    z = torch.randn(64, 4, generator=torch.Generator().manual_seed(0))
    free = mapping(z, None)
    assert mapping.bounds is not None
    normal = torch.tensor([1.0, 0, 0])
    limit = free[:, 0].median()
    for buffer, value in ((mapping.bounds.normals, normal), (mapping.bounds.steps, normal)):
        buffer.copy_(value[None])
    mapping.bounds.limits.fill_(limit)
    kept = mapping(z, None)
    torch.testing.assert_close(kept[:, 0], free[:, 0].clamp(max=limit))
    assert torch.equal(kept[:, 1:], free[:, 1:])

import pytest
import torch

from studies.equal_error import equal_error, pair_distances


def test_the_equal_error_lies_between_two_kinds_of_pairs() -> None:
    parted = equal_error(torch.tensor([0.1, 0.2, 0.3]), torch.tensor([0.5, 0.6, 0.7]))
    assert parted.rate == 0
    assert 0.3 < parted.threshold <= 0.5
    mixed = equal_error(torch.tensor([0.1, 0.2, 0.3, 0.6]), torch.tensor([0.25, 0.5, 0.7, 0.8]))
    assert mixed.rate == pytest.approx(0.25)
    with pytest.raises(ValueError, match="0 pairs of one person"):
        equal_error(torch.empty(0), torch.ones(2))


def test_pairs_of_one_person_are_those_of_the_same_row() -> None:
    first, second = torch.tensor([[0.0], [10.0]]), torch.tensor([[1.0], [12.0]])
    same, other = pair_distances(first, second)
    assert same.tolist() == [1, 2]
    assert sorted(other.tolist()) == [9, 12]

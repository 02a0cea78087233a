"""What passes are given: tensors at their places in dataclasses and tuples, copied to the tensors of a graph."""

from dataclasses import dataclass

import pytest
import torch
from torch import Tensor

from gghead.cuda.graphs import map_tensors, named_tensors


@dataclass(frozen=True)
class Part:
    """Two tensors and a few more."""

    first: Tensor
    absent: Tensor | None
    layers: tuple[Tensor, ...]


@dataclass(frozen=True)
class Whole:
    """A part and a tensor."""

    part: Part
    last: Tensor


WHOLE = Whole(Part(torch.zeros(1), None, (torch.ones(2), torch.ones(3))), torch.ones(4))


def test_tensors_are_named_by_their_places() -> None:
    places = {place: len(tensor) for place, tensor in named_tensors(WHOLE)}
    assert places == {".part.first": 1, ".part.layers.0": 2, ".part.layers.1": 3, ".last": 4}
    assert list(named_tensors(None)) == []
    assert [place for place, _ in named_tensors(torch.ones(1))] == [""]


def test_copies_have_the_same_form_and_their_own_memory() -> None:
    copy = map_tensors(torch.clone, WHOLE)
    assert copy.part.absent is None
    for (place, own), (same, given) in zip(named_tensors(copy), named_tensors(WHOLE), strict=True):
        assert place == same
        assert torch.equal(own, given)
        assert own.data_ptr() != given.data_ptr()
    assert map_tensors(torch.clone, None) is None


def test_what_is_no_tensor_is_refused() -> None:
    with pytest.raises(AssertionError, match="tensors, tuples and dataclasses"):
        list(named_tensors({"real": torch.ones(1)}))

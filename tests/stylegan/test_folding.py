"""What follows from weights is remembered exactly as long as the weights stay as they are."""

import copy

import pytest
import torch
from torch import Tensor, nn

from gghead.stylegan.folding import Folding, folded_network


class Doubled:
    """A result of a weight, and how often it was computed."""

    def __init__(self, weight: Tensor) -> None:
        self.weight, self.folding, self.times = weight, Folding(), 0

    def __call__(self) -> Tensor:
        def compute() -> Tensor:
            self.times += 1
            return self.weight * 2

        result = self.folding.get("doubled", (self.weight,), compute)
        assert torch.equal(result, self.weight * 2)
        return result


@pytest.fixture
def doubled() -> Doubled:
    weight = nn.Parameter(torch.arange(4.0), requires_grad=False)
    made = Doubled(weight)
    made()
    assert made() is made()
    assert made.times == 1
    return made


def test_what_is_written_in_place_is_seen(doubled: Doubled) -> None:
    doubled.weight[0] = 7
    doubled()
    doubled.weight.detach().mul_(3)
    doubled()
    with torch.no_grad():
        torch.nn.init.ones_(doubled.weight)
    doubled()
    torch._foreach_add_([doubled.weight], 1.0)  # as optimizers do
    doubled()
    assert doubled.times == 5


def test_another_tensor_is_seen(doubled: Doubled) -> None:
    doubled.weight.data = torch.ones(4)
    doubled()
    doubled.weight = nn.Parameter(torch.zeros(4), requires_grad=False)
    doubled()
    assert doubled.times == 3


def test_a_copy_remembers_nothing(doubled: Doubled) -> None:
    twin = copy.deepcopy(doubled)
    twin.weight.data[0] = 9  # what torch does not count, but nothing was remembered yet
    twin()
    doubled()
    assert (twin.times, doubled.times) == (2, 1)


def test_what_was_computed_in_inference_mode_serves_gradients(doubled: Doubled) -> None:
    doubled.weight[0] = 1
    with torch.inference_mode():
        doubled()
    x = torch.ones(4, requires_grad=True)
    (doubled() * x).sum().backward()
    assert torch.equal(x.grad, doubled())


def test_tensors_of_inference_mode_have_no_counter_and_are_not_remembered() -> None:
    with torch.inference_mode():
        made = Doubled(torch.ones(2))
    made(), made()
    assert made.times == 2


def test_what_takes_gradients_is_not_remembered(doubled: Doubled) -> None:
    doubled.weight.requires_grad_()
    doubled().sum().backward()
    assert torch.equal(doubled.weight.grad, torch.full((4,), 2.0))
    with torch.no_grad():
        doubled.weight.sub_(doubled.weight.grad)
    doubled()
    doubled.weight.requires_grad_(False)
    assert doubled() is doubled()
    assert doubled.times == 4


def test_what_follows_from_a_whole_network_is_remembered_until_one_of_its_tensors_changes() -> None:
    network, times = nn.BatchNorm1d(3).requires_grad_(False), []

    def total() -> float:
        times.append(1)
        return float(sum(value.sum() for value in network.state_dict().values()))

    assert folded_network(network, "total", total) == folded_network(network, "total", total)
    assert len(times) == 1
    assert network.running_mean is not None
    network.running_mean += 1
    assert folded_network(network, "total", total) == total()
    network.requires_grad_(True)
    before = len(times)
    folded_network(network, "total", total)
    folded_network(network, "total", total)
    assert len(times) == before + 2

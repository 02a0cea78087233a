"""The critic: minibatch statistics, and R1's second derivatives."""

import pytest
import torch
from torch.autograd import gradgradcheck

from gghead.stylegan.discriminator import DiscriminatorNetwork, append_deviation
from gghead.stylegan.layers import initialize


def test_r1_is_differentiable_twice() -> None:
    critic = DiscriminatorNetwork(8, 2, 3, channel_base=16, channel_max=3, mapping_layers=1, group_size=2)
    initialize(critic, seed=0)
    critic.double()
    generator = torch.Generator().manual_seed(0)
    pictures = torch.randn(2, 2, 8, 8, generator=generator, dtype=torch.float64, requires_grad=True)
    labels = torch.randn(2, 3, generator=generator, dtype=torch.float64)
    assert gradgradcheck(lambda x: critic(x, labels), pictures, fast_mode=True)


def test_deviation_compares_the_pictures_of_a_group() -> None:
    x = torch.zeros(4, 1, 2, 2)
    x[2] = 2  # with two groups, pictures 0 and 2 are one, 1 and 3 the other
    channel = append_deviation(x, group_size=2)[:, -1, 0, 0]
    torch.testing.assert_close(channel, torch.tensor([1.0, 1e-4, 1.0, 1e-4]))


def test_batch_that_does_not_split_is_refused() -> None:
    with pytest.raises(ValueError, match="multiple of 4"):
        append_deviation(torch.zeros(6, 1, 4, 4), group_size=4)

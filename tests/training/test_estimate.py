"""What a run would take: the published figures of the networks, and memory as it is really kept."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch.autograd.graph import saved_tensors_hooks

from gghead.config.presets import from_preset
from gghead.model.discriminator import Discriminator
from gghead.training.estimate import estimate
from gghead.training.losses import r1_penalty
from tiny_run import tiny_config


@pytest.mark.parametrize(("preset", "tera"), [("ffhq256", 1.16), ("ffhq512", 1.4)])
def test_arithmetic_of_a_picture_is_what_others_counted(preset: str, tera: float) -> None:
    assert estimate(from_preset(preset, ""), "cuda").operations / 1e12 == pytest.approx(tera, rel=0.02)


def test_parameters_are_the_published_ones() -> None:
    plan = estimate(from_preset("ffhq256", ""), "cpu")
    assert (plan.generator_parameters, plan.discriminator_parameters) == (28_789_939, 31_240_832)
    assert plan.gaussians > 58_000


def test_memory_is_that_of_real_tensors() -> None:
    """The discriminator's part of a step on the CPU, with every tensor that is kept counted by hand."""
    config = tiny_config(Path("x"), batch_size=64, snapshot_every=64)
    discriminator = Discriminator(config.model.discriminator, seed=0)
    kept: dict[int, torch.Tensor] = {}

    def keep(tensor: torch.Tensor) -> torch.Tensor:
        kept[tensor.untyped_storage().data_ptr()] = tensor
        return tensor

    pictures, labels = torch.randn(64, 3, 16, 16, requires_grad=True), torch.randn(64, 25)
    with saved_tensors_hooks(keep, lambda tensor: tensor):
        r1_penalty(discriminator(pictures, labels), pictures).sum().backward()
    least = sum(tensor.untyped_storage().nbytes() for tensor in kept.values())
    assert least < estimate(config, "cpu").memory < 4 * least


def test_half_precision_and_smaller_batches_take_less() -> None:
    config = from_preset("demo", "")
    mixed, full = (
        estimate(replace(config, training=replace(config.training, precision=precision)), "cuda")
        for precision in ("mixed", "full")
    )
    small = replace(config.training, batch_size=4, snapshot_every=4)
    assert mixed.operations == full.operations
    assert mixed.memory < 0.85 * full.memory
    assert estimate(replace(config, training=small), "cuda").memory < 0.7 * mixed.memory

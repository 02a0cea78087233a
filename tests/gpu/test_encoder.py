"""An encoder learns on a CUDA device, in bfloat16, from heads that the CPU would draw alike."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from gghead.inversion.encoder.encoder_file import load_encoder
from gghead.inversion.encoder.encoder_making import EncoderOrder, make_encoder
from gghead.inversion.encoder.training import EncoderTraining
from gghead.model.generator import Generator, build_generator
from gghead.stylegan.folding import freeze
from tiny_run import MODEL, write_tiny_dataset

pytestmark = pytest.mark.gpu
SIDE = 32


@pytest.fixture
def generator() -> Generator:
    torch.use_deterministic_algorithms(False)  # the gradient of resizing for the network has no such kernel on CUDA
    generator = build_generator(replace(MODEL.generator, picture_resolution=SIDE), seed=0)
    with torch.no_grad():
        generator.position_weight.add_(0.3 * torch.eye(3))
    freeze(generator.eval())
    return generator.to("cuda")


def test_an_encoder_learns_what_it_is_shown_again_and_again(generator: Generator) -> None:
    training = EncoderTraining(generator, None)
    losses = []
    for _ in range(30):
        training.images = 0  # from which the heads follow
        losses.append(float(training.step(4, 0.2)))
    assert losses[-1] < 0.6 * losses[0]


def test_an_encoder_is_made_from_heads_and_an_archive(generator: Generator, tmp_path: Path) -> None:
    archive = write_tiny_dataset(tmp_path / "discs.zip", count=4, resolution=SIDE)
    out = tmp_path / "encoder.safetensors"
    order = EncoderOrder(images=None, seconds=2.0, batch_size=4, seed=0, data=(archive,), model="tiny")
    make_encoder(out, order, generator)
    encoder = load_encoder(out, generator)
    assert next(encoder.network.parameters()).device.type == "cuda"
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".enc")] == []

"""An encoder learns on a CUDA device."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from gghead.inversion.encoder.encoder_file import load_encoder
from gghead.inversion.encoder.encoder_making import EncoderOrder, make_encoder
from gghead.model.generator import build_generator
from gghead.stylegan.folding import freeze
from tiny_run import MODEL

pytestmark = pytest.mark.gpu


def test_an_encoder_is_made_and_used_on_a_gpu(tmp_path: Path) -> None:
    generator = build_generator(replace(MODEL.generator, picture_resolution=32), seed=0)
    freeze(generator.eval())
    generator.to("cuda")
    out = tmp_path / "encoder.safetensors"
    make_encoder(out, EncoderOrder(heads=40, seed=0, model="tiny"), generator)
    encoder = load_encoder(out, generator)
    assert encoder.style_map.weight.device.type == "cuda"
    pixels = torch.rand(2, 32, 32, 4, device="cuda")
    places = encoder.style_map(encoder.features(pixels, torch.zeros(2, 25, device="cuda")))
    assert places.shape == (2, generator.config.style_size)
    assert bool(places.isfinite().all())
    assert [path.name for path in tmp_path.iterdir()] == [out.name]

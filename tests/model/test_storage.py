"""Files of networks: what is written comes back bit by bit, and what is wrong is named."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from gghead.checkpoint.tensors import TensorFile, load_tensors, save_tensors
from gghead.config.codec import to_json
from gghead.config.model import DiscriminatorConfig, GeneratorConfig
from gghead.model.discriminator import Discriminator
from gghead.model.generator import build_generator
from gghead.model.storage import (
    CONFIG_KEY,
    VERSION_KEY,
    load_generator,
    network_texts,
    read_discriminator,
    save_generator,
)
from tolerances import HALF_PRECISION_WEIGHTS

TINY = GeneratorConfig(z_size=8, style_size=8, map_resolution=16, channel_base=64, channel_max=8, grid_size=8)


def test_round_trip_is_exact(tmp_path: Path) -> None:
    generator = build_generator(TINY, seed=0)
    save_generator(tmp_path / "g.safetensors", generator)
    again = load_generator(tmp_path / "g.safetensors")
    assert again.config == generator.config
    assert again.state_dict().keys() == generator.state_dict().keys()
    assert all(torch.equal(tensor, again.state_dict()[name]) for name, tensor in generator.state_dict().items())
    assert torch.equal(again.sample([1]).sh, generator.sample([1]).sh)
    assert all(parameter.requires_grad for parameter in again.parameters())

    discriminator = Discriminator(DiscriminatorConfig(8, 64, 8, 2), seed=0)
    path = tmp_path / "d.safetensors"
    save_tensors(path, TensorFile(discriminator.state_dict(), network_texts("discriminator", discriminator)))
    pictures, labels = torch.randn(4, 3, 8, 8), torch.randn(4, 25)
    again_d = read_discriminator(path, load_tensors(path))
    assert torch.equal(again_d(pictures, labels), discriminator(pictures, labels))
    with pytest.raises(ValueError, match="holds a discriminator; expected a generator"):
        load_generator(path)


def test_foreign_file_version_and_mismatch_are_named(tmp_path: Path) -> None:
    path = tmp_path / "g.safetensors"
    save_tensors(path, TensorFile({"x": torch.zeros(1)}, {}))
    with pytest.raises(ValueError, match="no network of gghead"):
        load_generator(path)
    save_generator(path, build_generator(TINY, seed=0))
    good = load_tensors(path)
    save_tensors(path, TensorFile(good.tensors, {**good.texts, VERSION_KEY: "99"}))
    with pytest.raises(ValueError, match="format version 99"):
        load_generator(path)
    save_tensors(path, TensorFile(good.tensors, {**good.texts, CONFIG_KEY: to_json(replace(TINY, channel_max=4))}))
    with pytest.raises(ValueError, match=r"do not fit its configuration: .*instead of float32"):
        load_generator(path)
    fewer = {name: tensor for name, tensor in good.tensors.items() if name != "mapping.mean_style"}
    save_tensors(path, TensorFile({**fewer, "extra": torch.zeros(1)}, good.texts))
    with pytest.raises(ValueError, match="mean_style is missing, extra is unknown"):
        load_generator(path)


def test_half_the_size_and_nearly_the_same_head(tmp_path: Path) -> None:
    generator = build_generator(TINY, seed=0)
    save_generator(tmp_path / "full.safetensors", generator)
    save_generator(tmp_path / "half.safetensors", generator, dtype=torch.float16)
    assert (tmp_path / "half.safetensors").stat().st_size < (tmp_path / "full.safetensors").stat().st_size
    again = load_generator(tmp_path / "half.safetensors")
    assert all(tensor.dtype == torch.float32 for tensor in again.state_dict().values())
    assert torch.equal(again.template_positions, generator.template_positions)
    difference = (again.sample([1]).sh - generator.sample([1]).sh).abs().max()
    assert 0 < difference < HALF_PRECISION_WEIGHTS


def test_a_model_without_style_bounds_is_known_as_before_there_were_any() -> None:
    generator = build_generator(TINY, seed=0)
    assert "style_bounds" not in network_texts("generator", generator)[CONFIG_KEY]
    bounded = build_generator(replace(TINY, style_bounds=1), seed=0)
    assert '"style_bounds": 1' in network_texts("generator", bounded)[CONFIG_KEY]

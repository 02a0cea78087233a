"""A loaded model is an ordinary network: it can be trained, edited, moved and copied."""

import copy
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import nn

from gghead.config.model import GeneratorConfig
from gghead.geometry.cameras import Cameras
from gghead.inference.loading import load
from gghead.model.generator import Generator, build_generator
from gghead.model.storage import load_generator, save_generator
from gghead.rasterizer import render
from tolerances import FROZEN_AND_NOT

TINY = GeneratorConfig(z_size=8, style_size=8, map_resolution=16, channel_base=64, channel_max=8, grid_size=8)


@pytest.fixture(autouse=True)
def exact_float32(monkeypatch: pytest.MonkeyPatch) -> None:
    """Convolutions in full precision."""
    monkeypatch.setattr(torch.backends.cudnn, "allow_tf32", False)


@pytest.fixture(params=["cpu", pytest.param("cuda", marks=pytest.mark.gpu)])
def pair(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[Generator, Generator]:
    """A loaded generator that has drawn a head, and the same that was never frozen."""
    generator = build_generator(TINY, seed=0)
    with torch.no_grad():
        for name, parameter in generator.named_parameters():
            if name.endswith(("noise_strength", "position_weight", "bias")):
                parameter.normal_(std=0.3, generator=torch.Generator().manual_seed(1))
    save_generator(tmp_path / "model.safetensors", generator)
    loaded = load(tmp_path / "model.safetensors", device=request.param)
    loaded.sample([0])
    return loaded, load_generator(tmp_path / "model.safetensors").to(request.param)


@torch.no_grad()
def assert_same(ours: torch.Tensor, theirs: torch.Tensor) -> None:
    assert float((ours - theirs).norm()) <= FROZEN_AND_NOT * float(theirs.norm())


def styles_of(generator: Generator) -> torch.Tensor:
    return generator.map_styles(generator.latents([0, 1]), Cameras.orbit(2, 1, device=generator.device))


def maps(generator: Generator) -> torch.Tensor:
    return generator.maps(styles_of(generator))


def test_a_trainable_model_learns(tmp_path: Path) -> None:
    save_generator(tmp_path / "model.safetensors", build_generator(TINY, seed=0))
    generator = load(tmp_path / "model.safetensors", trainable=True)
    assert generator.training
    weights, head = copy.deepcopy(generator.state_dict()), generator.sample([0])
    optimizer = torch.optim.Adam(generator.parameters(), lr=1e-2)
    for _ in range(2):
        optimizer.zero_grad()
        drawn = render(generator.decode(styles_of(generator)), Cameras.frontal(16))
        (drawn.rgb.square().mean() + drawn.alpha.mean()).backward()
        optimizer.step()
    moved = {name for name, weight in generator.state_dict().items() if not torch.equal(weight, weights[name])}
    learning = {name for name, weight in generator.named_parameters() if weight.grad is not None}
    assert moved == learning
    assert len(moved) > 0.8 * len(list(generator.parameters()))
    assert not torch.equal(generator.sample([0]).sh, head.sh)
    pictures = [render(heads, Cameras.frontal(16)).rgb for heads in (head, generator.sample([0]))]
    assert not torch.equal(*pictures)


def test_training_a_frozen_model_fails_loudly(pair: tuple[Generator, Generator]) -> None:
    loaded, _ = pair
    assert not loaded.training
    assert not any(parameter.requires_grad for parameter in loaded.parameters())
    with pytest.raises(RuntimeError, match="does not require grad"):
        maps(loaded).square().sum().backward()


def test_gradients_are_those_of_the_never_frozen_network(pair: tuple[Generator, Generator]) -> None:
    loaded, plain = pair
    loaded.requires_grad_(True)
    for generator in pair:
        maps(generator).square().sum().backward()
    for (name, ours), theirs in zip(loaded.named_parameters(), plain.parameters(), strict=True):
        if theirs.grad is None:
            assert ours.grad is None, name
        else:
            assert_same(ours.grad, theirs.grad)
    assert loaded.synthesis.blocks[1].conv0.weight.grad.abs().max() > 0


def test_some_layers_can_be_trained_alone(pair: tuple[Generator, Generator]) -> None:
    loaded, _ = pair
    loaded.synthesis.blocks[1].conv1.requires_grad_(True)
    for generator in pair:
        maps(generator).square().sum().backward()
    ours, theirs = (generator.synthesis.blocks[1].conv1 for generator in pair)
    assert_same(ours.weight.grad, theirs.weight.grad)
    assert_same(ours.affine.weight.grad, theirs.affine.weight.grad)
    assert loaded.synthesis.blocks[1].conv0.weight.grad is None


def test_training_changes_what_is_drawn(pair: tuple[Generator, Generator]) -> None:
    loaded, plain = pair
    before = loaded.sample([0]).sh
    for generator in pair:
        generator.requires_grad_(True)
        optimizer = torch.optim.Adam(generator.parameters(), lr=1e-2)
        for _ in range(3):
            optimizer.zero_grad()
            maps(generator).square().sum().backward()
            optimizer.step()
        generator.requires_grad_(False)
    assert not torch.equal(loaded.sample([0]).sh, before)
    assert_same(loaded.sample([0]).sh, plain.sample([0]).sh)


def in_place(generator: Generator) -> None:
    with torch.no_grad():
        for parameter in generator.parameters():
            parameter.mul_(1.5)


def state(generator: Generator) -> None:
    generator.load_state_dict({name: value * 1.5 for name, value in generator.state_dict().items()})


def assigned_state(generator: Generator) -> None:
    generator.load_state_dict({name: value * 1.5 for name, value in generator.state_dict().items()}, assign=True)


def one_bias(generator: Generator) -> None:
    generator.state_dict()["synthesis.blocks.1.conv0.affine.bias"].add_(1)


def new_data(generator: Generator) -> None:
    for parameter in generator.parameters():
        parameter.data = parameter.data * 1.5


def half_and_back(generator: Generator) -> None:
    generator.bfloat16().float()


def from_vector(generator: Generator) -> None:
    vector = nn.utils.parameters_to_vector(generator.parameters())
    nn.utils.vector_to_parameters(vector * 1.5, generator.parameters())


EDITS = [in_place, state, assigned_state, one_bias, new_data, half_and_back, from_vector]


@pytest.mark.parametrize("edit", EDITS)
def test_edited_weights_are_used(edit: Callable[[Generator], None], pair: tuple[Generator, Generator]) -> None:
    before = pair[0].sample([0]).sh
    for generator in pair:
        edit(generator)
    after, expected = (generator.sample([0]).sh for generator in pair)
    assert not torch.equal(after, before)
    assert_same(after, expected)


def test_on_the_cpu_even_edits_that_torch_does_not_count_are_used(tmp_path: Path) -> None:
    save_generator(tmp_path / "model.safetensors", build_generator(TINY, seed=0))
    generator = load(tmp_path / "model.safetensors")
    before = generator.sample([0]).sh
    generator.synthesis.blocks[1].conv0.weight.data.mul_(-1)
    middle = generator.sample([0]).sh
    assert not torch.equal(middle, before)
    generator.synthesis.blocks[0].conv1.bias.numpy()[:] += 1
    assert not torch.equal(generator.sample([0]).sh, middle)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_autocast_changes_nothing(dtype: torch.dtype, pair: tuple[Generator, Generator]) -> None:
    loaded, plain = pair
    loaded.requires_grad_(True)
    with torch.autocast(loaded.device.type, dtype):
        sampled = loaded.sample([0]).sh
        maps(loaded).float().square().mean().backward()
    assert_same(sampled, plain.sample([0]).sh)
    assert loaded.mapping.layers[0].weight.grad.abs().max() > 0


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16, torch.float64])
def test_any_precision_is_saved_and_read_again(dtype: torch.dtype, tmp_path: Path) -> None:
    generator = build_generator(TINY, seed=0).to(dtype)
    if dtype != torch.float64:
        with pytest.raises(ValueError, match=r"the weights are torch\..*; use generator\.float\(\)"):
            generator.sample([0])
    save_generator(tmp_path / "model.safetensors", generator)
    again = load(tmp_path / "model.safetensors")
    assert_same(again.sample([0]).sh, generator.float().sample([0]).sh)


def test_copies_go_their_own_way(pair: tuple[Generator, Generator]) -> None:
    loaded, plain = pair
    before = loaded.sample([0]).sh
    twin = copy.deepcopy(loaded)
    in_place(twin)
    in_place(plain)
    assert_same(twin.sample([0]).sh, plain.sample([0]).sh)
    assert torch.equal(loaded.sample([0]).sh, before)


def test_other_precisions(pair: tuple[Generator, Generator]) -> None:
    loaded, plain = (generator.double() for generator in pair)
    assert_same(maps_of_zeros(loaded), maps_of_zeros(plain))
    assert maps_of_zeros(loaded).dtype == torch.float64


def maps_of_zeros(generator: Generator) -> torch.Tensor:
    styles = torch.ones(1, generator.synthesis.num_styles, 8, device=generator.device, dtype=torch.float64)
    return generator.maps(styles)


def test_models_loaded_or_used_in_inference_mode(tmp_path: Path, pair: tuple[Generator, Generator]) -> None:
    loaded, plain = pair
    in_place(loaded), in_place(plain)
    with torch.inference_mode():
        inside = maps(loaded).clone()
        again = load(tmp_path / "model.safetensors", device=str(loaded.device))
        again.sample([0])
    styles = plain.styles([0]).requires_grad_()
    grads = [torch.autograd.grad(generator.maps(styles).sum(), styles)[0] for generator in pair]
    assert_same(grads[0], grads[1])
    assert_same(inside, maps(plain))


def test_functional_calls_use_the_weights_they_are_given(pair: tuple[Generator, Generator]) -> None:
    loaded, plain = pair
    styles = plain.styles([0])
    weights = {name: value * 1.5 for name, value in plain.synthesis.named_parameters()}
    found = torch.func.functional_call(loaded.synthesis, weights, (styles,))
    assert_same(found, torch.func.functional_call(plain.synthesis, weights, (styles,)))

    weights = {name: value.detach().requires_grad_() for name, value in weights.items()}
    grads = []
    for generator in pair:
        loss = torch.func.functional_call(generator.synthesis, weights, (styles,)).square().sum()
        grads.append(torch.autograd.grad(loss, weights["blocks.1.conv0.weight"])[0])
    assert_same(*grads)

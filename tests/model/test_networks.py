"""Generator and discriminator as a user meets them: sizes, counts, determinism, bad configurations."""

import copy
import math
import re
from dataclasses import replace

import numpy as np
import pytest
import torch

from gghead.config.model import DiscriminatorConfig, GeneratorConfig
from gghead.geometry.cameras import Cameras
from gghead.model.discriminator import Discriminator
from gghead.model.generator import build_generator
from gghead.stylegan.folding import freeze
from tolerances import EXACT_FLOAT64

TINY = GeneratorConfig(z_size=8, style_size=8, map_resolution=16, channel_base=64, channel_max=8, grid_size=8)


def test_published_parameter_counts() -> None:
    """The paper's 28.8 and 31.2 million."""
    generator = build_generator(GeneratorConfig(grid_size=16), seed=0)
    assert sum(p.numel() for p in generator.parameters()) == 28_789_939
    assert sum(p.numel() for p in Discriminator(DiscriminatorConfig(), seed=0).parameters()) == 31_240_832
    assert generator.synthesis.num_styles == 14


def test_the_mapping_network_sees_a_camera_for_each_latent_or_one_for_all() -> None:
    generator, z = build_generator(TINY, seed=0), torch.randn(2, 3, TINY.z_size)
    front, cameras = generator.default_conditioning(), Cameras.orbit(2, 64)
    styles = generator.map_styles(z, front)
    assert torch.equal(styles, generator.map_styles(z, conditioning_camera=front[0]))
    assert torch.equal(styles, generator.map_styles(z, Cameras.stack([Cameras.cat([front] * 3)] * 2)))
    assert not torch.equal(generator.map_styles(z[:, 0], cameras), generator.map_styles(z[:, 0], front))
    with pytest.raises(ValueError, match=r"conditioning cameras of batch \[2\]; expected one camera"):
        generator.map_styles(z, cameras)
    with pytest.raises(ValueError, match="needs a conditioning_camera"):
        generator.map_styles(z)
    blind = build_generator(replace(TINY, camera_conditioned=False), seed=0)
    assert blind.default_conditioning() is None
    assert blind.map_styles(z).shape == styles.shape
    with pytest.raises(ValueError, match="this generator sees no camera"):
        blind.map_styles(z, front)


@pytest.mark.parametrize(("resolution", "degree"), [(8, 0), (16, 1), (32, 3)])
def test_shapes(resolution: int, degree: int) -> None:
    config = GeneratorConfig(8, 8, 2, True, resolution, 64, 8, 9, degree)
    generator = build_generator(config, seed=0)
    styles = generator.map_styles(torch.randn(2, 3, 8), Cameras.frontal(1))
    assert generator.maps(styles).shape == (2, 3, config.map_channels, resolution, resolution)
    heads = generator.decode(styles)
    assert heads.batch_shape == (2, 3)
    assert heads.sh.shape == (2, 3, len(generator.texel_uvs), (degree + 1) ** 2, 3)
    single = generator.decode(styles[1, 2])
    torch.testing.assert_close(single.means, heads.means[1, 2])
    discriminator = Discriminator(DiscriminatorConfig(resolution, 64, 8, 2), seed=0)
    assert discriminator(torch.randn(4, 3, resolution, resolution), torch.randn(4, 25)).shape == (4,)
    with pytest.raises(ValueError, match="this discriminator takes"):
        discriminator(torch.randn(4, 3, 64, 64), torch.randn(4, 25))


def test_an_untrained_head_is_the_template() -> None:
    generator = build_generator(TINY, seed=0)
    heads = generator.sample([0, 1])
    torch.testing.assert_close(heads.means, generator.template_positions.expand(2, -1, -1))
    torch.testing.assert_close(heads.quats.norm(dim=-1), torch.ones(heads.quats.shape[:-1]))
    assert float(heads.scales.max()) < torch.tensor(-3.0).exp()


@pytest.mark.usefixtures("unchecked_shapes")
def test_what_names_no_head_is_refused() -> None:
    generator = build_generator(TINY, seed=0)
    for truncation in (math.nan, math.inf, None, True, [0.7]):
        with pytest.raises(
            ValueError,
            match=rf"truncation is {re.escape(str(truncation))}; expected a number, from 0 \(the average head",
        ):
            generator.sample([0], truncation)
    for seeds, told in (
        ([], "no seeds; expected a sequence of whole numbers, like [3]"),
        (3, "seeds is 3; expected a sequence of whole numbers, like [3], or range(8); [3] is the head of seed 3"),
        (range, "seeds is <class 'range'>; expected a sequence"),
        ("0-3", "seeds is '0-3'; expected a sequence"),
        (np.int64(3), "seeds is "),
        (np.zeros((2, 2), int), "expected a sequence"),
        ([-1], "a seed is -1; expected a whole number from 0 up"),
        ([0.5], "a seed is 0.5; expected a whole number"),
        ([True], "a seed is True; expected a whole number"),
        (["1"], "a seed is '1'; expected a whole number"),
        ([2**32], "a seed is 4294967296; expected at most 4294967295"),
    ):
        with pytest.raises(ValueError, match=re.escape(told)):
            generator.sample(seeds)


@pytest.mark.usefixtures("unchecked_shapes")
def test_what_is_no_style_is_refused() -> None:
    generator = build_generator(TINY, seed=0)
    styles = generator.styles(seeds=[0])
    for odd, told in (
        (None, "styles are None; expected a tensor"),
        (styles.numpy(), "styles are .*; expected a tensor"),
        (styles[..., :3], r"styles are \[1, \d+, 3\]; expected"),
        (styles.double(), "styles are torch.float64 on cpu, the generator is torch.float32"),
        (styles.to("meta"), "styles are torch.float32 on meta, the generator"),
    ):
        with pytest.raises(ValueError, match=told):
            generator.decode(odd)


@pytest.mark.usefixtures("unchecked_shapes")
def test_seeds_of_any_library_are_seeds() -> None:
    generator = build_generator(TINY, seed=0)
    expected = generator.latents([3, 4])
    for seeds in (range(3, 5), (3, 4), np.array([3, 4]), torch.tensor([3, 4]), np.array([3, 4], np.uint8)):
        assert torch.equal(generator.latents(seeds), expected)


def test_a_generator_is_shown_in_one_line() -> None:
    generator = build_generator(TINY, seed=0)
    assert repr(generator).count("\n") == 0
    assert f"{len(generator.texel_uvs):,} Gaussians a head" in repr(generator)
    heads = generator.sample([0, 1])
    assert repr(heads).startswith(f"Gaussians(batch [2], {heads.num_gaussians:,} each, ")
    assert repr(heads[0]).startswith("Gaussians(batch [], ")


def test_seeds_decide_weights_and_heads_and_nothing_else() -> None:
    torch.manual_seed(1)
    state = torch.get_rng_state()
    one, two, other = (build_generator(TINY, seed=seed) for seed in (3, 3, 4))
    assert torch.equal(torch.get_rng_state(), state)
    assert torch.equal(one.sample([5]).sh, two.sample([5]).sh)
    assert not torch.equal(one.sample([5]).sh, other.sample([5]).sh)
    assert not torch.equal(one.sample([5]).sh, one.sample([6]).sh)
    assert one.latents([0])[0, 0].item() == pytest.approx(1.764052346)  # the field's convention


@torch.no_grad()
def test_a_head_is_the_same_in_every_batch() -> None:
    generator = build_generator(TINY, seed=0)
    styles = generator.styles(seeds=[0, 1, 2, 3])
    together = generator.decode(styles.unflatten(0, (2, 2)))
    assert together.batch_shape == (2, 2)
    for index, style in enumerate(styles):
        alone = generator.decode(style)
        assert torch.equal(together.sh[index // 2, index % 2], alone.sh)
        assert torch.equal(together.means[index // 2, index % 2], alone.means)
    assert generator.decode(styles[:0]).batch_shape == (0,)


def test_random_noise_comes_from_its_generator() -> None:
    generator = build_generator(TINY, seed=0)
    for name, parameter in generator.named_parameters():
        if name.endswith("noise_strength"):
            torch.nn.init.ones_(parameter)
    styles = generator.styles([0])
    noises = [generator.synthesis.draw_noise(1, torch.Generator().manual_seed(seed)) for seed in (1, 1, 2)]
    draws = [generator.maps(styles, noise) for noise in noises]
    assert torch.equal(draws[0], draws[1])
    assert not torch.equal(draws[0], draws[2])
    assert not torch.equal(generator.maps(styles, "const"), generator.maps(styles, "none"))
    with pytest.raises(ValueError, match="noise for 1 layers"):
        generator.maps(styles, noises[0][:1])


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("map_resolution", 100),
        ("map_resolution", 4),
        ("sh_degree", 4),
        ("grid_size", 1),
        ("z_size", 0),
        ("channel_max", 0),
    ],
)
def test_bad_configuration_is_refused(field: str, value: int) -> None:
    with pytest.raises(ValueError, match=f"{field} is {value}"):
        GeneratorConfig(**{field: value})
    with pytest.raises(ValueError, match="resolution is 96"):
        DiscriminatorConfig(resolution=96)


def test_a_frozen_generator_is_the_same_and_takes_no_gradients() -> None:
    generator = build_generator(TINY, seed=0).double()
    frozen = copy.deepcopy(generator)
    freeze(frozen)
    styles = build_generator(TINY, seed=0).styles([0, 1]).double().requires_grad_()
    maps = [network.maps(styles) for network in (generator, frozen, frozen)]
    torch.testing.assert_close(maps[1], maps[0], **EXACT_FLOAT64._asdict())
    assert torch.equal(maps[1], maps[2])
    expected, actual = (torch.autograd.grad(each.square().sum(), styles)[0] for each in maps[:2])
    torch.testing.assert_close(actual, expected, **EXACT_FLOAT64._asdict())
    assert not any(parameter.requires_grad for parameter in frozen.parameters())


def test_without_gradients_features_are_overwritten_and_nothing_that_was_given() -> None:
    generator = build_generator(TINY, seed=0).double()
    with torch.no_grad():
        for name, parameter in generator.named_parameters():
            if name.endswith(("noise_strength", "bias")):
                parameter.normal_(generator=torch.Generator().manual_seed(1))
    styles = build_generator(TINY, seed=0).styles([0, 1]).double()
    noises = [noise.double() for noise in generator.synthesis.draw_noise(2, torch.Generator().manual_seed(2))]
    given = [tensor.clone() for tensor in (styles, *noises, *generator.state_dict().values())]
    expected = generator.maps(styles, noises)
    with torch.no_grad():
        torch.testing.assert_close(generator.maps(styles, noises), expected, **EXACT_FLOAT64._asdict())
    for before, after in zip(given, (styles, *noises, *generator.state_dict().values()), strict=True):
        assert torch.equal(before, after)

"""Residual maps: what both halves share is mirrored, what is hidden stays, what turns stays the generator's."""

import torch

from gghead.inversion.residual_maps import ResidualMaps, is_symmetric, level_sides, resized
from gghead.model.generator import Generator
from tolerances import EXACT_FLOAT32


def test_the_built_in_template_is_its_mirror_image(generator: Generator) -> None:
    assert is_symmetric(generator)


def test_a_template_that_is_none_is_noticed(generator: Generator) -> None:
    before = generator.template_positions
    try:
        generator.template_positions = before + torch.tensor([0.01, 0, 0])
        assert not is_symmetric(generator)
    finally:
        generator.template_positions = before


def test_levels_are_coarse_and_the_last_is_the_maps_own(generator: Generator) -> None:
    assert level_sides(generator) == (16,)


def test_what_is_shared_makes_a_mirrored_head(generator: Generator) -> None:
    """Gaussians at mirrored places get mirrored offsets, and the same colour, size and opacity."""
    residual = ResidualMaps(generator, level_sides(generator))
    with torch.no_grad():
        residual.shared[0].normal_(generator=torch.Generator().manual_seed(0))
        maps = residual()
    raw = generator.raw_of(maps)
    mirrored = generator.raw_of(maps.flip(-1))
    flipped = mirrored.positions - generator.position_bias
    straight = raw.positions - generator.position_bias
    torch.testing.assert_close(flipped * torch.tensor([-1.0, 1, 1]), straight, **EXACT_FLOAT32._asdict())
    for name in ("scales", "colors", "opacities"):
        torch.testing.assert_close(getattr(raw, name), getattr(mirrored, name), **EXACT_FLOAT32._asdict())
    assert not raw.rotations.any()


def test_what_no_picture_shows_learns_from_the_other_half_alone(generator: Generator) -> None:
    residual = ResidualMaps(generator, level_sides(generator))
    residual.visibility[:, 8:] = 0
    residual()[9:, :, 8:].square().sum().backward()
    assert not residual.own[0].grad[:, :, 8:].any(), "nothing of its own"
    with torch.no_grad():
        for parameter in residual.parameters():
            parameter.fill_(1.0)
        maps = residual()
    assert torch.allclose(maps[9:, :, 8:], torch.tensor(2.0)), "both shared parts"
    assert torch.allclose(maps[9:, :, :8], torch.tensor(3.0)), "and what is its own"


def test_resizing_keeps_the_mean() -> None:
    maps = torch.rand(2, 3, 16, 16)
    assert resized(maps, 16) is maps
    torch.testing.assert_close(resized(maps, 4).mean(), maps.mean())
    assert resized(maps, 32).shape == (2, 3, 32, 32)

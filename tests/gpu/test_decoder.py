"""The decoder's kernels on a CUDA device against plain torch on the CPU."""

import copy

import pytest
import torch
from torch import Tensor

from gghead.config.model import GeneratorConfig
from gghead.geometry.rotations import matrices_from_quats
from gghead.inference.smoothing_filter import close_gaps
from gghead.model.decoder import Decoded
from gghead.model.generator import Generator, build_generator
from tolerances import CUDA_FLOAT32

pytestmark = pytest.mark.gpu


def tensors(heads: Decoded) -> dict[str, Tensor]:
    return {"positions": heads.positions, "raw scales": heads.scales, **vars(heads.gaussians)}


def distance(actual: Tensor, expected: Tensor) -> float:
    return float((actual.detach().double().cpu() - expected.detach()).norm() / expected.detach().norm())


def results_of(generator: Generator, maps: Tensor, missing: tuple[str, ...]) -> list[Tensor | None]:
    """Outputs, and the gradients of a random linear function of those that are not missing."""
    maps = maps.requires_grad_()
    outputs = tensors(generator.decode_maps(maps))
    loss = maps.new_zeros(())
    for i, (name, out) in enumerate(outputs.items()):
        weight = torch.randn(out.shape, generator=torch.Generator().manual_seed(i))
        loss = loss + (0 if name in missing else (out * weight.to(out)).sum())
    leaves = [maps, generator.position_weight, generator.position_bias]
    return [*outputs.values(), *torch.autograd.grad(loss, leaves, allow_unused=True)]


@pytest.mark.parametrize("missing", [(), ("quats", "positions"), ("means", "sh", "raw scales", "opacities", "scales")])
@pytest.mark.parametrize(("degree", "side", "grid"), [(0, 16, 9), (1, 32, 70), (3, 8, 40)])
def test_heads_and_gradients(degree: int, side: int, grid: int, missing: tuple[str, ...]) -> None:
    config = GeneratorConfig(8, 8, 2, False, side, 64, 8, grid, degree)
    generator = build_generator(config, seed=0)
    draw = torch.Generator().manual_seed(0)
    for parameter in (generator.position_weight, generator.position_bias):
        torch.nn.init.normal_(parameter, generator=draw)
    maps = torch.randn(3, config.map_channels, side, side, generator=draw)
    maps[0, 6:9] *= 1e-4  # nearly no rotation
    twin = copy.deepcopy(generator).cuda()
    pairs = ((generator.double(), maps.double()), (twin, maps.cuda()))
    results = [results_of(network, values, missing) for network, values in pairs]
    for wanted, got in zip(*results, strict=True):
        if wanted is None:
            assert got is None or not got.any()
        else:
            assert got.shape == wanted.shape
            assert distance(got, wanted) < CUDA_FLOAT32


def test_gradients_have_the_same_bits() -> None:
    config = GeneratorConfig(8, 8, 2, False, 32, 64, 8, 100, 1)
    generator = build_generator(config, seed=0).cuda()
    maps = torch.randn(2, config.map_channels, 32, 32, device="cuda", requires_grad=True)
    losses = [generator.decode_maps(maps).gaussians.means.square().sum() for _ in range(2)]
    first, second = (torch.autograd.grad(loss, maps)[0] for loss in losses)
    assert torch.equal(first, second)


def test_closed_gaps() -> None:
    generator = build_generator(GeneratorConfig(8, 8, 2, False, 32, 64, 8, 40, 0, picture_resolution=32), seed=0)
    heads = generator.sample([0, 1])
    twin = copy.deepcopy(generator).cuda()
    results = [close_gaps(heads, generator), close_gaps(heads.to("cuda"), twin)]
    axes = [matrices_from_quats(closed.quats) * closed.scales[..., None, :] for closed in results]
    assert distance(axes[1] @ axes[1].mT, axes[0] @ axes[0].mT) < CUDA_FLOAT32
    assert not torch.equal(results[0].scales, heads.scales)

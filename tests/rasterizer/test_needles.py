"""Gaussians that are much longer than thick, near and far: where single precision cancels."""

from dataclasses import replace

import pytest
import torch
from torch.nn.functional import normalize

from gghead.gaussians.scene import Gaussians
from gghead.geometry.cameras import Cameras
from gghead.rasterizer import render
from tolerances import NEEDLE_GRADIENT, NEEDLES


def needles(count: int, seed: int) -> Gaussians:
    draw = torch.Generator().manual_seed(seed)
    return Gaussians(
        torch.randn(count, 3, generator=draw) * 0.3,
        normalize(torch.randn(count, 4, generator=draw), dim=-1),
        torch.exp(torch.empty(count, 3).uniform_(-9, 0, generator=draw)),
        torch.empty(count).uniform_(0.05, 0.95, generator=draw),
        torch.randn(count, 1, 3, generator=draw) * 0.3,
    )


def exact(cameras: Cameras) -> Cameras:
    return Cameras(cameras.viewmats.double(), cameras.Ks.double(), cameras.width, cameras.height)


@pytest.mark.parametrize("distance", [0.01, 0.5, 2.7])
@pytest.mark.parametrize("seed", range(3))
def test_needles_look_as_in_double_precision(seed: int, distance: float) -> None:
    scene, front = needles(1000, seed), Cameras.frontal(64)
    viewmats = front.viewmats.clone()
    viewmats[:, 2, 3] = distance
    cameras = Cameras(viewmats, front.Ks, 64, 64)
    leaves = scene.map(lambda tensor: tensor.clone().requires_grad_())
    drawn = render(leaves, cameras, backend="cpu")
    expected = render(scene.map(torch.Tensor.double), exact(cameras), backend="reference")
    for name in ("rgb", "alpha"):
        difference = (getattr(drawn, name).detach().double() - getattr(expected, name)).abs().mean()
        assert float(difference) <= NEEDLES.atol, name
    drawn.rgb.sum().backward()
    assert all(bool(getattr(leaves, name).grad.isfinite().all()) for name in ("means", "quats", "scales", "opacities"))


@pytest.mark.parametrize("side", [512, pytest.param(1024, marks=pytest.mark.slow)])
def test_one_needle_across_the_picture(side: int) -> None:
    turned = normalize(torch.tensor([[1.0, 0.3, 0.2, 0.5]]), dim=-1)
    scene = Gaussians(
        torch.zeros(1, 3), turned, torch.tensor([[10.0, 1e-4, 1e-4]]), torch.tensor([0.8]), torch.zeros(1, 1, 3)
    )
    drawn = render(scene, Cameras.frontal(side), backend="cpu").alpha
    expected = render(scene.map(torch.Tensor.double), exact(Cameras.frontal(side)), backend="reference").alpha
    assert float((drawn.double() - expected).abs().mean()) <= NEEDLES.atol


def sums_of_gradients(scene: Gaussians, cameras: Cameras, backend: str) -> dict[str, torch.Tensor]:
    leaves = scene.map(lambda tensor: tensor.clone().requires_grad_())
    rgb = render(leaves, cameras, backend=backend).rgb
    weights = torch.randn(rgb.shape, generator=torch.Generator().manual_seed(1)).to(rgb)
    (rgb * weights).sum().backward()
    return {name: getattr(leaves, name).grad.double().cpu() for name in ("means", "quats", "scales")}


@pytest.mark.parametrize("device", ["cpu", pytest.param("cuda", marks=pytest.mark.gpu)])
@pytest.mark.parametrize(("length", "thicknesses"), [(0.05, 10), (0.5, 1e4), (2.0, 1e4), (2.0, 1e5)])
def test_gradients_of_needles(length: float, thicknesses: float, device: str) -> None:
    draw = torch.Generator().manual_seed(0)
    scales = torch.tensor([length, length / thicknesses, length / thicknesses]).expand(20, 3)
    scene = replace(needles(20, 0), means=torch.randn(20, 3, generator=draw) * 0.15, scales=scales)
    cameras = Cameras.frontal(32)
    found = sums_of_gradients(scene.to(device), cameras.to(device), device)
    expected = sums_of_gradients(scene.map(torch.Tensor.double), exact(cameras), "reference")
    for name, value in expected.items():
        assert float((found[name] - value).abs().max()) <= NEEDLE_GRADIENT * float(value.abs().max()), name

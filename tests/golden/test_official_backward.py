"""The emulated backward pass of the release's rasterizer, against its definition in double precision."""

import torch
from torch.nn.functional import normalize

from gghead.gaussians.scene import Gaussians
from gghead.geometry.rotations import matrices_from_quats
from official_backward import with_official_backward
from tolerances import EXACT_FLOAT64


def test_gradients_are_those_of_covariances_of_the_taken_scales() -> None:
    random = torch.Generator().manual_seed(0)

    def draw(*shape: int) -> torch.Tensor:
        return torch.rand(*shape, generator=random, dtype=torch.float64)

    quats = normalize(draw(2, 50, 4) - 0.5, dim=-1).requires_grad_()
    scales = (draw(2, 50, 3) + 0.1).requires_grad_()
    weights = draw(2, 50, 3, 3)
    weights = weights + weights.mT

    def loss(quats: torch.Tensor, scales: torch.Tensor) -> torch.Tensor:
        rotations = matrices_from_quats(quats)
        return (rotations @ torch.diag_embed(scales**2) @ rotations.mT * weights).sum()

    heads = with_official_backward(Gaussians(draw(2, 50, 3), quats, scales, draw(2, 50), draw(2, 50, 1, 3)))
    emulated = torch.autograd.grad(loss(heads.quats, heads.scales), (quats, scales))
    taken = scales.detach().mT.reshape(scales.shape).requires_grad_()
    expected = torch.autograd.grad(loss(quats, taken), (quats, taken))
    for value, wanted in zip(emulated, expected, strict=True):
        torch.testing.assert_close(value, wanted, **EXACT_FLOAT64._asdict())

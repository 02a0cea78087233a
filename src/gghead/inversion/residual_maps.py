"""What is added to a generator's UV maps for one person: a pyramid, most of which both halves of the face share."""

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from gghead.model.generator import Generator
from gghead.stylegan.folding import folded_network

COARSE_SHARES = {16: 1.0, 64: 0.5}
FINE_SHARE = 0.1
"""How fast levels learn, one beside the other: those up to a side in texels, and finer ones. What is fine looks well
from where it was learned and is speckle from elsewhere (docs/experiments.md)."""
MAX_ASYMMETRY = 1e-4
"""World units by which a template may miss being its own mirror image; the built-in one by 3e-7."""


class ResidualMaps(nn.Module):
    """UV maps that are added to those of a generator: coarse levels, enlarged, and a fine one.

    Each level is a part that both halves of the head share and one of its own. Both learn alike, so that a half which
    no picture shows takes over half of what the other learns, and coarse levels carry what is visible beyond its edge.
    Rotations stay the generator's.

    Args:
        generator: whose maps they are added to.
        sides: of the levels, texels, coarse to fine; the last is that of their sum.

    Attributes:
        visibility: how much of the pictures each texel makes up, 0 to 1. What is hardly seen learns as much slower:
            Adam gives the smallest gradient a whole step, and hidden texels would become noise.
    """

    visibility: Float[Tensor, "s s"]
    _flip: Float[Tensor, "C C"]
    _free: Float[Tensor, "C 1 1"]

    def __init__(self, generator: Generator, sides: Sequence[int]) -> None:
        super().__init__()
        channels, self._side = generator.config.map_channels, sides[-1]
        at = generator.device
        self.shared = nn.ParameterList(torch.zeros(channels, side, side, device=at) for side in sides)
        self.own = nn.ParameterList(torch.zeros(channels, side, side, device=at) for side in sides)
        flip = torch.eye(channels)
        weight = generator.position_weight.detach().double().cpu()
        # Positions are mixed after the maps; mirrored they have another sign along x.
        mirrored = torch.linalg.pinv(weight) @ torch.diag(weight.new_tensor([-1.0, 1, 1])) @ weight
        flip[:3, :3] = mirrored.float()
        self._is_mirrored = is_symmetric(generator)
        self.register_buffer("_flip", (flip if self._is_mirrored else torch.zeros_like(flip)).to(at), persistent=False)
        self.register_buffer("_free", free_channels(generator), persistent=False)
        self.register_buffer("visibility", torch.ones(self._side, self._side, device=at))
        self._shares = [level_share(side) for side in sides]

    def forward(self) -> Float[Tensor, "C s s"]:
        """The sum of all levels."""
        total = self._free.new_zeros(len(self._free), self._side, self._side)
        either = torch.maximum(self.visibility, self.visibility.flip(-1)) if self._is_mirrored else self.visibility
        for share, shared, own in zip(self._shares, self.shared, self.own, strict=True):
            common = shared * resized(either, shared.shape[-1])
            level = own * resized(self.visibility, own.shape[-1]) + common
            level = level + torch.einsum("dc,chw->dhw", self._flip, common).flip(-1)
            total = total + share * resized(level, self._side)
        return total * self._free


def resized(maps: Float[Tensor, "*C s s"], side: int) -> Float[Tensor, "*C r r"]:
    """Maps of another side: means of texels, or bilinear between them."""
    if maps.shape[-1] == side:
        return maps
    flat = maps.reshape(1, -1, *maps.shape[-2:])
    larger = side > maps.shape[-1]
    resized = functional.interpolate(flat, (side, side), mode="bilinear" if larger else "area")
    return resized.reshape(*maps.shape[:-2], side, side)


def free_channels(generator: Generator) -> Float[Tensor, "C 1 1"]:
    """1 for channels of the maps that a residual may change, 0 for the rotations."""
    free = torch.ones(generator.config.map_channels, 1, 1, device=generator.device)
    free[6:9] = 0
    return free


def level_share(side: int) -> float:
    """How fast a level of a side in texels learns."""
    return next((share for most, share in COARSE_SHARES.items() if side <= most), FINE_SHARE)


def level_sides(generator: Generator) -> tuple[int, ...]:
    """Sides of the levels for a generator's maps."""
    side = generator.config.map_resolution
    return (*(coarse for coarse in COARSE_SHARES if coarse < side), side)


def is_symmetric(generator: Generator) -> bool:
    """Whether mirroring the UV map left to right mirrors the template."""
    return folded_network(generator, "symmetry", lambda: _is_symmetric(generator))


def _is_symmetric(generator: Generator) -> bool:
    uvs, positions = generator.texel_uvs.cpu(), generator.template_positions.cpu()
    mirrored = uvs * uvs.new_tensor([-1, 1])
    order, other = (torch.argsort((value * 1e4).round() @ value.new_tensor([1, 1e5])) for value in (uvs, mirrored))
    if not torch.allclose(uvs[order], mirrored[other], atol=1e-4):
        return False
    difference = positions[order] - positions[other] * positions.new_tensor([-1, 1, 1])
    return bool(difference.norm(dim=-1).max() < MAX_ASYMMETRY)

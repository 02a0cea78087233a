"""UV maps -> Gaussians in one kernel, and their gradients in two: what `decoder` says in torch, without passes between.

Gradients w.r.t. the maps are gathered by each texel in a fixed order, so that they have the same bits in every run.
"""

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.autograd.function import once_differentiable

from gghead.config.model import GeneratorConfig
from gghead.cuda.availability import is_available
from gghead.geometry.spherical_harmonics import C0
from gghead.model.constants import OVERSHOOT
from gghead.uv.samples import bilinear_taps

if TYPE_CHECKING:
    from gghead.cuda.program import Source

SOURCES = Path(__file__).parent / "kernels"
KERNELS = ("decode", "decode_backward", "gather")
THREADS = 256
"""Threads of a block; decoding.cu says the same."""
MIXED = 12
"""Numbers of the mixing of positions; likewise."""


def takes(maps: Tensor, config: GeneratorConfig) -> bool:
    """Whether the kernels can decode these maps."""
    drawable = maps.is_cuda and maps.dtype == torch.float32 and config.quaternion_order == "wxyz"
    return drawable and is_available(maps.device)


def is_pitched(maps: Float[Tensor, "B C H W"]) -> bool:
    """Whether channels come last, by choice with others behind them that nobody reads."""
    height, width = maps.shape[-2:]
    pitch = maps.stride(-1)
    return maps.stride() == (height * width * pitch, 1, width * pitch, pitch)


@cache
def source(config: GeneratorConfig) -> "Source":
    """The program for a configuration."""
    from gghead.cuda.program import Source

    counts = {"CHANNELS": config.map_channels, "COEFFICIENTS": (config.sh_degree + 1) ** 2}
    numbers = {
        "POSITION_RANGE": config.position_range,
        "MAX_LOG_SCALE": config.max_log_scale,
        "LOG_SCALE_OFFSET": config.log_scale_offset,
        "OVERSHOOT": OVERSHOOT,
        "COLOR_FACTOR": 0.5 / C0,
    }
    macros = [(name, str(count)) for name, count in counts.items()]
    macros += [(name, f"({float(number)!r}f)") for name, number in numbers.items()]
    return Source(SOURCES, ("decoding",), KERNELS, tuple(macros))


@dataclass(frozen=True)
class Gathering:
    """The points that sample each texel of a map, texel after texel.

    Attributes:
        starts: where the points of each texel start, and one past the last.
        points: indices of points.
        weights: of the texel in the point's sample.
    """

    starts: Int[Tensor, " S"]
    points: Int[Tensor, " E"]
    weights: Float[Tensor, " E"]

    @classmethod
    def of(cls, uvs: Float[Tensor, "N 2"], side: int) -> "Gathering":
        """For samples at map coordinates of maps of a side."""
        texels, weights = bilinear_taps(uvs, side)
        order = texels.flatten().argsort(stable=True)
        counts = torch.bincount(texels.flatten(), minlength=side * side)
        starts = torch.cat([counts.new_zeros(1), counts.cumsum(0)])
        points = torch.arange(len(uvs), device=uvs.device)[:, None].expand(-1, 4).flatten()[order]
        return cls(starts.int(), points.int(), weights.flatten()[order])


class Decode(torch.autograd.Function):
    """The kernels; outputs are raw positions, raw scales, means, quats, scales, opacities, sh."""

    @staticmethod
    def forward(
        ctx: Any,
        config: GeneratorConfig,
        gathering: Gathering,
        uvs: Float[Tensor, "N 2"],
        surface: Float[Tensor, "N 3"],
        maps: Float[Tensor, "B C R R"],
        weight: Float[Tensor, "3 3"],
        bias: Float[Tensor, "3"],
    ) -> tuple[Tensor, ...]:
        from gghead.cuda.program import run

        maps = maps if is_pitched(maps) else maps.contiguous(memory_format=torch.channels_last)
        mixing = torch.cat([weight.flatten(), bias])
        batch, count = len(maps), len(uvs)
        widths = (3, 3, 3, 4, 3, 1, 3 * (config.sh_degree + 1) ** 2)
        outputs = [maps.new_empty(batch, count, width) for width in widths]
        run(
            source(config), "decode", maps.device, (-(-count // THREADS), batch, 1),
            (maps, uvs, surface, mixing, *outputs, count, maps.shape[-1], maps.stride(-1)),
        )  # fmt: skip
        ctx.save_for_backward(maps, uvs, mixing)
        ctx.config, ctx.gathering = config, gathering
        ctx.set_materialize_grads(False)
        *others, opacities, sh = outputs
        return (*others, opacities.squeeze(-1), sh.unflatten(-1, (-1, 3)))

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *upstream: Tensor | None) -> tuple[Tensor | None, ...]:
        from gghead.cuda.program import run

        if all(gradient is None for gradient in upstream):
            return (None,) * 7
        maps, uvs, mixing = ctx.saved_tensors
        batch, count, channels, side = len(maps), len(uvs), maps.shape[1], maps.shape[-1]
        blocks = -(-count // THREADS)
        grad_raw = maps.new_empty(batch, count, channels)
        sums = maps.new_empty(batch, blocks, MIXED)
        run(
            source(ctx.config), "decode_backward", maps.device, (blocks, batch, 1),
            (maps, uvs, mixing, *(None if g is None else g.contiguous() for g in upstream), grad_raw, sums, count,
             side, maps.stride(-1)),
        )  # fmt: skip
        grad_maps = torch.empty_like(maps, memory_format=torch.channels_last)
        gathering = ctx.gathering
        run(
            source(ctx.config), "gather", maps.device, (-(-side * side * channels // THREADS), batch, 1),
            (grad_raw, gathering.starts, gathering.points, gathering.weights, grad_maps, count, side * side),
        )  # fmt: skip
        grad_mixing = sums.sum((0, 1))
        return None, None, None, None, grad_maps, grad_mixing[:9].view(3, 3), grad_mixing[9:]

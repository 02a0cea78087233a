"""Many pictures of heads, made in pieces that fit into memory."""

from collections.abc import Iterator

import torch
from jaxtyping import Float
from torch import Tensor

from gghead.gaussians.scene import Gaussians
from gghead.gaussians.shading import freeze_colors
from gghead.geometry.cameras import Cameras
from gghead.inference.observation import Observation, observe
from gghead.inference.residuals import Residuals, decode
from gghead.model.generator import Generator
from gghead.rasterizer.checks import Background

HEADS_AT_ONCE = 8
"""Heads decoded together: at the official size 8 heads take about 1 GB while they pass the network."""


@torch.no_grad()
def portraits(
    generator: Generator,
    styles: Float[Tensor, "B L W"],
    cameras: Cameras,
    *,
    residuals: Residuals | None = None,
    background: Background | None = 1.0,
) -> Iterator[Float[Tensor, "V H W C"]]:
    """Pictures of each head by every camera, head by head; background and result as of `colors`."""
    seen = observe(generator.config, cameras)
    for heads in _whole_heads(seen, generator, styles, residuals):
        yield from colors(seen, heads, cameras, background=background)


@torch.no_grad()
def turntable(
    generator: Generator,
    styles: Float[Tensor, "B L W"],
    cameras: Cameras,
    *,
    residuals: Residuals | None = None,
    frozen_colors: bool = True,
    background: Background | None = 1.0,
) -> Iterator[Float[Tensor, "B H W C"]]:
    """Frames of a video: in each, one camera sees all heads.

    Args:
        generator: makes the heads, once.
        styles: of the heads.
        cameras: one a frame.
        residuals: what the heads have beside their styles.
        frozen_colors: view-dependent colour stays as the frontal camera sees it, as in the official videos.
        background: as of `colors`.
    """
    seen = observe(generator.config, cameras)
    heads = list(_whole_heads(seen, generator, styles, residuals))
    if frozen_colors:
        front = Cameras.frontal(cameras.width, styles.device)
        heads = [freeze_colors(chunk, front) for chunk in heads]
    for frame in range(len(cameras)):
        yield torch.cat([colors(seen, chunk, cameras[frame], background=background) for chunk in heads])


@torch.no_grad()
def morph(
    generator: Generator,
    styles: Float[Tensor, "F L W"],
    cameras: Cameras,
    *,
    residuals: Residuals | None = None,
    background: Background | None = 1.0,
) -> Iterator[Float[Tensor, "H W C"]]:
    """Frames of a video in which frame f shows head f by camera f; background and result as of `colors`."""
    seen = observe(generator.config, cameras)
    first = 0
    for heads in _whole_heads(seen, generator, styles, residuals):
        count = heads.batch_shape.numel()
        yield from colors(seen, heads, cameras[first : first + count], pairwise=True, background=background)
        first += count


def colors(
    seen: Observation,
    heads: Gaussians,
    cameras: Cameras,
    *,
    pairwise: bool = False,
    background: Background | None = 1.0,
) -> Float[Tensor, "*B H W C"]:
    """Display colours in [0, 1].

    Args:
        seen: how heads are drawn for all cameras of the pictures, so that a video does not change on its way.
        heads: with its smoothing filter.
        cameras: as of `gghead.draw`, and so is pairwise.
        pairwise: each head has a camera of its own.
        background: as of `gghead.draw`; None for a fourth channel instead, the alpha, which is not multiplied in.
    """
    drawn = seen.render(heads, cameras, background=0.0 if background is None else background, pairwise=pairwise)
    if background is not None:
        return drawn.rgb.clamp(0, 1)
    return torch.cat([drawn.rgb / torch.where(drawn.alpha > 0, drawn.alpha, 1.0), drawn.alpha], dim=-1).clamp(0, 1)


def _whole_heads(
    seen: Observation, generator: Generator, styles: Float[Tensor, "B L W"], residuals: Residuals | None
) -> Iterator[Gaussians]:
    """Heads for pictures, some at a time."""
    for first in range(0, len(styles), HEADS_AT_ONCE):
        piece = slice(first, first + HEADS_AT_ONCE)
        heads = decode(generator, styles[piece], None if residuals is None else residuals[piece])
        yield seen.apply_smoothing_filter(heads, generator)

"""Many pictures of heads, made in pieces that fit into memory; of any size, see `smoothing_filter` and `colors`."""

from collections.abc import Iterator

import torch
from jaxtyping import Float
from torch import Tensor

from gghead.gaussians.scene import Gaussians
from gghead.gaussians.shading import freeze_colors
from gghead.geometry.cameras import Cameras
from gghead.inference.smoothing_filter import are_finer, smooth
from gghead.media.images import averaged
from gghead.model.generator import Generator
from gghead.rasterizer import render
from gghead.rasterizer.checks import Background

HEADS_AT_ONCE = 8
"""Heads decoded together: at the official size 8 heads take about 1 GB while they pass the network."""


@torch.no_grad()
def portraits(
    generator: Generator, styles: Float[Tensor, "B L W"], cameras: Cameras, *, background: Background | None = 1.0
) -> Iterator[Float[Tensor, "V H W C"]]:
    """Pictures of each head by every camera, head by head; background and result as of `colors`."""
    for chunk in styles.split(HEADS_AT_ONCE):
        heads = smooth(generator.decode(chunk), generator, cameras)
        yield from colors(heads, generator, cameras, background=background)


@torch.no_grad()
def turntable(
    generator: Generator,
    styles: Float[Tensor, "B L W"],
    cameras: Cameras,
    *,
    frozen_colors: bool = True,
    background: Background | None = 1.0,
) -> Iterator[Float[Tensor, "B H W C"]]:
    """Frames of a video: in each, one camera sees all heads.

    Args:
        generator: makes the heads, once.
        styles: of the heads.
        cameras: one a frame.
        frozen_colors: view-dependent colour stays as the frontal camera sees it, as in the official videos.
        background: as of `colors`.
    """
    heads = [smooth(generator.decode(chunk), generator, cameras) for chunk in styles.split(HEADS_AT_ONCE)]
    if frozen_colors:
        front = Cameras.frontal(cameras.width, styles.device)
        heads = [freeze_colors(chunk, front) for chunk in heads]
    for frame in range(len(cameras)):
        yield torch.cat([colors(chunk, generator, cameras[frame], background=background) for chunk in heads])


@torch.no_grad()
def morph(
    generator: Generator, styles: Float[Tensor, "F L W"], cameras: Cameras, *, background: Background | None = 1.0
) -> Iterator[Float[Tensor, "H W C"]]:
    """Frames of a video in which frame f shows head f by camera f; background and result as of `colors`."""
    for first in range(0, len(styles), HEADS_AT_ONCE):
        piece = slice(first, first + HEADS_AT_ONCE)
        heads = smooth(generator.decode(styles[piece]), generator, cameras)
        yield from colors(heads, generator, cameras[piece], pairwise=True, background=background)


def colors(
    heads: Gaussians,
    generator: Generator,
    cameras: Cameras,
    *,
    pairwise: bool = False,
    background: Background | None = 1.0,
) -> Float[Tensor, "*B H W C"]:
    """Display colours in [0, 1], drawn as the generator learned to be seen.

    Up to the size of the pictures that it learned from they are drawn larger and averaged, if they were then
    (`supersampling` of its configuration).

    Args:
        heads: made whole for these cameras.
        generator: that made them.
        cameras: as of `render`, and so is pairwise.
        pairwise: each head has a camera of its own.
        background: as of `render`; None for a fourth channel instead, the opacity, which is not multiplied in.
    """
    times = 1 if are_finer(cameras, generator.config) else generator.config.supersampling
    behind = 0.0 if background is None else background
    drawn = render(heads, cameras.magnified(times), background=behind, pairwise=pairwise)
    rgb = averaged(drawn.rgb, cameras.width)
    if background is not None:
        return rgb.clamp(0, 1)
    alpha = averaged(drawn.alpha, cameras.width)
    return torch.cat([rgb / torch.where(alpha > 0, alpha, 1.0), alpha], dim=-1).clamp(0, 1)

"""Many pictures of heads, made in pieces that fit into memory; of any size, see `finer` and `colors`."""

from collections.abc import Iterator

import torch
from jaxtyping import Float
from torch import Tensor

from gghead.gaussians.scene import Gaussians
from gghead.gaussians.shading import freeze_colors
from gghead.geometry.cameras import Cameras
from gghead.inference.finer import are_finer, smooth
from gghead.media.images import averaged
from gghead.model.generator import Generator
from gghead.rasterizer import render

HEADS_AT_ONCE = 8
"""Heads decoded together: at the official size 8 heads take about 1 GB while they pass the network."""


@torch.no_grad()
def portraits(
    generator: Generator, styles: Float[Tensor, "B L W"], cameras: Cameras
) -> Iterator[Float[Tensor, "V H W 3"]]:
    """Pictures of each head by every camera, head by head; display colours in [0, 1]."""
    for chunk in styles.split(HEADS_AT_ONCE):
        yield from colors(smooth(generator.decode(chunk), generator, cameras), generator, cameras)


@torch.no_grad()
def turntable(
    generator: Generator, styles: Float[Tensor, "B L W"], cameras: Cameras, *, frozen_colors: bool = True
) -> Iterator[Float[Tensor, "B H W 3"]]:
    """Frames of a video: in each, one camera sees all heads.

    Args:
        generator: makes the heads, once.
        styles: of the heads.
        cameras: one a frame.
        frozen_colors: view-dependent colour stays as the frontal camera sees it, as in the official videos.
    """
    heads = [smooth(generator.decode(chunk), generator, cameras) for chunk in styles.split(HEADS_AT_ONCE)]
    if frozen_colors:
        front = Cameras.frontal(cameras.width, styles.device)
        heads = [freeze_colors(chunk, front) for chunk in heads]
    for frame in range(len(cameras)):
        yield torch.cat([colors(chunk, generator, cameras[frame]) for chunk in heads])


@torch.no_grad()
def morph(generator: Generator, styles: Float[Tensor, "F L W"], cameras: Cameras) -> Iterator[Float[Tensor, "H W 3"]]:
    """Frames of a video in which frame f shows head f by camera f."""
    for first in range(0, len(styles), HEADS_AT_ONCE):
        piece = slice(first, first + HEADS_AT_ONCE)
        heads = smooth(generator.decode(styles[piece]), generator, cameras)
        yield from colors(heads, generator, cameras[piece], pairwise=True)


def colors(
    heads: Gaussians, generator: Generator, cameras: Cameras, *, pairwise: bool = False
) -> Float[Tensor, "*B H W 3"]:
    """Display colours in [0, 1], drawn as the generator learned to be seen.

    Up to the size of the pictures that it learned from they are drawn larger and averaged, if they were then
    (`supersampling` of its configuration).

    Args:
        heads: made whole for these cameras.
        generator: that made them.
        cameras: as of `render`, and so is pairwise.
        pairwise: each head has a camera of its own.
    """
    times = 1 if are_finer(cameras, generator.config) else generator.config.supersampling
    rgb = render(heads, cameras.magnified(times), pairwise=pairwise).rgb
    return averaged(rgb, cameras.width).clamp(0, 1)

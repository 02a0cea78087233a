"""Many pictures of heads, made in pieces that fit into memory; of any size, see `finer`."""

from collections.abc import Iterator

import torch
from jaxtyping import Float
from torch import Tensor

from gghead.gaussians.shading import freeze_colors
from gghead.geometry.cameras import Cameras
from gghead.inference.finer import smooth
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
        yield from render(smooth(generator.decode(chunk), generator, cameras), cameras).rgb.clamp(0, 1)


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
        yield torch.cat([render(chunk, cameras[frame]).rgb.clamp(0, 1) for chunk in heads])


@torch.no_grad()
def morph(generator: Generator, styles: Float[Tensor, "F L W"], cameras: Cameras) -> Iterator[Float[Tensor, "H W 3"]]:
    """Frames of a video in which frame f shows head f by camera f."""
    for first in range(0, len(styles), HEADS_AT_ONCE):
        piece = slice(first, first + HEADS_AT_ONCE)
        heads = smooth(generator.decode(styles[piece]), generator, cameras)
        yield from render(heads, cameras[piece], pairwise=True).rgb.clamp(0, 1)

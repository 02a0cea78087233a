"""Paths through the space of styles: from one head to another, and loops through several."""

import numpy as np
import torch
from jaxtyping import Float
from scipy.interpolate import CubicSpline
from torch import Tensor

from gghead.config.numbers import require_whole, shortened


def interpolate(start: Float[Tensor, "*S W"], end: Float[Tensor, "*S W"], frames: int) -> Float[Tensor, "frames *S W"]:
    """Straight line between two styles, both ends included.

    Args:
        start: style vectors of the first head.
        end: style vectors of the last head.
        frames: number of heads, at least 2.

    Raises:
        ValueError: fewer than two frames, or styles of different shapes, types or devices.

    Example:
        >>> import gghead
        >>> start, end = gghead.load().styles(seeds=[0, 7])
        >>> gghead.interpolate(start, end, frames=24).shape
        torch.Size([24, 16, 256])
    """
    frames = require_whole("the number of frames", frames, 2, example="24: the start, the end and what lies between")
    _require_styles(start, end)
    if start.shape != end.shape or start.device != end.device or start.dtype != end.dtype:
        raise ValueError(
            f"an interpolation from {list(start.shape)} ({start.dtype} on {start.device}) to {list(end.shape)} "
            f"({end.dtype} on {end.device}); expected two styles of one shape and type on one device: "
            "start, end = generator.styles(seeds=[0, 7])"
        )
    share = torch.linspace(0, 1, frames, device=start.device, dtype=start.dtype).reshape(-1, *[1] * start.ndim)
    return torch.lerp(start[None], end[None], share)


def loop(keys: Float[Tensor, "K *S W"], frames: int) -> Float[Tensor, "frames *S W"]:
    """A closed smooth path through several styles: a periodic cubic spline, the same time from key to key.

    Args:
        keys: styles to pass, in their order; after the last comes the first again.
        frames: number of heads on the way round; frame `frames` would be frame 0.

    Raises:
        ValueError: fewer than two keys, or no frames.

    Example:
        >>> import gghead
        >>> generator = gghead.load()
        >>> len(gghead.loop(generator.styles(seeds=[0, 7, 42]), frames=96))
        96
    """
    frames = require_whole("the number of frames", frames, 1, example="96")
    _require_styles(keys)
    if keys.ndim < 2 or len(keys) < 2:
        raise ValueError(f"a loop through styles of shape {list(keys.shape)}; expected at least 2 heads, [heads, ...]")
    values = keys.detach().cpu().double().numpy()
    spline = CubicSpline(np.arange(len(keys) + 1), np.concatenate([values, values[:1]]), bc_type="periodic")
    times = np.arange(frames) * (len(keys) / frames)
    return torch.from_numpy(spline(times)).to(keys)


def _require_styles(*styles: Tensor) -> None:
    """Raises ValueError unless these are floating-point tensors with numbers in them."""
    for style in styles:
        if not isinstance(style, Tensor) or not style.is_floating_point() or style.is_meta:
            raise ValueError(
                f"styles are {shortened(style)}; expected a floating-point tensor: generator.styles(seeds=[0, 7])"
            )

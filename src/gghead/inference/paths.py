"""Paths through the space of styles: from one head to another, and loops through several."""

import numpy as np
import torch
from jaxtyping import Float
from scipy.interpolate import CubicSpline
from torch import Tensor


def interpolate(start: Float[Tensor, "*S W"], end: Float[Tensor, "*S W"], frames: int) -> Float[Tensor, "frames *S W"]:
    """Straight line between two styles, both ends included.

    Args:
        start: style vectors of the first head.
        end: style vectors of the last head.
        frames: number of heads, at least 2.

    Raises:
        ValueError: fewer than two frames.

    Example:
        >>> interpolate(torch.zeros(1, 1), torch.ones(1, 1), frames=3).flatten()
        tensor([0.0000, 0.5000, 1.0000])
    """
    if frames < 2:
        raise ValueError(f"an interpolation of {frames} frames; expected at least 2, the start and the end")
    share = torch.linspace(0, 1, frames, device=start.device).reshape(-1, *[1] * start.ndim)
    return torch.lerp(start[None], end[None], share)


def loop(keys: Float[Tensor, "K *S W"], frames: int) -> Float[Tensor, "frames *S W"]:
    """A closed smooth path through several styles: a periodic cubic spline, the same time from key to key.

    Args:
        keys: styles to pass, in their order; after the last comes the first again.
        frames: number of heads on the way round; frame `frames` would be frame 0.

    Raises:
        ValueError: fewer than two keys, or no frames.
    """
    if len(keys) < 2 or frames < 1:
        raise ValueError(f"a loop of {frames} frames through {len(keys)} heads; expected at least 1 frame and 2 heads")
    values = keys.detach().cpu().double().numpy()
    spline = CubicSpline(np.arange(len(keys) + 1), np.concatenate([values, values[:1]]), bc_type="periodic")
    times = np.arange(frames) * (len(keys) / frames)
    return torch.from_numpy(spline(times)).to(keys)

"""What `render` says about tensors that do not fit. Nothing here waits for a GPU."""

import math
from collections.abc import Sequence
from enum import IntFlag

import numpy as np
import torch
from jaxtyping import Float, Shaped
from torch import Tensor

from gghead.config.numbers import shortened
from gghead.gaussians.checks import require_scenes
from gghead.gaussians.scene import Gaussians
from gghead.geometry.batches import require_beside, require_tensor
from gghead.geometry.cameras import Cameras
from gghead.media.colors import parse_color

Background = float | str | Sequence[float] | Float[Tensor, "*#P 3"] | Shaped[np.ndarray, "3"]
"""What stands behind heads: a grey, a colour as `media.colors` reads it, or a tensor with a colour for each picture."""


class CameraProblem(IntFlag):
    """What is wrong with a camera's numbers; projection.cu sets the same bits."""

    VIEWMATS_NOT_FINITE = 1
    KS_NOT_FINITE = 2
    KS_SKEWED = 4
    LAST_ROW_ODD = 8


MESSAGES = {
    CameraProblem.VIEWMATS_NOT_FINITE: "viewmats hold numbers that are not finite; check how the cameras were made",
    CameraProblem.KS_NOT_FINITE: "Ks hold numbers that are not finite; check how the cameras were made",
    CameraProblem.KS_SKEWED: "Ks have skew (their elements [0, 1] and [1, 0] are not 0); "
    "only cameras without skew can be drawn",
    CameraProblem.LAST_ROW_ODD: "viewmats end in another row than (0, 0, 0, 1), or Ks in another than (0, 0, 1); "
    "are they transposed, or scaled?",
}
PRECISIONS = (torch.float32, torch.float64)
LAST_ROW_SLACK = 1e-3
"""Numerical differentiation moves numbers that nobody reads; projection.cu allows as much."""
MAX_PIXELS = 2**31
"""Of one picture: backends number its pixels with 32 bits."""


def raise_problems(problems: int) -> None:
    """Raises ValueError for the first of some CameraProblems, if there is any."""
    for problem, message in MESSAGES.items():
        if problems & problem:
            raise ValueError(message)


def picture_shape(gaussians: Gaussians, cameras: Cameras, pairwise: bool) -> tuple[int, ...]:
    """Batch shape *P of the pictures."""
    scenes, views = gaussians.batch_shape, cameras.batch_shape
    if not pairwise:
        return (*scenes, *views)
    own, last = (views[:-1], views[-1:]) if len(views) == len(scenes) + 1 else (views, ())
    padded = (1,) * (len(scenes) - len(own)) + tuple(own)
    if len(padded) != len(scenes) or any(view not in (1, scene) for view, scene in zip(padded, scenes, strict=True)):
        raise ValueError(
            f"pairwise drawing got scenes of batch {list(scenes)} and cameras of batch {list(views)}; the cameras' "
            "batch must broadcast to the scenes', or have one axis more for several views of each scene: give such "
            "batches, or pairwise=False to draw all combinations"
        )
    return (*scenes, *last)


def flat_background(background: Background, like: Tensor, pictures: tuple[int, ...]) -> float | Float[Tensor, "P 3"]:
    """The background of each picture, or one grey for all."""
    if not isinstance(background, Tensor):
        shape = getattr(background, "shape", ())
        if len(shape) > 1:
            raise ValueError(f"the background is an array of shape {list(shape)}; give a tensor of that shape")
        red, green, blue = parse_color(background)
        return red if red == green == blue else like.new_tensor([red, green, blue]).expand(math.prod(pictures), 3)
    if not background.is_floating_point():
        raise ValueError(f"the background is a tensor of {background.dtype}; expected floating point, rgb from 0 to 1")
    # One that is learned may leave the range for a while; a GPU would have to be waited for.
    if background.device.type == "cpu" and not background.requires_grad and background.numel():
        low, high = background.detach().aminmax()
        if not (low >= 0 and high <= 1):
            raise ValueError(f"the background has values from {low:.4g} to {high:.4g}; expected 0 to 1: divide by 255?")
    try:
        return background.to(like).broadcast_to(*pictures, 3).reshape(-1, 3)
    except RuntimeError as error:
        raise ValueError(
            f"the background has shape {list(background.shape)}, the pictures have batch {list(pictures)}; "
            "give a number, or rgb of a shape that broadcasts to [*batch, 3]"
        ) from error


def check_scenes(gaussians: Gaussians, features: Tensor | None) -> None:
    """Raises ValueError unless these are scenes, and features of theirs, that can be drawn."""
    require_scenes(gaussians)
    if gaussians.means.dtype not in PRECISIONS:
        raise ValueError(
            f"the Gaussians are {gaussians.means.dtype}; single and double precision can be drawn: convert them "
            "and the cameras with .to(torch.float32)"
        )
    if features is not None:
        require_tensor("features", features, ("N", "F"))
        shape = (*gaussians.opacities.shape, features.shape[-1])
        require_beside("features", features, shape, "means", gaussians.means)


def check_cameras(gaussians: Gaussians, cameras: Cameras) -> None:
    """Raises ValueError unless these are cameras of the device and the type of the scenes."""
    if not isinstance(cameras, Cameras):
        raise ValueError(
            f"the cameras are {shortened(cameras)}; expected Cameras: Cameras.at() sees the whole head, "
            "Cameras.frontal(512) what FFHQ shows"
        )
    if cameras.width * cameras.height >= MAX_PIXELS:
        raise ValueError(f"pictures of {cameras.width} x {cameras.height} pixels; expected fewer than 2^31 in all")
    tensor, means = cameras.viewmats, gaussians.means
    if tensor.device != means.device or tensor.dtype != means.dtype:
        raise ValueError(
            f"the cameras are {tensor.dtype} on {tensor.device}, the Gaussians are {means.dtype} on {means.device}; "
            "move the cameras with .to()"
        )


def check_camera_numbers(cameras: Cameras) -> None:
    """Raises ValueError unless the cameras' numbers can be used; reads them, so that a GPU is waited for.

    The CUDA backend does not call this: its kernels find the same and `device_report.Report` raises it.
    """
    viewmats, Ks = cameras.viewmats.detach(), cameras.Ks.detach()
    ends = ((viewmats[..., 3, :], (0, 0, 0, 1)), (Ks[..., 2, :], (0, 0, 1)))
    found = {
        CameraProblem.VIEWMATS_NOT_FINITE: not bool(viewmats.isfinite().all()),
        CameraProblem.KS_NOT_FINITE: not bool(Ks.isfinite().all()),
        CameraProblem.KS_SKEWED: bool((Ks[..., 0, 1] != 0).any() or (Ks[..., 1, 0] != 0).any()),
        CameraProblem.LAST_ROW_ODD: any(
            bool(((row - row.new_tensor(unit)).abs() > LAST_ROW_SLACK).any()) for row, unit in ends
        ),
    }
    raise_problems(sum(problem for problem, there in found.items() if there))

"""The one entry: heads and cameras in, pictures out, whatever the backend."""

import logging
from dataclasses import dataclass
from functools import cache
from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor

from gghead.gaussians.scene import Gaussians
from gghead.geometry.cameras import Cameras
from gghead.rasterizer.accumulation import Accumulation

Backend = Literal["cpu", "reference"]

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Rendering:
    """Pictures of a batch *P, rows from the top, colours in [0, 1].

    Attributes:
        rgb: colours on the background; not clamped above, since Gaussians may be brighter than 1.
        alpha: coverage, 0 to 1.
        depth: alpha-weighted mean of the Gaussians' camera z, world units; 0 where alpha is 0.
        features: alpha-weighted sum of the features, without background; None if none were given.
    """

    rgb: Float[Tensor, "*P H W 3"]
    alpha: Float[Tensor, "*P H W 1"]
    depth: Float[Tensor, "*P H W 1"]
    features: Float[Tensor, "*P H W F"] | None


def render(
    gaussians: Gaussians,
    cameras: Cameras,
    *,
    background: float | Float[Tensor, "*#P 3"] = 1.0,
    features: Float[Tensor, "*B N F"] | None = None,
    pairwise: bool = False,
    backend: Backend | None = None,
) -> Rendering:
    """Draws every scene from every camera in one call.

    Gradients flow to means, quats, scales, opacities, sh, features, background and viewmats; not to Ks. A Gaussian with
    a number that is not finite, or with a quaternion of length zero, is not drawn and gets zero gradients.

    Args:
        gaussians: scenes, batch *B.
        cameras: cameras, batch *V, intrinsics without skew.
        background: colour behind the Gaussians, 0 to 1: a number, or rgb of a shape that broadcasts to [*P, 3].
        features: further channels to accumulate beside the colour, e.g. texture coordinates.
        pairwise: draw scene i from camera i only; the cameras' batch must be, or broadcast to, *B.
        backend: "cpu" (numba, float32) or "reference" (plain torch, any device and precision); None takes the
            fastest that can.

    Returns:
        Pictures with batch *P = (*B, *V), or *P = *B if pairwise.

    Raises:
        ValueError: shapes that do not fit, tensors on different devices or of different types, cameras that are not
            finite, have skew or no pixels, or a backend that cannot do it.

    Example:
        >>> one = Gaussians(torch.zeros(1, 3), torch.eye(4)[:1], torch.full((1, 3), 0.1), torch.ones(1),
        ...                 torch.zeros(1, 1, 3))
        >>> render(one, Cameras.frontal(resolution=64), backend="reference").rgb.shape
        torch.Size([1, 64, 64, 3])

    Source: Kerbl et al. 2023, "3D Gaussian Splatting for Real-Time Radiance Field Rendering", sections 4 to 6.
    """
    check_scenes(gaussians, features)
    check_cameras(gaussians, cameras)
    pictures = picture_shape(gaussians, cameras, pairwise)
    backdrop = expand_background(background, gaussians.means, pictures)
    chosen = choose_backend(gaussians, backend)

    count, axes = gaussians.batch_shape.numel(), len(gaussians.batch_shape)
    heads = gaussians.map(lambda tensor: tensor.reshape(count, *tensor.shape[axes:]))
    if features is None:
        flat_features = gaussians.means.new_zeros(*heads.opacities.shape, 0)
    else:
        flat_features = features.reshape(*heads.opacities.shape, features.shape[-1])
    sums = accumulate(heads, flat_features, spread_cameras(cameras, pictures), chosen)

    # An empty pixel has depth 0 / 1 and, since the divisor is then a constant, a finite gradient.
    divisor = torch.where(sums.alpha > 0, sums.alpha, 1.0)
    size = (cameras.height, cameras.width)
    return Rendering(
        rgb=sums.rgb.reshape(*pictures, *size, 3) + (1 - sums.alpha).reshape(*pictures, *size, 1) * backdrop,
        alpha=sums.alpha.reshape(*pictures, *size, 1),
        depth=(sums.depth / divisor).reshape(*pictures, *size, 1),
        features=None if features is None else sums.features.reshape(*pictures, *size, features.shape[-1]),
    )


def accumulate(heads: Gaussians, features: Float[Tensor, "H N F"], cameras: Cameras, backend: Backend) -> Accumulation:
    """Runs a backend: picture p shows head p // (pictures / heads) from camera p."""
    # Imported here: numba takes half a second to import and is not needed by who never draws on a CPU.
    if backend == "cpu":
        from gghead.rasterizer.cpu import accumulate_cpu

        return accumulate_cpu(heads, features, cameras)
    from gghead.rasterizer.reference import accumulate_reference

    return accumulate_reference(heads, features, cameras)


def choose_backend(gaussians: Gaussians, backend: Backend | None) -> Backend:
    """The backend asked for, or the fastest that can draw these tensors."""
    device, dtype = gaussians.means.device.type, gaussians.means.dtype
    suitable = device == "cpu" and dtype == torch.float32
    if backend not in (None, "cpu", "reference"):
        raise ValueError(f"there is no backend {backend!r}; use 'cpu', 'reference', or None for the fastest that can")
    if backend == "cpu" and not suitable:
        raise ValueError(
            f"backend 'cpu' draws float32 tensors on the cpu, these are {dtype} on {device}; use backend='reference'"
        )
    if backend is not None:
        return backend
    reason = f"the tensors are {dtype} on {device}"
    announce("cpu" if suitable else "reference", reason)
    return "cpu" if suitable else "reference"


@cache
def announce(backend: Backend, reason: str) -> None:
    """Logs a choice, once in a process."""
    log.info("Drawing with the %s backend: %s.", backend, reason)


def picture_shape(gaussians: Gaussians, cameras: Cameras, pairwise: bool) -> tuple[int, ...]:
    """Batch shape *P of the pictures."""
    scenes, views = gaussians.batch_shape, cameras.batch_shape
    if not pairwise:
        return (*scenes, *views)
    padded = (1,) * (len(scenes) - len(views)) + tuple(views)
    if len(padded) != len(scenes) or any(view not in (1, scene) for view, scene in zip(padded, scenes, strict=True)):
        raise ValueError(
            f"pairwise drawing got scenes of batch {list(scenes)} and cameras of batch {list(views)}; the cameras' "
            "batch must broadcast to the scenes': give equal batches, or pairwise=False to draw all combinations"
        )
    return tuple(scenes)


def spread_cameras(cameras: Cameras, pictures: tuple[int, ...]) -> Cameras:
    """One camera for each picture, batch [P]; broadcasting aligns the last axes, which are the cameras'."""
    viewmats = cameras.viewmats.expand(*pictures, 4, 4).reshape(-1, 4, 4)
    return Cameras(viewmats, cameras.Ks.expand(*pictures, 3, 3).reshape(-1, 3, 3), cameras.width, cameras.height)


def expand_background(
    background: float | Float[Tensor, "*#P 3"], like: Tensor, pictures: tuple[int, ...]
) -> Float[Tensor, "*P 1 1 3"]:
    """The background of each picture, ready to multiply pixels."""
    colour = torch.as_tensor(background, dtype=like.dtype, device=like.device)
    try:
        return colour.broadcast_to(*pictures, 3)[..., None, None, :]
    except RuntimeError as error:
        raise ValueError(
            f"the background has shape {list(colour.shape)}, the pictures have batch {list(pictures)}; "
            "give a number, or rgb of a shape that broadcasts to [*batch, 3]"
        ) from error


def check_scenes(gaussians: Gaussians, features: Tensor | None) -> None:
    """Raises ValueError unless the tensors of the scenes fit together."""
    if gaussians.means.ndim < 2:
        raise ValueError(f"means have shape {list(gaussians.means.shape)}; expected [*batch, N, 3]")
    shape = gaussians.means.shape[:-1]
    expected = {
        "means": (gaussians.means, (*shape, 3)),
        "quats": (gaussians.quats, (*shape, 4)),
        "scales": (gaussians.scales, (*shape, 3)),
        "opacities": (gaussians.opacities, tuple(shape)),
        "sh": (gaussians.sh, (*shape, gaussians.sh.shape[-2], 3)),
    }
    if features is not None:
        expected["features"] = (features, (*shape, features.shape[-1]))
    for name, (tensor, wanted) in expected.items():
        if tuple(tensor.shape) != wanted:
            raise ValueError(f"{name} have shape {list(tensor.shape)}; expected {list(wanted)}, as the means say")
        if tensor.device != gaussians.means.device or tensor.dtype != gaussians.means.dtype:
            raise ValueError(
                f"{name} are {tensor.dtype} on {tensor.device}, the means are {gaussians.means.dtype} on "
                f"{gaussians.means.device}; move them with .to()"
            )
    assert gaussians.sh_degree >= 0  # raises ValueError by itself where the number of coefficients fits no degree


def check_cameras(gaussians: Gaussians, cameras: Cameras) -> None:
    """Raises ValueError unless the cameras can see the scenes."""
    batch = tuple(cameras.viewmats.shape[:-2])
    if tuple(cameras.viewmats.shape) != (*batch, 4, 4) or tuple(cameras.Ks.shape) != (*batch, 3, 3):
        raise ValueError(
            f"cameras have viewmats {list(cameras.viewmats.shape)} and Ks {list(cameras.Ks.shape)}; "
            "expected [*batch, 4, 4] and [*batch, 3, 3]"
        )
    if cameras.width < 1 or cameras.height < 1:
        raise ValueError(f"pictures of {cameras.width} x {cameras.height} pixels; expected at least 1 x 1")
    for name, tensor in (("viewmats", cameras.viewmats), ("Ks", cameras.Ks)):
        if tensor.device != gaussians.means.device or tensor.dtype != gaussians.means.dtype:
            raise ValueError(
                f"{name} are {tensor.dtype} on {tensor.device}, the Gaussians are {gaussians.means.dtype} on "
                f"{gaussians.means.device}; move the cameras with .to()"
            )
        if not bool(tensor.isfinite().all()):
            raise ValueError(f"{name} hold numbers that are not finite; check how the cameras were made")
    if bool((cameras.Ks[..., 0, 1] != 0).any()):
        raise ValueError("Ks have skew (their element [0, 1] is not 0); only cameras without skew can be drawn")

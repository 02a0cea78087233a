"""The one entry: heads and cameras in, pictures out, whatever the backend."""

from dataclasses import replace

import torch
from jaxtyping import Float
from torch import Tensor

from gghead.gaussians.scene import Gaussians
from gghead.geometry.cameras import Cameras
from gghead.rasterizer.backends import Backend, choose_backend
from gghead.rasterizer.checks import (
    Background,
    check_camera_numbers,
    check_cameras,
    check_scenes,
    flat_background,
    picture_shape,
)
from gghead.rasterizer.rendering import Rendering


def render(
    gaussians: Gaussians,
    cameras: Cameras,
    *,
    background: Background = 1.0,
    features: Float[Tensor, "*B N F"] | None = None,
    pairwise: bool = False,
    backend: Backend | None = None,
    deterministic: bool | None = None,
) -> Rendering:
    """Draws every scene from every camera in one call.

    Gradients flow to means, quats, scales, opacities, sh, features, background and viewmats; not to Ks. A Gaussian with
    a number that is not finite, or with a quaternion of length zero, is not drawn and gets zero gradients.

    On a GPU nothing waits for it but one short readback, after all work of the forward pass is under way; inside a
    captured CUDA graph not even that (rasterizer/README.md, "No waiting").

    Args:
        gaussians: scenes, batch *B.
        cameras: cameras, batch *V, intrinsics without skew.
        background: a grey, (red, green, blue) in [0, 1], a CSS name, "#rrggbb", or a tensor broadcasting to [*P, 3].
        features: further channels to accumulate beside the colour, e.g. texture coordinates.
        pairwise: draw scene i from camera i only; the cameras' batch must be, or broadcast to, *B. With one axis more,
            [*B, V], each scene is drawn from its own V cameras.
        backend: "cuda" (float32 on a GPU), "cpu" (numba, float32) or "reference" (plain torch, any device and
            precision); None takes the fastest that can.
        deterministic: gradients have the same bits in every run; None does what torch.use_deterministic_algorithms
            says. Only the "cuda" backend is slower for it.

    Returns:
        Pictures with batch *P = (*B, *V); if pairwise *P = *B, or (*B, V).

    Raises:
        ValueError: shapes, devices or types that do not fit, a background outside of [0, 1], cameras that are not
            finite, have skew or no pixels, or a backend that cannot do it.
        torch.OutOfMemoryError: the GPU has no room; says for what, and what lowers it.

    Example:
        >>> import gghead
        >>> heads = gghead.load().sample(seeds=[0, 1])
        >>> gghead.render(heads, gghead.Cameras.at(yaw=[-0.5, 0, 0.5], resolution=256), background="skyblue")
        Rendering(batch [2, 3], 256 x 256 pixels, on cpu)

    Source: Kerbl et al. 2023, "3D Gaussian Splatting for Real-Time Radiance Field Rendering", sections 4 to 6.
    """
    check_scenes(gaussians, features)
    check_cameras(gaussians, cameras)
    pictures = picture_shape(gaussians, cameras, pairwise)
    behind = flat_background(background, gaussians.means, pictures)
    chosen = choose_backend(gaussians, backend)
    if chosen != "cuda":
        check_camera_numbers(cameras)
    count, axes = gaussians.batch_shape.numel(), len(gaussians.batch_shape)
    heads = gaussians if axes == 1 else gaussians.map(lambda tensor: tensor.reshape(count, *tensor.shape[axes:]))
    flat_features = None if features is None else features.reshape(*heads.opacities.shape, features.shape[-1])
    flat_cameras = spread_cameras(cameras, pictures)
    if deterministic is None:
        deterministic = torch.are_deterministic_algorithms_enabled()
    flat = draw(heads, flat_features, flat_cameras, behind, chosen, deterministic)
    drawn = None if features is None else flat.features
    if len(pictures) == 1:
        return replace(flat, features=drawn)
    size = (cameras.height, cameras.width)
    return Rendering(
        rgb=flat.rgb.reshape(*pictures, *size, 3),
        alpha=flat.alpha.reshape(*pictures, *size, 1),
        depth=flat.depth.reshape(*pictures, *size, 1),
        features=None if drawn is None else drawn.reshape(*pictures, *size, drawn.shape[-1]),
    )


def draw(
    heads: Gaussians,
    features: Float[Tensor, "H N F"] | None,
    cameras: Cameras,
    background: float | Float[Tensor, "P 3"],
    backend: Backend,
    deterministic: bool,
) -> Rendering:
    """Runs a backend: picture p shows head p // (pictures / heads) from camera p."""
    # Imported here: cuda-core is an extra, and numba takes half a second to import.
    if backend == "cuda":
        from gghead.rasterizer.cuda.backend import draw_cuda

        return draw_cuda(heads, features, cameras, background, deterministic)
    if features is None:
        features = heads.means.new_zeros(*heads.opacities.shape, 0)
    if backend == "cpu":
        from gghead.rasterizer.cpu.backend import accumulate_cpu

        return finish(*accumulate_cpu(heads, features, cameras), background)
    from gghead.rasterizer.reference import accumulate_reference

    return finish(*accumulate_reference(heads, features, cameras), background)


def finish(
    rgb: Float[Tensor, "P H W 3"],
    depth: Float[Tensor, "P H W 1"],
    features: Float[Tensor, "P H W F"],
    alpha: Float[Tensor, "P H W 1"],
    background: float | Float[Tensor, "P 3"],
) -> Rendering:
    """Sums over a pixel's Gaussians, each weighted with alpha times the transmittance in front of it, to pictures: the
    background behind, the depth divided."""
    # An empty pixel has depth 0 / 1 and, since the divisor is then a constant, a finite gradient.
    divisor = torch.where(alpha > 0, alpha, 1.0)
    behind = background[:, None, None] if isinstance(background, Tensor) else background
    return Rendering(rgb + (1 - alpha) * behind, alpha, depth / divisor, features)


def spread_cameras(cameras: Cameras, pictures: tuple[int, ...]) -> Cameras:
    """One camera for each picture, batch [P]; broadcasting aligns the last axes, which are the cameras'."""
    if tuple(cameras.batch_shape) == pictures and len(pictures) == 1:
        return cameras
    viewmats = cameras.viewmats.expand(*pictures, 4, 4).reshape(-1, 4, 4)
    return Cameras(viewmats, cameras.Ks.expand(*pictures, 3, 3).reshape(-1, 3, 3), cameras.width, cameras.height)

"""The CUDA backend: its entry, and its stages as one function of torch's autograd."""

import math
from collections.abc import Sequence
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor
from torch.autograd.function import once_differentiable

from gghead.cuda.program import on_device
from gghead.gaussians.scene import Gaussians
from gghead.geometry.cameras import Cameras
from gghead.rasterizer.cuda.kernels import MAX_FEATURES
from gghead.rasterizer.cuda.plan import Plan, plan_of
from gghead.rasterizer.cuda.stages import composite_backward, draw, project_backward
from gghead.rasterizer.rendering import Rendering

FRACTIONAL_BITS = 30
"""Bits behind the point of the integers that sum deterministic gradients, for a loss gradient of 1."""
MAX_SUM_BITS = 61
"""Bits that a sum of second moments over all pixels may take: 2^63 less what channels may add up to."""


def draw_cuda(
    heads: Gaussians,
    features: Float[Tensor, "H N F"] | None,
    cameras: Cameras,
    background: Float[Tensor, "P 3"] | float,
    deterministic: bool,
) -> Rendering:
    """Draws picture p: head p // (pictures / heads) from camera p; float32 tensors on a CUDA device."""
    if len(cameras) == 0 or heads.num_gaussians == 0:
        return draw_nothing(heads, features, cameras, background)
    with on_device(heads.means.device.index):
        if features is None or features.shape[-1] <= MAX_FEATURES:
            return draw_once(heads, features, cameras, background, deterministic)
        parts = [draw_once(heads, p, cameras, background, deterministic) for p in features.split(MAX_FEATURES, dim=-1)]
    drawn = [part.features for part in parts if part.features is not None]
    return Rendering(parts[0].rgb, parts[0].alpha, parts[0].depth, torch.cat(drawn, -1))


def draw_once(
    heads: Gaussians, features: Tensor | None, cameras: Cameras, background: Tensor | float, deterministic: bool
) -> Rendering:
    """As many features as the kernels take at once."""
    channels = 0 if features is None else features.shape[-1]
    plan = plan_of(
        heads.means.device.index, len(heads.means), len(cameras.viewmats), heads.means.shape[1], cameras.width,
        cameras.height, heads.sh.shape[-2], channels,
    )  # fmt: skip
    inputs = (
        heads.means, heads.quats, heads.scales, heads.opacities, heads.sh, features if channels else None,
        cameras.viewmats, cameras.Ks,
    )  # fmt: skip
    if torch.is_grad_enabled() and wants_gradient(*inputs, background):
        rgb, alpha, depth, drawn = Rasterize.apply(plan, deterministic, background, *inputs)
    else:
        result = draw(plan, contiguous(inputs), solid(background), keep=False)
        rgb, alpha, depth, drawn = result.rgb, result.alpha, result.depth, result.features
    return Rendering(rgb, alpha, depth, alpha[..., :0] if drawn is None and features is not None else drawn)


def wants_gradient(*inputs: Tensor | float | None) -> bool:
    """Whether a gradient w.r.t. any of these may be asked for."""
    return any(isinstance(tensor, Tensor) and tensor.requires_grad for tensor in inputs)


def contiguous(tensors: Sequence[Tensor | None]) -> list[Tensor | None]:
    """Tensors without gaps."""
    return [None if tensor is None else tensor.contiguous() for tensor in tensors]


def solid(background: Tensor | float) -> Tensor | float:
    """A background without gaps."""
    return background.contiguous() if isinstance(background, Tensor) else background


def draw_nothing(heads: Gaussians, features: Tensor | None, cameras: Cameras, background: Tensor | float) -> Rendering:
    """Pictures without Gaussians."""
    shape, channels = (len(cameras), cameras.height, cameras.width), 0 if features is None else features.shape[-1]
    rgb, alpha, depth, extra = (heads.means.new_zeros(*shape, c) for c in (3, 1, 1, channels))
    rgb = rgb + (background[:, None, None] if isinstance(background, Tensor) else background)
    # Nothing depends on the scenes, and yet gradients w.r.t. them, which are empty or zero, may be asked for.
    tensors = (
        *(getattr(heads, name) for name in vars(heads)),
        cameras.viewmats,
        *(() if features is None else (features,)),
    )
    return Rendering(rgb + 0 * sum(tensor.sum() for tensor in tensors), alpha, depth, extra)


class Rasterize(torch.autograd.Function):
    """The kernels with their hand-derived gradients."""

    @staticmethod
    def forward(
        ctx: Any, plan: Plan, deterministic: bool, background: Tensor | float, *inputs: Tensor | None
    ) -> tuple[Tensor, Tensor, Tensor, Tensor | None]:
        """Draws; keeps the splats and the order in which they were drawn."""
        tensors, behind = contiguous(inputs), solid(background)
        drawn = draw(plan, tensors, behind, keep=True)
        ctx.save_for_backward(*tensors, drawn.alpha, drawn.depth)
        ctx.plan, ctx.deterministic, ctx.workspace, ctx.background = plan, deterministic, drawn.workspace, behind
        ctx.set_materialize_grads(False)
        return drawn.rgb, drawn.alpha, drawn.depth, drawn.features

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *upstream: Tensor | None) -> tuple[Tensor | None, ...]:
        """Gradients w.r.t. every input but Ks."""
        if all(gradient is None for gradient in upstream):
            return (None,) * 11
        *inputs, alpha, depth = ctx.saved_tensors
        gradients = contiguous(upstream)
        with on_device(ctx.plan.device):
            factor = fixed_point(ctx.plan, gradients) if ctx.deterministic else None
            rows = composite_backward(
                ctx.plan, ctx.background, recall(ctx, inputs), alpha, depth, gradients, factor
            )  # fmt: skip
            # Splats and lists are the largest things in memory, and have served.
            ctx.workspace = None
            grad_inputs = project_backward(ctx.plan, inputs, rows, factor, ctx.needs_input_grad[9])
            grad_background = None
            if ctx.needs_input_grad[2] and gradients[0] is not None:
                grad_background = ((1 - alpha) * gradients[0]).sum((1, 2))
        return None, None, grad_background, *grad_inputs, None


def recall(ctx: Any, inputs: Sequence[Tensor | None]) -> Tensor:
    """The workspace of the forward pass; drawn once more for a second backward pass through the same pictures."""
    if ctx.workspace is None:
        return draw(ctx.plan, inputs, ctx.background, keep=True).workspace
    return ctx.workspace


def fixed_point(plan: Plan, gradients: Sequence[Tensor | None]) -> Tensor:
    """Units of the sums in integers, [1].

    As fine as a splat allows that covers the whole picture, whose second moments are sums over its pixels of squares up
    to that of its side: 2^-29 of the largest loss gradient at 256 x 256, 2^-25 at 512 x 512, 2^-21 at 1024 x 1024.
    """
    side = max(plan.width, plan.height)
    bits = min(FRACTIONAL_BITS, MAX_SUM_BITS - math.ceil(math.log2(plan.width * plan.height * side**2)))
    given = [gradient for gradient in gradients if gradient is not None and gradient.numel()]
    largest = torch.stack([gradient.abs().amax() for gradient in given]).amax().reshape(1)
    return 2.0**bits / torch.where(largest == 0, 1.0, largest)

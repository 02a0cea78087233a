"""The CUDA backend: its entry, and its stages as one function of torch's autograd."""

from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor
from torch.autograd.function import once_differentiable

from gghead.gaussians.scene import Gaussians
from gghead.geometry.cameras import Cameras
from gghead.rasterizer.cuda_kernels import MAX_FEATURES, Variant
from gghead.rasterizer.cuda_lists import Job
from gghead.rasterizer.cuda_stages import Drawn, Inputs, composite_backward, draw, project_backward
from gghead.rasterizer.rendering import Rendering

FIXED_POINT = 2.0**30
"""Units of the integers that sum deterministic gradients, for a loss gradient of 1."""
MAX_ROWS = 2**32
"""Splats of one call; an entry of a list has 32 bits for a splat's row."""
MAX_TILES = 2**31
"""Tiles of one call; each is a block of a grid."""


def draw_cuda(
    heads: Gaussians,
    features: Float[Tensor, "H N F"],
    cameras: Cameras,
    background: Float[Tensor, "P 3"] | float,
    deterministic: bool,
) -> Rendering:
    """Draws picture p: head p // (pictures / heads) from camera p; float32 tensors on a CUDA device."""
    size, channels = (cameras.width, cameras.height), features.shape[-1]
    if len(cameras) == 0 or heads.num_gaussians == 0:
        return draw_nothing(heads.means, len(cameras), size, channels, background)
    scene = (heads.means, heads.quats, heads.scales, heads.opacities, heads.sh)
    passes = []
    with torch.cuda.device(heads.means.device):
        for first in range(0, max(channels, 1), MAX_FEATURES):
            extra = features if channels <= MAX_FEATURES else features[..., first : first + MAX_FEATURES]
            passes.append(rasterize((*scene, extra, cameras.viewmats, cameras.Ks), background, size, deterministic))
    if len(passes) == 1:
        return passes[0]
    return Rendering(passes[0].rgb, passes[0].alpha, passes[0].depth, torch.cat([one.features for one in passes], -1))


def rasterize(
    tensors: tuple[Tensor, ...], background: Tensor | float, size: tuple[int, int], deterministic: bool
) -> Rendering:
    """One pass, through autograd only if a gradient can be asked for."""
    if torch.is_grad_enabled() and any(isinstance(t, Tensor) and t.requires_grad for t in (*tensors, background)):
        return Rendering(*Rasterize.apply(*tensors, background, size, deterministic))
    inputs = make_inputs(tensors, background)
    return draw(inputs, job_of(inputs, size), variant_of(inputs, deterministic=False), keep=False).pictures


def draw_nothing(
    like: Tensor, count: int, size: tuple[int, int], channels: int, background: Tensor | float
) -> Rendering:
    """Pictures without Gaussians."""
    width, height = size
    empty = [like.new_zeros(count, height, width, c) for c in (3, 1, 1, channels)]
    behind = background[:, None, None] if isinstance(background, Tensor) else background
    # Nothing depends on the scenes, and yet gradients by them, all zero, may be asked for.
    return Rendering(empty[0] + behind + 0 * like.sum(), *empty[1:])


def make_inputs(tensors: tuple[Tensor, ...], background: Tensor | float) -> Inputs:
    """Tensors as the kernels read them."""
    behind = background.contiguous() if isinstance(background, Tensor) else background
    return Inputs(*(tensor.contiguous() for tensor in tensors), behind)


def job_of(inputs: Inputs, size: tuple[int, int]) -> Job:
    """The sizes of a job.

    Raises:
        ValueError: more splats or tiles than can be told apart.
    """
    heads, count, pictures = *inputs.means.shape[:2], len(inputs.viewmats)
    job = Job(inputs.means.device.index, pictures, pictures // heads, count, *size)
    if pictures * count >= MAX_ROWS or pictures * job.tiles >= MAX_TILES:
        raise ValueError(
            f"{pictures} pictures of {count} gaussians at {size[0]} x {size[1]} are more than one call can tell apart "
            f"({MAX_ROWS} splats, {MAX_TILES} tiles of 16 x 16 pixels); draw fewer gaussians or cameras at a time"
        )
    return job


def variant_of(inputs: Inputs, deterministic: bool) -> Variant:
    """The kernels that a job needs."""
    return Variant(inputs.sh.shape[-2], inputs.features.shape[-1], deterministic)


class Rasterize(torch.autograd.Function):
    """The kernels with their hand-derived gradients."""

    @staticmethod
    def forward(ctx: Any, *arguments: Any) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Draws; keeps the splats and the order in which they were drawn."""
        *tensors, background, size, deterministic = arguments
        inputs = make_inputs(tensors, background)
        ctx.job, ctx.deterministic = job_of(inputs, size), deterministic
        drawn = draw(inputs, ctx.job, variant_of(inputs, deterministic=False), keep=True)
        pictures = drawn.pictures
        ctx.save_for_backward(*inputs.tensors, pictures.alpha, pictures.depth)
        ctx.background = background.detach() if isinstance(background, Tensor) else background
        ctx.kept = (drawn.transmittances, drawn.lasts, drawn.splats, drawn.lists)
        ctx.set_materialize_grads(False)
        return pictures.rgb, pictures.alpha, pictures.depth, pictures.features

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *upstream: Tensor | None) -> tuple[Tensor | None, ...]:
        """Gradients by every input but Ks."""
        if all(gradient is None for gradient in upstream):
            return (None,) * 11
        *tensors, alpha, depth = ctx.saved_tensors
        inputs = make_inputs(tensors, ctx.background)
        gradients = [None if gradient is None else gradient.contiguous() for gradient in upstream]
        variant = variant_of(inputs, ctx.deterministic)
        with torch.cuda.device(ctx.job.device):
            factor = fixed_point(gradients) if ctx.deterministic else None
            rows = composite_backward(inputs, ctx.job, variant, recall(ctx, inputs, alpha, depth), gradients, factor)
            # Splats and lists are the largest things in memory, and have served.
            ctx.kept = None
            by_input = project_backward(inputs, ctx.job, variant, rows, factor, ctx.needs_input_grad[6])
            by_background = None
            if ctx.needs_input_grad[8] and gradients[0] is not None:
                by_background = ((1 - alpha) * gradients[0]).sum((1, 2))
        return *by_input, None, by_background, None, None


def recall(ctx: Any, inputs: Inputs, alpha: Tensor, depth: Tensor) -> Drawn:
    """What the forward pass kept; drawn once more for a second backward pass through the same pictures."""
    if ctx.kept is None:
        return draw(inputs, ctx.job, variant_of(inputs, deterministic=False), keep=True)
    empty = alpha.new_empty(0)
    return Drawn(Rendering(empty, alpha, depth, empty), *ctx.kept)


def fixed_point(gradients: list[Tensor | None]) -> Tensor:
    """Units of the sums in integers, [1]: fine enough for gradients as small as the largest one over 10^9."""
    given = [gradient for gradient in gradients if gradient is not None and gradient.numel()]
    largest = torch.stack([gradient.abs().amax() for gradient in given]).amax().reshape(1)
    return FIXED_POINT / torch.where(largest == 0, 1.0, largest)

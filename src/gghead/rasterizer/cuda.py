"""The CUDA backend: the stages in order, as one function of torch's autograd."""

from dataclasses import dataclass, fields
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor
from torch.autograd.function import once_differentiable

from gghead.gaussians.scene import Gaussians
from gghead.geometry.cameras import Cameras
from gghead.rasterizer.cuda_kernels import MAX_FEATURES, THREADS, Variant, load_kernels
from gghead.rasterizer.cuda_lists import CAPTURE_SLACK, Job, Lists, Memory, Report, roomy
from gghead.rasterizer.rendering import Rendering

FIXED_POINT = 2.0**30
"""Units of the integers that sum deterministic gradients, for a loss gradient of 1."""
MAX_ROWS = 2**32
"""Splats of one call; an entry of a list has 32 bits for a splat's row."""
MEMORY = Memory()


@dataclass(frozen=True)
class Inputs:
    """What the kernels read: contiguous float32 tensors of one device."""

    means: Tensor
    quats: Tensor
    scales: Tensor
    opacities: Tensor
    sh: Tensor
    features: Tensor
    viewmats: Tensor
    Ks: Tensor
    background: Tensor
    """[P, 3], or [1, 3] for all pictures"""

    def all(self) -> tuple[Tensor, ...]:
        """The tensors in order."""
        return tuple(getattr(self, field.name) for field in fields(self))


@dataclass(frozen=True)
class Drawn:
    """Pictures and what the backward pass needs of every pixel."""

    pictures: Rendering
    transmittances: Tensor | None
    lasts: Tensor | None


def draw_cuda(
    heads: Gaussians,
    features: Float[Tensor, "H N F"],
    cameras: Cameras,
    background: Float[Tensor, "#P 3"],
    deterministic: bool,
) -> Rendering:
    """Draws picture p: head p // (pictures / heads) from camera p; float32 tensors on a CUDA device."""
    size, channels = (cameras.width, cameras.height), features.shape[-1]
    if len(cameras) == 0 or heads.num_gaussians == 0:
        return draw_nothing(background, len(cameras), size, channels)
    scene = (heads.means, heads.quats, heads.scales, heads.opacities, heads.sh)
    passes = []
    for first in range(0, max(channels, 1), MAX_FEATURES):
        extra = features[..., first : first + MAX_FEATURES]
        tensors = (*scene, extra, cameras.viewmats, cameras.Ks, background)
        with torch.cuda.device(heads.means.device):
            passes.append(rasterize(tensors, size, deterministic))
    if len(passes) == 1:
        return passes[0]
    return Rendering(passes[0].rgb, passes[0].alpha, passes[0].depth, torch.cat([one.features for one in passes], -1))


def rasterize(tensors: tuple[Tensor, ...], size: tuple[int, int], deterministic: bool) -> Rendering:
    """One pass, through autograd only if a gradient can be asked for."""
    if torch.is_grad_enabled() and any(tensor.requires_grad for tensor in tensors):
        return Rendering(*Rasterize.apply(*tensors, size, deterministic))
    inputs = Inputs(*(tensor.contiguous() for tensor in tensors))
    return draw(inputs, job_of(inputs, size), variant_of(inputs, deterministic), keep=False)[0].pictures


def draw_nothing(background: Tensor, count: int, size: tuple[int, int], channels: int) -> Rendering:
    """Pictures of no Gaussians."""
    width, height = size
    rgb = background[:, None, None].expand(count, height, width, 3)
    empty = [background.new_zeros(count, height, width, c) for c in (1, 1, channels)]
    return Rendering(rgb.clone(), *empty)


def job_of(inputs: Inputs, size: tuple[int, int]) -> Job:
    """The sizes of a job.

    Raises:
        ValueError: more splats than rows can be told apart.
    """
    heads, count, pictures = *inputs.means.shape[:2], len(inputs.viewmats)
    if pictures * count >= MAX_ROWS:
        raise ValueError(
            f"{pictures} pictures of {count} Gaussians are more splats than one call takes ({MAX_ROWS}); "
            "draw fewer scenes or cameras at a time"
        )
    return Job(inputs.means.device.index, pictures, pictures // heads, count, *size)


def variant_of(inputs: Inputs, deterministic: bool) -> Variant:
    """The kernels that a job needs."""
    return Variant(inputs.sh.shape[-2], inputs.features.shape[-1], deterministic)


def draw(inputs: Inputs, job: Job, variant: Variant, keep: bool) -> tuple[Drawn, Tensor, Lists]:
    """Projection, lists, compositing. Returns the pictures, the splats and the lists.

    The host does not wait for the GPU before everything is launched: it guesses how long the lists are. Then it reads
    how many entries were counted; if the guess was too low, lists and pictures are made once more. In a captured graph
    it can't: pictures whose lists have no room are NaN.
    """
    try:
        return draw_with_room(inputs, job, variant, keep)
    except torch.OutOfMemoryError as error:
        entries = MEMORY.guess(job) or 0
        needed = job.pictures * job.count * variant.parts * 16 + entries * (12 if keep else 8)
        raise torch.OutOfMemoryError(
            f"the GPU has no room for {job.pictures} pictures of {job.count} Gaussians at {job.width} x {job.height}: "
            f"splats and {entries} entries of lists take {needed / 2**20:.0f} MiB, beside the pictures; draw fewer "
            "scenes or cameras in one call of render, or smaller pictures"
        ) from error


def draw_with_room(inputs: Inputs, job: Job, variant: Variant, keep: bool) -> tuple[Drawn, Tensor, Lists]:
    """`draw` without a word on memory."""
    kernels = load_kernels(variant, job.device)
    capturing = torch.cuda.is_current_stream_capturing()
    guess = MEMORY.guess(job, CAPTURE_SLACK) if capturing else MEMORY.guess(job)
    if capturing and guess is None:
        raise ValueError(
            "these pictures are captured in a CUDA graph before any like them were drawn, so that nobody knows how "
            "much room they need; call render once with the same sizes before the capture"
        )
    new = inputs.means.new_empty
    splats = new(job.pictures * job.count * variant.parts * 4)
    # Zeros: counts [tiles], filled [tiles], then the total (64 bits), blocks done, status.
    zeros = torch.zeros(2 * job.tiles + 4, dtype=torch.int32, device=inputs.means.device)
    counts, filled, total = zeros[: job.tiles], zeros[job.tiles : 2 * job.tiles], zeros[2 * job.tiles :]
    starts = torch.empty(job.tiles, dtype=torch.int64, device=inputs.means.device)
    report = None if capturing else Report()
    kernels.run(
        "project", job.pictures * job.blocks, *inputs.all()[:8], splats, counts, total[3:], job.count, job.views,
        job.blocks, job.width, job.height,
    )  # fmt: skip
    kernels.run(
        "allocate", -(-job.tiles // THREADS), counts, starts, total, total[2:], total[3:],
        report and report.numbers, np.int64(job.tiles),
    )  # fmt: skip
    if report:
        report.counted.record()
        if guess is None:
            MEMORY.note(job, report.read())
            guess = MEMORY.guess(job)
    while True:
        entries = torch.empty(guess, dtype=torch.int64, device=splats.device)
        rows = torch.empty(guess, dtype=torch.int32, device=splats.device) if keep else None
        lists = Lists(counts, starts, entries, rows)
        kernels.run(
            "fill", job.pictures * job.blocks, splats, starts, filled, entries, np.uint64(guess), job.count,
            job.blocks, job.width, job.height,
        )  # fmt: skip
        drawn = composite(inputs, job, variant, splats, lists)
        if report is None:
            return drawn, splats, lists
        length = report.read()
        MEMORY.note(job, length)
        if length <= guess:
            return drawn, splats, lists
        guess = roomy(length)
        filled.zero_()


def composite(inputs: Inputs, job: Job, variant: Variant, splats: Tensor, lists: Lists) -> Drawn:
    """Splats and lists to pictures."""
    shape = (job.pictures, job.height, job.width)
    rgb, alpha, depth, features = (splats.new_empty(*shape, c) for c in (3, 1, 1, variant.features))
    transmittances, lasts = None, None
    if lists.sorted is not None:
        transmittances = splats.new_empty(shape)
        lasts = torch.empty(shape, dtype=torch.int32, device=splats.device)
    load_kernels(variant, job.device).run(
        "composite", job.tiles, splats, lists.entries, lists.starts, lists.counts, np.uint64(len(lists.entries)),
        lists.sorted, inputs.background, 3 if len(inputs.background) > 1 else 0, rgb, alpha, depth, features,
        transmittances, lasts, job.width, job.height,
    )  # fmt: skip
    return Drawn(Rendering(rgb, alpha, depth, features), transmittances, lasts)


class Rasterize(torch.autograd.Function):
    """The kernels with their hand-derived gradients."""

    @staticmethod
    def forward(ctx: Any, *arguments: Any) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Draws; keeps the splats and the order in which they were drawn."""
        *tensors, size, deterministic = arguments
        inputs = Inputs(*(tensor.contiguous() for tensor in tensors))
        job, variant = job_of(inputs, size), variant_of(inputs, False)
        drawn, splats, lists = draw(inputs, job, variant, keep=True)
        pictures = drawn.pictures
        ctx.save_for_backward(*inputs.all(), pictures.alpha, pictures.depth, drawn.transmittances, drawn.lasts)
        ctx.job, ctx.variant, ctx.deterministic = job, variant, deterministic
        ctx.listed = (splats, lists.starts, lists.sorted)
        ctx.set_materialize_grads(False)
        return pictures.rgb, pictures.alpha, pictures.depth, pictures.features

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *upstream: Tensor | None) -> tuple[Tensor | None, ...]:
        """Gradients by every input but Ks."""
        if all(gradient is None for gradient in upstream):
            return (None,) * 11
        inputs = Inputs(*ctx.saved_tensors[:9])
        with torch.cuda.device(ctx.job.device):
            if ctx.listed is None:  # a second backward pass through the same pictures
                _, splats, lists = draw(inputs, ctx.job, ctx.variant, keep=True)
                ctx.listed = (splats, lists.starts, lists.sorted)
            variant = Variant(ctx.variant.coefficients, ctx.variant.features, ctx.deterministic)
            gradients = [None if gradient is None else gradient.contiguous() for gradient in upstream]
            factor = fixed_point(gradients) if ctx.deterministic else None
            rows = torch.zeros(
                ctx.job.pictures * ctx.job.count * variant.row,
                dtype=torch.int64 if ctx.deterministic else torch.float32, device=inputs.means.device,
            )  # fmt: skip
            splats, starts, order = ctx.listed
            load_kernels(variant, ctx.job.device).run(
                "composite_backward", ctx.job.tiles, splats, order, starts, inputs.background,
                3 if len(inputs.background) > 1 else 0, *ctx.saved_tensors[9:], gradients[0], gradients[1],
                gradients[2], gradients[3], rows, factor, ctx.job.width, ctx.job.height,
            )  # fmt: skip
            # The splats and lists are the largest things in memory and have served; half of the peak is saved.
            del splats, order
            ctx.listed = None
            by_input = project_backward(inputs, ctx.job, variant, rows, factor, ctx.needs_input_grad[6])
            by_background = None
            if ctx.needs_input_grad[8] and gradients[0] is not None:
                by_background = ((1 - ctx.saved_tensors[9]) * gradients[0]).sum((1, 2))
                by_background = by_background.sum_to_size(inputs.background.shape)
        return *by_input, None, by_background, None, None


def fixed_point(gradients: list[Tensor | None]) -> Tensor:
    """Units of the sums in integers, [1]: fine enough for gradients as small as the largest one over 10^9."""
    largest = torch.stack(
        [gradient.abs().amax() for gradient in gradients if gradient is not None and gradient.numel()]
    )
    largest = largest.amax().reshape(1)
    return FIXED_POINT / torch.where(largest == 0, 1.0, largest)


def project_backward(
    inputs: Inputs, job: Job, variant: Variant, rows: Tensor, factor: Tensor | None, by_cameras: bool
) -> list[Tensor | None]:
    """Gradients by the tensors of the scenes and, if wanted, by the cameras' viewmats."""
    scene = inputs.all()[:6]
    gradients = [torch.empty_like(tensor) for tensor in scene]
    by_block = inputs.means.new_empty(job.pictures, job.blocks, 12) if by_cameras else None
    load_kernels(variant, job.device).run(
        "project_backward", len(inputs.means) * job.blocks, *scene[:5], inputs.viewmats, inputs.Ks, rows, factor,
        *gradients, by_block, job.count, job.views, job.blocks, job.width, job.height,
    )  # fmt: skip
    if by_block is None:
        return [*gradients, None]
    by_viewmats = torch.zeros_like(inputs.viewmats)
    by_viewmats[:, :3] = by_block.sum(1).unflatten(-1, (3, 4))
    return [*gradients, by_viewmats]

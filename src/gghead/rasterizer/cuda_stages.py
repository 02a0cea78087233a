"""The stages of the CUDA backend, as launches of kernels on tensors."""

from dataclasses import dataclass, fields

import numpy as np
import torch
from torch import Tensor

from gghead.rasterizer.cuda_kernels import THREADS, Kernels, Variant, load_kernels
from gghead.rasterizer.cuda_lists import CAPTURE_SLACK, CLASSES, Job, Lists, Memory, Report, Reports, roomy
from gghead.rasterizer.rendering import Rendering

MEMORY = Memory()
REPORTS = Reports()
UPSTREAM = ("rgb", "alpha", "depth", "features")
"""Outputs in the order of their gradients."""


@dataclass(frozen=True)
class Inputs:
    """What the kernels read: contiguous float32 tensors of one device, heads [H, N, ...] and cameras [P, ...]."""

    means: Tensor
    quats: Tensor
    scales: Tensor
    opacities: Tensor
    sh: Tensor
    features: Tensor
    viewmats: Tensor
    Ks: Tensor
    background: Tensor | float
    """[P, 3], or one grey for all"""

    @property
    def tensors(self) -> tuple[Tensor, ...]:
        """All but the background, in order."""
        return tuple(getattr(self, field.name) for field in fields(self)[:-1])

    @property
    def backdrop(self) -> tuple[Tensor | float | None, ...]:
        """The background as the kernels take it: an address or null, and a colour for all pictures."""
        if isinstance(self.background, Tensor):
            return self.background, 0.0, 0.0, 0.0
        return None, *(float(self.background),) * 3


@dataclass(frozen=True)
class Drawn:
    """Pictures, and what the backward pass needs of pixels [P, H, W], None without gradients, and of splats."""

    pictures: Rendering
    transmittances: Tensor | None
    lasts: Tensor | None
    splats: Tensor
    lists: Lists


def draw(inputs: Inputs, job: Job, variant: Variant, keep: bool) -> Drawn:
    """Projection, lists, compositing; keep says whether there will be a backward pass.

    Raises:
        ValueError: cameras that can't be drawn, or a captured graph whose sizes were never drawn before.
        torch.OutOfMemoryError: says what was needed and what lowers it.
    """
    try:
        return draw_with_room(inputs, job, variant, keep)
    except torch.OutOfMemoryError as error:
        entries = MEMORY.guess(job) or 0
        needed = job.pictures * job.count * variant.parts * 16 + entries * (12 if keep else 8)
        raise torch.OutOfMemoryError(
            f"the GPU has no room for {job.pictures} pictures of {job.count} Gaussians at {job.width} x {job.height}: "
            f"splats and {entries} entries of lists take {needed / 2**20:.0f} MiB, beside the pictures themselves; "
            "draw fewer gaussians or cameras in one call of render, or cameras of a smaller width and height"
        ) from error


def draw_with_room(inputs: Inputs, job: Job, variant: Variant, keep: bool) -> Drawn:
    """`draw`, if there is enough memory.

    The host does not wait before everything is launched: it guesses how long the lists are. Only then it reads how many
    entries were counted, and draws again if the guess was too low. In a captured graph it can't: a tile whose list has
    no room is NaN.
    """
    kernels = load_kernels(variant, job.device)
    capturing = torch.cuda.is_current_stream_capturing()
    guess = MEMORY.guess(job, CAPTURE_SLACK) if capturing else MEMORY.guess(job)
    if capturing and guess is None:
        raise ValueError(
            "these pictures are captured in a CUDA graph before any like them were drawn, so that nobody knows how "
            "much room they need; call render once with the same sizes before the capture"
        )
    device, tiles = inputs.means.device, job.pictures * job.tiles
    splats = torch.empty(job.pictures * job.count * variant.parts * 4, dtype=torch.float32, device=device)
    # Counts and filled, of each tile; entries of all lists (64 bits), finished blocks, problems; classes, their places.
    zeros = torch.zeros(2 * tiles + 4 + 2 * CLASSES, dtype=torch.int32, device=device)
    counts, filled, totals, classes = zeros.split([tiles, tiles, 4, 2 * CLASSES])
    starts = torch.empty(tiles, dtype=torch.int64, device=device)
    report = None if capturing else REPORTS.take(job.device)
    kernels.run(
        "project", job.pictures * job.blocks, *inputs.tensors, splats, counts, totals[3:], job.count, job.views,
        job.blocks, job.local_tiles, job.width, job.height, shared=4 * job.local_tiles,
    )  # fmt: skip
    kernels.run(
        "allocate", -(-tiles // THREADS), counts, starts, totals, totals[2:], totals[3:], classes,
        report and report.numbers, np.int64(tiles),
    )  # fmt: skip
    if report is None:
        return fill_and_composite(kernels, inputs, job, variant, splats, counts, filled, starts, classes, guess, keep)
    report.counted.record()
    try:
        if guess is None:
            guess = roomy(note(report, job))
        while True:
            drawn = fill_and_composite(
                kernels, inputs, job, variant, splats, counts, filled, starts, classes, guess, keep
            )
            length = note(report, job)
            if length <= guess:
                return drawn
            guess = roomy(length)
            filled.zero_()
            classes[CLASSES:].zero_()
    finally:
        REPORTS.give_back(job.device, report)


def note(report: Report, job: Job) -> int:
    """Reads how many entries the lists have, and remembers it."""
    length = report.read()
    MEMORY.note(job, length)
    return length


def fill_and_composite(
    kernels: Kernels, inputs: Inputs, job: Job, variant: Variant, splats: Tensor, counts: Tensor, filled: Tensor,
    starts: Tensor, classes: Tensor, capacity: int, keep: bool,
) -> Drawn:  # fmt: skip
    """Fills the lists, in room for so many entries, and draws."""
    device, shape = splats.device, (job.pictures, job.height, job.width)
    lists = Lists(
        counts, starts, torch.empty(len(counts), dtype=torch.int32, device=device),
        torch.empty(capacity, dtype=torch.int64, device=device),
        torch.empty(capacity, dtype=torch.int32, device=device) if keep else None,
    )  # fmt: skip
    kernels.run(
        "fill", job.pictures * job.blocks, splats, counts, starts, filled, classes, lists.order, lists.entries,
        np.uint64(capacity), job.count, job.blocks, job.pictures, job.local_tiles, job.width, job.height,
        shared=4 * job.local_tiles,
    )  # fmt: skip
    pictures = Rendering(*(splats.new_empty(*shape, channels) for channels in (3, 1, 1, variant.features)))
    transmittances = splats.new_empty(shape) if keep else None
    lasts = torch.empty(shape, dtype=torch.int32, device=device) if keep else None
    kernels.run(
        "composite", len(counts), splats, lists.entries, starts, counts, lists.order, np.uint64(capacity),
        lists.sorted, *inputs.backdrop, pictures.rgb, pictures.alpha, pictures.depth, pictures.features,
        transmittances, lasts, job.width, job.height,
    )  # fmt: skip
    return Drawn(pictures, transmittances, lasts, splats, lists)


def composite_backward(
    inputs: Inputs, job: Job, variant: Variant, drawn: Drawn, upstream: list[Tensor | None], factor: Tensor | None
) -> Tensor:
    """Gradients of the splats, [P * N, row]; factor scales them to integers where the variant is deterministic."""
    rows = torch.zeros(
        job.pictures * job.count * variant.row, device=inputs.means.device,
        dtype=torch.int64 if variant.deterministic else torch.float32,
    )  # fmt: skip
    lists = drawn.lists
    load_kernels(variant, job.device).run(
        "composite_backward", len(lists.order), drawn.splats, lists.sorted, lists.starts, lists.order,
        *inputs.backdrop, drawn.pictures.alpha, drawn.pictures.depth, drawn.transmittances, drawn.lasts, *upstream,
        rows, factor, job.width, job.height,
    )  # fmt: skip
    return rows


def project_backward(
    inputs: Inputs, job: Job, variant: Variant, rows: Tensor, factor: Tensor | None, by_cameras: bool
) -> list[Tensor | None]:
    """Gradients by the six tensors of the scenes and, if wanted, by the cameras' viewmats."""
    scene = inputs.tensors[:6]
    gradients: list[Tensor | None] = [torch.empty_like(tensor) for tensor in scene]
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

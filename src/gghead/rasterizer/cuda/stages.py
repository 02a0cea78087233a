"""The stages of the CUDA backend, as launches of kernels on memory of torch."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from gghead.cuda.program import bits_of, clear, current_stream
from gghead.rasterizer.cuda.device_report import DeviceReport, watched
from gghead.rasterizer.cuda.kernels import BACK_THREADS, THREADS
from gghead.rasterizer.cuda.list_capacity import CAPTURE_SLACK
from gghead.rasterizer.cuda.plan import Plan

SPARE_REPORTS: list[DeviceReport] = []
"""Reports that nobody waits for, since pinned memory is slow to get. Lists of Python are safe among threads."""


@dataclass(frozen=True)
class Drawn:
    """Pictures [P, H, W, 1 to F], and the workspace with what the backward pass needs, bytes: see plan.py."""

    rgb: Tensor
    alpha: Tensor
    depth: Tensor
    features: Tensor | None
    workspace: Tensor


def backdrop_of(background: Tensor | float) -> tuple[int, int, int, int]:
    """A background as the kernels take it: the address of a colour for each picture, or null and one for all."""
    if isinstance(background, Tensor):
        return background.data_ptr(), 0, 0, 0
    gray = bits_of(background)
    return 0, gray, gray, gray


def draw(plan: Plan, inputs: Sequence[Tensor | None], background: Tensor | float, keep: bool) -> Drawn:
    """Projection, lists, compositing. Inputs are means, quats, scales, opacities, sh, features or None, viewmats, Ks;
    contiguous, as is a background [P, 3].

    Raises:
        ValueError: cameras that can't be drawn, or a captured graph of a kind that was never drawn before.
        torch.OutOfMemoryError: says what was needed and what lowers it.
    """
    try:
        if torch.cuda.is_current_stream_capturing():
            return draw_captured(plan, inputs, background, keep)
        return draw_with_report(plan, inputs, background, keep)
    except torch.OutOfMemoryError as error:
        raise torch.OutOfMemoryError(
            f"the GPU has no room for {plan.describe(plan.history.guess(), keep)}; draw fewer gaussians or cameras in "
            "one call of render, or cameras of a smaller width and height"
        ) from error


def draw_captured(plan: Plan, inputs: Sequence[Tensor | None], background: Tensor | float, keep: bool) -> Drawn:
    """In a CUDA graph: nobody can be told how long the lists are. A tile whose list has no room becomes NaN."""
    if plan.history.length is None:
        raise ValueError(
            "these pictures are captured in a CUDA graph before any like them were drawn, so that nobody knows how "
            "much room they need; call render once with the same sizes before the capture"
        )
    capacity = plan.history.guess(CAPTURE_SLACK)
    return launch_all(plan, inputs, background, keep, capacity, watched(plan.history, capacity))


def draw_with_report(plan: Plan, inputs: Sequence[Tensor | None], background: Tensor | float, keep: bool) -> Drawn:
    """Launches everything, guessing how long the lists are; then reads how long they were, and mends a low guess."""
    report = SPARE_REPORTS.pop() if SPARE_REPORTS else DeviceReport()
    try:
        while True:
            capacity = plan.history.guess()
            report.reset()
            drawn = launch_all(plan, inputs, background, keep, capacity, report.address)
            length = report.read()
            plan.history.note(length)
            if length <= capacity:
                return drawn
    except BaseException:
        torch.cuda.current_stream().synchronize()  # the kernel that writes the report may not have run yet
        raise
    finally:
        SPARE_REPORTS.append(report)


def launch_all(
    plan: Plan, inputs: Sequence[Tensor | None], background: Tensor | float, keep: bool, capacity: int, report: int
) -> Drawn:
    """The forward pass with room for so many entries of lists; report is the address of a Report, or null."""
    assert inputs[0] is not None, "only features may be absent"
    device, shape, stream = inputs[0].device, (plan.pictures, plan.height, plan.width), current_stream(plan.device)
    size = plan.rows + 4 * capacity if keep else plan.pixels
    workspace = torch.empty(size, dtype=torch.uint8, device=device)
    scratch = torch.empty(plan.zeros + 8 * capacity, dtype=torch.uint8, device=device)
    splats, counts = workspace.data_ptr(), scratch.data_ptr()
    starts, order, entries = splats + plan.starts, splats + plan.order, counts + plan.zeros
    filled, totals = counts + 4 * plan.tiles, counts + 8 * plan.tiles
    clear(counts, plan.zeros, stream)
    plan.kernels.launch(
        "project", plan.pictures * plan.blocks,
        (*(0 if tensor is None else tensor.data_ptr() for tensor in inputs), splats, counts, totals + 12, plan.count,
         plan.views, plan.blocks, plan.local_tiles, plan.width, plan.height),
        stream, shared=4 * plan.local_tiles,
    )  # fmt: skip
    plan.kernels.launch(
        "allocate", -(-plan.tiles // THREADS),
        (counts, starts, totals, totals + 8, totals + 12, totals + 16, report, plan.tiles), stream,
    )  # fmt: skip
    plan.kernels.launch(
        "fill", plan.pictures * plan.blocks,
        (splats, counts, starts, filled, totals + 16, order, entries, capacity, plan.count, plan.blocks, plan.pictures,
         plan.local_tiles, plan.width, plan.height),
        stream, shared=4 * plan.local_tiles,
    )  # fmt: skip
    rgb, alpha, depth = (torch.empty(*shape, c, dtype=torch.float32, device=device) for c in (3, 1, 1))
    features = None
    if plan.variant.features:
        features = torch.empty(*shape, plan.variant.features, dtype=torch.float32, device=device)
    kept = (splats + plan.rows, splats + plan.pixels, splats + (plan.pixels + plan.rows) // 2) if keep else ()
    plan.kernels.launch(
        "composite_and_keep" if keep else "composite", plan.tiles,
        (splats, entries, starts, counts, order, capacity, *backdrop_of(background), rgb.data_ptr(), alpha.data_ptr(),
         depth.data_ptr(), 0 if features is None else features.data_ptr(), *kept, plan.width, plan.height),
        stream,
    )  # fmt: skip
    return Drawn(rgb, alpha, depth, features, workspace)


def composite_backward(
    plan: Plan, background: Tensor | float, workspace: Tensor, alpha: Tensor, depth: Tensor,
    upstream: Sequence[Tensor | None], factor: Tensor | None,
) -> Tensor:  # fmt: skip
    """Gradients of the splats, [P * N * row]; factor scales them to integers, where they shall be deterministic."""
    variant, kernels = plan.backward_kernels(factor is not None)
    stream, splats = current_stream(plan.device), workspace.data_ptr()
    rows = torch.empty(
        plan.pictures * plan.count * variant.row, device=alpha.device,
        dtype=torch.float32 if factor is None else torch.int64,
    )  # fmt: skip
    clear(rows.data_ptr(), rows.nbytes, stream)
    kernels.launch(
        "composite_backward", 2 * plan.tiles,
        (splats, splats + plan.rows, splats + plan.starts, splats + plan.order, *backdrop_of(background),
         alpha.data_ptr(), depth.data_ptr(), splats + plan.pixels, splats + (plan.pixels + plan.rows) // 2,
         *(0 if gradient is None else gradient.data_ptr() for gradient in upstream), rows.data_ptr(),
         0 if factor is None else factor.data_ptr(), plan.width, plan.height),
        stream, threads=BACK_THREADS,
    )  # fmt: skip
    return rows


def project_backward(
    plan: Plan, inputs: Sequence[Tensor | None], rows: Tensor, factor: Tensor | None, with_cameras: bool
) -> list[Tensor | None]:
    """Gradients w.r.t. the tensors of the scenes and, if wanted, the viewmats: those of inputs but the last."""
    _, kernels = plan.backward_kernels(factor is not None)
    means, viewmats = inputs[0], inputs[6]
    assert means is not None, "only features may be absent"
    assert viewmats is not None, "only features may be absent"
    gradients = [None if tensor is None else torch.empty_like(tensor) for tensor in inputs[:6]]
    per_block = means.new_empty(plan.pictures, plan.blocks, 12) if with_cameras else None
    tensors = (*inputs[:5], viewmats, inputs[7], rows, factor, *gradients, per_block)
    kernels.launch(
        "project_backward_with_cameras" if with_cameras else "project_backward", len(means) * plan.blocks,
        (*(0 if tensor is None else tensor.data_ptr() for tensor in tensors), plan.count, plan.views, plan.blocks,
         plan.width, plan.height),
        current_stream(plan.device),
    )  # fmt: skip
    if per_block is None:
        return [*gradients, None]
    grad_viewmats = torch.zeros_like(viewmats)
    grad_viewmats[:, :3] = per_block.sum(1).unflatten(-1, (3, 4))
    return [*gradients, grad_viewmats]

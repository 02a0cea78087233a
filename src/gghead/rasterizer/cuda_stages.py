"""The stages of the CUDA backend, as launches of kernels on memory of torch."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from gghead.rasterizer.cuda_kernels import BACK_THREADS, THREADS, bits_of, current_stream
from gghead.rasterizer.cuda_plan import CAPTURE_SLACK, CLASSES, SLACK, Plan, roomy
from gghead.rasterizer.cuda_report import Report, Reports

REPORTS = Reports()


@dataclass(frozen=True)
class Kept:
    """What the backward pass needs of the forward pass.

    Attributes:
        workspace: splats, then where each tile's list starts, then the order of tiles; bytes.
        rows: of the splats in each list, in the order of drawing as far as they were drawn; [capacity] int32.
        transmittances: of the pixels, [P, H, W].
        lasts: how far a pixel has come in its tile's list, [P, H, W] int32.
    """

    workspace: Tensor
    rows: Tensor
    transmittances: Tensor
    lasts: Tensor


@dataclass(frozen=True)
class Drawn:
    """Pictures [P, H, W, 1 to F], and what is kept for gradients."""

    rgb: Tensor
    alpha: Tensor
    depth: Tensor
    features: Tensor | None
    kept: Kept | None


def backdrop_of(background: Tensor | float) -> tuple[int, int, int, int]:
    """A background as the kernels take it: the address of a colour for each picture, or null and one for all."""
    if isinstance(background, Tensor):
        return background.data_ptr(), 0, 0, 0
    grey = bits_of(background)
    return 0, grey, grey, grey


def draw(plan: Plan, inputs: Sequence[Tensor | None], background: Tensor | float, keep: bool) -> Drawn:
    """Projection, lists, compositing.

    Args:
        plan: sizes.
        inputs: means, quats, scales, opacities, sh, features or None, viewmats, Ks; contiguous.
        background: [P, 3], contiguous, or one grey.
        keep: whether there will be a backward pass.

    Raises:
        ValueError: cameras that can't be drawn, or a captured graph of a kind that was never drawn before.
        torch.OutOfMemoryError: says what was needed and what lowers it.
    """
    try:
        return draw_with_room(plan, inputs, background, keep)
    except torch.OutOfMemoryError as error:
        raise torch.OutOfMemoryError(
            f"the GPU has no room for {plan.describe(plan.history.guess() or 0, keep)}; draw fewer gaussians or "
            "cameras in one call of render, or cameras of a smaller width and height"
        ) from error


def draw_with_room(plan: Plan, inputs: Sequence[Tensor | None], background: Tensor | float, keep: bool) -> Drawn:
    """`draw`, if there is enough memory.

    The host does not wait before everything is launched: it guesses how long the lists are. Only then it reads how many
    entries were counted, and draws again if the guess was too low. In a captured graph it can't: a tile whose list has
    no room is NaN.
    """
    capturing = torch.cuda.is_current_stream_capturing()
    guess = plan.history.guess(CAPTURE_SLACK if capturing else SLACK)
    if capturing and guess is None:
        raise ValueError(
            "these pictures are captured in a CUDA graph before any like them were drawn, so that nobody knows how "
            "much room they need; call render once with the same sizes before the capture"
        )
    device, stream = inputs[0].device, current_stream(plan.device)
    workspace = torch.empty(plan.workspace, dtype=torch.uint8, device=device)
    # Of each tile, entries counted and entries filled in; entries of all lists (64 bits), finished blocks, problems of
    # cameras; classes of tiles and their places.
    zeros = torch.zeros(2 * plan.tiles + 4 + 2 * CLASSES, dtype=torch.int32, device=device)
    report = None if capturing else REPORTS.take()
    count_entries(plan, inputs, workspace.data_ptr(), zeros.data_ptr(), report.address if report else 0, stream)
    if report is None:
        return fill_and_composite(plan, background, workspace, zeros, guess, keep, stream)
    try:
        if guess is None:
            guess = roomy(note(plan, report))
        while True:
            drawn = fill_and_composite(plan, background, workspace, zeros, guess, keep, stream)
            length = note(plan, report)
            if length <= guess:
                return drawn
            guess = roomy(length)
            zeros[plan.tiles : 2 * plan.tiles].zero_()
            zeros[-CLASSES:].zero_()
    except BaseException:
        torch.cuda.current_stream().synchronize()  # the kernel that writes the report may not have run yet
        raise
    finally:
        REPORTS.give_back(report)


def note(plan: Plan, report: Report) -> int:
    """Reads how many entries the lists have, and remembers it."""
    length = report.read()
    plan.history.note(length)
    return length


def count_entries(
    plan: Plan, inputs: Sequence[Tensor | None], splats: int, zeros: int, report: int, stream: int
) -> None:
    """Projects, and finds where each tile's list starts; takes addresses."""
    totals = zeros + 8 * plan.tiles
    addresses = [0 if tensor is None else tensor.data_ptr() for tensor in inputs]
    plan.kernels.launch(
        "project", plan.pictures * plan.blocks,
        (*addresses, splats, zeros, totals + 12, plan.count, plan.views, plan.blocks, plan.local_tiles, plan.width,
         plan.height),
        stream, shared=4 * plan.local_tiles,
    )  # fmt: skip
    plan.kernels.launch(
        "allocate", -(-plan.tiles // THREADS),
        (zeros, splats + plan.starts, totals, totals + 8, totals + 12, totals + 16, report, plan.tiles), stream,
    )  # fmt: skip


def fill_and_composite(
    plan: Plan, background: Tensor | float, workspace: Tensor, zeros: Tensor, capacity: int, keep: bool, stream: int
) -> Drawn:
    """Fills the lists, in room for so many entries, and draws."""
    device, shape = workspace.device, (plan.pictures, plan.height, plan.width)
    entries = torch.empty(capacity, dtype=torch.int64, device=device)
    splats, counts = workspace.data_ptr(), zeros.data_ptr()
    starts, order = splats + plan.starts, splats + plan.order
    plan.kernels.launch(
        "fill", plan.pictures * plan.blocks,
        (splats, counts, starts, counts + 4 * plan.tiles, counts + 8 * plan.tiles + 16, order, entries.data_ptr(),
         capacity, plan.count, plan.blocks, plan.pictures, plan.local_tiles, plan.width, plan.height),
        stream, shared=4 * plan.local_tiles,
    )  # fmt: skip
    rgb, alpha, depth = (torch.empty(*shape, c, dtype=torch.float32, device=device) for c in (3, 1, 1))
    features = None
    if plan.variant.features:
        features = torch.empty(*shape, plan.variant.features, dtype=torch.float32, device=device)
    arguments = [
        splats, entries.data_ptr(), starts, counts, order, capacity, *backdrop_of(background), rgb.data_ptr(),
        alpha.data_ptr(), depth.data_ptr(), 0 if features is None else features.data_ptr(),
    ]  # fmt: skip
    kept = None
    if keep:
        rows = torch.empty(capacity, dtype=torch.int32, device=device)
        lasts = torch.empty(shape, dtype=torch.int32, device=device)
        kept = Kept(workspace, rows, torch.empty(shape, dtype=torch.float32, device=device), lasts)
        arguments += [rows.data_ptr(), kept.transmittances.data_ptr(), lasts.data_ptr()]
    plan.kernels.launch(
        "composite_and_keep" if keep else "composite", plan.tiles, (*arguments, plan.width, plan.height), stream
    )  # fmt: skip
    return Drawn(rgb, alpha, depth, features, kept)


def composite_backward(
    plan: Plan, background: Tensor | float, kept: Kept, alpha: Tensor, depth: Tensor,
    upstream: Sequence[Tensor | None], factor: Tensor | None,
) -> Tensor:  # fmt: skip
    """Gradients of the splats, [P * N * row]; factor scales them to integers, where they shall be deterministic."""
    variant, kernels = plan.backward_kernels(factor is not None)
    rows = torch.zeros(
        plan.pictures * plan.count * variant.row, device=alpha.device,
        dtype=torch.float32 if factor is None else torch.int64,
    )  # fmt: skip
    splats = kept.workspace.data_ptr()
    kernels.launch(
        "composite_backward", 2 * plan.tiles,
        (splats, kept.rows.data_ptr(), splats + plan.starts, splats + plan.order, *backdrop_of(background),
         alpha.data_ptr(), depth.data_ptr(), kept.transmittances.data_ptr(), kept.lasts.data_ptr(),
         *(0 if gradient is None else gradient.data_ptr() for gradient in upstream), rows.data_ptr(),
         0 if factor is None else factor.data_ptr(), plan.width, plan.height),
        current_stream(plan.device), threads=BACK_THREADS,
    )  # fmt: skip
    return rows


def project_backward(
    plan: Plan, inputs: Sequence[Tensor | None], rows: Tensor, factor: Tensor | None, by_cameras: bool
) -> list[Tensor | None]:
    """Gradients by the tensors of the scenes and, if wanted, by the cameras' viewmats: those of inputs but the last."""
    _, kernels = plan.backward_kernels(factor is not None)
    means, viewmats = inputs[0], inputs[6]
    gradients = [None if tensor is None else torch.empty_like(tensor) for tensor in inputs[:6]]
    by_block = means.new_empty(plan.pictures, plan.blocks, 12) if by_cameras else None
    tensors = (*inputs[:5], viewmats, inputs[7], rows, factor, *gradients, by_block)
    kernels.launch(
        "project_backward", len(means) * plan.blocks,
        (*(0 if tensor is None else tensor.data_ptr() for tensor in tensors), plan.count, plan.views, plan.blocks,
         plan.width, plan.height),
        current_stream(plan.device),
    )  # fmt: skip
    if by_block is None:
        return [*gradients, None]
    by_viewmats = torch.zeros_like(viewmats)
    by_viewmats[:, :3] = by_block.sum(1).unflatten(-1, (3, 4))
    return [*gradients, by_viewmats]

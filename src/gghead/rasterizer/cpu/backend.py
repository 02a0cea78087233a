"""The CPU backend: the stages in order, as one function of torch's autograd."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor
from torch.autograd.function import once_differentiable

from gghead.gaussians.scene import Gaussians
from gghead.geometry.cameras import Cameras
from gghead.rasterizer.cpu.binning import assign_places, count_pairs, list_pairs, sort_by_depth
from gghead.rasterizer.cpu.compositing import composite
from gghead.rasterizer.cpu.compositing_backward import composite_backward
from gghead.rasterizer.cpu.layout import BLOCK, CHANNELS, MOMENTS, TILE_HEIGHT, TILE_WIDTH
from gghead.rasterizer.cpu.projection import project
from gghead.rasterizer.cpu.projection_backward import project_backward
from gghead.rasterizer.rendering import Sums

GROUP = 2**19
"""Splats that are in memory at a time, unless a single picture has more: bounds the memory of a large batch."""
JOBS_PER_THREAD = 4
"""Into how many jobs a thread's share of the tasks is cut, so that a thread that was held up is helped out."""


@dataclass(frozen=True)
class TileIntersections:
    """What the backward pass needs of the forward pass over a group of pictures."""

    splats: np.ndarray
    """[P, N, 8 + C]"""
    tile_starts: np.ndarray
    """First entry of each tile, [P, tiles + 1]"""
    entry_splats: np.ndarray
    """The splat of each entry, nearest first within a tile, [pairs]"""
    pair_entries: np.ndarray
    """The entries of each splat, one splat's after the other's, [pairs]"""
    first_pairs: np.ndarray
    """Where those of each splat begin, [P, N + 1]"""


def accumulate_cpu(heads: Gaussians, features: Float[Tensor, "H N F"], cameras: Cameras) -> Sums:
    """What `accumulate_reference` gives, of float32 tensors on the CPU."""
    return Rasterize.apply(
        heads.means, heads.quats, heads.scales, heads.opacities, heads.sh, features, cameras.viewmats, cameras.Ks,
        (cameras.width, cameras.height),
    )  # fmt: skip


class Rasterize(torch.autograd.Function):
    """Projection, binning and compositing, with hand-derived gradients."""

    @staticmethod
    def forward(
        ctx: Any, means: Tensor, quats: Tensor, scales: Tensor, opacities: Tensor, sh: Tensor, features: Tensor,
        viewmats: Tensor, Ks: Tensor, size: tuple[int, int],
    ) -> tuple[Tensor, Tensor, Tensor, Tensor]:  # fmt: skip
        """Draws all pictures; keeps the lists if a gradient will be asked for."""
        tensors = (means, quats, scales, opacities, sh, features, viewmats, Ks)
        inputs = tuple(tensor.resolve_neg().contiguous() for tensor in tensors)
        pictures, shape = len(viewmats), (len(viewmats), size[1], size[0])
        rgb, depth, extra, alpha = (means.new_empty(*shape, channels) for channels in (3, 1, features.shape[-1], 1))
        last_entries = np.empty(shape, np.int32)
        scene_of = np.arange(pictures) // max(pictures // max(len(means), 1), 1)
        lists = []
        with Workers() as workers:
            for group in groups_of(pictures, means.shape[1]):
                found = find_pairs(workers, inputs, scene_of[group], group, size)
                arrays = tuple(output.numpy()[group] for output in (rgb, depth, extra, alpha))
                workers.run(
                    composite, found.splats, found.tile_starts, found.entry_splats, size, *arrays, last_entries[group]
                )
                if any(ctx.needs_input_grad):
                    lists.append(found)
        ctx.save_for_backward(*inputs, alpha)
        ctx.lists, ctx.last_entries, ctx.scene_of, ctx.size = lists, last_entries, scene_of, size
        return rgb, depth, extra, alpha

    @staticmethod
    @once_differentiable
    def backward(
        ctx: Any, d_rgb: Tensor, d_depth: Tensor, d_features: Tensor, d_alpha: Tensor
    ) -> tuple[Tensor | None, ...]:
        """Gradients w.r.t. every input but Ks."""
        *inputs, alpha = ctx.saved_tensors
        means, viewmats, Ks = inputs[0].numpy(), inputs[6].numpy(), inputs[7].numpy()
        quats, scales, sh = inputs[1].numpy(), inputs[2].numpy(), inputs[4].numpy()
        d_scenes = [torch.zeros_like(tensor) for tensor in inputs[:6]]
        d_viewmats = torch.zeros_like(inputs[6])
        d_outputs = [tensor.resolve_neg().contiguous().numpy() for tensor in (d_rgb, d_depth, d_features, d_alpha)]
        blocks = -(-means.shape[1] // BLOCK)
        with Workers() as workers:
            for found, group in zip(ctx.lists, groups_of(len(viewmats), means.shape[1]), strict=True):
                touched = np.zeros(len(found.entry_splats), np.uint8)
                rows = np.empty((len(found.entry_splats), MOMENTS + found.splats.shape[2] - CHANNELS), np.float32)
                workers.run(
                    composite_backward, found.splats, found.tile_starts, found.entry_splats,
                    ctx.size, alpha.numpy()[group], ctx.last_entries[group],
                    *(array[group] for array in d_outputs), touched, rows,
                )  # fmt: skip
                per_block = np.zeros((len(found.splats), blocks, 3, 4))
                workers.run(
                    project_backward, ctx.scene_of[group], means, quats, scales, sh, viewmats[group], Ks[group],
                    ctx.size, found.splats, found.first_pairs, found.pair_entries,
                    touched, rows,
                    *(tensor.numpy() for tensor in d_scenes), per_block,
                )  # fmt: skip
                d_viewmats[group, :3] = torch.from_numpy(per_block.sum(axis=1)).float()
        return *d_scenes, d_viewmats, None, None


class Workers:
    """As many threads as torch uses, for the time of one pass: nothing is left behind that a fork could break."""

    def __init__(self) -> None:
        self.threads = torch.get_num_threads()
        self.pool = ThreadPoolExecutor(self.threads)

    def __enter__(self) -> "Workers":
        return self

    def __exit__(self, *_: object) -> None:
        self.pool.shutdown()

    def run(self, kernel: Callable[..., None], *arguments: np.ndarray | tuple[int, int]) -> None:
        """Runs a kernel over all of its tasks; returns when the last is done."""
        jobs = 1 if self.threads == 1 else JOBS_PER_THREAD * self.threads
        if jobs == 1:
            kernel(0, 1, *arguments)
        else:
            for finished in [self.pool.submit(kernel, first, jobs, *arguments) for first in range(jobs)]:
                finished.result()


def groups_of(pictures: int, count: int) -> list[slice]:
    """Cuts a batch of pictures of so many Gaussians into groups that fit in memory."""
    length = max(1, GROUP // max(count, 1))
    return [slice(start, min(start + length, pictures)) for start in range(0, pictures, length)]


def find_pairs(
    workers: Workers, inputs: tuple[Tensor, ...], scene_of: np.ndarray, group: slice, size: tuple[int, int]
) -> TileIntersections:
    """Projects a group of pictures and lists the splats of each tile."""
    *scenes, viewmats, Ks = (tensor.numpy() for tensor in inputs)
    pictures, count, channels = len(scene_of), scenes[0].shape[1], 4 + scenes[5].shape[2]
    splats = np.empty((pictures, count, CHANNELS + channels), np.float32)
    workers.run(project, scene_of, *scenes, viewmats[group], Ks[group], size, splats)

    order, visible = np.empty((pictures, count), np.int32), np.empty(pictures, np.int64)
    workers.run(sort_by_depth, splats, order, visible)

    tiles = -(-size[0] // TILE_WIDTH) * -(-size[1] // TILE_HEIGHT)
    places = np.zeros((pictures, -(-count // BLOCK), tiles), np.int64)
    pair_counts = np.zeros((pictures, count), np.int32)
    workers.run(count_pairs, splats, order, visible, size, places, pair_counts)

    tile_starts = np.empty((pictures, tiles + 1), np.int64)
    first_pairs = np.empty((pictures, count + 1), np.int64)
    assign_places(places, pair_counts, tile_starts, first_pairs)
    pairs = int(tile_starts[-1, -1])
    assert pairs < 2**31, "entries are numbered with 32 bits"
    entry_splats, pair_entries = np.empty(pairs, np.int32), np.empty(pairs, np.int32)
    workers.run(list_pairs, splats, order, visible, size, places, first_pairs, entry_splats, pair_entries)
    return TileIntersections(splats, tile_starts, entry_splats, pair_entries, first_pairs)

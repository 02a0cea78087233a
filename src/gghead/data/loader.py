"""Batches of a run in their order, fetched by threads a little ahead of their use."""

from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, UInt8
from torch import Tensor

from gghead.data.labels import mirror_labels
from gghead.data.parallel import thread_count
from gghead.data.sampler import mirrored_flags, picture_indices, rank_slice
from gghead.data.source import PictureSource

READ_AHEAD = 3
"""Batches that are being fetched while one is used."""
MAX_WORKERS = 16


@dataclass(frozen=True)
class Batch:
    """Real pictures and their cameras.

    Attributes:
        pictures: display sRGB, 0 to 255, on the background of the dataset.
        labels: camera labels, see `geometry.cameras.Cameras.from_labels`.
        transparency: how much the background is seen, see `cutout.change_background`; None if that was not asked for.
    """

    pictures: UInt8[Tensor, "B R R 3"]
    labels: Float[Tensor, "B 25"]
    transparency: UInt8[Tensor, "B R R"] | None = None


@dataclass(frozen=True)
class Order:
    """Which pictures a process of a run sees in which order: a function of seed and images seen.

    Attributes:
        seed: seed of the run.
        batch_size: pictures of a step over all processes, a multiple of world_size.
        mirrored: whether each picture is mirrored with probability one half, with its camera.
        rank: which of the processes this is, 0 to world_size - 1.
        world_size: processes of the run.
        group_size: pictures that the discriminator compares and that therefore stay in one process.

    Raises:
        ValueError: the batch cannot be shared evenly.
    """

    seed: int
    batch_size: int
    mirrored: bool = False
    rank: int = 0
    world_size: int = 1
    group_size: int = 1

    def __post_init__(self) -> None:
        self._seen(0)

    def draw(self, count: int, images: int) -> tuple[np.ndarray, np.ndarray]:
        """Indices and mirror flags of this process's part of the batch that follows after so many images.

        Args:
            count: pictures of the dataset.
            images: pictures that the whole run has seen.
        """
        seen = self._seen(images)
        indices = picture_indices(count, self.seed, images, images + self.batch_size)[np.array(seen) - images]
        return indices, mirrored_flags(self.seed, seen) if self.mirrored else np.zeros(len(seen), bool)

    def _seen(self, images: int) -> list[int]:
        return rank_slice(images, self.batch_size, self.rank, self.world_size, self.group_size)


class BatchLoader:
    """Endless batches on a device, the same whatever the threads do. A context manager.

    For a CUDA device, pictures are fetched into pinned memory and copied while the host goes on.

    Example:
        >>> with BatchLoader(pictures, Order(seed=0, batch_size=32)) as batches:  # doctest: +SKIP
        ...     batch = next(batches)
    """

    def __init__(
        self,
        source: PictureSource,
        order: Order,
        start_images: int = 0,
        device: torch.device | str = "cpu",
        with_transparency: bool = False,
    ) -> None:
        """Prepares the stream; threads start with the `with` block.

        Args:
            source: where the pictures come from; stays open.
            order: which of them are seen when.
            start_images: pictures that the run has seen; the stream goes on there.
            device: where the batches are wanted.
            with_transparency: whether batches are to have it.
        """
        self._source = source
        self._order = order
        self._next_start = start_images
        self._device = torch.device(device)
        self._with_transparency = with_transparency
        self._pool: ThreadPoolExecutor | None = None
        self._ahead: deque[tuple[Batch, list[Future[None]]]] = deque()

    def __enter__(self) -> "BatchLoader":
        self._pool = ThreadPoolExecutor(min(thread_count(), MAX_WORKERS), thread_name_prefix="gghead-data")
        return self

    def __exit__(self, *_: object) -> None:
        """Forgets what was not used and waits for the threads; they hold a batch each at most."""
        assert self._pool is not None
        self._ahead.clear()
        self._pool.shutdown(wait=True, cancel_futures=True)
        self._pool = None

    def __iter__(self) -> Iterator[Batch]:
        return self

    def __next__(self) -> Batch:
        """The next batch; waits for its pictures.

        Raises:
            FileNotFoundError: a picture vanished from its folder. Names it.
            ValueError: a picture cannot be used. Names it.
        """
        assert self._pool is not None, "a BatchLoader works inside of its `with` block"
        while len(self._ahead) < 1 + READ_AHEAD:
            self._ahead.append(self._submit())
        batch, parts = self._ahead.popleft()
        for part in parts:
            part.result()
        self._ahead.append(self._submit())
        return Batch(
            batch.pictures.to(self._device, non_blocking=True),
            batch.labels.to(self._device, non_blocking=True),
            None if batch.transparency is None else batch.transparency.to(self._device, non_blocking=True),
        )

    def _submit(self) -> tuple[Batch, list[Future[None]]]:
        """A batch whose pictures are being fetched, and the work that has to end before it is whole."""
        indices, flipped = self._order.draw(len(self._source.labels), self._next_start)
        self._next_start += self._order.batch_size
        count, side, pinned = len(indices), self._source.resolution, self._device.type == "cuda"
        rgb = torch.empty((count, side, side, 3), dtype=torch.uint8, pin_memory=pinned)
        transparency = None
        if self._with_transparency:
            transparency = torch.empty((count, side, side), dtype=torch.uint8, pin_memory=pinned)
        labels = torch.from_numpy(batch_labels(self._source.labels, indices, flipped))
        size = self._source.task_size or count
        assert self._pool is not None
        parts = []
        for first in range(0, count, size):
            part = slice(first, first + size)
            wanted = None if transparency is None else transparency.numpy()[part]
            parts.append(self._pool.submit(self._source.fill, indices[part], flipped[part], rgb.numpy()[part], wanted))
        return Batch(rgb, labels.pin_memory() if pinned else labels, transparency), parts


def batch_labels(labels: np.ndarray, indices: np.ndarray, flipped: np.ndarray) -> np.ndarray:
    """Camera labels [B, 25] of pictures, those of the mirrored camera where they are flipped."""
    chosen = labels[indices]
    return np.where(flipped[:, None], mirror_labels(chosen), chosen)

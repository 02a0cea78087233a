"""Batches of a run in their order, decoded by threads a little ahead of their use."""

import os
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, UInt8
from torch import Tensor

from gghead.data.dataset import HeadDataset
from gghead.data.sampler import mirrored_flags, picture_indices, rank_slice

READ_AHEAD = 3
"""Batches that are being decoded while one is used."""
MAX_WORKERS = 16


@dataclass(frozen=True)
class Batch:
    """Real pictures and their cameras.

    Attributes:
        pictures: display sRGB, 0 to 255.
        labels: camera labels, see `geometry.cameras.Cameras.from_labels`.
    """

    pictures: UInt8[Tensor, "B R R 3"]
    labels: Float[Tensor, "B 25"]


@dataclass(frozen=True)
class _Item:
    pixels: np.ndarray
    label: np.ndarray


class BatchLoader:
    """Endless batches, the same whatever the threads do: a function of seed and images seen. A context manager.

    Example:
        >>> with BatchLoader(dataset, batch_size=32, seed=0) as batches:  # doctest: +SKIP
        ...     batch = next(batches)
    """

    def __init__(
        self,
        dataset: HeadDataset,
        batch_size: int,
        seed: int,
        start_images: int = 0,
        mirrored: bool = False,
        rank: int = 0,
        world_size: int = 1,
    ) -> None:
        """Prepares the stream; threads start with the `with` block.

        Args:
            dataset: where the pictures come from; stays open.
            batch_size: pictures of a step over all processes, a multiple of world_size.
            seed: seed of the run.
            start_images: pictures that the run has seen; the stream goes on there.
            mirrored: whether each picture is mirrored with probability one half, with its camera.
            rank: which of the processes this is, 0 to world_size - 1.
            world_size: processes of the run.

        Raises:
            ValueError: the batch cannot be shared evenly.
        """
        rank_slice(start_images, batch_size, rank, world_size)
        self._dataset = dataset
        self._batch_size = batch_size
        self._seed = seed
        self._next_start = start_images
        self._mirrored = mirrored
        self._rank = rank
        self._world_size = world_size
        self._pool: ThreadPoolExecutor | None = None
        self._ahead: deque[list[Future[_Item]]] = deque()

    def __enter__(self) -> "BatchLoader":
        self._pool = ThreadPoolExecutor(min(os.cpu_count() or 1, MAX_WORKERS), thread_name_prefix="gghead-data")
        return self

    def __exit__(self, *_: object) -> None:
        """Forgets what was not used and waits for the threads; they hold a picture each at most."""
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
        items = [future.result() for future in self._ahead.popleft()]
        self._ahead.append(self._submit())
        return Batch(
            torch.from_numpy(np.stack([item.pixels for item in items])),
            torch.from_numpy(np.stack([item.label for item in items])),
        )

    def _submit(self) -> list[Future[_Item]]:
        seen = rank_slice(self._next_start, self._batch_size, self._rank, self._world_size)
        self._next_start += self._batch_size
        indices = picture_indices(len(self._dataset), self._seed, seen.start, seen.stop)
        flags = mirrored_flags(self._seed, seen) if self._mirrored else np.zeros(len(seen), bool)
        assert self._pool is not None
        return [self._pool.submit(self._read, int(i), bool(flag)) for i, flag in zip(indices, flags, strict=True)]

    def _read(self, index: int, flipped: bool) -> _Item:
        return _Item(self._dataset.read(index, flipped), self._dataset.label(index, flipped))

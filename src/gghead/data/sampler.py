"""Which picture is the k-th that a run sees: a pure function of seed and k, so a resumed run is the same run."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from jaxtyping import Bool, Int64

ORDER, MIRROR = 0, 1
"""Purposes of random streams, so that they are independent of each other."""


@dataclass(frozen=True)
class Selection:
    """Pictures of a batch.

    Attributes:
        indices: which pictures of the dataset.
        flipped: which of them are mirrored left to right.
    """

    indices: Int64[np.ndarray, " B"]
    flipped: Bool[np.ndarray, " B"]

    @classmethod
    def of(cls, indices: Sequence[int]) -> "Selection":
        """Pictures as they are."""
        return cls(np.array(indices, np.int64), np.zeros(len(indices), bool))

    def __len__(self) -> int:
        """Number of pictures."""
        return len(self.indices)


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

    def selections(self, count: int, images: int) -> Iterator[Selection]:
        """This process's part of each batch that follows, without an end.

        Args:
            count: pictures of the dataset.
            images: pictures that the whole run has seen.
        """
        while True:
            seen = self._seen(images)
            indices = picture_indices(count, self.seed, images, images + self.batch_size)[np.array(seen) - images]
            yield Selection(indices, mirrored_flags(self.seed, seen) if self.mirrored else np.zeros(len(seen), bool))
            images += self.batch_size

    def _seen(self, images: int) -> list[int]:
        return rank_slice(images, self.batch_size, self.rank, self.world_size, self.group_size)


def picture_indices(count: int, seed: int, start: int, stop: int) -> Int64[np.ndarray, " K"]:
    """Indices of the pictures that are seen as number start, ..., stop - 1 of a run.

    Each epoch of `count` pictures is a permutation of its own, drawn from (seed, epoch).

    Args:
        count: pictures of the dataset, at least 1.
        seed: seed of the run.
        start: pictures seen before.
        stop: pictures seen afterwards.
    """
    assert count > 0, "a dataset holds at least one picture"
    parts = [np.empty(0, np.int64)]
    for epoch in range(start // count, -(-stop // count)):
        low, high = max(start - epoch * count, 0), min(stop - epoch * count, count)
        parts.append(_permutation(count, seed, epoch)[low:high])
    return np.concatenate(parts)


def rank_slice(start: int, batch_size: int, rank: int, world_size: int, group_size: int = 1) -> list[int]:
    """Which of the pictures of one global batch belong to a process.

    Args:
        start: pictures that the whole run saw before this batch.
        batch_size: pictures of the global batch, a multiple of world_size and group_size.
        rank: 0 to world_size - 1.
        world_size: processes of the run.
        group_size: pictures that the discriminator compares: picture i is of group i mod (batch_size / group_size),
            and each group goes to one process as a whole.

    Raises:
        ValueError: the batch cannot be shared evenly.
    """
    size = max(min(group_size, batch_size), 1)
    if batch_size < 1 or batch_size % (size * world_size):
        raise ValueError(
            f"batch_size is {batch_size}, processes {world_size}; expected a positive multiple of {size * world_size}, "
            f"because pictures are compared in groups of {size}"
        )
    groups = np.arange(start, start + batch_size).reshape(size, -1)
    return np.split(groups, world_size, axis=1)[rank].flatten().tolist()


def mirrored_flags(seed: int, seen: Sequence[int]) -> Bool[np.ndarray, " K"]:
    """Whether the pictures seen as these numbers are mirrored: a fair coin for each, however they are batched."""
    return np.array([np.random.default_rng([seed, MIRROR, number]).random() < 0.5 for number in seen], bool)


@lru_cache(maxsize=2)
def _permutation(count: int, seed: int, epoch: int) -> np.ndarray:
    # Two, because a batch may lie across the end of an epoch.
    order = np.random.default_rng([seed, ORDER, epoch]).permutation(count)
    order.setflags(write=False)
    return order

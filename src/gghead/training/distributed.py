"""Several processes, one run: they share each batch and average what they learned from their parts.

N processes compute what one would: every random number is drawn for the whole batch, of which each process takes its
part; groups of the minibatch standard deviation stay together; gradients are averaged before the optimizer steps.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import torch
import torch.distributed
from jaxtyping import Float
from torch import Tensor

BUCKET_NUMBERS = 16 * 2**20
"""Numbers that are reduced in one go: large enough for the network, small enough to keep the copy small."""


@dataclass(frozen=True)
class Team:
    """The processes of a run, as one of them sees them; alone by default.

    Attributes:
        rank: number of this process, 0 to world_size - 1; 0 writes, logs and measures.
        world_size: processes of the run.
    """

    rank: int = 0
    world_size: int = 1

    @property
    def is_alone(self) -> bool:
        """Whether there is nobody to share with."""
        return self.world_size == 1

    def part(self, whole: Float[Tensor, "B ..."], group_size: int) -> Float[Tensor, "K ..."]:
        """This process's rows of a batch; whole groups of the minibatch standard deviation, see `data.sampler`.

        Args:
            whole: what one process would use.
            group_size: pictures that the discriminator compares.
        """
        if self.is_alone:
            return whole
        groups = whole.unflatten(0, (group_size, -1))
        return groups.chunk(self.world_size, dim=1)[self.rank].flatten(0, 1)

    def mean(self, value: Float[Tensor, "..."]) -> Float[Tensor, "..."]:
        """Mean of a detached tensor over all processes."""
        if self.is_alone:
            return value
        total = value.detach().clone()
        self.average([total])
        return total

    def average(self, tensors: Sequence[Tensor]) -> None:
        """Replaces tensors of one type by their means over all processes, in place and in a few large pieces.

        Raises:
            ConnectionError: another process is gone.
        """
        if self.is_alone:
            return
        with told_as_lost(self):
            pending = []
            for bucket in _buckets(tensors):
                flat = torch.cat([tensor.reshape(-1) for tensor in bucket])
                pending.append((bucket, flat, torch.distributed.all_reduce(flat, async_op=True)))
            for bucket, flat, work in pending:
                work.wait()
                flat /= self.world_size
                parts = flat.split([tensor.numel() for tensor in bucket])
                for tensor, part in zip(bucket, parts, strict=True):
                    tensor.copy_(part.view_as(tensor))


ALONE = Team()
"""A run of one process."""


@contextmanager
def told_as_lost(team: Team) -> Iterator[None]:
    """Turns what torch says of a lost process into an error that says what to do."""
    try:
        yield
    except RuntimeError as error:
        raise ConnectionError(
            f"process {team.rank} of {team.world_size} lost touch with another one, so the run stops; see what "
            f"the others say, then go on with `gghead resume`, on as many processes as there are left ({error})"
        ) from error


def _buckets(tensors: Sequence[Tensor]) -> Iterator[list[Tensor]]:
    bucket: list[Tensor] = []
    for tensor in tensors:
        bucket.append(tensor)
        if sum(each.numel() for each in bucket) >= BUCKET_NUMBERS:
            yield bucket
            bucket = []
    if bucket:
        yield bucket

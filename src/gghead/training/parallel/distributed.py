"""Several processes, one run: they share each batch and average what they learned from their parts.

N processes compute what one would: every random number is drawn for the whole batch, of which each process takes its
part; groups of the minibatch standard deviation stay together; gradients are averaged before the optimizer steps.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import torch
import torch.distributed
from jaxtyping import Float
from torch import Tensor

from gghead.config.model import DiscriminatorConfig
from gghead.config.training import TrainingConfig
from gghead.data.loader import Order
from gghead.training.parallel.microbatches import portion

BUCKET_NUMBERS = 16 * 2**20
"""Numbers that are reduced in one go: large enough for the network, small enough to keep the copy small."""


@dataclass(frozen=True)
class ProcessGroup:
    """The processes of a run, as one of them sees them; alone by default.

    Attributes:
        rank: number of this process, 0 to world_size - 1; 0 writes, logs and measures.
        world_size: processes of the run.
        local_rank: number of this process among those of its machine.
        control: over which the hosts talk without their devices.
    """

    rank: int = 0
    world_size: int = 1
    local_rank: int = 0
    control: torch.distributed.ProcessGroup | None = None

    @property
    def is_alone(self) -> bool:
        """Whether there is nobody to share with."""
        return self.world_size == 1

    @property
    def is_first(self) -> bool:
        """Whether this process writes, logs and measures."""
        return self.rank == 0

    def device(self, name: str) -> str:
        """Where this process trains: on CUDA each has the GPU of its local rank."""
        return name if self.is_alone or not name.startswith("cuda") else f"cuda:{self.local_rank}"

    def part(self, whole: Float[Tensor, "B ..."], group_size: int) -> Float[Tensor, "K ..."]:
        """This process's rows of a batch; whole groups of the minibatch standard deviation, see `data.sampler`.

        Args:
            whole: what one process would use.
            group_size: pictures that the discriminator compares.
        """
        return portion(whole, group_size, self.rank, self.world_size)

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
        pending = []
        for bucket in _buckets(tensors):
            flat = torch.cat([tensor.reshape(-1) for tensor in bucket])
            with told_as_lost(self):
                pending.append((bucket, flat, torch.distributed.all_reduce(flat, async_op=True)))
        for bucket, flat, work in pending:
            with told_as_lost(self):
                work.wait()
            flat /= self.world_size
            parts = flat.split([tensor.numel() for tensor in bucket])
            torch._foreach_copy_(bucket, [part.view_as(tensor) for tensor, part in zip(bucket, parts, strict=True)])

    def any(self, ask: Callable[[], bool]) -> Callable[[], bool]:
        """Asks all processes something; the answer, yes if one says yes, is waited for when it is called for.

        Between the two, processes go on; so one question a step costs nothing, and tells within a step when another
        process is gone.

        Raises:
            ConnectionError: another process is gone; when the answer is called for.
        """
        if self.is_alone:
            return ask
        flag = torch.tensor(int(ask()))
        with told_as_lost(self):
            work = torch.distributed.all_reduce(flag, torch.distributed.ReduceOp.MAX, group=self.control, async_op=True)

        def answer() -> bool:
            with told_as_lost(self):
                work.wait()
            return bool(flag)

        return answer

    def any_of(self, value: bool) -> bool:
        """Whether it is so in any process.

        Raises:
            ConnectionError: another process is gone.
        """
        return self.any(lambda: value)()

    def wait(self) -> None:
        """Until all processes are here.

        Raises:
            ConnectionError: another process is gone.
        """
        self.any_of(False)

    def require_same(self, number: int, what: str) -> None:
        """Makes sure that all processes are at the same point.

        Raises:
            ValueError: another process has another number.
        """
        greatest = torch.tensor([number, -number])
        if not self.is_alone:
            with told_as_lost(self):
                torch.distributed.all_reduce(greatest, torch.distributed.ReduceOp.MAX, group=self.control)
        if greatest[0] != -greatest[1]:
            raise ValueError(
                f"{what} differ between the processes ({-greatest[1]} to {greatest[0]}); all of them must see the same "
                "folder of the run"
            )


SINGLE_PROCESS = ProcessGroup()
"""A run of one process."""


def share_of(training: TrainingConfig, discriminator: DiscriminatorConfig, team: ProcessGroup) -> Order:
    """Which pictures a process sees.

    Raises:
        ValueError: the batch, or the heads that it shows, can't be shared evenly.
    """
    order = Order(
        training.seed,
        training.batch_size,
        training.mirrored,
        team.rank,
        team.world_size,
        group_size=discriminator.group_size,
    )
    heads = training.batch_size // training.views
    if not team.is_alone and heads % (discriminator.group_size * team.world_size):
        raise ValueError(
            f"{heads} heads of {training.views} views a step on {team.world_size} processes; expected a multiple of "
            f"{discriminator.group_size * team.world_size} heads: start fewer processes, or take larger batches"
        )
    return order


@contextmanager
def told_as_lost(team: ProcessGroup) -> Iterator[None]:
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

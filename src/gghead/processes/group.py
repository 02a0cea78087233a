"""The process group of a job: a single process, or those that torchrun or `launch` started.

N processes train what one would: every random number is drawn for the whole batch, of which each process takes its
part; groups of the minibatch standard deviation stay together; gradients are averaged before the optimizer steps.
"""

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta

import torch
import torch.distributed
from jaxtyping import Float
from torch import Tensor

LONGEST_SILENCE = timedelta(minutes=30)
"""A process that hangs is given up after it; one that dies is noticed at once. Rank 0 measures meanwhile."""
BUCKET_NUMBERS = 16 * 2**20
"""Numbers that are reduced in one go: large enough for the network, small enough to keep the copy small."""


@dataclass(frozen=True)
class ProcessGroup:
    """The processes of a job, as one of them sees them; a single process by default.

    Attributes:
        rank: number of this process, 0 to world_size - 1; 0 writes, logs and measures.
        world_size: processes of the job.
        local_rank: number of this process among those of its machine.
        control: over which the hosts talk without their devices.
    """

    rank: int = 0
    world_size: int = 1
    local_rank: int = 0
    control: torch.distributed.ProcessGroup | None = None

    @property
    def is_single(self) -> bool:
        """Whether there is no other process."""
        return self.world_size == 1

    @property
    def is_rank_zero(self) -> bool:
        """Whether this process writes, logs and measures."""
        return self.rank == 0

    def device(self, name: str) -> str:
        """Where this process computes: on CUDA each has the GPU of its local rank."""
        return name if self.is_single or not name.startswith("cuda") else f"cuda:{self.local_rank}"

    def part(self, whole: Float[Tensor, "B ..."], group_size: int) -> Float[Tensor, "K ..."]:
        """This process's rows of a batch; whole groups of the minibatch standard deviation, see `rows_of_groups`.

        Args:
            whole: what one process would use.
            group_size: pictures that the discriminator compares.
        """
        return rows_of_groups(whole, group_size, self.rank, self.world_size)

    def mean(self, value: Float[Tensor, "..."]) -> Float[Tensor, "..."]:
        """Mean of a detached tensor over all processes."""
        if self.is_single:
            return value
        total = value.detach().clone()
        self.average([total])
        return total

    def average(self, tensors: Sequence[Tensor]) -> None:
        """Replaces tensors of one type by their means over all processes, in place and in a few large pieces.

        Raises:
            ConnectionError: another process is gone.
        """
        if self.is_single:
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
            torch._foreach_copy_(  # pyright: ignore[reportPrivateImportUsage] - as torch's optimizers do
                bucket, [part.view_as(tensor) for tensor, part in zip(bucket, parts, strict=True)]
            )

    def any(self, ask: Callable[[], bool]) -> Callable[[], bool]:
        """Asks all processes something; the answer, yes if one says yes, is waited for when it is called for.

        Between the two, processes go on; so one question a step costs nothing, and tells within a step when another
        process is gone.

        Raises:
            ConnectionError: another process is gone; when the answer is called for.
        """
        if self.is_single:
            return ask
        flag = torch.tensor(int(ask()))
        with told_as_lost(self):
            work = torch.distributed.all_reduce(flag, torch.distributed.ReduceOp.MAX, group=self.control, async_op=True)
        assert work is not None, "this process is of the group"

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
        if not self.is_single:
            with told_as_lost(self):
                torch.distributed.all_reduce(greatest, torch.distributed.ReduceOp.MAX, group=self.control)
        if greatest[0] != -greatest[1]:
            raise ValueError(
                f"{what} differ between the processes ({-greatest[1]} to {greatest[0]}); all of them must see the same "
                "folder of the run"
            )


SINGLE_PROCESS = ProcessGroup()
"""A job of one process."""


@contextmanager
def join_group(device: str, timeout: timedelta = LONGEST_SILENCE) -> Iterator[ProcessGroup]:
    """The process group that torchrun, or `launch`, put this process into; a single process if neither started it.

    Args:
        device: where the processes exchange tensors; on CUDA each takes the GPU of its local rank.
        timeout: after which a process that does not answer is given up.

    Raises:
        ConnectionError: the others don't come, or one is gone.
        ValueError: there are more processes than GPUs.
    """
    if not is_launched():
        yield SINGLE_PROCESS
        return
    rank, world_size, local_rank = (int(os.environ[name]) for name in ("RANK", "WORLD_SIZE", "LOCAL_RANK"))
    on_cuda = torch.device(device).type == "cuda"
    if on_cuda:
        require_gpus(local_rank + 1)
        torch.cuda.set_device(local_rank)
    with told_as_lost(ProcessGroup(rank, world_size)):
        torch.distributed.init_process_group("nccl" if on_cuda else "gloo", timeout=timeout)
        control = torch.distributed.new_group(backend="gloo", timeout=timeout)
    assert not isinstance(control, int), "this process is of the group"
    yield ProcessGroup(rank, world_size, local_rank, control)
    # Not after an error: it would wait for processes that are gone.
    torch.distributed.destroy_process_group()


def is_launched() -> bool:
    """Whether torchrun, or `launch`, started this process as one of several."""
    return int(os.environ.get("WORLD_SIZE", 1)) > 1


def require_gpus(count: int) -> None:
    """Raises ValueError if this machine has fewer GPUs."""
    there = torch.cuda.device_count()
    if there < count:
        raise ValueError(f"{count} processes on a machine with {there} GPUs; expected one GPU for each: start fewer")


def rows_of_groups(whole: Float[Tensor, "B ..."], group_size: int, number: int, count: int) -> Float[Tensor, "K ..."]:
    """One of several parts of a batch, of whole groups of the minibatch standard deviation.

    Args:
        whole: the batch, in which picture i is of group i mod (B / group size), see `append_deviation`.
        group_size: pictures that the discriminator compares.
        number: which part, 0 to count - 1.
        count: parts; the whole itself is the only one.
    """
    if count == 1:
        return whole
    return torch.cat([row.tensor_split(count)[number] for row in whole.unflatten(0, (group_size, -1))])


@contextmanager
def told_as_lost(group: ProcessGroup) -> Iterator[None]:
    """Turns what torch says of a lost process into an error that says what to do."""
    try:
        yield
    except RuntimeError as error:
        raise ConnectionError(
            f"process {group.rank} of {group.world_size} lost touch with another one, so all stop; see what the others "
            "say, then continue: a run with `gghead resume`, on as many processes as there are left, an evaluation "
            f"with the same command ({error})"
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

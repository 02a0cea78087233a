"""Batches in parts of whole groups: what the discriminator evaluates at a time, or what a process takes.

A logit depends on the other pictures of its group of the minibatch standard deviation, and on no picture else. So a
batch in microbatches of whole groups is evaluated as it is in one go, and with much less memory.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from gghead.config.model import DiscriminatorConfig
from gghead.config.training import TrainingConfig
from gghead.data.sampler import Order
from gghead.processes.group import ProcessGroup, rows_of_groups
from gghead.training.discriminators.choice import AnyDiscriminator

MICROBATCH_PIXELS = 2**23
"""Pixels that the discriminator evaluates at a time, or one group's if these are more: 8 pictures of 1024 x 1024, 128
of 256 x 256. What it keeps of them for the backward pass is most of the memory of a step."""


def share_of(training: TrainingConfig, discriminator: DiscriminatorConfig, group: ProcessGroup) -> Order:
    """Which pictures a process sees.

    Raises:
        ValueError: the batch, or the heads that it shows, can't be shared evenly.
    """
    picked = training.seed, training.batch_size, training.mirrored
    order = Order(*picked, group.rank, group.world_size, discriminator.group_size)
    heads, multiple = training.batch_size // training.views, discriminator.group_size * group.world_size
    if group.world_size > 1 and heads % multiple:
        raise ValueError(
            f"{heads} heads of {training.views} views a step on {group.world_size} processes; expected a multiple of "
            f"{multiple} heads: start fewer processes, or take larger batches"
        )
    return order


@dataclass(frozen=True)
class Microbatches:
    """How a batch is cut.

    Attributes:
        group_size: pictures that the discriminator compares.
        count: microbatches, as large as each other but for a group.
    """

    group_size: int
    count: int

    @classmethod
    def of(cls, discriminator: AnyDiscriminator, batch_size: int, batches: int = 1) -> "Microbatches":
        """As few as the discriminator may evaluate at a time, of several batches that are joined."""
        config = discriminator.config
        size = min(config.group_size, batch_size)
        at_once = max(MICROBATCH_PIXELS // (size * config.resolution**2), 1)
        return cls(size, -(-(batches * batch_size // size) // at_once))

    def cut(self, *wholes: Float[Tensor, "B ..."]) -> Iterator[tuple[Tensor, ...]]:
        """Microbatch after microbatch of tensors that belong together."""
        for number in range(self.count):
            yield tuple(rows_of_groups(whole, self.group_size, number, self.count) for whole in wholes)

    def join(self, microbatches: Sequence[Tensor]) -> Float[Tensor, "B ..."]:
        """The batch that was cut into these."""
        return join_groups(microbatches, self.group_size)


def join_groups(parts: Sequence[Float[Tensor, "_ ..."]], group_size: int) -> Float[Tensor, "B ..."]:
    """One batch of several whose groups stay as they are: the inverse of `rows_of_groups`."""
    if len(parts) == 1:
        return parts[0]
    rows = zip(*[part.unflatten(0, (group_size, -1)) for part in parts], strict=True)
    return torch.cat([piece for row in rows for piece in row])

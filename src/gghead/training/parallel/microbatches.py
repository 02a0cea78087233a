"""Batches in portions: what the discriminator judges at a time, or what a process takes.

A logit depends on the other pictures of its group of the minibatch standard deviation, and on no picture else. So a
batch in portions of whole groups is judged as it is in one go, and with much less memory.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from gghead.model.discriminator import Discriminator

MICROBATCH_PIXELS = 2**23
"""Pixels that the discriminator judges at a time, or one group's if these are more: 8 pictures of 1024 x 1024, 128 of
256 x 256. What it keeps of them for the way back is most of the memory of a step."""


def portion(whole: Float[Tensor, "B ..."], group_size: int, number: int, count: int) -> Float[Tensor, "K ..."]:
    """One of several portions of a batch, of whole groups; which picture is of which, see `append_deviation`.

    Args:
        whole: the batch, in which picture i is of group i mod (B / group size).
        group_size: pictures that the discriminator compares.
        number: which portion, 0 to count - 1.
        count: portions; the whole itself is the only one.
    """
    if count == 1:
        return whole
    return torch.cat([row.tensor_split(count)[number] for row in whole.unflatten(0, (group_size, -1))])


@dataclass(frozen=True)
class Microbatches:
    """How a batch is cut.

    Attributes:
        group_size: pictures that the discriminator compares.
        count: portions, as large as each other but for a group.
    """

    group_size: int
    count: int

    @classmethod
    def judged(cls, discriminator: Discriminator, batch_size: int) -> "Microbatches":
        """As few as the discriminator may judge at a time."""
        config = discriminator.config
        size = min(config.group_size, batch_size)
        at_once = max(MICROBATCH_PIXELS // (size * config.resolution**2), 1)
        return cls(size, -(-(batch_size // size) // at_once))

    def cut(self, *wholes: Float[Tensor, "B ..."]) -> Iterator[tuple[Tensor, ...]]:
        """Portion after portion of tensors that belong together."""
        for number in range(self.count):
            yield tuple(portion(whole, self.group_size, number, self.count) for whole in wholes)

    def join(self, portions: Sequence[Tensor]) -> Float[Tensor, "B ..."]:
        """The batch whose portions these are."""
        if self.count == 1:
            return portions[0]
        rows = zip(*[part.unflatten(0, (self.group_size, -1)) for part in portions], strict=True)
        return torch.cat([piece for row in rows for piece in row])

"""What steps say of themselves: collected on their device, read from time to time, refused when non-finite."""

import time
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from gghead.processes.group import SINGLE_PROCESS, ProcessGroup

StepReport = dict[str, Tensor]
"""Mean values of a step by the names that they have in the log; on the device of the networks, so that nothing waits.

Adversarial losses `generator` and `discriminator`; mean logits `real_logits` and `fake_logits`; mean norms of raw
`position` and `scale`; mean `opacity`; `saturation`, `beta` and `uv_variation`, if they have a weight; in the steps
with R1 mean |grad|^2 of an image, `r1`; norms of gradients `generator_gradient`, `discriminator_gradient`,
`r1_gradient`.
"""
StepValues = dict[str, float]
"""The same as numbers."""


@dataclass(frozen=True)
class Tick:
    """A line of the log: means since the line before.

    Attributes:
        images: real images seen so far.
        images_per_second: since the line before, snapshots included.
        losses: means of the values of steps, by name.
    """

    images: int
    images_per_second: float
    losses: dict[str, float]

    def values(self) -> dict[str, float]:
        """What the log keeps of it, by name."""
        speed = {"images_per_second": round(self.images_per_second, 3)}
        return speed | {name: round(value, 6) for name, value in self.losses.items()}


class Divergence(FloatingPointError):
    """A loss, a gradient or a weight is non-finite."""


class Accumulator:
    """Means of step reports, kept on their device; reading them is the only wait for it.

    Args:
        batch_size: images of a step.
        group: the processes whose means they are.
        earlier: values of steps since the line before, which another process made before it was interrupted.
    """

    def __init__(
        self, batch_size: int, group: ProcessGroup = SINGLE_PROCESS, earlier: Sequence[StepValues] = ()
    ) -> None:
        self._batch_size = batch_size
        self._group = group
        self._earlier = list(earlier)
        self._steps: list[StepReport] = []
        self._start = time.monotonic()

    def add(self, report: StepReport) -> None:
        """Takes the report of a step."""
        self._steps.append(report)

    def read(self, images: int) -> Tick:
        """Means since the last call, over all processes; forgets them.

        Raises:
            Divergence: a value is non-finite. Names the first such step and what is non-finite in it.
            ConnectionError: another process is gone.
        """
        rows = self.check(images)
        now = time.monotonic()
        speed = len(self._steps) * self._batch_size / max(now - self._start, 1e-9)
        self._earlier, self._steps, self._start = [], [], now
        known = {name: [values[name] for values in rows if name in values] for values in rows for name in values}
        return Tick(images, speed, {name: sum(values) / len(values) for name, values in known.items()})

    def check(self, images: int) -> list[StepValues]:
        """The values of each step since the last `read`, by name; nothing is forgotten.

        Args, Raises: as of `read`.
        """
        rows = list(self._earlier)
        flat = [value for step in self._steps for value in step.values()]
        if flat:
            values = iter(self._group.mean(torch.stack(flat).float()).tolist())
            rows += [{name: next(values) for name in step} for step in self._steps]
        first = images - len(rows) * self._batch_size
        for row, step in enumerate(rows):
            broken = [name for name, value in step.items() if not abs(value) < float("inf")]
            if broken:
                seen = first + row * self._batch_size
                raise Divergence(
                    f"training has diverged in step {seen // self._batch_size}, after {seen} images: "
                    f"not finite: {', '.join(broken)}"
                )
        return rows

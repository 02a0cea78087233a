"""What steps say of themselves: collected on their device, read from time to time, refused when not finite."""

import time
from collections.abc import Sequence
from dataclasses import dataclass, fields

import torch
from torch import Tensor

from gghead.training.parallel.distributed import SINGLE_PROCESS, ProcessGroup


@dataclass(frozen=True)
class StepReport:
    """Mean values of a step, for the log; tensors on the device of the networks, so that nothing waits for them.

    Attributes:
        generator: adversarial loss of the generator.
        discriminator: adversarial loss of the discriminator.
        r1: R1 penalty |grad|^2 per picture, or None in the steps without it.
        real_logits: what the discriminator says of real pictures.
        fake_logits: what it says of generated ones.
        position: mean norm of raw positions.
        scale: mean norm of raw scales.
        opacity: mean opacity of the Gaussians.
        beta: beta loss of the opacities, or None if it has no weight.
        uv_variation: total variation of texture coordinates, or None if it has no weight.
        generator_gradient: norm of the generator's gradient.
        discriminator_gradient: norm of the discriminator's gradient.
        r1_gradient: norm of the gradient of the R1 step, or None in the steps without it.
    """

    generator: Tensor
    discriminator: Tensor
    r1: Tensor | None
    real_logits: Tensor
    fake_logits: Tensor
    position: Tensor
    scale: Tensor
    opacity: Tensor
    beta: Tensor | None
    uv_variation: Tensor | None
    generator_gradient: Tensor
    discriminator_gradient: Tensor
    r1_gradient: Tensor | None


StepValues = dict[str, float]
"""The values of a StepReport by name, only those that the step has."""


@dataclass(frozen=True)
class Tick:
    """A line of the log: means since the line before.

    Attributes:
        images: real pictures seen so far.
        images_per_second: since the line before, snapshots included.
        losses: means of the StepReport's values, by name.
    """

    images: int
    images_per_second: float
    losses: dict[str, float]

    def values(self) -> dict[str, float]:
        """What the log keeps of it, by name."""
        speed = {"images_per_second": round(self.images_per_second, 3)}
        return speed | {name: round(value, 6) for name, value in self.losses.items()}


class Divergence(FloatingPointError):
    """A loss or a gradient is no longer finite."""


class Accumulator:
    """Means of step reports, kept on their device; reading them is the only wait for it.

    Args:
        batch_size: images of a step.
        team: whose means they are.
        earlier: values of steps since the line before, which another process made before it was interrupted.
    """

    def __init__(
        self, batch_size: int, team: ProcessGroup = SINGLE_PROCESS, earlier: Sequence[StepValues] = ()
    ) -> None:
        self._batch_size = batch_size
        self._team = team
        self._earlier = list(earlier)
        self._reports: list[StepReport] = []
        self._start = time.monotonic()

    def add(self, report: StepReport) -> None:
        """Takes the report of a step."""
        self._reports.append(report)

    def read(self, images: int) -> Tick:
        """Means since the last call, over all processes; forgets them.

        Args:
            images: real pictures seen so far.

        Raises:
            Divergence: a value is not finite. Names the first such step and what is not finite in it.
            ConnectionError: another process is gone.
        """
        rows = self.check(images)
        now = time.monotonic()
        speed = len(self._reports) * self._batch_size / max(now - self._start, 1e-9)
        self._earlier, self._reports, self._start = [], [], now
        known = {name: [values[name] for values in rows if name in values] for values in rows for name in values}
        return Tick(images, speed, {name: sum(values) / len(values) for name, values in known.items()})

    def check(self, images: int) -> list[StepValues]:
        """The values of each step since the last `read`, by name; nothing is forgotten.

        Args, Raises: as of `read`.
        """
        rows = self._rows()
        first = images - len(rows) * self._batch_size
        for row, values in enumerate(rows):
            broken = [name for name, value in values.items() if not abs(value) < float("inf")]
            if broken:
                seen = first + row * self._batch_size
                raise Divergence(
                    f"training has diverged in step {seen // self._batch_size}, after {seen} images: "
                    f"not finite: {', '.join(broken)}"
                )
        return rows

    def _rows(self) -> list[StepValues]:
        """The values of each step."""
        names = [
            [field.name for field in fields(report) if getattr(report, field.name) is not None]
            for report in self._reports
        ]
        flat = [getattr(report, name) for report, row in zip(self._reports, names, strict=True) for name in row]
        if not flat:
            return list(self._earlier)
        values = iter(self._team.mean(torch.stack(flat).float()).tolist())
        return self._earlier + [{name: next(values) for name in row} for row in names]

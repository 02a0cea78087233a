"""What steps say of themselves: collected on their device, read from time to time, refused when non-finite."""

import time
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from gghead.processes.group import SINGLE_PROCESS, ProcessGroup


@dataclass(frozen=True)
class GeneratorReport:
    """Of the generator's part of a step.

    Attributes:
        loss: adversarial loss.
        position: mean norm of raw positions.
        scale: mean norm of raw scales.
        opacity: mean opacity of the Gaussians.
        beta: beta loss of the opacities, or None if it has no weight.
        uv_variation: total variation of UV coordinates, or None if it has no weight.
        gradient: norm of the generator's gradient.
    """

    loss: Tensor
    position: Tensor
    scale: Tensor
    opacity: Tensor
    beta: Tensor | None
    uv_variation: Tensor | None
    gradient: Tensor


@dataclass(frozen=True)
class DiscriminatorReport:
    """Of the discriminator's part of a step.

    Attributes:
        loss: adversarial loss.
        real_logits: mean logit of real images.
        fake_logits: mean logit of generated images.
        gradient: norm of the discriminator's gradient.
    """

    loss: Tensor
    real_logits: Tensor
    fake_logits: Tensor
    gradient: Tensor


@dataclass(frozen=True)
class R1Report:
    """Of the R1 penalty of a step.

    Attributes:
        penalty: mean |grad|^2 of an image.
        gradient: norm of the penalty's gradient.
    """

    penalty: Tensor
    gradient: Tensor


@dataclass(frozen=True)
class StepReport:
    """Mean values of a step; tensors on the device of the networks, so that nothing waits for them.

    Attributes:
        generator: of its part.
        discriminator: of its part.
        r1: of the penalty, or None in the steps without it.
    """

    generator: GeneratorReport
    discriminator: DiscriminatorReport
    r1: R1Report | None

    def values(self) -> dict[str, Tensor]:
        """Those that there are, by the names that they have in the log."""
        generator, discriminator, r1 = self.generator, self.discriminator, self.r1
        named = {
            "generator": generator.loss,
            "discriminator": discriminator.loss,
            "r1": r1 and r1.penalty,
            "real_logits": discriminator.real_logits,
            "fake_logits": discriminator.fake_logits,
            "position": generator.position,
            "scale": generator.scale,
            "opacity": generator.opacity,
            "beta": generator.beta,
            "uv_variation": generator.uv_variation,
            "generator_gradient": generator.gradient,
            "discriminator_gradient": discriminator.gradient,
            "r1_gradient": r1 and r1.gradient,
        }
        return {name: value for name, value in named.items() if value is not None}


StepValues = dict[str, float]
"""The values of a StepReport by their names in the log, as numbers."""


@dataclass(frozen=True)
class Tick:
    """A line of the log: means since the line before.

    Attributes:
        images: real images seen so far.
        images_per_second: since the line before, snapshots included.
        losses: means of the StepReports' values, by name.
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
        self._steps: list[dict[str, Tensor]] = []
        self._start = time.monotonic()

    def add(self, report: StepReport) -> None:
        """Takes the report of a step."""
        self._steps.append(report.values())

    def read(self, images: int) -> Tick:
        """Means since the last call, over all processes; forgets them.

        Args:
            images: real images seen so far.

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
        flat = [value for step in self._steps for value in step.values()]
        if not flat:
            return list(self._earlier)
        values = iter(self._group.mean(torch.stack(flat).float()).tolist())
        return self._earlier + [{name: next(values) for name in step} for step in self._steps]

"""What the passes of a step are given: real images, and all that is random about generated ones."""

from dataclasses import dataclass
from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor

from gghead.config.training import TrainingConfig
from gghead.cuda.graphs import Runner, run_directly
from gghead.data.loader import Batch
from gghead.data.pixels import composite
from gghead.media.images import to_network
from gghead.processes.group import SINGLE_PROCESS, ProcessGroup
from gghead.training.losses.augmentation import NUMBERS, augment
from gghead.training.losses.backgrounds import random_fields
from gghead.training.losses.blur import blur_matrix
from gghead.training.randomness import generator_for
from gghead.training.schedules import blur_sigma, swap_probability
from gghead.training.state import TrainingState


@dataclass(frozen=True)
class StepContext:
    """What stays the same from step to step.

    Attributes:
        config: losses, rates and schedules.
        dataset_labels: all labels of the dataset, from which the cameras of generated images are drawn, on the CPU.
        group: the processes of the run.
        run: runs the passes.
    """

    config: TrainingConfig
    dataset_labels: Float[Tensor, "M 25"]
    group: ProcessGroup = SINGLE_PROCESS
    run: Runner = run_directly


@dataclass(frozen=True)
class RealBatch:
    """This process's part of the real images of a step.

    Attributes:
        images: as the discriminator takes them, in [-1, 1].
        labels: their cameras.
    """

    images: Float[Tensor, "B 3 R R"]
    labels: Float[Tensor, "B 25"]


@dataclass(frozen=True)
class GeneratedBatch:
    """What this process's part of the generated images of a step is made from.

    Attributes:
        latents: of the heads.
        conditioning_labels: of the conditioning cameras; None if the mapping network has no input for them.
        noise: of the layers of the synthesis network.
        labels: cameras of the images; those of a head side by side.
        backgrounds: what is behind each image, in [0, 1]; None for the configured one.
        changes: random numbers of `augment`; None if it changes nothing.
    """

    latents: Float[Tensor, "H Z"]
    conditioning_labels: Float[Tensor, "H 25"] | None
    noise: tuple[Float[Tensor, "H 1 _ _"], ...]
    labels: Float[Tensor, "B 25"]
    backgrounds: Float[Tensor, "B 3 R R"] | None
    changes: Float[Tensor, "B 9"] | None


Blur = Float[Tensor, "R R"] | None
"""Blur of the discriminator's images, see `losses.blur.blur_matrix`; None when it has faded."""


def prepare_blur(state: TrainingState, config: TrainingConfig) -> Blur:
    """The blur of this step."""
    sigma = blur_sigma(config, state.images)
    return _to_device(blur_matrix(sigma, state.discriminator.config.resolution), state) if sigma > 0 else None


def prepare_real(state: TrainingState, context: StepContext, batch: Batch) -> RealBatch:
    """Real images in the discriminator's range, on random backgrounds and changed at random if the run wants it."""
    background: float | Tensor = context.config.background
    if context.config.random_background:
        background = _draw_backgrounds(state, context, "backgrounds of real pictures").permute(0, 2, 3, 1)
    images = to_network(composite(batch.pixels, background))
    changes = _draw_changes(state, context, "changes of real pictures")
    return RealBatch(*augment(images, batch.labels, changes, context.config.augmentation))


def draw_generated(
    state: TrainingState, context: StepContext, network: Literal["generator", "discriminator"]
) -> GeneratedBatch:
    """Draws latents, cameras, noise and backgrounds for the whole batch, of which this process takes its part.

    Args:
        state: how far the run is.
        context: of the step.
        network: that learns from the images: each has its own. The names of the streams below are part of every run:
            with others, a run that goes on would not be the run that it was.
    """
    config, group, group_size = context.config, context.group, _group_size(state, context.config)
    draw = generator_for(config.seed, f"fakes of the {network}", state.images, rollbacks=state.rollbacks)
    heads = config.batch_size // config.views
    latents = torch.randn(heads, state.generator.config.z_size, generator=draw)
    chosen = torch.randint(len(context.dataset_labels), (config.batch_size,), generator=draw)
    labels = context.dataset_labels[chosen]

    def part(whole: Tensor) -> Tensor:
        return _to_device(group.part(whole, group_size), state)

    conditioning_labels = backgrounds = None
    if state.generator.config.camera_conditioned:
        swapped = torch.rand(heads, 1, generator=draw) < swap_probability(config, state.images)
        own = labels[:: config.views]
        conditioning_labels = part(torch.where(swapped, own.roll(1, dims=0), own))
    if config.random_background:
        backgrounds = _draw_backgrounds(state, context, f"backgrounds of the {network}")
    noise = generator_for(config.seed, f"noise of the {network}", state.images, state.device, state.rollbacks)
    return GeneratedBatch(
        latents=part(latents),
        conditioning_labels=conditioning_labels,
        noise=tuple(group.part(layer, group_size) for layer in state.generator.synthesis.draw_noise(heads, noise)),
        labels=part(labels),
        backgrounds=backgrounds,
        changes=_draw_changes(state, context, f"changes of the {network}"),
    )


def _draw_backgrounds(state: TrainingState, context: StepContext, purpose: str) -> Float[Tensor, "B 3 R R"]:
    """What is behind this process's part of the images."""
    config, side = context.config, state.discriminator.config.resolution
    draw = generator_for(config.seed, purpose, state.images, state.device, state.rollbacks)
    return context.group.part(random_fields(config.batch_size, side, draw), _group_size(state, config))


def _draw_changes(state: TrainingState, context: StepContext, purpose: str) -> Float[Tensor, "B 9"] | None:
    """Random numbers by which this process's part of the images is changed, if any is."""
    config = context.config
    if config.augmentation == 0:
        return None
    draw = generator_for(config.seed, purpose, state.images, rollbacks=state.rollbacks)
    numbers = torch.rand(config.batch_size, NUMBERS, generator=draw)
    return _to_device(context.group.part(numbers, _group_size(state, config)), state)


def _group_size(state: TrainingState, config: TrainingConfig) -> int:
    """Images of a group of the minibatch standard deviation."""
    return min(state.discriminator.config.group_size, config.batch_size)


def _to_device(tensor: Tensor, state: TrainingState) -> Tensor:
    """Copies to the networks' device without waiting for it."""
    if state.device.type == "cuda":
        tensor = tensor.pin_memory()
    return tensor.to(state.device, non_blocking=True)

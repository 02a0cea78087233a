"""What a run would take, before it is started: parameters, arithmetic, memory, time.

For arithmetic and memory the networks' passes are gone through on torch's meta device, which knows shapes and computes
nothing; for the time some steps are made.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass, fields

import torch
from torch import Tensor
from torch.autograd.graph import saved_tensors_hooks
from torch.multiprocessing.reductions import StorageWeakRef
from torch.utils.flop_counter import FlopCounterMode

from gghead.config.model import LABEL_SIZE
from gghead.config.presets import from_preset
from gghead.config.training import RunConfig
from gghead.cuda.graphs import fastest_runner, on_gpu
from gghead.data.loader import Batch
from gghead.geometry.cameras import Cameras
from gghead.model.generator import Generator
from gghead.rasterizer.cuda.device_report import watch_lists
from gghead.training.discriminators.choice import AnyDiscriminator, new_discriminator
from gghead.training.loop import training_step
from gghead.training.losses.r1 import leaf_of, r1
from gghead.training.microbatches import Microbatches
from gghead.training.precision import multiplication
from gghead.training.state import mix_precision, new_state, read_texels
from gghead.training.steps.inputs import StepContext
from gghead.uv.samples import UVSamples

DRAWING_BYTES = 142
"""Of a Gaussian while it is drawn with gradients; measured at 32 x 65,382 of them."""
STEPS = {"cpu": 1, "cuda": 4}
"""Steps of each kind, with R1 and without, that are made before the clock runs, and again while it does."""
PROBE = "demo"
"""Preset whose steps are timed on a processor, where those of the large ones take minutes."""


@dataclass(frozen=True)
class Estimate:
    """What a run would take.

    Attributes:
        generator_parameters: numbers that the generator learns.
        discriminator_parameters: numbers that the discriminator learns.
        gaussians: of a head.
        operations: arithmetic of the networks for a training picture, its share of R1 included; multiplications and
            additions count one each.
        memory: bytes on the device, without a dataset that is kept there.
    """

    generator_parameters: int
    discriminator_parameters: int
    gaussians: int
    operations: float
    memory: int


def estimate(config: RunConfig, device_type: str) -> Estimate:
    """Goes through one step of a run.

    Args:
        config: of the run.
        device_type: "cpu" or "cuda"; on GPUs the highest-resolution blocks may take half of the memory.

    Raises:
        FileNotFoundError, ValueError: the template can't be read.
    """
    model, training = config.model, config.training
    texels = read_texels(config)
    with torch.device("meta"):
        generator = Generator(model.generator, UVSamples(texels.uvs.to("meta"), texels.positions.to("meta")), seed=None)
        discriminator = new_discriminator(model.discriminator, None).to("meta")
        if device_type == "cuda" and training.precision == "mixed":
            mix_precision(generator, discriminator)
        size = model.discriminator.resolution
        heads, labels = training.batch_size // training.views, torch.empty(training.batch_size, LABEL_SIZE)
        pictures = torch.empty(training.batch_size, 3, size, size)
        # What the discriminator evaluates at a time, where it learns of generated pictures beside the real ones; the
        # first microbatch is the largest.
        doubled = (torch.cat([whole, whole]) for whole in (pictures, labels))
        seen, seen_labels = next(Microbatches.of(discriminator, len(pictures), batches=2).cut(*doubled))
        pictures, labels = next(Microbatches.of(discriminator, len(pictures)).cut(pictures, labels))
        decoding, kept_heads = _measure(lambda: _decode(generator, heads).backward())
        making, _ = _measure(torch.no_grad()(lambda: _decode(generator, heads)))
        guiding, kept_guiding = _measure(lambda: _guide(discriminator, pictures, labels))
        discriminating, kept_logits = _measure(lambda: discriminator(seen, seen_labels).sum().backward())
        r1_pass, kept_r1 = _measure(lambda: _r1_pass(discriminator, pictures, labels))
    operations = (decoding + making) / training.batch_size + 2 * discriminating / len(seen)
    operations += (guiding + r1_pass / training.r1_every) / len(pictures)
    numbers = [sum(p.numel() for p in network.parameters()) for network in (generator, discriminator)]
    # Weights, gradients and two moments of both networks, and the EMA generator's weights.
    state = 4 * (5 * numbers[0] + 4 * numbers[1])
    drawing = DRAWING_BYTES * training.batch_size * len(texels.uvs)
    return Estimate(
        generator_parameters=numbers[0],
        discriminator_parameters=numbers[1],
        gaussians=len(texels.uvs),
        operations=operations,
        memory=state + drawing + max(kept_heads + kept_guiding, kept_logits, kept_r1),
    )


def images_per_second(config: RunConfig, operations: float, device: str) -> float:
    """Pictures a second, from steps on random pictures: on a GPU the run's own; on a processor those of the demo, which
    tell how much arithmetic it does a second.

    Args:
        config: of the run.
        operations: arithmetic of one of its pictures, as `estimate` says.
        device: where to train.

    Raises:
        torch.OutOfMemoryError: a step does not fit into the GPU's memory.
    """
    probe, probe_operations = config, operations
    if torch.device(device).type != "cuda":
        probe = from_preset(PROBE, data="")
        probe_operations = estimate(probe, "cpu").operations
    training, size = probe.training, probe.model.discriminator.resolution
    state = new_state(probe, device)
    labels = Cameras.orbit(training.batch_size, size).labels()
    pixels = torch.zeros(training.batch_size, size, size, 4, dtype=torch.uint8, device=device)
    batch = Batch(pixels, labels.to(device))
    context = StepContext(training, labels, run=fastest_runner(state.device, watch_lists))

    def seconds(with_r1: bool, steps: int) -> float:
        start = time.perf_counter()
        for _ in range(steps):
            # Late in the run: nothing fades any more.
            state.images = 10**6 * training.batch_size * training.r1_every + (0 if with_r1 else training.batch_size)
            training_step(state, context, batch)
        state.generator.position_bias.sum().item()  # waits for the device
        return (time.perf_counter() - start) / steps

    steps = STEPS[state.device.type]
    with on_gpu(device), multiplication(training.precision):
        for is_due in (True, False):  # captured, or warmed up
            seconds(is_due, steps)
        plain, with_r1 = seconds(False, steps), seconds(True, steps)
    rate = probe_operations * training.batch_size / (plain + max(with_r1 - plain, 0) / training.r1_every)
    return rate / operations


def _measure(run: Callable[[], object]) -> tuple[int, int]:
    """Arithmetic of a pass, and bytes that it keeps for its backward pass."""
    kept: dict[StorageWeakRef, int] = {}
    alive: list[Tensor] = []

    def keep(tensor: Tensor) -> Tensor:
        storage = tensor.untyped_storage()
        kept[StorageWeakRef(storage)] = storage.nbytes()
        alive.append(tensor)  # so that no later storage takes its place
        return tensor

    with FlopCounterMode(display=False) as counter, saved_tensors_hooks(keep, lambda tensor: tensor):
        run()
    return counter.get_total_flops(), sum(kept.values())


def _decode(generator: Generator, heads: int) -> Tensor:
    """New heads, as one number that depends on all of them."""
    conditioned, labels = generator.config.camera_conditioned, torch.empty(heads, LABEL_SIZE)
    camera = Cameras.from_labels(labels, 1) if conditioned else None
    gaussians = generator.decode(generator.map_styles(torch.empty(heads, generator.config.z_size), camera))
    return torch.stack([getattr(gaussians, field.name).sum() for field in fields(gaussians)]).sum()


def _guide(discriminator: AnyDiscriminator, pictures: Tensor, labels: Tensor) -> None:
    """The discriminator evaluates pictures, and the gradient w.r.t. them is computed."""
    discriminator.requires_grad_(False)
    discriminator(pictures.detach().requires_grad_(), labels).sum().backward()
    discriminator.requires_grad_(True)


def _r1_pass(discriminator: AnyDiscriminator, pictures: Tensor, labels: Tensor) -> None:
    """The penalty on real pictures and its gradient."""
    # The counter does not take leaves here.
    r1(discriminator, pictures, labels, leaf=lambda x: leaf_of(x) * 1).sum().backward()

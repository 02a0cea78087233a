"""Times a training step on random pictures, whole and part by part, against the floor of its arithmetic.

    python -m benchmarks.train_step                        # the official settings, mixed precision
    python -m benchmarks.train_step --presets ffhq256 --precision full

Appends rows of JSON for each preset to benchmarks/results/train_step.jsonl. Needs no data: a step's time does not
depend on what the pictures show. It does on the heads, which therefore stay as they are: those of the untrained
generator, whose Gaussians are large, and the same with Gaussians as small as a trained one's.
"""

import argparse
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from typing import Literal, get_args

import torch
from torch import Tensor
from torch.utils.flop_counter import FlopCounterMode

from benchmarks.gpu_clock import milliseconds
from benchmarks.rows import Spread, append, commit
from benchmarks.untrained import Scales, require_finite, standing_still
from gghead.config.presets import from_preset
from gghead.config.training import RunConfig
from gghead.cuda.graphs import Replayer, fastest_runner, run_directly
from gghead.data.loader import Batch
from gghead.geometry.cameras import Cameras
from gghead.inference.observation import as_learned
from gghead.rasterizer import render
from gghead.rasterizer.cuda.device_report import watch_lists
from gghead.training.loop import training_step
from gghead.training.losses.terms import samples_to_network
from gghead.training.microbatches import Microbatches
from gghead.training.precision import multiplication
from gghead.training.state import TrainingState, new_state
from gghead.training.steps.inputs import StepContext

BATCHES = {"ffhq256": 32, "ffhq512": 16, "ffhq1024": 8}
"""Pictures of a step, as when the official release was measured."""
MATRIX_RATE = 400e12
"""Operations a second of the floor: half of what a large bfloat16 matrix product reaches on an H100."""
WARMUP = 3


@dataclass(frozen=True)
class Row:
    """One line of the results.

    Attributes:
        pictures_per_second: of whole steps, R1 in every r1_every-th of them, as the loop makes them.
        step_ms: a step without R1; each starts on an idle GPU.
        r1_ms: what a step with R1 takes more.
        parts_ms: medians of the parts, each alone.
        host_ms: until a step's last kernel is launched; above step_ms the processor is the limit.
        tflop: arithmetic of the convolutions and matrix products of a step without R1, 10^12.
        floor_share: time of that arithmetic at MATRIX_RATE over the step's time.
        peak_gib: of all steps.
    """

    preset: str
    scales: Scales
    precision: str
    batch: int
    gaussians: int
    pictures_per_second: float
    step_ms: Spread
    r1_ms: float
    parts_ms: dict[str, float]
    host_ms: float
    tflop: float
    floor_share: float
    peak_gib: float
    gpu: str
    torch: str
    commit: str
    date: str


def main() -> None:
    """Runs the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--presets", nargs="*", default=["ffhq256", "ffhq512"])
    parser.add_argument("--precision", default="mixed", choices=["mixed", "full"])
    parser.add_argument("--batch", type=int, help="pictures of a step; default: as in the published measurements")
    parser.add_argument("--steps", type=int, default=32, help="steps that are timed, a multiple of r1_every")
    parser.add_argument("--commit", help="of this copy, if it has no history")
    parser.add_argument("--device", default="cuda")
    arguments = parser.parse_args()
    for preset in arguments.presets:
        for scales in get_args(Scales):
            config = official_config(preset, scales, arguments.precision, arguments.batch or BATCHES[preset])
            with multiplication(arguments.precision):
                row = measure(config, scales, arguments.steps, arguments.device, arguments.commit)
            append("train_step", row)


def official_config(preset: str, scales: Scales, precision: Literal["mixed", "full"], batch: int) -> RunConfig:
    """A preset with a batch, in a precision, that learns nothing."""
    config = from_preset(preset, data="random")
    training = replace(config.training, precision=precision, batch_size=batch, snapshot_every=batch)
    return standing_still(replace(config, training=training), scales)


class Step:
    """A training step on random pictures; late in a run, most of whose time does not go to blurring the first ones."""

    def __init__(self, config: RunConfig, device: str) -> None:
        self.state = new_state(config, device)
        self.training, resolution = config.training, config.model.discriminator.resolution
        self.state.images = 10**6 * self.training.batch_size
        labels = Cameras.orbit(self.training.batch_size, resolution).labels()
        size = (self.training.batch_size, resolution, resolution, 4)
        pixels = torch.randint(256, size, dtype=torch.uint8, device=device)
        self.batch = Batch(pixels, labels.to(device))
        self.context = StepContext(self.training, labels, run=fastest_runner(self.state.device, watch_lists))

    def __call__(self, with_r1: bool) -> None:
        """Makes the next step that has R1, or one that has not."""
        period, batch = self.training.r1_every * self.training.batch_size, self.training.batch_size
        self.state.images = -(-self.state.images // period) * period + (0 if with_r1 else batch)
        self.next()

    def next(self) -> None:
        """Makes the next step."""
        training_step(self.state, self.context, self.batch)

    def launch_directly(self) -> None:
        """From now on kernels are launched one by one."""
        self.context = replace(self.context, run=run_directly)


def measure(config: RunConfig, scales: Scales, steps: int, device: str, version: str | None) -> Row:
    """Everything about a preset with Gaussians of one size."""
    step = Step(config, device)
    state, training = step.state, config.training
    torch.cuda.reset_peak_memory_stats()
    for _ in range(WARMUP):
        step(with_r1=True), step(with_r1=False)
    plain = milliseconds(lambda: step(with_r1=False), max(steps // 2, 3))
    with_r1 = milliseconds(lambda: step(with_r1=True), max(steps // 4, 3))
    torch.cuda.synchronize()
    start = time.perf_counter()
    for _ in range(steps):
        step.next()
    launched = time.perf_counter() - start
    torch.cuda.synchronize()
    seconds = time.perf_counter() - start
    step.launch_directly()
    with FlopCounterMode(display=False) as counter:
        step(with_r1=False)
    tflop = counter.get_total_flops() / 1e12
    peak = torch.cuda.max_memory_allocated() / 2**30
    require_finite(state.generator, state.discriminator)
    return Row(
        config.preset, scales, training.precision, training.batch_size, len(state.generator.texel_uvs),
        round(steps * training.batch_size / seconds, 1), plain, round(with_r1.median - plain.median, 2),
        parts(state, config, step.batch.labels, max(steps // 4, 3)), round(1e3 * launched / steps, 2), round(tflop, 2),
        round(tflop * 1e12 / MATRIX_RATE / (plain.median / 1e3), 3), round(peak, 2), torch.cuda.get_device_name(),
        torch.__version__, version or commit(), datetime.now(UTC).date().isoformat(),
    )  # fmt: skip


def parts(state: TrainingState, config: RunConfig, labels: Tensor, repeats: int) -> dict[str, float]:
    """Medians of the parts of a step, each from outputs of the part before it, replayed as graphs; milliseconds."""
    generator, discriminator, training = state.generator, state.discriminator, config.training
    resolution, batch = config.model.discriminator.resolution, training.batch_size
    z = torch.randn(batch // training.views, generator.config.z_size, device=labels.device)
    seen = Cameras.from_labels(labels[:: training.views], 1) if generator.config.camera_conditioned else None
    styles = generator.map_styles(z, seen).detach()
    maps = generator.maps(styles, "none").detach().requires_grad_()
    heads = generator.decode_maps(maps).gaussians.map(lambda tensor: tensor.detach().requires_grad_())
    cameras = as_learned(generator.config).samples(Cameras.from_labels(labels.unflatten(0, (len(z), -1)), resolution))
    uv = generator.texel_uvs.expand(len(z), -1, 2) if training.uv_variation_weight > 0 else None
    samples = render(heads, cameras, background=0.0, pairwise=True, features=uv)
    fake = samples_to_network(generator, samples, training.background).detach()
    fakes = list(Microbatches.of(discriminator, batch).cut(fake, labels))
    found = {}

    def forward_and_back(name: str, *microbatches: tuple[Callable[[], list[Tensor]], list[Tensor]]) -> None:
        """Times a part, and the part with its gradients; microbatch after microbatch, of outputs by inputs."""

        def forward(_: object) -> Tensor:
            return torch.stack([function()[0].flatten()[0].detach() for function, _ in microbatches])

        def both(_: object) -> Tensor:
            found = []
            for function, inputs in microbatches:
                outputs = function()
                torch.autograd.grad(outputs, inputs, [torch.ones_like(out) for out in outputs], allow_unused=True)
                found.append(outputs[0].flatten()[0].detach())
            return torch.stack(found)

        for title, part in ((name, forward), (f"{name} and back", both)):
            run = Replayer(watch_lists)  # of each part: memory of a graph goes back when the next one begins
            for _ in range(WARMUP):
                run(title, part, None, ())
            found[title] = milliseconds(partial(run, title, part, None, ()), repeats).median

    forward_and_back("maps", (lambda: [generator.maps(styles, "none")], list(generator.synthesis.parameters())))
    forward_and_back("Gaussians", (lambda: attributes(generator.decode_maps(maps).gaussians), [maps]))

    def draw() -> list[Tensor]:
        drawn = render(heads, cameras, pairwise=True, features=uv)
        return [drawn.rgb, *([drawn.features, drawn.alpha] if uv is not None else [])]

    def logits(pictures: Tensor, labels: Tensor) -> list[Tensor]:
        return [discriminator(pictures, labels)]

    forward_and_back("pictures", (draw, attributes(heads)))
    discriminator.requires_grad_(True)
    forward_and_back("discriminator", *[(partial(logits, *part), list(discriminator.parameters())) for part in fakes])
    discriminator.requires_grad_(False)
    for pictures, _ in fakes:
        pictures.requires_grad_(True)
    forward_and_back("discriminator by pictures", *[(partial(logits, *part), [part[0]]) for part in fakes])
    discriminator.requires_grad_(True)
    optimizers = [optimizer for optimizer, _ in state.optimizers.values()]
    found["Adam"] = milliseconds(lambda: [optimizer.step() for optimizer in optimizers], repeats).median
    return {name: round(value, 3) for name, value in found.items()}


def attributes(gaussians: object) -> list[Tensor]:
    """The tensors of a scene."""
    return list(vars(gaussians).values())


if __name__ == "__main__":
    main()

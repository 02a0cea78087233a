"""Times latent -> picture for one head on a GPU: launched from Python, and replayed as a CUDA graph.

    python -m benchmarks.head_latency

Appends rows of JSON for each preset to benchmarks/results/head_latency.jsonl. The networks are untrained. Their
Gaussians are much larger than a trained head's, so that drawing takes longer; a second set of rows has the same
networks with the offset of the log scales lowered until the median scale is that of the first bundled model.
"""

import argparse
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import get_args

import torch
from torch import Tensor

from benchmarks.gpu_clock import milliseconds
from benchmarks.rows import Spread, append, commit
from benchmarks.untrained import Scales, median_scale, with_scales
from gghead.config.presets import from_preset
from gghead.cuda.graphs import Replayer, run_directly
from gghead.geometry.cameras import Cameras
from gghead.model.generator import Generator, build_generator
from gghead.rasterizer import render
from gghead.rasterizer.cuda.device_report import watch_lists
from gghead.stylegan.folding import freeze
from gghead.training.precision import multiplication
from gghead.training.state import BF16_BLOCKS

WARMUP, REPEATS = 5, 100


@dataclass(frozen=True)
class Row:
    """One line of the results.

    Attributes:
        scales: untrained, or as small as trained.
        median_scale: of the Gaussians, world units.
        launched_ms: latent to picture as Python launches it.
        replayed_ms: the same as a CUDA graph.
        head_ms: latent to Gaussians, replayed.
        difference: mean absolute difference of the picture from that in 32-bit floats, display range 0 to 1.
    """

    preset: str
    precision: str
    resolution: int
    gaussians: int
    scales: Scales
    median_scale: float
    launched_ms: Spread
    replayed_ms: Spread
    head_ms: Spread
    difference: float
    gpu: str
    torch: str
    commit: str
    date: str


def main() -> None:
    """Runs the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--presets", nargs="*", default=["ffhq256", "ffhq512", "ffhq1024"])
    parser.add_argument("--commit", help="of this copy, if it has no history")
    arguments = parser.parse_args()
    for preset in arguments.presets:
        config = from_preset(preset, data="none").model
        resolution = config.discriminator.resolution
        for scales in get_args(Scales):
            generator = build_generator(with_scales(config.generator, scales), seed=0).cuda()
            freeze(generator)
            with multiplication("full"), torch.no_grad():
                exact = draw(generator, inputs_of(generator, resolution), resolution)
            for precision, bf16_blocks in (("full", 0), ("mixed", BF16_BLOCKS)):
                generator.synthesis.bf16_blocks = bf16_blocks
                with multiplication(precision), torch.no_grad():
                    row = measure(preset, scales, precision, generator, resolution, exact, arguments.commit)
                append("head_latency", row)


@dataclass(frozen=True)
class HeadInputs:
    """A latent and a camera."""

    z: Tensor
    labels: Tensor


def inputs_of(generator: Generator, resolution: int) -> HeadInputs:
    """Of seed 0 from the front."""
    return HeadInputs(generator.latents([0]), Cameras.frontal(resolution, "cuda").labels())


def head(generator: Generator, inputs: HeadInputs) -> Tensor:
    """Latent -> Gaussians; returns their means."""
    return generator.decode(generator.map_styles(inputs.z, Cameras.from_labels(inputs.labels, 1))).means


def draw(generator: Generator, inputs: HeadInputs, resolution: int) -> Tensor:
    """Latent -> picture."""
    camera = Cameras.from_labels(inputs.labels, resolution)
    return render(generator.decode(generator.map_styles(inputs.z, camera)), camera, pairwise=True).rgb


def measure(
    preset: str,
    scales: Scales,
    precision: str,
    generator: Generator,
    resolution: int,
    exact: Tensor,
    version: str | None,
) -> Row:
    """Everything about a generator."""
    inputs, run = inputs_of(generator, resolution), Replayer(watch_lists)
    works = {
        "launched": lambda: run_directly("", lambda given: draw(generator, given, resolution), inputs, ()),
        "replayed": lambda: run("picture", lambda given: draw(generator, given, resolution), inputs, ()),
        "head": lambda: run("head", lambda given: head(generator, given), inputs, ()),
    }
    for work in works.values():
        for _ in range(WARMUP):
            work()
    difference = float((works["replayed"]() - exact).abs().mean())
    times = {name: milliseconds(work, REPEATS) for name, work in works.items()}
    return Row(
        preset, precision, resolution, len(generator.texel_uvs), scales,
        round(median_scale(generator), 5), times["launched"], times["replayed"], times["head"],
        round(difference, 6), torch.cuda.get_device_name(), torch.__version__, version or commit(),
        datetime.now(UTC).date().isoformat(),
    )  # fmt: skip


if __name__ == "__main__":
    main()

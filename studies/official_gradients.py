"""Trains a small network with true gradients of scales and with those of the release; for docs/experiments.md.

    python -m studies.official_gradients --data heads.zip --resolution 64 --images 40000 --out comparison
    python -m studies.official_gradients --data heads.zip --uv-variation 100 --seconds 210 --out comparison

The release's rasterizer multiplies each gradient of a scale s by t / s, t being a scale of another Gaussian of the head
(tests/official_backward.py says why; its gradients of rotations, which differ too, are left as they are here). Appends
a row of JSON for each run to benchmarks/results/official_gradients.jsonl and leaves models and sheets in --out; a run
whose pictures are not finite at its end is named and has no row.
"""

import argparse
import os
import subprocess
import sys
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import torch
from torch import Tensor
from torch.autograd.function import FunctionCtx, once_differentiable

from benchmarks.rows import append
from gghead.config.presets import with_recipe
from gghead.config.training import RunConfig
from gghead.gaussians.scene import Gaussians
from gghead.model.storage import load_generator
from gghead.rasterizer import Rendering, render
from gghead.training.losses import terms
from gghead.training.precision import multiplication
from studies.compare_recipes import Row, prepare, run, small, visible

SEEDS = range(3)
KINDS = ("true", "official")
HEADS = 64
"""Heads whose scales are counted."""


@dataclass(frozen=True)
class GradientRow(Row):
    """A row of the comparison of recipes, and the scales of the EMA generator's heads, truncation 1.

    Attributes:
        uv_variation_weight: of the UV total variation; with it the beta loss has weight 1, as in the release's stage 2.
        log_scale: mean of the logarithm of all scales, world units.
        log_scale_sd: its standard deviation.
        thinnest, longest: means of the logarithms of each Gaussian's smallest and largest scale.
        aspect: median of the largest by the smallest.
        aspect_95: what 95 % of the Gaussians stay below.
    """

    uv_variation_weight: float
    log_scale: float
    log_scale_sd: float
    thinnest: float
    longest: float
    aspect: float
    aspect_95: float


class TakenScales(torch.autograd.Function):
    """The same scales, whose gradients are multiplied by t / s: t reads the memory of [3, N] as [N, 3]."""

    @staticmethod
    def forward(ctx: FunctionCtx, scales: Tensor) -> Tensor:
        """Keeps the scales [B, N, 3]."""
        ctx.save_for_backward(scales)
        return scales.view_as(scales)

    @staticmethod
    @once_differentiable
    def backward(ctx: FunctionCtx, gradient: Tensor) -> Tensor:
        """The gradient as the release computes it."""
        (scales,) = ctx.saved_tensors
        return gradient * scales.mT.reshape(scales.shape) / scales


def render_as_the_release(heads: Gaussians, *arguments: object, **named: object) -> Rendering:
    """Draws the same pictures; the way back takes other scales."""
    return render(replace(heads, scales=TakenScales.apply(heads.scales)), *arguments, **named)


def config_of(variant: str, arguments: argparse.Namespace) -> RunConfig:
    """The small network with the paper's recipe."""
    config = with_recipe(small(arguments.resolution, arguments.data), "paper")
    weight = arguments.uv_variation
    losses = {"uv_variation_weight": weight, "beta_weight": 1.0 if weight else 0.0}
    return replace(config, training=replace(config.training, seed=int(variant.split()[-1]), **losses))


def scales_of(path: Path) -> dict[str, float]:
    """Statistics of the scales of a model's heads."""
    generator = load_generator(path)
    with torch.no_grad():
        logs = generator.sample(seeds=range(HEADS), truncation=1.0).scales.log().reshape(-1, 3)
    aspects = (logs.amax(-1) - logs.amin(-1)).exp().sort().values
    numbers = {
        "log_scale": logs.mean(),
        "log_scale_sd": logs.std(),
        "thinnest": logs.amin(-1).mean(),
        "longest": logs.amax(-1).mean(),
        "aspect": aspects[len(aspects) // 2],
        "aspect_95": aspects[int(0.95 * len(aspects))],
    }
    return {name: round(float(value), 4) for name, value in numbers.items()}


def main() -> None:
    """Starts a process for each run, or is one of them."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", required=True)
    parser.add_argument("--out", type=Path, required=True, help="folder of models and sheets")
    parser.add_argument("--resolution", type=int, choices=[64, 128], default=128)
    parser.add_argument("--uv-variation", type=float, default=0.0, help="weight; the release's stage 2 has 100")
    parser.add_argument("--seconds", type=float, default=10**9, help="of training, for each")
    parser.add_argument("--images", type=int, default=10**9, help="of training, for each")
    parser.add_argument("--measured", type=int, default=5_000, help="generated pictures of a measurement")
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--commit", help="of this copy, if it has no history")
    parser.add_argument("--variant", help="run this one alone")
    arguments = parser.parse_args()
    if arguments.variant is None:
        variants = [f"{kind} gradients, seed {seed}" for seed in SEEDS for kind in KINDS]
        prepare(config_of(variants[0], arguments), arguments.device)
        gpus = max(torch.cuda.device_count(), 1)
        threads = {"OMP_NUM_THREADS": str(max(torch.get_num_threads() // len(variants), 1))}
        processes = [
            subprocess.Popen(
                [sys.executable, "-m", "studies.official_gradients", *sys.argv[1:], "--variant", variant],
                env=threads | os.environ | {"CUDA_VISIBLE_DEVICES": visible(number % gpus)},
            )
            for number, variant in enumerate(variants)
        ]
        sys.exit(max(process.wait() for process in processes))
    arguments.out.mkdir(parents=True, exist_ok=True)
    if arguments.variant.startswith("official"):
        terms.render = render_as_the_release
    config = config_of(arguments.variant, arguments)
    try:
        with multiplication(config.training.precision):
            row = run(arguments, config)
    except ValueError as error:
        print(f"{arguments.variant}: no row, {error}", flush=True)
        return
    name = arguments.variant.replace(", ", "_").replace(" ", "-")
    scales = scales_of(arguments.out / f"{name}.safetensors")
    append("official_gradients", GradientRow(**asdict(row), uv_variation_weight=arguments.uv_variation, **scales))


if __name__ == "__main__":
    main()

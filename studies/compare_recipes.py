"""Trains variants of a small network for the same time, side by side, and measures each; for docs/experiments.md.

    python -m studies.compare_recipes recipes --data heads.zip --seconds 200 --out comparison
    python -m studies.compare_recipes precision --data heads.zip --images 100000 --out comparison
    python -m studies.compare_recipes demo --data heads.zip --images 10000 --out comparison --device cpu
    python -m studies.compare_recipes samples --data heads.zip --images 10000 --out comparison --device cpu

The variants of a set run at once; they share the processor's cores and the GPU, or are dealt out to several GPUs.
Appends a row of JSON for each to benchmarks/results/compare_recipes.jsonl and leaves model and sheet in --out.
"""

import argparse
import os
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from itertools import count
from pathlib import Path

import torch
from PIL import Image

from benchmarks.rows import append, commit
from gghead.config.model import DiscriminatorConfig, GeneratorConfig, ModelConfig
from gghead.config.presets import from_preset, with_recipe
from gghead.config.training import RunConfig, TrainingConfig
from gghead.cuda.graphs import fastest_runner
from gghead.data.cache.picture_cache import cache_root
from gghead.data.dataset import HeadDataset
from gghead.data.loader import open_batches
from gghead.data.sampler import Order
from gghead.evaluation.features import collect_features
from gghead.evaluation.real_statistics import RealStatistics, measure_real_statistics
from gghead.inference.generated import ConditioningCamera, GeneratedHeads, SamplingProtocol
from gghead.metrics.detectors import load_detector
from gghead.metrics.frechet import frechet_distance
from gghead.model.storage import save_generator
from gghead.rasterizer.cuda.device_report import watch_lists
from gghead.training.loop import training_step
from gghead.training.observe.snapshots import draw_sheets
from gghead.training.precision import multiplication
from gghead.training.run_pictures import open_dataset
from gghead.training.state import TrainingState, new_state
from gghead.training.steps.inputs import StepContext

MEASURED = 5_000
"""Generated pictures of a measurement."""
SIDE = (30.0, 90.0)
"""Degrees of yaw of the pictures that are measured again by themselves."""
Change = Callable[[RunConfig], RunConfig]


@dataclass(frozen=True)
class Row:
    """One line of the results.

    Attributes:
        distance: Frechet distance to the real pictures by EfficientNet-Lite0, cameras as in the data.
        distance_frozen: the same with the mapping network's camera at the front.
        distance_side: the first among pictures from the side, |yaw| above 30 degrees.
    """

    variant: str
    resolution: int
    seed: int
    images: int
    seconds: float
    distance: float
    distance_frozen: float
    distance_side: float
    gpu: str
    torch: str
    commit: str
    date: str


def trained_with(**changes: object) -> Change:
    """Replaces fields of the training."""
    return lambda config: replace(config, training=replace(config.training, **changes))


def chain(*changes: Change) -> Change:
    """Several changes, one after the other."""

    def change(config: RunConfig) -> RunConfig:
        for each in changes:
            config = each(config)
        return config

    return change


def consistent(config: RunConfig) -> RunConfig:
    """The recipe as it is."""
    return with_recipe(config, "consistent")


def supersampled(times: int) -> Change:
    """Pictures are drawn so many times as large, and averaged for the discriminator."""
    return lambda config: replace(
        config, model=replace(config.model, generator=replace(config.model.generator, supersampling=times))
    )


PACES: dict[str, dict[str, object]] = {
    "batch 4": {"batch_size": 4},
    "blur 1500": {"blur_fade_images": 1500},
    "rates doubled": {"generator_lr": 0.005, "discriminator_lr": 0.004},
    "rates x4": {"generator_lr": 0.01, "discriminator_lr": 0.008},
}
SETS: dict[str, tuple[Callable[[str], RunConfig], dict[str, Change]]] = {
    "recipes": (
        lambda data: small(128, data),
        {
            "paper": lambda config: with_recipe(config, "paper"),
            "consistent, two views": chain(consistent, trained_with(views=2)),
            "consistent, four views": chain(consistent, trained_with(views=4)),
            "consistent, one view": chain(consistent, trained_with(views=1)),
        },
    ),
    "precision": (
        lambda data: small(64, data),
        {
            f"{precision}, seed {seed}": chain(
                lambda config: with_recipe(config, "paper"), trained_with(precision=precision, seed=seed)
            )
            for seed in range(3)
            for precision in ("mixed", "full")
        },
    ),
    "demo": (
        lambda data: from_preset("demo", data),
        {
            "as it is": lambda config: config,
            "no camera, two views": chain(consistent, trained_with(views=2, random_background=False)),
            "no camera, two views, fields of colours": chain(consistent, trained_with(views=2)),
            "no camera, one view": chain(consistent, trained_with(views=1, random_background=False)),
        },
    ),
    "pace": (
        lambda data: from_preset("demo", data),
        {
            f"demo, {name}, seed {seed}": trained_with(seed=seed, **changes)
            for seed in range(2)
            for name, changes in PACES.items()
        },
    ),
    "samples": (
        lambda data: from_preset("demo", data),
        {
            f"{name}, seed {seed}": chain(trained_with(seed=seed), supersampled(times))
            for seed in range(3)
            for name, times in (("once", 1), ("twice", 2))
        },
    ),
}
"""What variants start from, and the variants of each set."""


def small(resolution: int, data: str) -> RunConfig:
    """The small network that variants change."""
    generator = GeneratorConfig(
        z_size=256, style_size=256, map_resolution=resolution, channel_base=64 * resolution, channel_max=256,
        grid_size=round(1.25 * resolution), log_scale_offset=-4.5, position_range=0.15,
    )  # fmt: skip
    critic = DiscriminatorConfig(resolution=resolution, channel_base=64 * resolution, channel_max=256, mapping_layers=2)
    training = TrainingConfig(
        total_images=10**9, r1_gamma=0.5, ema_half_life=5_000, blur_sigma=4.0, blur_fade_images=20_000,
        swap_fade_images=50_000, mirrored=True, position_weight=1.0,
    )  # fmt: skip
    return RunConfig("comparison", data, model=ModelConfig(generator, critic), training=training)


def main() -> None:
    """Starts a process for each variant, or is one of them."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("set", choices=list(SETS))
    parser.add_argument("--data", required=True)
    parser.add_argument("--out", type=Path, required=True, help="folder of models and sheets")
    parser.add_argument("--seconds", type=float, default=10**9, help="of training, for each")
    parser.add_argument("--images", type=int, default=10**9, help="of training, for each")
    parser.add_argument("--measured", type=int, default=MEASURED, help="generated pictures of a measurement")
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--commit", help="of this copy, if it has no history")
    parser.add_argument("--variant", help="run this one alone")
    arguments = parser.parse_args()
    start, variants = SETS[arguments.set]
    if arguments.variant is None:
        prepare(start(arguments.data), arguments.device)
        command = [sys.executable, "-m", "studies.compare_recipes", *sys.argv[1:], "--variant"]
        gpus = max(torch.cuda.device_count(), 1)
        threads = {"OMP_NUM_THREADS": str(max(torch.get_num_threads() // len(variants), 1))}
        processes = [
            subprocess.Popen(
                [*command, name], env=threads | os.environ | {"CUDA_VISIBLE_DEVICES": visible(number % gpus)}
            )
            for number, name in enumerate(variants)
        ]
        sys.exit(max(process.wait() for process in processes))
    arguments.out.mkdir(parents=True, exist_ok=True)
    config = variants[arguments.variant](start(arguments.data))
    with multiplication(config.training.precision):
        append("compare_recipes", run(arguments, config))


def visible(number: int) -> str:
    """What CUDA_VISIBLE_DEVICES is for a process that shall see one of the GPUs that this one sees."""
    return os.environ.get("CUDA_VISIBLE_DEVICES", ",".join(map(str, range(number + 1)))).split(",")[number]


def prepare(config: RunConfig, device: str) -> None:
    """Decodes and measures the data once; what is kept of it serves all variants."""
    with open_dataset(config) as dataset:
        dataset.decode()
        reference_of(config, dataset, torch.device(device))


def reference_of(config: RunConfig, dataset: HeadDataset, device: torch.device) -> RealStatistics:
    """The real pictures as the detector sees them."""
    detector = load_detector("efficientnet-lite0", cache_root() / "detectors", device)
    background = config.training.background
    return measure_real_statistics(Path(config.data), dataset, background, detector, cache_root(), device=device)


def run(arguments: argparse.Namespace, config: RunConfig) -> Row:
    """Trains and measures a variant."""
    state, training = new_state(config, arguments.device), config.training
    with open_dataset(config) as dataset:
        dataset.decode()
        reference = reference_of(config, dataset, state.device)
        runner = fastest_runner(state.device, watch_lists)
        context = StepContext(training, torch.from_numpy(dataset.labels), run=runner)
        order = Order(training.seed, training.batch_size, training.mirrored)
        start = time.monotonic()
        with open_batches(dataset, order, 0, state.device) as batches:
            for step in count():
                if state.images >= arguments.images or time.monotonic() - start > arguments.seconds:
                    break
                training_step(state, context, next(batches))
                if step % 16 == 0 and state.device.type == "cuda":
                    torch.cuda.synchronize()
        seconds = time.monotonic() - start
        path = arguments.out / arguments.variant.replace(", ", "_").replace(" ", "-")
        save_generator(path.with_suffix(".safetensors"), state.generator_ema)
        sheets = draw_sheets(state.generator_ema, config.model.discriminator.resolution)
        Image.fromarray(sheets["heads"]).save(path.with_suffix(".png"))
        everywhere, side = distances(state, reference, path, "render", arguments.measured)
        frozen = everywhere
        if config.model.generator.camera_conditioned:
            frozen, _ = distances(state, reference, path, "front", arguments.measured)
    gpu = torch.cuda.get_device_name() if state.device.type == "cuda" else "none"
    return Row(
        arguments.variant, config.model.discriminator.resolution, training.seed, state.images, round(seconds, 1),
        everywhere, frozen, side, gpu, torch.__version__, arguments.commit or commit(),
        datetime.now(UTC).date().isoformat(),
    )  # fmt: skip


def distances(
    state: TrainingState, reference: RealStatistics, path: Path, camera: ConditioningCamera, measured: int
) -> tuple[float, float]:
    """Frechet distances of all pictures, and of those from the side."""
    dataset = reference.dataset
    fakes = GeneratedHeads(
        state.generator_ema,
        torch.from_numpy(dataset.labels),
        SamplingProtocol(0, dataset.resolution, camera, 1.0, reference.background),
    )
    made = collect_features(
        fakes, measured, reference.detector, path.with_name(f"{path.name}_{camera}"), device=state.device
    )
    pairs = ((reference.features, made), (reference.features.within(*SIDE), made.within(*SIDE)))
    found = [frechet_distance(real.moments, fake.moments) for real, fake in pairs]
    return round(found[0], 4), round(found[1], 4)


if __name__ == "__main__":
    main()

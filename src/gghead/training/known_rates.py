"""How fast GPUs train that this machine need not have: measured for some presets, estimated for others from those.

Source: benchmarks/results/train_step.jsonl, commit 046953d (H100) and 1b141ba (H200), torch 2.11: steps in mixed
precision, R1 in every 16th, with the large Gaussians of an untrained generator. For SHORTEST_STEP, one H100 made 400
pictures a second of `demo`, 8 a step, and 1,200 of `heads64`, 32 a step (docs/training.md). With the discriminator on
features: `heads512`, four views a head, 705 to 721 in whole runs (docs/experiments.md).
"""

from dataclasses import dataclass, replace

from gghead.config.model import Sight
from gghead.config.presets import from_preset, with_discriminator
from gghead.config.training import RunConfig

SHORTEST_STEP = 0.02
"""Seconds that a step takes however little there is to compute."""

FULL_PRECISION = 2.0
"""How much longer a step takes in 32-bit floats; measured at 64 x 64 on one H100 (compare_recipes.jsonl)."""


@dataclass(frozen=True)
class Measured:
    """What was measured.

    Attributes:
        gpu: its name.
        preset: whose steps were timed.
        batch_size: pictures of a step.
        images_per_second: of one GPU.
        operations: arithmetic of the networks for a picture, as `estimate` counts it.
        looks_at: what its discriminator sees of a picture.
        views: pictures of each head.
    """

    gpu: str
    preset: str
    batch_size: int
    images_per_second: float
    operations: float
    looks_at: Sight = "pixels"
    views: int = 1


FFHQ256, FFHQ512, HEADS512_FEATURES = 1.154e12, 1.412e12, 5.299e10
MEASURED = (
    Measured("H100 80GB", "ffhq256", 32, 267.0, FFHQ256),
    Measured("H100 80GB", "ffhq512", 16, 127.4, FFHQ512),
    Measured("H200", "ffhq256", 32, 320.5, FFHQ256),
    Measured("H200", "ffhq512", 16, 160.1, FFHQ512),
    Measured("H200", "heads512", 64, 710.0, HEADS512_FEATURES, "features", views=4),
)


@dataclass(frozen=True)
class KnownRate:
    """How fast one GPU trains.

    Attributes:
        gpu: its name.
        images_per_second: of one of them.
        basis: how that is known, for people.
    """

    gpu: str
    images_per_second: float
    basis: str


def known_rates(config: RunConfig, operations: float) -> list[KnownRate]:
    """What is known of the speed of a run on GPUs.

    Args:
        config: of the run.
        operations: arithmetic of the networks for one of its pictures, as `estimate` says.
    """
    rates = []
    # By the arithmetic of StyleGAN2's discriminator, one that looks at features would be four times as fast as it is.
    comparable = [row for row in MEASURED if row.looks_at == config.model.discriminator.looks_at]
    for gpu in dict.fromkeys(row.gpu for row in comparable):
        rows = [row for row in comparable if row.gpu == gpu]
        same = next((row for row in rows if _is_alike(config, row)), None)
        if same is not None:
            rates.append(KnownRate(gpu, same.images_per_second, f"measured with {same.batch_size} a step"))
            continue
        # The slower of the two: smaller networks, and heads that are drawn larger, use a GPU less well.
        slowest = min(rows, key=lambda row: row.images_per_second * row.operations)
        step = operations * config.training.batch_size / (slowest.images_per_second * slowest.operations)
        if config.training.precision == "full":
            step *= FULL_PRECISION
        speed = config.training.batch_size / max(step, SHORTEST_STEP)
        rates.append(KnownRate(gpu, speed, f"estimated from {slowest.preset}, measured there, by the arithmetic"))
    return rates


def _is_alike(config: RunConfig, measured: Measured) -> bool:
    """Whether the steps of a run cost what the measured ones cost, but for the number of pictures."""
    other = with_discriminator(from_preset(measured.preset, ""), measured.looks_at)
    names = ("random_background", "augmentation", "r1_every", "precision", "beta_weight", "uv_variation_weight")
    wanted = {"views": measured.views} | {name: getattr(other.training, name) for name in names}
    return replace(
        config.model, discriminator=replace(config.model.discriminator, grown_from=())
    ) == other.model and all(getattr(config.training, name) == value for name, value in wanted.items())

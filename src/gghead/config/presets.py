"""Named settings: a run starts from one of them."""

import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Literal

from gghead.config.codec import from_json
from gghead.config.model import DiscriminatorConfig, GeneratorConfig, ModelConfig, Sight
from gghead.config.retired import refuse_retired
from gghead.config.training import MAX_NUMBER, RunConfig, TrainingConfig


@dataclass(frozen=True)
class Preset:
    """What a preset is for, and its settings.

    Attributes:
        summary: one line for the help.
        model: the networks.
        training: losses, rates, length.
        begins_with: the preset whose result it is meant to start from (`--init-from`), or None.
    """

    summary: str
    model: ModelConfig
    training: TrainingConfig
    begins_with: str | None = None


OFFICIAL_STAGE_2 = replace(TrainingConfig(), total_images=25_000_000, beta_weight=1.0, uv_variation_weight=100.0)

FEATURES = {
    "adversarial": "hinge",
    "generator_lr": 5e-4,
    "discriminator_lr": 1e-4,
    "r1_gamma": 40.0,
    "r1_every": 4,
    "blur_fade_images": 0,
    # What a published network says of a pixel is steep: against it these weigh less.
    "position_weight": 2.0,
    "scale_weight": 0.12,
}
"""Training with a discriminator that looks at features; see `with_discriminator`."""

RAW_0_LOG_SCALE = -5.0 - math.log1p(math.exp(-2.0))
"""What raw scale 0 means in the official setting."""
VIEWS = 2
"""Pictures of each generated head by the recipe "consistent"."""

HEADS = TrainingConfig(
    total_images=2_000_000,
    growth_fade_images=100_000,
    views=VIEWS,
    random_background=True,
    mirrored=True,
    # Close to the template few pictures are enough for a head that is one from the sides, too.
    position_weight=1.0,
    metrics_detector="efficientnet-lite0",
)


def heads_model(
    resolution: int,
    map_resolution: int = 256,
    grid_size: int = 256,
    supersampling: int = 2,
    max_log_scale: float = -3.0,
) -> ModelConfig:
    """Networks of the stages of our own: one generator, and a discriminator that grows.

    Args:
        resolution: side of the pictures, pixels.
        map_resolution: side of the UV maps, texels.
        grid_size: of the grid of Gaussians.
        supersampling: pictures are drawn so many times as large, and averaged.
        max_log_scale: of a Gaussian; raw scale 0 means the same with any.
    """
    generator = GeneratorConfig(
        z_size=256,
        style_size=256,
        map_resolution=map_resolution,
        channel_base=16384,
        channel_max=256,
        grid_size=grid_size,
        camera_conditioned=False,
        sh_degree=0,
        position_range=0.15,
        max_log_scale=max_log_scale,
        log_scale_offset=max_log_scale - math.log(math.expm1(max_log_scale - RAW_0_LOG_SCALE)),
        supersampling=supersampling,
    )
    return ModelConfig(generator, DiscriminatorConfig(resolution, channel_base=16384, mapping_layers=2))


PRESETS: dict[str, Preset] = {
    "demo": Preset(
        "minutes on two CPU cores: 64 x 64 pictures, a small network",
        ModelConfig(
            GeneratorConfig(
                z_size=128,
                style_size=128,
                map_resolution=64,
                channel_base=2048,
                channel_max=64,
                grid_size=96,
                sh_degree=0,
                position_range=0.12,
                max_log_scale=-2.2,
                log_scale_offset=-3.9,
                supersampling=2,
            ),
            DiscriminatorConfig(resolution=64, channel_base=2048, channel_max=64, mapping_layers=2),
        ),
        TrainingConfig(
            total_images=14_000,
            batch_size=8,
            r1_gamma=0.1,
            ema_half_life=1_000,
            blur_sigma=2.0,
            blur_fade_images=4_000,
            swap_fade_images=8_000,
            # Close to the template a few thousand pictures are enough for a head that is one from the sides, too.
            position_weight=1.0,
            mirrored=True,
            snapshot_every=2_000,
            log_every=400,
        ),
    ),
    "heads64": Preset(
        "any heads with masks, small networks, the consistent recipe: the first of four stages",
        heads_model(64),
        replace(HEADS, blur_sigma=2.0, blur_fade_images=40_000, r1_gamma=0.25, total_images=100_000),
    ),
    "heads128": Preset(
        "its second stage: --init-from a run of heads64",
        heads_model(128),
        replace(HEADS, blur_sigma=4.0, blur_fade_images=50_000, r1_gamma=0.5, total_images=200_000),
        begins_with="heads64",
    ),
    "heads256": Preset(
        "its third, 256 x 256: --init-from a run of heads128",
        heads_model(256),
        replace(HEADS, blur_fade_images=100_000),
        begins_with="heads128",
    ),
    "heads512": Preset(
        "its fourth, 512 x 512, UV maps of 512, 2.3 times the Gaussians: --init-from a run of heads256",
        # Drawn at 1024, every frame of 512 would be, too, of whoever looks at its heads on a CPU.
        # Gaussians as large as the official bound become clouds of one colour, and are stuck there.
        heads_model(512, map_resolution=512, grid_size=384, supersampling=1, max_log_scale=-4.0),
        # By 2, the discriminator knew after 140,000 images what the generator could not follow (docs/experiments.md).
        replace(HEADS, blur_fade_images=100_000, r1_gamma=8.0, total_images=3_000_000),
        begins_with="heads256",
    ),
    "ffhq256": Preset("FFHQ at 256 x 256, the official stage 1", ModelConfig(), TrainingConfig()),
    "ffhq512": Preset(
        "FFHQ at 512 x 512, the official stage 2: --init-from a run of ffhq256",
        ModelConfig(GeneratorConfig(grid_size=512), DiscriminatorConfig(resolution=512)),
        OFFICIAL_STAGE_2,
        begins_with="ffhq256",
    ),
    "ffhq1024": Preset(
        "FFHQ at 1024 x 1024, the official stage 3: --init-from a run of ffhq512",
        ModelConfig(GeneratorConfig(grid_size=512), DiscriminatorConfig(resolution=1024)),
        replace(OFFICIAL_STAGE_2, total_images=27_000_000),
        begins_with="ffhq512",
    ),
    "afhq512": Preset(
        "animals' faces of AFHQ at 512 x 512, as official: --init-from a run of ffhq512",
        ModelConfig(GeneratorConfig(grid_size=512), DiscriminatorConfig(resolution=512)),
        replace(OFFICIAL_STAGE_2, total_images=30_000_000),
        begins_with="ffhq512",
    ),
}


Recipe = Literal["paper", "consistent"]
"""How heads are kept one from all sides; see `with_recipe`."""


def with_recipe(config: RunConfig, recipe: Recipe) -> RunConfig:
    """The same run by another recipe.

    Args:
        config: of a run.
        recipe: "paper": the mapping network sees the camera, each head is drawn once, on the run's background, with
            colours that depend on the direction (Kirschstein et al. 2024). "consistent": it does not, each head is
            drawn from two cameras, a field of random colours behind every picture, with colours of the Gaussians alone
            (Barthel et al. 2025, "CGS-GAN", with four cameras; two were measured to learn faster, docs/experiments.md).
    """
    is_paper = recipe == "paper"
    generator = replace(config.model.generator, camera_conditioned=is_paper, sh_degree=1 if is_paper else 0)
    training = replace(config.training, views=1 if is_paper else VIEWS, random_background=not is_paper)
    return replace(config, model=replace(config.model, generator=generator), training=training)


def with_discriminator(config: RunConfig, looks_at: Sight) -> RunConfig:
    """The same run with another discriminator.

    Args:
        config: of a run.
        looks_at: "pixels": StyleGAN2's, as in the paper. "features": of a published network that learns nothing
            (Sauer et al. 2021, "Projected GANs Converge Faster"), with rates and weights of their own. It knows its
            way after a few hundred steps, so that a finished model can go on without the discriminator that it had.
    """
    discriminator = replace(config.model.discriminator, looks_at=looks_at)
    training = config.training if looks_at == "pixels" else replace(config.training, **FEATURES)
    return replace(config, model=replace(config.model, discriminator=discriminator), training=training)


def with_batch_size(training: TrainingConfig, batch_size: int) -> TrainingConfig:
    """The same training in steps of another size: average and blur keep their pace in steps. Source: GGHead 2024.

    Snapshots fall between two steps, so their distance becomes the nearest multiple of the batch size.
    """
    factor = batch_size / training.batch_size
    return replace(
        training,
        batch_size=batch_size,
        snapshot_every=max(round(training.snapshot_every / batch_size), 1) * batch_size,
        ema_half_life=round(training.ema_half_life * factor),
        blur_fade_images=round(training.blur_fade_images * factor),
    )


def with_settings(training: TrainingConfig, settings: Mapping[str, str]) -> TrainingConfig:
    """The same training with fields replaced; another batch size brings what `with_batch_size` brings.

    Args:
        training: what is changed.
        settings: values by the names of fields, as on a command line: numbers, true, false, or words.

    Raises:
        ValueError: there is no such field, or its value is of another type or out of range; names it.
    """
    values = {name: _value(text) for name, text in settings.items()}
    refuse_retired("TrainingConfig", values)
    batch_size = values.get("batch_size")
    if isinstance(batch_size, int) and not isinstance(batch_size, bool) and 1 <= batch_size <= MAX_NUMBER:
        training = with_batch_size(training, batch_size)
    return from_json(TrainingConfig, json.dumps(asdict(training) | values))


def _value(text: str) -> object:
    """What a text means as JSON, or as a number like 0.5; what is no finite number stays a text."""
    for read in (json.loads, float):
        try:
            value = read(text)
        except (ValueError, RecursionError):
            continue
        return text if isinstance(value, float) and not math.isfinite(value) else value
    return text


def from_preset(name: str, data: str, template: str | None = None) -> RunConfig:
    """A run's configuration from a preset.

    Args:
        name: one of PRESETS.
        data: path of the archive of pictures.
        template: path of an OBJ, or None for the built-in head.

    Raises:
        ValueError: there is no such preset.
    """
    if name not in PRESETS:
        raise ValueError(f"there is no preset {name!r}; known are {', '.join(PRESETS)}")
    preset = PRESETS[name]
    generator = replace(preset.model.generator, picture_resolution=preset.model.discriminator.resolution)
    model = replace(preset.model, generator=generator)
    return RunConfig(preset=name, data=data, template=template, model=model, training=preset.training)

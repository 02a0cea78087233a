"""Values that change while a run goes on, as functions of the images seen. Source: the official release, training."""

from gghead.config.training import TrainingConfig


def is_due(images: int, every: int, batch_size: int) -> bool:
    """Whether what comes every so many images comes now: a multiple of `every` was reached by the last batch.

    Args:
        images: seen so far; at 0 everything is due.
        every: images from one time to the next; 0 for never.
        batch_size: images of a step.
    """
    return every > 0 and images % every < batch_size


def blur_sigma(config: TrainingConfig, images: int) -> float:
    """Standard deviation of the blur of the discriminator's images, pixels: falls linearly to 0."""
    if images >= config.blur_fade_images:
        return 0.0
    return config.blur_sigma * (1 - images / config.blur_fade_images)


def swap_probability(config: TrainingConfig, images: int) -> float:
    """Probability that the conditioning camera is another than that of the rendering: falls linearly from 1."""
    if images >= config.swap_fade_images:
        return config.swap_probability
    return 1 + (config.swap_probability - 1) * images / config.swap_fade_images


def growth_fade(config: TrainingConfig, images: int) -> float:
    """Factor of the features of blocks that the discriminator was grown by: rises linearly to 1."""
    return min(images / config.growth_fade_images, 1.0) if config.growth_fade_images else 1.0


def ema_decay(config: TrainingConfig, images: int) -> float:
    """Share of the EMA generator's weights that stays in one step.

    Args:
        config: half-life, ramp-up and batch size.
        images: real images seen before the step.
    """
    half_life = float(config.ema_half_life)
    if config.ema_rampup > 0:
        half_life = min(half_life, images * config.ema_rampup)
    return 0.5 ** (config.batch_size / half_life) if half_life > 0 else 0.0

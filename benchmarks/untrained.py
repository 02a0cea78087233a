"""Untrained networks for benchmarks: with Gaussians as they come, or as small as a trained head's; and that stay so."""

import math
from dataclasses import replace
from typing import Literal

import torch
from torch import nn

from gghead.config.model import GeneratorConfig
from gghead.config.training import RunConfig
from gghead.model.generator import Generator, build_generator

Scales = Literal["untrained", "trained"]
"""An untrained generator's Gaussians are five times as large as a trained one's, and take longer to draw."""
TRAINED_SCALE = 0.0031
"""Median standard deviation of the Gaussians of eight heads of the first bundled model, world units."""


def with_scales(config: GeneratorConfig, scales: Scales) -> GeneratorConfig:
    """The same generator, whose median Gaussian before any training is as large as named."""
    if scales == "untrained":
        return config
    median = median_scale(build_generator(config, seed=0))
    offset = unbent(TRAINED_SCALE, config.max_log_scale) - unbent(median, config.max_log_scale)
    return replace(config, log_scale_offset=config.log_scale_offset + offset)


def unbent(scale: float, highest: float) -> float:
    """Raw scale + offset of a standard deviation: the inverse of highest - softplus(highest - x)."""
    return highest - math.log(math.expm1(highest - math.log(scale)))


@torch.no_grad()
def median_scale(generator: Generator) -> float:
    """Of the Gaussians of the first head, world units."""
    return float(generator.sample(seeds=[0], truncation=1.0).scales.median())


def standing_still(config: RunConfig, scales: Scales) -> RunConfig:
    """A run that does all the work of training and learns nothing, so that its last step is drawn like its first.

    On random pictures heads would soon be so small or large, or vanish, that a step's time meant nothing.
    """
    model = replace(config.model, generator=with_scales(config.model.generator, scales))
    return replace(config, model=model, training=replace(config.training, generator_lr=0.0, discriminator_lr=0.0))


def require_finite(*networks: nn.Module) -> None:
    """Checks that training left no number that is none.

    Raises:
        RuntimeError: it did, so that its times are worth nothing.
    """
    for network in networks:
        for name, parameter in network.named_parameters():
            if not parameter.isfinite().all():
                raise RuntimeError(f"{name} is not finite after the timed steps, so these times mean nothing")

"""What a run carries from step to step: networks, optimizers, images seen."""

import copy
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import nn

from gghead.checkpoint.tensors import TensorFile, load_tensors
from gghead.config.training import RunConfig, TrainingConfig
from gghead.model.generator import Generator
from gghead.stylegan.cuda_layers import lay_channels_last
from gghead.training.discriminators.choice import AnyDiscriminator, new_discriminator
from gghead.training.discriminators.feature_discriminator import FeatureDiscriminator
from gghead.uv.bake import bake
from gghead.uv.samples import UVSamples, place_uv_samples, regrid
from gghead.uv.template import HeadTemplate

BF16_BLOCKS = 4
"""Highest-resolution blocks of both networks that mixed precision computes in bfloat16, as many as the official
discriminator."""
BETAS = (0.0, 0.99)
EPSILON = 1e-8


@dataclass
class TrainingState:
    """Everything that changes while a run goes on; saved and restored as a whole.

    Attributes:
        generator: the one that learns.
        generator_ema: its exponential moving average, for sampling.
        discriminator: tells its images from real ones.
        generator_optimizer: Adam of the generator.
        discriminator_optimizer: Adam of the discriminator, corrected for lazy regularisation.
        images: real images seen by the discriminator.
        rollbacks: how often the run went back to a checkpoint; random numbers depend on it.
    """

    generator: Generator
    generator_ema: Generator
    discriminator: AnyDiscriminator
    generator_optimizer: torch.optim.Adam
    discriminator_optimizer: torch.optim.Adam
    images: int = 0
    rollbacks: int = 0

    @property
    def networks(self) -> dict[str, nn.Module]:
        """The networks by the names of their files."""
        return {"generator": self.generator, "generator_ema": self.generator_ema, "discriminator": self.discriminator}

    @property
    def optimizers(self) -> dict[str, tuple[torch.optim.Adam, nn.Module]]:
        """Each optimizer with the network that it steps, by the names of their files."""
        return {
            "generator_optimizer": (self.generator_optimizer, self.generator),
            "discriminator_optimizer": (self.discriminator_optimizer, self.discriminator),
        }

    @property
    def device(self) -> torch.device:
        """Where the networks are."""
        return next(self.generator.parameters()).device


def new_state(config: RunConfig, device: torch.device | str, known_samples: UVSamples | None = None) -> TrainingState:
    """Freshly initialised networks on the run's template; the weights follow from the run's seed.

    Args:
        config: of the run.
        device: where the networks are.
        known_samples: the template's, on a grid of any size, where a model that has them is read already; None to read
            what the configuration names.

    Raises:
        FileNotFoundError, ValueError: the template can't be read.
    """
    samples = read_texels(config) if known_samples is None else regrid(known_samples, config.model.generator.grid_size)
    generator = Generator(config.model.generator, samples, config.training.seed).to(device)
    discriminator = new_discriminator(config.model.discriminator, config.training.seed).to(device)
    training, on_gpu = config.training, generator.device.type == "cuda"
    if on_gpu:
        lay_channels_last(generator)
        lay_channels_last(discriminator)
    generator_ema = copy.deepcopy(generator).eval().requires_grad_(False)
    if on_gpu and training.precision == "mixed":
        mix_precision(generator, discriminator)
    return TrainingState(
        generator=generator,
        generator_ema=generator_ema,
        discriminator=discriminator,
        generator_optimizer=torch.optim.Adam(
            generator.parameters(), lr=training.generator_lr, betas=BETAS, eps=EPSILON, fused=on_gpu
        ),
        discriminator_optimizer=_lazy_adam(discriminator, training, on_gpu),
    )


def mix_precision(generator: Generator, discriminator: AnyDiscriminator) -> None:
    """Has what both networks compute at the highest resolutions computed in bfloat16."""
    generator.synthesis.bf16_blocks = BF16_BLOCKS
    if isinstance(discriminator, FeatureDiscriminator):
        discriminator.mixed_precision = True
    else:
        discriminator.critic.bf16_blocks = BF16_BLOCKS


def read_texels(config: RunConfig) -> UVSamples:
    """Where the run's Gaussians sit: on the built-in head, on an OBJ, or where a model has them.

    Raises:
        FileNotFoundError, ValueError: the template can't be read.
    """
    generator, path = config.model.generator, None if config.template is None else Path(config.template)
    if path is not None and path.suffix == ".safetensors":
        return regrid(samples_of(path, load_tensors(path)), generator.grid_size)
    template = HeadTemplate.builtin() if path is None else HeadTemplate.from_obj(path)
    return place_uv_samples(bake(template, generator.map_resolution), generator.grid_size)


def samples_of(path: Path, content: TensorFile) -> UVSamples:
    """Where a generator has its Gaussians.

    Raises:
        ValueError: it is no generator's.
    """
    tensors = content.tensors
    if "texel_uvs" not in tensors or "template_positions" not in tensors:
        raise ValueError(f"{path} holds no generator, so it has no template; expected a model file or an OBJ")
    return UVSamples(tensors["texel_uvs"], tensors["template_positions"])


def _lazy_adam(discriminator: nn.Module, training: TrainingConfig, on_gpu: bool) -> torch.optim.Adam:
    """Adam whose rate and moments make up for the regularisation step every `r1_every` steps.

    Source: Karras et al. 2020, "Analyzing and Improving the Image Quality of StyleGAN", appendix B.
    """
    share = training.r1_every / (training.r1_every + 1)
    betas = (BETAS[0] ** share, BETAS[1] ** share)
    return torch.optim.Adam(
        discriminator.parameters(), lr=training.discriminator_lr * share, betas=betas, eps=EPSILON, fused=on_gpu
    )

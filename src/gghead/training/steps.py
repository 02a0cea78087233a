"""One training step: the generator learns, the discriminator learns, the average follows."""

from dataclasses import dataclass

import torch
from jaxtyping import Float, UInt8
from torch import Tensor

from gghead.config.training import TrainingConfig
from gghead.geometry.cameras import Cameras
from gghead.media.images import to_network
from gghead.model.discriminator import Discriminator
from gghead.model.generator import Generator
from gghead.rasterizer import Rendering, render
from gghead.training import losses, regularizers, schedules
from gghead.training.blur import gaussian_blur
from gghead.training.ema import update_average
from gghead.training.randomness import generator_for
from gghead.training.state import TrainingState


@dataclass(frozen=True)
class StepReport:
    """Mean values of a step, for the log; tensors on the device of the networks, so that nothing waits for them.

    Attributes:
        generator: adversarial loss of the generator.
        discriminator: adversarial loss of the discriminator.
        r1: R1 penalty |grad|^2 per picture, or None in the steps without it.
        real_logits: what the discriminator says of real pictures.
        fake_logits: what it says of generated ones.
        position: mean norm of raw positions.
        scale: mean norm of raw scales.
        opacity: mean opacity of the Gaussians.
    """

    generator: Tensor
    discriminator: Tensor
    r1: Tensor | None
    real_logits: Tensor
    fake_logits: Tensor
    position: Tensor
    scale: Tensor
    opacity: Tensor


@dataclass(frozen=True)
class GeneratorTerms:
    """The terms of the generator's loss, each without its weight; per head where the head decides."""

    adversarial: Float[Tensor, " B"]
    logits: Float[Tensor, " B"]
    position: Float[Tensor, " B"]
    scale: Float[Tensor, " B"]
    beta: Float[Tensor, ""]
    uv_variation: Float[Tensor, ""]
    opacity: Float[Tensor, ""]

    def total(self, config: TrainingConfig) -> Float[Tensor, ""]:
        """The loss that the generator's optimizer lowers."""
        return (
            self.adversarial.mean()
            + config.position_weight * self.position.mean()
            + config.scale_weight * self.scale.mean()
            + config.beta_weight * self.beta
            + config.uv_variation_weight * self.uv_variation
        )


def training_step(
    state: TrainingState,
    config: TrainingConfig,
    pictures: UInt8[Tensor, "B R R 3"],
    labels: Float[Tensor, "B 25"],
    dataset_labels: Float[Tensor, "M 25"],
) -> StepReport:
    """Moves the state by one step, in place; every random number follows from (seed, images seen).

    Args:
        state: changed.
        config: losses, rates and schedules.
        pictures: real pictures on the background.
        labels: their cameras.
        dataset_labels: all labels of the dataset, from which the cameras of generated pictures are drawn.
    """
    terms = _step_generator(state, config, dataset_labels)
    real = to_network(pictures)
    adversarial, real_logits, fake_logits = _step_discriminator(state, config, real, labels, dataset_labels)
    step = state.images // config.batch_size
    r1 = _step_r1(state, config, real, labels) if step % config.r1_every == 0 else None
    update_average(state.average, state.generator, schedules.ema_decay(config, state.images))
    state.images += len(pictures)
    return StepReport(
        generator=terms.adversarial.mean().detach(),
        discriminator=adversarial,
        r1=r1,
        real_logits=real_logits,
        fake_logits=fake_logits,
        position=terms.position.mean().detach(),
        scale=terms.scale.mean().detach(),
        opacity=terms.opacity.detach(),
    )


def generator_terms(
    generator: Generator,
    discriminator: Discriminator,
    config: TrainingConfig,
    styles: Float[Tensor, "B L W"],
    labels: Float[Tensor, "B 25"],
    sigma: float = 0.0,
    noise: torch.Generator | None = None,
) -> GeneratorTerms:
    """Draws heads and judges them.

    Args:
        generator: makes the heads.
        discriminator: judges the pictures.
        config: which terms are wanted; a term of weight 0 that costs a rendering is not computed and 0.
        styles: of the heads.
        labels: cameras that see them.
        sigma: blur of the pictures, pixels.
        noise: of the synthesis network's layers; None for no noise.
    """
    raw = generator.raw(styles, noise="none" if noise is None else "random", noise_generator=noise)
    gaussians = generator.activate(raw)
    uv_wanted = config.uv_variation_weight > 0
    features = generator.texel_uvs.expand(len(styles), -1, 2) if uv_wanted else None
    drawn = render(
        gaussians,
        Cameras.from_labels(labels, discriminator.config.resolution),
        background=config.background,
        features=features,
        pairwise=True,
    )
    logits = discriminator(gaussian_blur(rendering_to_network(drawn), sigma), labels)
    zero = logits.new_zeros(())
    return GeneratorTerms(
        adversarial=losses.generator_loss(logits),
        logits=logits,
        position=regularizers.mean_norm(raw.positions),
        scale=regularizers.mean_norm(raw.scales),
        beta=regularizers.beta_loss(gaussians.opacities) if config.beta_weight > 0 else zero,
        uv_variation=regularizers.uv_total_variation(drawn.features, drawn.alpha) if uv_wanted else zero,
        opacity=gaussians.opacities.mean(),
    )


def rendering_to_network(rendering: Rendering) -> Float[Tensor, "B 3 R R"]:
    """Pictures as the discriminator takes them: [-1, 1], channels first."""
    return rendering.rgb.permute(0, 3, 1, 2) * 2 - 1


def _draw_styles(
    state: TrainingState, config: TrainingConfig, dataset_labels: Float[Tensor, "M 25"], purpose: str
) -> tuple[Float[Tensor, "B L W"], Float[Tensor, "B 25"]]:
    """Styles of new heads and the cameras that are to see them."""
    draw = generator_for(config.seed, purpose, state.images)
    batch = config.batch_size
    latents = torch.randn(batch, state.generator.config.z_size, generator=draw)
    labels = dataset_labels[torch.randint(len(dataset_labels), (batch,), generator=draw)].to(state.device)
    seen = None
    if state.generator.config.camera_conditioned:
        swapped = torch.rand(batch, 1, generator=draw) < schedules.swap_probability(config, state.images)
        seen = torch.where(swapped.to(state.device), labels.roll(1, dims=0), labels)
    update = purpose == "fakes of the discriminator"
    return state.generator.map_styles(latents.to(state.device), seen, update_average=update), labels


def _step_generator(
    state: TrainingState, config: TrainingConfig, dataset_labels: Float[Tensor, "M 25"]
) -> GeneratorTerms:
    state.discriminator.requires_grad_(False)
    styles, labels = _draw_styles(state, config, dataset_labels, "fakes of the generator")
    sigma = schedules.blur_sigma(config, state.images)
    noise = generator_for(config.seed, "noise of the generator", state.images, state.device)
    terms = generator_terms(state.generator, state.discriminator, config, styles, labels, sigma, noise)
    _descend(state.generator_optimizer, terms.total(config))
    return terms


def _step_discriminator(
    state: TrainingState,
    config: TrainingConfig,
    real: Float[Tensor, "B 3 R R"],
    labels: Float[Tensor, "B 25"],
    dataset_labels: Float[Tensor, "M 25"],
) -> tuple[Tensor, Tensor, Tensor]:
    """Returns the mean loss and the mean logits of real and fake pictures."""
    sigma = schedules.blur_sigma(config, state.images)
    with torch.no_grad():
        styles, fake_labels = _draw_styles(state, config, dataset_labels, "fakes of the discriminator")
        noise = generator_for(config.seed, "noise of the discriminator", state.images, state.device)
        gaussians = state.generator.decode(styles, noise="random", noise_generator=noise)
        cameras = Cameras.from_labels(fake_labels, real.shape[-1])
        fake = rendering_to_network(render(gaussians, cameras, background=config.background, pairwise=True))
    state.discriminator.requires_grad_(True)
    fake_logits = state.discriminator(gaussian_blur(fake, sigma), fake_labels)
    real_logits = state.discriminator(gaussian_blur(real, sigma), labels)
    loss = losses.discriminator_loss(real_logits, fake_logits).mean()
    _descend(state.discriminator_optimizer, loss)
    return loss.detach(), real_logits.detach().mean(), fake_logits.detach().mean()


def _step_r1(
    state: TrainingState, config: TrainingConfig, real: Float[Tensor, "B 3 R R"], labels: Float[Tensor, "B 25"]
) -> Tensor:
    """Lazy regularisation: a step of its own, as strong as all those that it stands for. Returns the mean penalty."""
    pictures = real.detach().requires_grad_(True)
    sigma = schedules.blur_sigma(config, state.images)
    penalty = losses.r1_penalty(state.discriminator(gaussian_blur(pictures, sigma), labels), pictures).mean()
    _descend(state.discriminator_optimizer, config.r1_gamma / 2 * config.r1_every * penalty)
    return penalty.detach()


def _descend(optimizer: torch.optim.Optimizer, loss: Tensor) -> None:
    optimizer.zero_grad(set_to_none=True)
    loss.backward()
    optimizer.step()

"""One training step: the generator learns, the discriminator learns, the average follows."""

from collections.abc import Callable
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
from gghead.stylegan.synthesis import NoiseGenerator
from gghead.training import losses, regularizers, schedules
from gghead.training.blur import gaussian_blur
from gghead.training.distributed import ALONE, Team
from gghead.training.ema import update_average
from gghead.training.randomness import generator_for
from gghead.training.report import StepReport
from gghead.training.state import TrainingState


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
    team: Team = ALONE,
) -> StepReport:
    """Moves the state by one step, in place; every random number follows from (seed, images seen, rollbacks).

    Args:
        state: changed.
        config: losses, rates and schedules.
        pictures: this process's part of the batch: real pictures on the background.
        labels: their cameras.
        dataset_labels: all labels of the dataset, from which the cameras of generated pictures are drawn.
        team: the processes of the run; afterwards the state is the same in all, the report is of this one's part.
    """
    state.discriminator.fade_in(schedules.growth_fade(config, state.images))
    terms, generator_gradient = _step_generator(state, config, dataset_labels, team)
    real = to_network(pictures)
    judged = _step_discriminator(state, config, real, labels, dataset_labels, team)
    step = state.images // config.batch_size
    r1, r1_gradient = _step_r1(state, config, real, labels, team) if step % config.r1_every == 0 else (None, None)
    update_average(state.average, state.generator, schedules.ema_decay(config, state.images))
    state.images += config.batch_size
    return StepReport(
        generator=terms.adversarial.mean().detach(),
        discriminator=judged.loss,
        r1=r1,
        real_logits=judged.real_logits,
        fake_logits=judged.fake_logits,
        position=terms.position.mean().detach(),
        scale=terms.scale.mean().detach(),
        opacity=terms.opacity.detach(),
        beta=terms.beta.detach() if config.beta_weight > 0 else None,
        uv_variation=terms.uv_variation.detach() if config.uv_variation_weight > 0 else None,
        generator_gradient=generator_gradient,
        discriminator_gradient=judged.gradient,
        r1_gradient=r1_gradient,
    )


def generator_terms(
    generator: Generator,
    discriminator: Discriminator,
    config: TrainingConfig,
    styles: Float[Tensor, "B L W"],
    labels: Float[Tensor, "B 25"],
    sigma: float = 0.0,
    noise: NoiseGenerator | None = None,
    mean: Callable[[Tensor], Tensor] = lambda value: value,
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
        mean: over the processes that share the batch.
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
        uv_variation=regularizers.uv_total_variation(drawn.features, drawn.alpha, mean) if uv_wanted else zero,
        opacity=gaussians.opacities.mean(),
    )


def rendering_to_network(rendering: Rendering) -> Float[Tensor, "B 3 R R"]:
    """Pictures as the discriminator takes them: [-1, 1], channels first."""
    return rendering.rgb.permute(0, 3, 1, 2) * 2 - 1


def _draw_styles(
    state: TrainingState, config: TrainingConfig, dataset_labels: Float[Tensor, "M 25"], purpose: str, team: Team
) -> tuple[Float[Tensor, "B L W"], Float[Tensor, "B 25"]]:
    """Styles of this process's part of new heads and the cameras that are to see them."""
    draw = generator_for(config.seed, purpose, state.images, rollbacks=state.rollbacks)
    batch = config.batch_size
    latents = torch.randn(batch, state.generator.config.z_size, generator=draw)
    labels = dataset_labels[torch.randint(len(dataset_labels), (batch,), generator=draw)].to(state.device)
    seen, group = None, _group_size(state, config)
    if state.generator.config.camera_conditioned:
        swapped = torch.rand(batch, 1, generator=draw) < schedules.swap_probability(config, state.images)
        seen = torch.where(swapped.to(state.device), labels.roll(1, dims=0), labels)
        seen = team.part(seen, group)
    update = purpose == "fakes of the discriminator"
    latents = team.part(latents, group).to(state.device)
    styles = state.generator.map_styles(latents, seen, update_average=update)
    if update:
        team.average([state.generator.mapping.mean_style])
    return styles, team.part(labels, group)


def _noise(state: TrainingState, config: TrainingConfig, purpose: str, team: Team) -> NoiseGenerator:
    generator = generator_for(config.seed, purpose, state.images, state.device, state.rollbacks)
    return team.noise(generator, config.batch_size, _group_size(state, config))


def _group_size(state: TrainingState, config: TrainingConfig) -> int:
    """Pictures that the discriminator compares."""
    return min(state.discriminator.config.group_size, config.batch_size)


def _step_generator(
    state: TrainingState, config: TrainingConfig, dataset_labels: Float[Tensor, "M 25"], team: Team
) -> tuple[GeneratorTerms, Tensor]:
    """Returns the terms and the norm of the gradient."""
    state.discriminator.requires_grad_(False)
    styles, labels = _draw_styles(state, config, dataset_labels, "fakes of the generator", team)
    sigma = schedules.blur_sigma(config, state.images)
    noise = _noise(state, config, "noise of the generator", team)
    terms = generator_terms(state.generator, state.discriminator, config, styles, labels, sigma, noise, team.mean)
    return terms, _descend(state.generator_optimizer, terms.total(config), team)


@dataclass(frozen=True)
class _Judged:
    """Means of a step of the discriminator, and the norm of its gradient."""

    loss: Tensor
    real_logits: Tensor
    fake_logits: Tensor
    gradient: Tensor


def _step_discriminator(
    state: TrainingState,
    config: TrainingConfig,
    real: Float[Tensor, "B 3 R R"],
    labels: Float[Tensor, "B 25"],
    dataset_labels: Float[Tensor, "M 25"],
    team: Team,
) -> _Judged:
    sigma = schedules.blur_sigma(config, state.images)
    with torch.no_grad():
        styles, fake_labels = _draw_styles(state, config, dataset_labels, "fakes of the discriminator", team)
        noise = _noise(state, config, "noise of the discriminator", team)
        gaussians = state.generator.decode(styles, noise="random", noise_generator=noise)
        cameras = Cameras.from_labels(fake_labels, real.shape[-1])
        fake = rendering_to_network(render(gaussians, cameras, background=config.background, pairwise=True))
    state.discriminator.requires_grad_(True)
    fake_logits = state.discriminator(gaussian_blur(fake, sigma), fake_labels)
    real_logits = state.discriminator(gaussian_blur(real, sigma), labels)
    loss = losses.discriminator_loss(real_logits, fake_logits).mean()
    gradient = _descend(state.discriminator_optimizer, loss, team)
    return _Judged(loss.detach(), real_logits.detach().mean(), fake_logits.detach().mean(), gradient)


def _step_r1(
    state: TrainingState,
    config: TrainingConfig,
    real: Float[Tensor, "B 3 R R"],
    labels: Float[Tensor, "B 25"],
    team: Team,
) -> tuple[Tensor, Tensor]:
    """Lazy regularisation: a step of its own, as strong as all those that it stands for.

    Returns the mean penalty and the norm of the gradient.
    """
    pictures = real.detach().requires_grad_(True)
    sigma = schedules.blur_sigma(config, state.images)
    penalty = losses.r1_penalty(state.discriminator(gaussian_blur(pictures, sigma), labels), pictures).mean()
    gradient = _descend(state.discriminator_optimizer, config.r1_gamma / 2 * config.r1_every * penalty, team)
    return penalty.detach(), gradient


def _descend(optimizer: torch.optim.Optimizer, loss: Tensor, team: Team) -> Tensor:
    """Steps along the gradient of the whole batch; returns its norm."""
    optimizer.zero_grad(set_to_none=True)
    loss.backward()
    parameters = [parameter for group in optimizer.param_groups for parameter in group["params"]]
    gradients = [parameter.grad for parameter in parameters if parameter.grad is not None]
    team.average(gradients)
    optimizer.step()
    return torch.nn.utils.get_total_norm(gradients)

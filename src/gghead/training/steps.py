"""One training step: the generator learns, the discriminator learns, the average follows.

A step is three passes - generator, discriminator, and sometimes R1 - and what is drawn before and applied after each. A
pass is a function of tensors alone, so that a GPU can replay it; see `rasterizer.replay`. Gradients of the whole batch
are sums over the portions in which the discriminator judges it; see `portions`.
"""

from dataclasses import dataclass
from functools import partial

import torch
from jaxtyping import Float, UInt8
from torch import Tensor

from gghead.config.training import TrainingConfig
from gghead.cuda.graphs import Inputs, Runner, run_directly
from gghead.data.cutout import change_background
from gghead.geometry.cameras import Cameras
from gghead.media.images import to_network
from gghead.rasterizer import render
from gghead.stylegan.synthesis import Noise
from gghead.training import schedules
from gghead.training.ema import update_average
from gghead.training.losses import adversarial
from gghead.training.losses.blur import blur_matrix, gaussian_blur
from gghead.training.losses.terms import generator_terms, rendering_to_network
from gghead.training.parallel.distributed import SINGLE_PROCESS, ProcessGroup
from gghead.training.parallel.microbatches import Microbatches
from gghead.training.randomness import generator_for
from gghead.training.state import TrainingState
from gghead.training.step_report import StepReport


@dataclass(frozen=True)
class StepContext:
    """What a step is made with, beside the pictures.

    Attributes:
        config: losses, rates and schedules.
        dataset_labels: all labels of the dataset, from which the cameras of generated pictures are drawn, on the CPU.
        team: the processes of the run.
        run: runs the passes.
    """

    config: TrainingConfig
    dataset_labels: Float[Tensor, "M 25"]
    team: ProcessGroup = SINGLE_PROCESS
    run: Runner = run_directly


def training_step(
    state: TrainingState,
    setting: StepContext,
    pictures: UInt8[Tensor, "B R R 3"],
    labels: Float[Tensor, "B 25"],
    transparency: UInt8[Tensor, "B R R"] | None = None,
) -> StepReport:
    """Moves the state by one step, in place; every random number follows from (seed, images seen, rollbacks).

    Args:
        state: changed; afterwards the same in all processes of the team.
        setting: how.
        pictures: this process's part of the batch: real pictures on the background.
        labels: their cameras.
        transparency: of the pictures; needed if backgrounds are random.

    Returns:
        Of this process's part.
    """
    config = setting.config
    state.discriminator.fade_in(schedules.growth_fade(config, state.images))
    blur = _blur(state, config)
    real = {"real": _real_pictures(state, setting, pictures, transparency), "real_labels": labels} | blur
    generator_losses = _step_generator(state, setting, blur)
    judged = _step_discriminator(state, setting, real)
    is_due = state.images // config.batch_size % config.r1_every == 0
    penalty = _step_r1(state, setting, real) if is_due else dict.fromkeys(("r1", "r1_gradient"))
    update_average(state.average, state.generator, schedules.ema_decay(config, state.images))
    state.images += config.batch_size
    return StepReport(**generator_losses, **judged, **penalty)


def _blur(state: TrainingState, config: TrainingConfig) -> Inputs:
    """What blurs the step's pictures, if they are blurred."""
    sigma = schedules.blur_sigma(config, state.images)
    side = state.discriminator.config.resolution
    return {"blur": _to_device(blur_matrix(sigma, side), state)} if sigma > 0 else {}


def _to_device(tensor: Tensor, state: TrainingState) -> Tensor:
    """Copies to the networks' device without waiting for it."""
    if state.device.type == "cuda":
        tensor = tensor.pin_memory()
    return tensor.to(state.device, non_blocking=True)


def _group_size(state: TrainingState, config: TrainingConfig) -> int:
    """Pictures that the discriminator compares."""
    return min(state.discriminator.config.group_size, config.batch_size)


def _backgrounds(state: TrainingState, setting: StepContext, purpose: str) -> Float[Tensor, "B 3"]:
    """Random colours behind this process's part of the pictures."""
    config = setting.config
    draw = generator_for(config.seed, purpose, state.images, rollbacks=state.rollbacks)
    colors = torch.rand(config.batch_size, 3, generator=draw)
    return _to_device(setting.team.part(colors, _group_size(state, config)), state)


def _real_pictures(
    state: TrainingState, setting: StepContext, pictures: Tensor, transparency: Tensor | None
) -> Float[Tensor, "B 3 R R"]:
    if setting.config.random_background:
        if transparency is None:
            raise ValueError("random backgrounds need the pictures' transparency; load batches with_transparency")
        new = _backgrounds(state, setting, "backgrounds of real pictures")
        pictures = change_background(pictures, transparency, setting.config.background, new)
    return to_network(pictures)


def _draw_fakes(state: TrainingState, setting: StepContext, network: str) -> Inputs:
    """What this process's part of new pictures is made from: latents of heads, cameras, noise."""
    config, team, group = setting.config, setting.team, _group_size(state, setting.config)
    draw = generator_for(config.seed, f"fakes of the {network}", state.images, rollbacks=state.rollbacks)
    heads = config.batch_size // config.views
    latents = torch.randn(heads, state.generator.config.z_size, generator=draw)
    chosen = torch.randint(len(setting.dataset_labels), (config.batch_size,), generator=draw)
    labels = setting.dataset_labels[chosen]
    drawn = {"latents": latents, "labels": labels}
    if state.generator.config.camera_conditioned:
        swapped = torch.rand(heads, 1, generator=draw) < schedules.swap_probability(config, state.images)
        own = labels[:: config.views]
        drawn["seen"] = torch.where(swapped, own.roll(1, dims=0), own)
    inputs = {key: _to_device(team.part(tensor, group), state) for key, tensor in drawn.items()}
    if config.random_background:
        inputs["backgrounds"] = _backgrounds(state, setting, f"backgrounds of the {network}")
    grains = generator_for(config.seed, f"noise of the {network}", state.images, state.device, state.rollbacks)
    for layer, noise in enumerate(state.generator.synthesis.draw_noise(heads, grains)):
        inputs[f"noise {layer}"] = team.part(noise, group)
    return inputs


def _conditioning_camera(inputs: Inputs) -> Cameras | None:
    """What the mapping network sees, if it sees a camera."""
    return Cameras.from_labels(inputs["seen"], 1) if "seen" in inputs else None


def _noise_of(inputs: Inputs) -> Noise:
    return [tensor for key, tensor in inputs.items() if key.startswith("noise ")]


def _step_generator(state: TrainingState, setting: StepContext, others: Inputs) -> dict[str, Tensor | None]:
    """Returns what the report says of it."""
    inputs = _draw_fakes(state, setting, "generator") | others
    run = partial(_generator_pass, state, setting)
    values = setting.run("generator", run, inputs, list(state.generator.parameters()))
    gradient = _apply(state.generator_optimizer, setting.team)
    adversarial, position, scale, opacity, beta, uv_variation = values.unbind()
    config = setting.config
    return {
        "generator": adversarial,
        "position": position,
        "scale": scale,
        "opacity": opacity,
        "beta": beta if config.beta_weight > 0 else None,
        "uv_variation": uv_variation if config.uv_variation_weight > 0 else None,
        "generator_gradient": gradient,
    }


def _generator_pass(state: TrainingState, setting: StepContext, inputs: Inputs) -> Float[Tensor, "6"]:
    state.discriminator.requires_grad_(False)
    styles = state.generator.map_styles(inputs["latents"], _conditioning_camera(inputs))
    terms = generator_terms(
        state.generator,
        state.discriminator,
        setting.config,
        styles,
        inputs["labels"],
        inputs.get("blur"),
        _noise_of(inputs),
        inputs.get("backgrounds"),
        setting.team.mean,
    )
    terms.total(setting.config).backward()
    of_heads = (terms.adversarial, terms.position.mean(), terms.scale.mean())
    return torch.stack([*of_heads, terms.opacity, terms.beta, terms.uv_variation]).detach()


def _judge(state: TrainingState, pictures: Tensor, labels: Tensor, inputs: Inputs) -> Float[Tensor, " B"]:
    """Logits of pictures, blurred if the pass's inputs say so."""
    return state.discriminator(gaussian_blur(pictures, inputs.get("blur")), labels)


@torch.no_grad()
def _draw_pictures(
    state: TrainingState, setting: StepContext, inputs: Inputs, update_average: bool = False
) -> Float[Tensor, "B 3 R R"]:
    """Generated pictures, without their graph."""
    conditioning = _conditioning_camera(inputs)
    styles = state.generator.map_styles(inputs["latents"], conditioning, update_average=update_average)
    gaussians = state.generator.decode(styles, _noise_of(inputs))
    labels = inputs["labels"].unflatten(0, (len(styles), -1))
    resolution = state.discriminator.config.resolution
    cameras = Cameras.from_labels(labels, state.generator.config.supersampling * resolution)
    background = setting.config.background
    if "backgrounds" in inputs:
        background = inputs["backgrounds"].unflatten(0, (len(styles), -1))
    return rendering_to_network(render(gaussians, cameras, background=background, pairwise=True), resolution)


def _step_discriminator(state: TrainingState, setting: StepContext, real: Inputs) -> dict[str, Tensor]:
    """Returns what the report says of it."""
    inputs = _draw_fakes(state, setting, "discriminator") | real
    run = partial(_discriminator_pass, state, setting)
    values = setting.run("discriminator", run, inputs, list(state.discriminator.parameters()))
    setting.team.average([state.generator.mapping.mean_style])
    gradient = _apply(state.discriminator_optimizer, setting.team)
    names = ("discriminator", "real_logits", "fake_logits")
    return dict(zip(names, values.unbind(), strict=True)) | {"discriminator_gradient": gradient}


def _discriminator_pass(state: TrainingState, setting: StepContext, inputs: Inputs) -> Float[Tensor, "3"]:
    fake = _draw_pictures(state, setting, inputs, update_average=True)
    state.discriminator.requires_grad_(True)
    fakes, reals = (fake, inputs["labels"]), (inputs["real"], inputs["real_labels"])
    portions, share, found = Microbatches.judged(state.discriminator, len(fake)), 1 / len(fake), []
    # One after the other, so that only one of them is kept for its way back.
    for kind, is_real in ((fakes, False), (reals, True)):
        for pictures, labels in portions.cut(*kind):
            logits = _judge(state, pictures, labels, inputs)
            loss = _go_back(adversarial.discriminator_loss(logits, is_real), share)
            found.append(torch.stack([loss, logits.detach()]))
    (fake_loss, real_loss), (fake_logit, real_logit) = torch.cat(found, dim=1).unflatten(1, (2, -1)).mean(dim=2)
    return torch.stack([fake_loss + real_loss, real_logit, fake_logit])


def _step_r1(state: TrainingState, setting: StepContext, real: Inputs) -> dict[str, Tensor | None]:
    """Lazy regularisation: a step of its own, as strong as all those that it stands for.

    Returns what the report says of it.
    """
    run = partial(_r1_pass, state, setting)
    penalty = setting.run("r1", run, real, list(state.discriminator.parameters()))
    return {"r1": penalty, "r1_gradient": _apply(state.discriminator_optimizer, setting.team)}


def _r1_pass(state: TrainingState, setting: StepContext, inputs: Inputs) -> Float[Tensor, ""]:
    config, pictures, labels, found = setting.config, inputs["real"], inputs["real_labels"], []
    state.discriminator.requires_grad_(True)
    weight = config.r1_gamma / 2 * config.r1_every / len(pictures)
    for part, part_labels in Microbatches.judged(state.discriminator, len(pictures)).cut(pictures, labels):
        leaves = part.detach().requires_grad_(True)
        logits = _judge(state, leaves, part_labels, inputs)
        found.append(_go_back(adversarial.gradient_penalty(logits, leaves), weight))
    return torch.cat(found).mean()


def _go_back(values: Float[Tensor, " K"], weight: float) -> Float[Tensor, " K"]:
    """Adds the gradient of the weighted sum to the parameters'; returns the values without their graph."""
    values.backward(torch.full_like(values, weight))
    return values.detach()


def _apply(optimizer: torch.optim.Optimizer, team: ProcessGroup) -> Tensor:
    """Steps along the gradient of the whole batch; returns its norm."""
    parameters = [parameter for group in optimizer.param_groups for parameter in group["params"]]
    gradients = [parameter.grad for parameter in parameters if parameter.grad is not None]
    team.average(gradients)
    optimizer.step()
    return torch.nn.utils.get_total_norm(gradients)

"""The discriminator's steps: telling real images from generated ones, and from time to time R1.

A pass is a function of tensors alone, so that a GPU can replay it; see `cuda.graphs`. Gradients of the whole batch are
sums over the microbatches in which the discriminator evaluates it; see `training.microbatches`.
"""

from functools import partial

import torch
from jaxtyping import Float
from torch import Tensor

from gghead.training.losses.adversarial import discriminator_loss, gradient_penalty
from gghead.training.losses.blur import gaussian_blur
from gghead.training.losses.terms import render_samples, samples_to_network
from gghead.training.microbatches import Microbatches, join_groups
from gghead.training.state import TrainingState
from gghead.training.step_report import StepReport
from gghead.training.steps.inputs import Blur, GeneratedBatch, RealBatch, StepContext, draw_generated
from gghead.training.steps.optimize import add_gradients, apply_gradients


def step_discriminator(state: TrainingState, context: StepContext, real: RealBatch, blur: Blur) -> StepReport:
    """Moves the discriminator, in place, and the running mean of the styles that it sees."""
    inputs = draw_generated(state, context, "discriminator"), real, blur
    run = partial(_discriminator_pass, state, context)
    values = context.run("discriminator", run, inputs, list(state.discriminator.parameters()))
    context.group.average([state.generator.mapping.mean_style])
    gradient = apply_gradients(state.discriminator_optimizer, context.group)
    loss, real_logits, fake_logits = values.unbind()
    logits = {"real_logits": real_logits, "fake_logits": fake_logits}
    return {"discriminator": loss, **logits, "discriminator_gradient": gradient}


def _discriminator_pass(
    state: TrainingState, context: StepContext, inputs: tuple[GeneratedBatch, RealBatch, Blur]
) -> Float[Tensor, "3"]:
    generated, real, blur = inputs
    fake = _generate(state, context, generated)
    state.discriminator.requires_grad_(True)
    size = Microbatches.of(state.discriminator, len(fake)).group_size

    def both(of_generated: Tensor, of_real: Tensor) -> Tensor:
        return join_groups([of_generated, of_real], size)

    weight, found = 1 / len(fake), []
    is_real = both(torch.zeros_like(fake[:, 0, 0, 0]), torch.ones_like(fake[:, 0, 0, 0]))
    wholes = both(fake, real.images), both(generated.labels, real.labels), is_real
    for part, labels, real_part in Microbatches.of(state.discriminator, len(fake), batches=2).cut(*wholes):
        logits = state.discriminator(gaussian_blur(part, blur), labels)
        loss = add_gradients(discriminator_loss(logits, real_part), weight)
        found.append(torch.stack([loss, logits.detach(), real_part]))
    loss, logits, is_real = torch.cat(found, dim=1)
    return torch.stack([loss, logits * is_real, logits * (1 - is_real)]).sum(dim=1) * weight


@torch.no_grad()
def _generate(state: TrainingState, context: StepContext, generated: GeneratedBatch) -> Float[Tensor, "B 3 R R"]:
    """Images of new heads, without their graph."""
    styles = state.generator.map_labels(generated.latents, generated.conditioning_labels, update_mean=True)
    heads = state.generator.decode(styles, generated.noise)
    background = context.config.background if generated.backgrounds is None else generated.backgrounds
    resolution = state.discriminator.config.resolution
    samples = render_samples(state.generator, heads, generated.labels, resolution, background)
    return samples_to_network(state.generator, samples)


def step_r1(state: TrainingState, context: StepContext, real: RealBatch, blur: Blur) -> StepReport:
    """Lazy regularisation: a step of its own, as strong as all those that it stands for.

    Source: Karras et al. 2020, "Analyzing and Improving the Image Quality of StyleGAN", appendix B.
    """
    run = partial(_r1_pass, state, context)
    penalty = context.run("r1", run, (real, blur), list(state.discriminator.parameters()))
    return {"r1": penalty, "r1_gradient": apply_gradients(state.discriminator_optimizer, context.group)}


def _r1_pass(state: TrainingState, context: StepContext, inputs: tuple[RealBatch, Blur]) -> Float[Tensor, ""]:
    config, (real, blur), found = context.config, inputs, []
    state.discriminator.requires_grad_(True)
    weight = config.r1_gamma / 2 * config.r1_every / len(real.images)
    for part, part_labels in Microbatches.of(state.discriminator, len(real.images)).cut(real.images, real.labels):
        leaves = part.detach().requires_grad_(True)
        logits = state.discriminator(gaussian_blur(leaves, blur), part_labels)
        found.append(add_gradients(gradient_penalty(logits, leaves), weight))
    return torch.cat(found).mean()

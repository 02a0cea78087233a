"""The discriminator's steps: telling real images from generated ones, and from time to time R1.

A pass is a function of tensors alone, so that a GPU can replay it; see `cuda.graphs`. Gradients of the whole batch are
sums over the microbatches in which the discriminator evaluates it; see `training.microbatches`.
"""

from functools import partial

import torch
from jaxtyping import Float
from torch import Tensor

from gghead.training.losses.adversarial import discriminator_loss, mean_of_heads
from gghead.training.losses.augmentation import augment
from gghead.training.losses.blur import gaussian_blur
from gghead.training.losses.r1 import r1
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
    loss, real_logits, fake_logits, wrong_logits = values.unbind()
    report = {"discriminator": loss, "real_logits": real_logits, "fake_logits": fake_logits}
    if context.config.wrong_label_weight > 0:
        report["wrong_label_logits"] = wrong_logits
    return report | {"discriminator_gradient": gradient}


def _discriminator_pass(
    state: TrainingState, context: StepContext, inputs: tuple[GeneratedBatch, RealBatch, Blur]
) -> Float[Tensor, "4"]:
    generated, real, blur = inputs
    fake, fake_labels = augment(
        _generate(state, context, generated), generated.labels, generated.changes, context.config.augmentation
    )
    state.discriminator.requires_grad_(True)
    count, wrong_weight = len(fake), context.config.wrong_label_weight
    size = Microbatches.of(state.discriminator, count).group_size
    images, labels, weights = [fake, real.images], [fake_labels, real.labels], [1.0, 1.0]
    if wrong_weight > 0:
        images.append(real.images)
        labels.append(labels_of_others(real.labels, size))
        weights.append(wrong_weight)

    columns = 1, 0, 2  # of the mean logits: real, generated, of a wrong label
    kinds = [torch.eye(3, device=fake.device)[column] for column in columns[: len(images)]]
    wholes = (
        join_groups(images, size),
        join_groups(labels, size),
        join_groups([kind.expand(count, 3) for kind in kinds], size),
        join_groups([fake.new_full((count,), weight) for weight in weights], size),
    )
    found = torch.zeros(4, device=fake.device)
    for part, part_labels, kind, part_weight in Microbatches.of(state.discriminator, count, batches=len(images)).cut(
        *wholes
    ):
        logits = state.discriminator(gaussian_blur(part, blur), part_labels)
        losses = discriminator_loss(logits, kind[:, 0], context.config.adversarial)
        loss = add_gradients(losses * part_weight, 1 / count)
        means = mean_of_heads(logits.detach())
        found = found + torch.cat([loss.sum()[None], (means[:, None] * kind).sum(dim=0)]) / count
    return found


def labels_of_others(labels: Float[Tensor, "B 25"], group_size: int) -> Float[Tensor, "B 25"]:
    """The label of another picture of its group for each: as many as there are processes give the same.

    Source: Reed et al. 2016, "Generative Adversarial Text to Image Synthesis", section 4.1 (pairs that don't match).
    """
    return labels.unflatten(0, (group_size, -1)).roll(1, dims=0).flatten(0, 1)


@torch.no_grad()
def _generate(state: TrainingState, context: StepContext, generated: GeneratedBatch) -> Float[Tensor, "B 3 R R"]:
    """Images of new heads, without their graph."""
    styles = state.generator.map_labels(generated.latents, generated.conditioning_labels, update_mean=True)
    heads = state.generator.decode(styles, generated.noise)
    samples = render_samples(state.generator, heads, generated.labels, state.discriminator.config.resolution)
    behind = context.config.background if generated.backgrounds is None else generated.backgrounds
    return samples_to_network(state.generator, samples, behind)


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
        found.append(add_gradients(r1(state.discriminator, part, part_labels, blur), weight))
    return torch.cat(found).mean()

"""The generator's step: heads are drawn, and their images are to pass for real ones."""

from functools import partial

import torch
from jaxtyping import Float
from torch import Tensor

from gghead.training.losses.terms import generator_terms
from gghead.training.state import TrainingState
from gghead.training.step_report import StepReport
from gghead.training.steps.inputs import Blur, GeneratedBatch, StepContext, draw_generated
from gghead.training.steps.optimize import apply_gradients


def step_generator(state: TrainingState, context: StepContext, blur: Blur) -> StepReport:
    """Moves the generator, in place."""
    config = context.config
    inputs = draw_generated(state, context, "generator"), blur
    run = partial(_generator_pass, state, context)
    values = context.run("generator", run, inputs, list(state.generator.parameters()))
    gradient = apply_gradients(state.generator_optimizer, context.group)
    loss, position, scale, opacity, saturation, beta, uv_variation = values.unbind()
    report = {"generator": loss, "position": position, "scale": scale, "opacity": opacity}
    if config.saturation_weight > 0:
        report["saturation"] = saturation
    if config.beta_weight > 0:
        report["beta"] = beta
    if config.uv_variation_weight > 0:
        report["uv_variation"] = uv_variation
    return report | {"generator_gradient": gradient}


def _generator_pass(
    state: TrainingState, context: StepContext, inputs: tuple[GeneratedBatch, Blur]
) -> Float[Tensor, "7"]:
    generated, blur = inputs
    state.discriminator.requires_grad_(False)
    styles = state.generator.map_labels(generated.latents, generated.conditioning_labels)
    terms = generator_terms(
        state.generator,
        state.discriminator,
        context.config,
        styles,
        generated.labels,
        blur,
        generated.noise,
        generated.backgrounds,
        generated.changes,
        context.group.mean,
    )
    terms.total(context.config).backward()
    of_heads = (terms.adversarial, terms.position.mean(), terms.scale.mean())
    return torch.stack([*of_heads, terms.opacity, terms.saturation, terms.beta, terms.uv_variation]).detach()

"""The terms of the generator's loss: heads are drawn, and the discriminator evaluates the images."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor
from torch.autograd.function import once_differentiable

from gghead.config.training import Adversarial, TrainingConfig
from gghead.gaussians.scene import Gaussians
from gghead.geometry.cameras import Cameras
from gghead.inference.observation import as_learned
from gghead.model.generator import Generator
from gghead.rasterizer import Rendering, render
from gghead.stylegan.synthesis import Noise
from gghead.training.discriminators.choice import AnyDiscriminator
from gghead.training.losses import adversarial, regularizers
from gghead.training.losses.augmentation import augment
from gghead.training.losses.blur import gaussian_blur
from gghead.training.microbatches import Microbatches


@dataclass(frozen=True)
class GeneratorTerms:
    """The terms of the generator's loss, each without its weight; for each picture or head where it decides."""

    adversarial: Float[Tensor, ""]
    logits: Float[Tensor, " B"]
    position: Float[Tensor, " H"]
    scale: Float[Tensor, " H"]
    saturation: Float[Tensor, ""]
    beta: Float[Tensor, ""]
    uv_variation: Float[Tensor, ""]
    opacity: Float[Tensor, ""]

    def total(self, config: TrainingConfig) -> Float[Tensor, ""]:
        """The loss that the generator's optimizer lowers."""
        return (
            self.adversarial
            + config.position_weight * self.position.mean()
            + config.scale_weight * self.scale.mean()
            + config.saturation_weight * self.saturation
            + config.beta_weight * self.beta
            + config.uv_variation_weight * self.uv_variation
        )


def generator_terms(
    generator: Generator,
    discriminator: AnyDiscriminator,
    config: TrainingConfig,
    styles: Float[Tensor, "H L W"],
    labels: Float[Tensor, "B 25"],
    blur: Float[Tensor, "R R"] | None = None,
    noise: Noise = "none",
    backgrounds: Float[Tensor, "B 3 R R"] | None = None,
    changes: Float[Tensor, "B 9"] | None = None,
    mean: Callable[[Tensor], Tensor] = lambda value: value,
) -> GeneratorTerms:
    """Draws heads, evaluates them, and regularises what they are made of.

    Args:
        generator: makes the heads.
        discriminator: evaluates the images; if there are too many of them for one go, it learns nothing from the terms.
        config: which terms are wanted; a term of weight 0 that costs a rendering is not computed and 0.
        styles: of the heads.
        labels: cameras of the images; the same number for each head, those of a head side by side.
        blur: of the pictures, see `blur_matrix`.
        noise: of the synthesis network's layers.
        backgrounds: what is behind each picture, or None for the configured grey.
        changes: of the pictures, see `augment`.
        mean: over the processes that share the batch.
    """
    maps = generator.maps(styles, noise)
    heads = generator.decode_maps(maps)
    gaussians = heads.gaussians
    uv_wanted, saturation_wanted = config.uv_variation_weight > 0, config.saturation_weight > 0
    features = generator.texel_uvs.expand(len(styles), -1, 2) if uv_wanted else None
    behind = config.background if backgrounds is None else backgrounds
    samples = render_samples(generator, gaussians, labels, discriminator.config.resolution, features)
    pictures = samples_to_network(generator, samples, behind)
    pictures, seen_labels = augment(pictures, labels, changes, config.augmentation)
    adversarial, logits = _adversarial(discriminator, config.adversarial, pictures, seen_labels, blur)
    zero = logits.new_zeros(())
    # Decoding keeps no raw opacities; in the maps they are the last channel.
    raw = heads.positions, heads.scales, maps[:, -1]
    return GeneratorTerms(
        adversarial=adversarial,
        logits=logits,
        position=regularizers.mean_norm(heads.positions),
        scale=regularizers.mean_norm(heads.scales),
        saturation=regularizers.saturation(*raw, generator.config) if saturation_wanted else zero,
        beta=regularizers.beta_loss(gaussians.opacities) if config.beta_weight > 0 else zero,
        uv_variation=_uv_variation(samples, mean) if uv_wanted else zero,
        opacity=gaussians.opacities.mean(),
    )


def _adversarial(
    discriminator: AnyDiscriminator,
    kind: Adversarial,
    pictures: Float[Tensor, "B 3 R R"],
    labels: Float[Tensor, "B 25"],
    blur: Float[Tensor, "R R"] | None,
) -> tuple[Float[Tensor, ""], Float[Tensor, " B"]]:
    """The adversarial loss and the logits.

    If the discriminator takes several microbatches, the gradient of the images is computed for each before the next.
    """
    microbatches = Microbatches.of(discriminator, len(pictures))
    if microbatches.count == 1:
        logits = discriminator(gaussian_blur(pictures, blur), labels)
        return adversarial.generator_loss(logits, kind).mean(), adversarial.mean_of_heads(logits)
    found = []
    for part, part_labels in microbatches.cut(pictures.detach(), labels):
        logits = discriminator(gaussian_blur(part.requires_grad_(), blur), part_labels)
        loss = adversarial.generator_loss(logits, kind)
        loss.backward(torch.full_like(loss, 1 / len(pictures)), inputs=[part])
        found.append((loss.detach(), adversarial.mean_of_heads(logits.detach()), part.grad))
    loss, logits, gradients = zip(*found, strict=True)
    whole = _Derived.apply(pictures, torch.cat(loss).mean(), microbatches.join(gradients))
    return whole, microbatches.join(logits)


class _Derived(torch.autograd.Function):
    """A number whose gradient w.r.t. a tensor is known already."""

    @staticmethod
    def forward(ctx: Any, tensor: Tensor, number: Float[Tensor, ""], gradient: Tensor) -> Float[Tensor, ""]:
        ctx.save_for_backward(gradient)
        return number

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, factor: Float[Tensor, ""]) -> tuple[Tensor, None, None]:
        (gradient,) = ctx.saved_tensors
        return factor * gradient, None, None


def _uv_variation(samples: Rendering, mean: Callable[[Tensor], Tensor]) -> Float[Tensor, ""]:
    assert samples.features is not None
    return regularizers.uv_total_variation(samples.features.flatten(0, 1), samples.alpha.flatten(0, 1), mean)


def render_samples(
    generator: Generator,
    heads: Gaussians,
    labels: Float[Tensor, "B 25"],
    resolution: int,
    features: Float[Tensor, "H N F"] | None = None,
) -> Rendering:
    """Heads from the cameras of labels, before samples become pixels: batch [H, B / H].

    Args:
        generator: that made the heads.
        heads: batch [H].
        labels: the same number for each head, those of a head side by side.
        resolution: side of the pictures, the discriminator's.
        features: further channels.
    """
    views = (len(heads.means), -1)
    cameras = as_learned(generator.config).samples(Cameras.from_labels(labels.unflatten(0, views), resolution))
    return render(heads, cameras, background=0.0, features=features, pairwise=True)


def samples_to_network(
    generator: Generator, samples: Rendering, behind: float | Float[Tensor, "B 3 R R"]
) -> Float[Tensor, "B 3 R R"]:
    """Pictures as the discriminator takes them: [-1, 1], channels first, one batch axis.

    Args:
        generator: that made the heads.
        samples: before black.
        behind: a grey, or what is behind each picture, 0 to 1.
    """
    average = as_learned(generator.config).average
    front, alpha = (average(x.flatten(0, -4)).permute(0, 3, 1, 2) for x in (samples.rgb, samples.alpha))
    return (front + (1 - alpha) * behind) * 2 - 1

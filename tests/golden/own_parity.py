"""What our networks, rasterizer and losses computed when they agreed with the official fixture, frozen in a file.

The weights follow from a formula, so the file holds results only, none of which are the official code's.
`python tests/golden/own_parity.py` writes own_parity.npz beside itself; do so only where the official fixture is at
hand (GGHEAD_FIXTURES) and its tests pass, and say in the commit what has changed.
"""

from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from gghead.config.model import DiscriminatorConfig, GeneratorConfig
from gghead.config.training import TrainingConfig
from gghead.geometry.cameras import Cameras
from gghead.geometry.trajectories import on_sphere
from gghead.model.decoder import activate
from gghead.model.discriminator import Discriminator
from gghead.model.generator import Generator, build_generator
from gghead.rasterizer import render
from gghead.training.losses.adversarial import gradient_penalty
from gghead.training.losses.terms import generator_terms

FILE = Path(__file__).with_suffix(".npz")
SIDE = 32
"""Of the pictures, pixels."""
GENERATOR = GeneratorConfig(
    z_size=16,
    style_size=16,
    map_resolution=16,
    channel_base=256,
    channel_max=16,
    grid_size=16,
    max_log_scale=-2.0,
    log_scale_offset=-3.0,
    picture_resolution=SIDE,
)
DISCRIMINATOR = DiscriminatorConfig(resolution=SIDE, channel_base=256, channel_max=16, mapping_layers=2)
TRAINING = TrainingConfig(position_weight=0.1, scale_weight=0.05, uv_variation_weight=100.0, beta_weight=1.0)
GENERATOR_GRADIENTS = (
    "mapping.layers.0.weight",
    "synthesis.blocks.1.conv0.weight",
    "synthesis.blocks.2.to_output.weight",
    "position_weight",
)
DISCRIMINATOR_GRADIENTS = ("critic.blocks.0.conv0.weight", "critic.conv.weight", "critic.mapping.layers.0.weight")
SMALL = 0.1
"""Factor of all numbers but those of convolutions, matrices and noise, whose variance is 1."""
MAPPING_GAIN = 100
"""Factor of the numbers of mapping networks, which use them times 0.01."""


def numbers(count: int, stream: int) -> np.ndarray:
    """Numbers of mean 0 and variance 1, uniformly distributed: a hash of whole numbers, alike on every machine.

    Source: Steele et al. 2014, "Fast splittable pseudorandom number generators", figure 16 with the 64-bit variant 13.
    """
    mixed = np.arange(1, count + 1, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15) + np.uint64(stream << 40)
    mixed = (mixed ^ mixed >> np.uint64(30)) * np.uint64(0xBF58476D1CE4E5B9)
    mixed = (mixed ^ mixed >> np.uint64(27)) * np.uint64(0x94D049BB133111EB)
    mixed ^= mixed >> np.uint64(31)
    return (mixed.astype(np.float64) / 2**64 - 0.5) * 12**0.5


def fill(network: nn.Module, stream: int) -> None:
    """Gives each parameter and each buffer but those of the template numbers of its own."""
    tensors = dict(network.named_parameters()) | dict(network.named_buffers())
    for place, (name, tensor) in enumerate(sorted(tensors.items())):
        if name in ("texel_uvs", "template_positions"):
            continue
        found = torch.from_numpy(numbers(tensor.numel(), stream + place)).reshape(tensor.shape)
        full = tensor.ndim > 1 and name != "position_weight"
        with torch.no_grad():
            tensor.copy_(found * (1 if full else SMALL) * (MAPPING_GAIN if "mapping.layers." in name else 1))


def networks() -> tuple[Generator, Discriminator]:
    """A tiny generator on the built-in template and a tiny discriminator."""
    generator, discriminator = build_generator(GENERATOR, 0), Discriminator(DISCRIMINATOR, 0)
    fill(generator, 1000)
    fill(discriminator, 2000)
    return generator, discriminator


def compute(dtype: torch.dtype = torch.float32) -> dict[str, Tensor]:
    """All results by name."""
    generator, discriminator = (network.to(dtype) for network in networks())
    z = torch.from_numpy(numbers(2 * GENERATOR.z_size, 1)).reshape(2, -1).to(dtype)
    eyes = on_sphere(torch.tensor([0.3, -0.5]), torch.tensor([0.1, -0.2]), 2.7)
    labels = Cameras.looking_at(eyes, torch.zeros(3), SIDE).labels().to(dtype)
    cameras = Cameras.from_labels(labels, SIDE)
    results: dict[str, Tensor] = {"labels": labels}
    with torch.no_grad():
        for name, truncation, cutoff in (("full", 1.0, None), ("truncated", 0.7, None), ("cut_off", 0.5, 3)):
            results[f"styles_{name}"] = generator.map_styles(z, cameras, truncation, cutoff)
        styles = results["styles_truncated"]
        results["maps_noise_const"] = generator.maps(styles[:1], "const")
        results["maps_noise_none"] = generator.maps(styles[:1], "none")
        raw = generator.raw_of(generator.maps(styles[:1], "none"))
        results |= {f"raw_{name}": value for name, value in vars(raw).items()}
        heads = generator.decode(styles, "none")
        results |= {f"gaussians_{name}": value[:1] for name, value in vars(heads).items()}
        quirk = activate(raw, generator.template_positions, replace(GENERATOR, quaternion_order="zwxy"))
        results["quats_of_imported_models"] = quirk.quats
        drawn = render(heads, cameras, background=0.5, pairwise=True)
        results |= {"rgb": drawn.rgb, "alpha": drawn.alpha, "depth": drawn.depth}
    results |= generator_losses(generator, discriminator, z, labels)
    return results | penalties(discriminator, drawn.rgb, labels)


def generator_losses(
    generator: Generator, discriminator: Discriminator, z: Tensor, labels: Tensor
) -> dict[str, Tensor]:
    """Terms of the generator's loss and some of its gradients."""
    styles = generator.map_styles(z, Cameras.from_labels(labels, 1))
    terms = generator_terms(generator, discriminator, TRAINING, styles, labels)
    parameters = {name: generator.get_parameter(name) for name in GENERATOR_GRADIENTS}
    gradients = torch.autograd.grad(terms.total(TRAINING), list(parameters.values()))
    results = {f"loss_{name}": value.detach() for name, value in vars(terms).items()}
    return results | {f"gradient_{name}": value for name, value in zip(parameters, gradients, strict=True)}


def penalties(discriminator: Discriminator, rgb: Tensor, labels: Tensor) -> dict[str, Tensor]:
    """Logits and R1 of pictures, and some gradients of the penalty."""
    pictures = (rgb.movedim(-1, 1) * 2 - 1).requires_grad_()
    logits = discriminator(pictures, labels)
    penalty = gradient_penalty(logits, [pictures])
    parameters = {name: discriminator.get_parameter(name) for name in DISCRIMINATOR_GRADIENTS}
    gradients = torch.autograd.grad(penalty.mean(), list(parameters.values()))
    results = {"logits": logits.detach(), "r1": penalty.detach()}
    return results | {f"gradient_r1_{name}": value for name, value in zip(parameters, gradients, strict=True)}


if __name__ == "__main__":
    np.savez_compressed(FILE, **{name: tensor.numpy() for name, tensor in compute().items()})
    print(FILE)

"""What the tensors of official checkpoints are called there and here."""

import math

from gghead.config.model import DiscriminatorConfig, GeneratorConfig

GENERATOR_IGNORED = frozenset(
    ["_uv_position_map", "_flame_vertices", "_gaussian_bg", "_gaussian_bg_train", "dataset_label_std"]
)
"""Known buffers that have no place in ours: the template, which becomes texels, backgrounds of the renderer, and the
spread of the labels, which the official training loop leaves there."""
DISCRIMINATOR_IGNORED = frozenset(["b4.mbstd"])
"""A known module without tensors."""


def generator_names(config: GeneratorConfig) -> dict[str, str]:
    """Official name -> our name, for all tensors of a generator."""
    names = {
        "_uv_grid": "_uv_grid",
        "_zero_conv_position.weight": "position_weight",
        "_zero_conv_position.bias": "position_bias",
        "backbone.mapping.w_avg": "mapping.mean_style",
        "backbone.synthesis.b4.const": "synthesis.blocks.0.const",
    }
    names |= _mapping_names("backbone.mapping", "mapping", config.mapping_layers, config.camera_conditioned)
    for i in range(int(math.log2(config.map_resolution)) - 1):
        official, ours = f"backbone.synthesis.b{4 << i}", f"synthesis.blocks.{i}"
        for conv in ("conv0", "conv1") if i else ("conv1",):
            names |= _dense_names(f"{official}.{conv}.affine", f"{ours}.{conv}.affine")
            names |= _dense_names(f"{official}.{conv}", f"{ours}.{conv}")
            names[f"{official}.{conv}.noise_strength"] = f"{ours}.{conv}.noise_strength"
            names[f"{official}.{conv}.noise_const"] = f"{ours}.{conv}.fixed_noise"
        names |= _dense_names(f"{official}.torgb.affine", f"{ours}.to_output.affine")
        names |= _dense_names(f"{official}.torgb", f"{ours}.to_output")
    return names


def discriminator_names(config: DiscriminatorConfig) -> dict[str, str]:
    """Official name -> our name, for all tensors of a discriminator but the fade of one that was grown."""
    names = _mapping_names("mapping", "critic.mapping", config.mapping_layers, conditioned=True)
    names |= _dense_names(f"b{config.resolution}.fromrgb", "critic.from_picture")
    for size in config.grown_from:
        names |= _dense_names(f"b{size}.fromrgb", f"critic.from_smaller.{size}")
    for i in range(int(math.log2(config.resolution)) - 2):
        official, ours = f"b{config.resolution >> i}", f"critic.blocks.{i}"
        names |= _dense_names(f"{official}.conv0", f"{ours}.conv0")
        names |= _dense_names(f"{official}.conv1", f"{ours}.conv1")
        names[f"{official}.skip.weight"] = f"{ours}.skip.weight"
    for official, ours in (("conv", "conv"), ("fc", "hidden"), ("out", "features")):
        names |= _dense_names(f"b4.{official}", f"critic.{ours}")
    return names


def _dense_names(official: str, ours: str) -> dict[str, str]:
    return {f"{official}.{part}": f"{ours}.{part}" for part in ("weight", "bias")}


def _mapping_names(official: str, ours: str, layers: int, conditioned: bool) -> dict[str, str]:
    names = _dense_names(f"{official}.embed", f"{ours}.embed") if conditioned else {}
    for i in range(layers):
        names |= _dense_names(f"{official}.fc{i}", f"{ours}.layers.{i}")
    return names

"""Settings of official checkpoints and of their layers: followed, let pass with a sentence, or refused by name."""

from pathlib import Path

import numpy as np
import pytest
import torch

from gghead.model.generator import Generator
from model.official.official_import import assert_same, imported, refusal
from official_writer import Content, Settings


@pytest.mark.parametrize(
    ("setting", "value", "told"),
    [
        ("use_background_plane", True, "use_background_plane is True; gghead reproduces only False"),
        ("use_background_cnn", True, "use_background_cnn is True"),
        ("use_periodic_rotation_activation", True, "use_periodic_rotation_activation is True"),
        ("use_softplus_scale_activation", np.bool_(True), "use_softplus_scale_activation is True"),
        ("scale_overshoot", 0.5, "scale_overshoot is 0.5; gghead reproduces only 0.001"),
        ("use_uniform_flame_vertices", False, "use_uniform_flame_vertices is False"),
        ("pretrained_plane_resolution", 4, "pretrained_plane_resolution is 4"),
        ("pretrained_plane_resolution", torch.zeros(2), "pretrained_plane_resolution is a Tensor"),
        ("position_range", float("nan"), "position_range is nan; expected a number"),
        ("position_range", 2**500, "position_range is "),
        ("max_scale", 2**1023, "a whole number of 1024 bits"),
        ("plane_resolution", 2**70, "plane_resolution is "),
        ("plane_resolution", "16", "plane_resolution is '16'; expected a whole number"),
        ("uv_attributes", [], "UV maps hold nothing known"),
        ("rendering_config", Settings(c_gen_conditioning_zero=True), "c_gen_conditioning_zero is True"),
        ("super_resolution_config", Settings(use_superresolution=True), "use_superresolution is True"),
        ("mapping_network_config", Settings(lr_multiplier=1.0), "lr_multiplier is 1.0"),
        ("gaussian_attribute_config", None, "no configuration gaussian_attribute_config"),
        ("interpolation_mode", [[]] * 3, "interpolation_mode is [a list, a list, a list]"),
        ("clamp_opacity", torch.zeros(3), "clamp_opacity is a Tensor"),
    ],
)
def test_a_setting_that_changes_the_function_is_refused_by_name(
    setting: str, value: object, told: str, content: Content, tmp_path: Path
) -> None:
    setattr(content["G_ema"]._config, setting, value)
    assert told in refusal(tmp_path, content)


def test_nested_settings_are_not_compared(content: Content, tmp_path: Path) -> None:
    """Two lists of 60 floors, each of which names the next twice, are equal after 2^60 steps."""
    for name in ("plane_resolution", "pretrained_plane_resolution"):
        nested: list[object] = []
        for _ in range(60):
            nested = [nested, nested]
        setattr(content["G_ema"]._config, name, nested)
    assert "plane_resolution is [a list, a list]" in refusal(tmp_path, content)


def test_all_refused_settings_are_named_at_once(content: Content, tmp_path: Path) -> None:
    vars(content["G_ema"]._config).update(use_background_cnn=True, n_shells=2)
    assert all(name in refusal(tmp_path, content) for name in ("use_background_cnn", "n_shells"))


def test_settings_without_effect_and_unknown_ones(generator: Generator, content: Content, tmp_path: Path) -> None:
    """A plane or sphere as template is in the maps; what is not known and switched on is told, what is off is not."""
    for name in ("G", "G_ema"):
        vars(content[name]._config).update(
            use_plane_template=True, use_sphere_template=True, curve_background_plane=True, img_resolution=512,
            pretrained_plane_resolution=8, use_later_idea=False, later_idea=None, strength_of_later_idea=0.5,
            grad_multiplier_scale=2, random_background=True,
        )  # fmt: skip
        content[name]._config.synthesis_network_config.num_fp16_res = 4
        content[name]._config.synthesis_network_config.conv_clamp = 256
    official = imported(tmp_path, content)
    assert_same(official.generator_ema, generator)
    assert official.notes == (
        "generator: settings of its training and drawing were left aside: grad_multiplier_scale = 2, "
        "random_background = True",
        "generator: settings that gghead does not know were left aside: strength_of_later_idea = 0.5",
        "generator: its 4 finest blocks computed in half precision there, in single here",
    )


def test_numbers_of_numpy_and_tuples_are_read(generator: Generator, content: Content, tmp_path: Path) -> None:
    for name in ("G", "G_ema"):
        config = content[name]._config
        config.z_dim, config.position_range = np.int64(config.z_dim), np.float32(config.position_range)
        config.scale_overshoot, config.scale_offset = np.float64(0.001), np.float64(config.scale_offset)
        config.synthesis_network_config.channel_max = np.int32(config.synthesis_network_config.channel_max)
        config.synthesis_network_config.resample_filter = (1, 3, np.int64(3), 1)
    assert_same(imported(tmp_path, content).generator_ema, generator)


@pytest.mark.parametrize(
    ("path", "attribute", "value", "told"),
    [
        ("backbone.synthesis.b8.conv0", "activation", "relu", "b8.conv0 has activation 'relu' instead of 'lrelu'"),
        ("backbone.synthesis.b8.conv1", "use_noise", False, "use_noise False"),
        ("backbone.synthesis.b4", "architecture", "orig", "architecture 'orig'"),
        ("backbone.mapping.fc0", "weight_gain", np.float64(1.0), "weight_gain 1.0 instead of"),
        ("backbone.mapping.fc0", "bias_gain", 1, "bias_gain 1 instead of 0.01"),
        ("backbone.synthesis.b8.conv1", "conv_clamp", 2, "clamps its activations at 2"),
    ],
)
def test_a_layer_that_computes_something_else_is_refused_by_name(
    path: str, attribute: str, value: object, told: str, content: Content, tmp_path: Path
) -> None:
    setattr(content["G_ema"].get_submodule(path), attribute, value)
    assert told in refusal(tmp_path, content)


@pytest.mark.parametrize(
    ("path", "attribute", "value", "told"),
    [
        ("", "pretrained_resolution", torch.zeros(2), "grown from a Tensor pixels"),
        ("", "use_dual_discrimination", True, "use_dual_discrimination True instead of False"),
        ("b16", "architecture", "skip", "architecture 'skip'"),
        ("b16.conv1", "activation", "linear", "activation 'linear'"),
        ("b16.skip", "conv_clamp", 100, "clamps its activations at 100"),
        ("b4.mbstd", "group_size", None, "no group size"),
        ("b4.mbstd", "num_channels", 2, "num_channels 2"),
    ],
)
def test_another_discriminator_is_left_out_by_name(
    path: str, attribute: str, value: object, told: str, sampled: Content, tmp_path: Path
) -> None:
    setattr(sampled["D"].get_submodule(path), attribute, value)
    official = imported(tmp_path, sampled)
    assert official.discriminator is None
    assert told in official.notes[1]


def test_odd_noise_on_labels_is_told(sampled: Content, tmp_path: Path) -> None:
    sampled["D"].disc_c_noise = torch.zeros(2)
    official = imported(tmp_path, sampled)
    assert official.discriminator is not None
    assert "its noise on the labels, a Tensor, was left out" in official.notes[1]


def test_the_guard_of_half_precision_is_told(sampled: Content, tmp_path: Path) -> None:
    sampled["D"].get_submodule("b16.conv1").conv_clamp = 256
    official = imported(tmp_path, sampled)
    assert official.discriminator is not None
    assert "discriminator: its clamp of activations at 256" in official.notes[1]

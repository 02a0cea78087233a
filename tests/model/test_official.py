"""Checkpoints that differ from what we know: imported where the difference does not matter, else refused by name."""

import pathlib
import pickle
import struct
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from gghead.checkpoint.inert_pickle import UnsafePickleError
from gghead.model.discriminator import Discriminator
from gghead.model.generator import Generator, build_generator
from gghead.model.official import OfficialCheckpoint, read_official
from gghead.stylegan.resampling import downsample
from official_writer import Content, Part, Settings, official_content, write_official
from tiny_run import MODEL
from tolerances import EXACT_FLOAT32

CONFIG = replace(MODEL.generator, quaternion_order="zwxy")


@pytest.fixture(scope="module")
def generator() -> Generator:
    return build_generator(CONFIG, seed=0)


@pytest.fixture(scope="module")
def discriminator() -> Discriminator:
    return Discriminator(MODEL.discriminator, seed=0)


@pytest.fixture
def content(generator: Generator, discriminator: Discriminator) -> Content:
    return official_content(generator, discriminator)


def imported(path: Path, content: object, protocol: int = 4) -> OfficialCheckpoint:
    return read_official(write_official(path / "x.pkl", content, protocol))


def refusal(path: Path, content: object) -> str:
    with pytest.raises(ValueError, match=r"x\.pkl can't be imported: ") as error:
        imported(path, content)
    return str(error.value)


def assert_same(one: nn.Module | None, other: nn.Module) -> None:
    assert one is not None
    found, expected = one.state_dict(), other.state_dict()
    assert found.keys() == expected.keys()
    for name, value in expected.items():
        torch.testing.assert_close(found[name], value, **EXACT_FLOAT32._asdict())


@pytest.mark.parametrize("protocol", [3, 4, 5])
def test_all_networks_come_back(
    protocol: int, generator: Generator, discriminator: Discriminator, content: Content, tmp_path: Path
) -> None:
    official = imported(tmp_path, content, protocol)
    assert official.notes == ()
    assert_same(official.generator_ema, generator)
    assert_same(official.generator, generator)
    assert_same(official.discriminator, discriminator)
    assert official.generator_ema.config == CONFIG
    assert official.discriminator is not None
    assert official.discriminator.config == MODEL.discriminator
    assert all(parameter.requires_grad for parameter in official.discriminator.parameters())


@pytest.mark.parametrize("degree", [0, 1, 2, 3])
def test_every_degree_of_colours(degree: int, tmp_path: Path) -> None:
    generator = build_generator(replace(CONFIG, sh_degree=degree, grid_size=24), seed=1)
    official = imported(tmp_path, official_content(generator, None))
    assert_same(official.generator_ema, generator)
    assert official.generator_ema.config.sh_degree == degree
    assert official.notes == ("the file holds no discriminator, D",)


@pytest.mark.parametrize("resolution", [8, 64, 256])
def test_every_size_of_pictures(resolution: int, generator: Generator, tmp_path: Path) -> None:
    config = replace(MODEL.discriminator, resolution=resolution, channel_base=resolution * 2, channel_max=8)
    discriminator = Discriminator(config, seed=0)
    official = imported(tmp_path, official_content(generator, discriminator))
    assert_same(official.discriminator, discriminator)


def test_a_model_that_sees_no_camera(tmp_path: Path) -> None:
    generator = build_generator(replace(CONFIG, camera_conditioned=False), seed=0)
    assert_same(imported(tmp_path, official_content(generator, None)).generator_ema, generator)


@pytest.mark.parametrize("grown_from", [(16,), (16, 32)])
def test_a_grown_discriminator(
    grown_from: tuple[int, ...], generator: Generator, discriminator: Discriminator, tmp_path: Path
) -> None:
    """Blocks on top whose second convolution gives nothing and that are not faded in: the judgement from before."""
    side = 2 * max(grown_from)
    grown = Discriminator(replace(MODEL.discriminator, resolution=side, grown_from=grown_from), seed=1)
    official = imported(tmp_path, official_content(generator, grown))
    assert_same(official.discriminator, grown)
    sides = " and ".join(map(str, grown_from))
    (note,) = official.notes
    assert f"was grown from pictures of {sides} pixels" in note
    assert "never compared with the original's logits" in note
    if grown_from == (16,):
        assert official.discriminator is not None
        added = official.discriminator
        state = discriminator.state_dict()
        for name, value in added.critic.state_dict().items():
            old = name.replace("from_smaller.16", "from_picture")
            if name.startswith("blocks."):
                old = f"blocks.{int(name.split('.')[1]) - 1}.{name.split('.', 2)[2]}"
            if not name.startswith(("from_picture", "fade", "blocks.0.")):
                value.copy_(state[f"critic.{old}"])
        added.fade_in(0.0)
        pictures, labels = torch.randn(4, 3, 32, 32), torch.randn(4, 25)
        torch.testing.assert_close(
            added(pictures, labels), discriminator(downsample(pictures), labels), **EXACT_FLOAT32._asdict()
        )


def test_a_discriminator_grown_in_another_way_is_left_out_by_name(content: Content, tmp_path: Path) -> None:
    content["D"].pretrained_resolution = 8
    official = imported(tmp_path, content)
    assert official.discriminator is None
    assert (
        "left out: it says that it was grown from 8 pixels, and has layers that read pictures of 16"
        in (official.notes[0])
    )


def test_networks_inside_of_wrappers(generator: Generator, content: Content, tmp_path: Path) -> None:
    content["G"] = nn.DataParallel(content["G"])
    content["G_ema"] = nn.DataParallel(nn.DataParallel(content["G_ema"]))
    official = imported(tmp_path, content)
    assert_same(official.generator, generator)
    assert_same(official.generator_ema, generator)


def test_what_the_loop_adds_is_let_pass(content: Content, tmp_path: Path) -> None:
    """The spread of the labels is known; another buffer, an augmentation and a counter are told, one sentence each."""
    for name in ("G", "G_ema"):
        content[name].register_buffer("dataset_label_std", torch.rand(25))
        content[name].register_buffer("running_loss", torch.rand(3))
    content["D"].register_buffer("ada_mean", torch.zeros(()))
    content["D"].add_module("noise", Part())
    content["augment_pipe"] = Part()
    content["augment_pipe"].register_buffer("p", torch.zeros(()))
    content["progress"] = {"cur_nimg": 1000}
    official = imported(tmp_path, content)
    assert official.discriminator is not None
    assert official.notes == (
        "generator: its buffers or parts running_loss are unknown; nothing that gghead computes reads them",
        "discriminator: its buffers or parts ada_mean, noise are unknown; nothing that gghead computes reads them",
        "its augmentation GGHeadModel was left out: it belongs to training, and gghead has none",
        "parts of the file that gghead does not know were left out: progress",
    )


def test_an_unknown_parameter_is_refused_by_name(content: Content, tmp_path: Path) -> None:
    content["G_ema"].register_parameter("_secret", nn.Parameter(torch.zeros(1)))
    assert "network G_ema is no generator that gghead knows: it has unknown parameters _secret" in refusal(
        tmp_path, content
    )


def test_an_unknown_parameter_of_the_discriminator_leaves_it_out(content: Content, tmp_path: Path) -> None:
    content["D"].get_submodule("b16").register_parameter("gate", nn.Parameter(torch.zeros(1)))
    official = imported(tmp_path, content)
    assert official.discriminator is None
    assert official.notes[0].startswith("the discriminator was left out: it has unknown parameters b16.gate")


def test_missing_tensors_are_named(content: Content, tmp_path: Path) -> None:
    del content["G_ema"]._buffers["_uv_grid"]
    assert "no tensors _uv_grid" in refusal(tmp_path, content)


def test_a_file_of_one_generator(content: Content, generator: Generator, tmp_path: Path) -> None:
    del content["G"], content["D"], content["augment_pipe"], content["training_set_kwargs"]
    official = imported(tmp_path, content)
    assert (official.generator, official.discriminator) == (None, None)
    assert len(official.notes) == 2
    assert_same(official.generator_ema, generator)


@pytest.mark.parametrize(
    ("setting", "value", "told"),
    [
        ("use_background_plane", True, "use_background_plane is True; gghead reproduces only False"),
        ("use_background_cnn", True, "use_background_cnn is True"),
        ("use_periodic_rotation_activation", True, "use_periodic_rotation_activation is True"),
        ("use_softplus_scale_activation", np.bool_(True), "use_softplus_scale_activation is True"),
        ("scale_overshoot", 0.5, "scale_overshoot is 0.5; gghead reproduces only 0.001"),
        ("use_uniform_flame_vertices", False, "use_uniform_flame_vertices is False"),
        ("pretrained_plane_resolution", 8, "pretrained_plane_resolution is 8"),
        ("position_range", float("nan"), "position_range is nan; expected a number"),
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


def test_all_refused_settings_are_named_at_once(content: Content, tmp_path: Path) -> None:
    vars(content["G_ema"]._config).update(use_background_cnn=True, n_shells=2)
    assert all(name in refusal(tmp_path, content) for name in ("use_background_cnn", "n_shells"))


def test_settings_without_effect_and_unknown_ones(generator: Generator, content: Content, tmp_path: Path) -> None:
    """A plane or sphere as template is in the maps; what is not known and switched on is told, what is off is not."""
    for name in ("G", "G_ema"):
        vars(content[name]._config).update(
            use_plane_template=True, use_sphere_template=True, curve_background_plane=True, img_resolution=512,
            pretrained_plane_resolution=16, use_later_idea=False, later_idea=None, strength_of_later_idea=0.5,
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
        ("backbone.mapping.fc1", "weight_gain", np.float64(1.0), "weight_gain 1.0 instead of"),
        ("backbone.mapping.fc1", "bias_gain", 1, "bias_gain 1 instead of 0.01"),
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
        ("", "use_dual_discrimination", True, "use_dual_discrimination True instead of False"),
        ("b16", "architecture", "skip", "architecture 'skip'"),
        ("b16.conv1", "activation", "linear", "activation 'linear'"),
        ("b16.skip", "conv_clamp", 100, "clamps its activations at 100"),
        ("b4.mbstd", "group_size", None, "no group size"),
        ("b4.mbstd", "num_channels", 2, "num_channels 2"),
    ],
)
def test_another_discriminator_is_left_out_by_name(
    path: str, attribute: str, value: object, told: str, content: Content, tmp_path: Path
) -> None:
    setattr(content["D"].get_submodule(path), attribute, value)
    official = imported(tmp_path, content)
    assert official.discriminator is None
    assert told in official.notes[0]


def test_the_guard_of_half_precision_is_told(content: Content, tmp_path: Path) -> None:
    content["D"].get_submodule("b16.conv1").conv_clamp = 256
    official = imported(tmp_path, content)
    assert official.discriminator is not None
    assert "discriminator: its clamp of activations at 256" in official.notes[0]


@pytest.mark.parametrize(
    ("change", "kind"),
    [
        (lambda network: network.double(), "float64"),
        (lambda network: network.half(), "float16"),
        (lambda network: network.bfloat16(), "bfloat16"),
    ],
)
def test_other_precisions_become_single(
    change: Callable[[nn.Module], None], kind: str, generator: Generator, content: Content, tmp_path: Path
) -> None:
    for name in ("G", "G_ema"):
        change(content[name].get_submodule("backbone"))
    official = imported(tmp_path, content)
    assert official.notes == (f"generator: tensors stored as {kind} are float32 here",)
    weight = official.generator_ema.mapping.layers[0].weight
    assert weight.dtype == torch.float32
    expected = generator.mapping.layers[0].weight.to(getattr(torch, kind)).float()
    assert torch.equal(weight, expected)


def test_views_and_other_orders_in_memory(generator: Generator, content: Content, tmp_path: Path) -> None:
    """Weights as columns of larger tensors, in channels-last order, and two that share one storage."""
    for name in ("G", "G_ema"):
        for module in content[name].modules():
            for key, value in module._parameters.items():
                if value is not None and value.ndim:
                    wide = torch.stack([value.detach(), value.detach()], dim=-1)
                    module._parameters[key] = nn.Parameter(wide[..., 0])
        content[name].to(memory_format=torch.channels_last)
    official = imported(tmp_path, content)
    assert_same(official.generator_ema, generator)
    assert all(value.is_contiguous() for value in official.generator_ema.state_dict().values())


def test_other_values_of_a_training_set(content: Content, tmp_path: Path) -> None:
    content["training_set_kwargs"] = {"path": pathlib.PurePosixPath("a.zip"), "dtype": torch.float32, "size": (1, 2)}
    content["G_ema"].get_submodule("backbone").mapping.w_avg.tag = "seen"
    assert imported(tmp_path, content).notes == ()


def test_values_that_are_not_finite_are_refused(content: Content, tmp_path: Path) -> None:
    content["G_ema"].get_submodule("backbone.mapping.fc0").weight.data[0, 0] = float("nan")
    assert "backbone.mapping.fc0.weight holds values that are not finite; its training diverged" in refusal(
        tmp_path, content
    )


def test_a_template_that_contradicts_itself_is_told(content: Content, tmp_path: Path) -> None:
    for name in ("G", "G_ema"):
        content[name]._flame_vertices += 0.5
    assert "its _flame_vertices are up to 0.5 world units from its position map" in imported(tmp_path, content).notes[0]


@pytest.mark.parametrize("shape", [(7,), (0, 2), (3, 5)])
def test_points_of_another_shape_are_refused(shape: tuple[int, ...], content: Content, tmp_path: Path) -> None:
    content["G_ema"]._uv_grid = torch.zeros(shape)
    assert "its points _uv_grid have the shape" in refusal(tmp_path, content)


def test_more_points_than_the_grid_has_are_refused(content: Content, tmp_path: Path) -> None:
    content["G_ema"]._uv_grid = torch.zeros(1, 257, 1, 2)
    assert "it has 257 points; expected at most 256" in refusal(tmp_path, content)


def test_another_filter_is_refused(content: Content, tmp_path: Path) -> None:
    content["G_ema"].get_submodule("backbone.synthesis.b8.conv0").resample_filter *= 2
    assert "b8.conv0.resample_filter is another filter than [1, 3, 3, 1]" in refusal(tmp_path, content)


def test_sizes_are_checked_against_the_tensors(content: Content, tmp_path: Path) -> None:
    content["G_ema"]._config.synthesis_network_config.channel_max = 16
    assert "its tensors do not fit its configuration" in refusal(tmp_path, content)


def test_modules_inside_of_themselves_are_refused(content: Content, tmp_path: Path) -> None:
    backbone = content["G_ema"].get_submodule("backbone")
    content["G_ema"]._modules["twin"] = backbone
    assert "is inside of another one, too" in refusal(tmp_path, content)


def test_functions_hung_onto_a_module_are_refused(content: Content, tmp_path: Path) -> None:
    content["G_ema"].get_submodule("backbone.mapping")._forward_hooks[0] = Part()
    assert "functions were hung onto its module 'backbone.mapping.'" in refusal(tmp_path, content)


def test_the_file_is_named(tmp_path: Path) -> None:
    path = tmp_path / "x.pkl"
    path.write_bytes(pickle.dumps({"G_ema": 1}))
    with pytest.raises(ValueError, match=r"x\.pkl can't be imported: it holds no network G_ema"):
        read_official(path)
    path.write_bytes(pickle.dumps({"G_ema": print}))
    with pytest.raises(UnsafePickleError, match=r"x\.pkl can't be imported: the pickle refers to builtins\.print"):
        read_official(path)
    with pytest.raises(FileNotFoundError, match="there is no file"):
        read_official(tmp_path / "y.pkl")


@pytest.mark.parametrize("content", [b"\x89PNG\r\n\x1a\n" + bytes(20), b"PK\3\4" + bytes(20), b"<html>", b""])
def test_what_is_no_pickle_is_called_so(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "x.pkl"
    path.write_bytes(content)
    with pytest.raises(
        ValueError, match=r"it is (no pickle|a zip archive); expected network-snapshot-\*\.pkl"
    ) as refusal:
        read_official(path)
    assert type(refusal.value) is ValueError


def test_a_length_beyond_all_memory_is_damage(tmp_path: Path) -> None:
    path = tmp_path / "x.pkl"
    path.write_bytes(b"\x80\x04\x8e" + struct.pack("<Q", 2**62))
    with pytest.raises(ValueError, match="damaged"):
        read_official(path)

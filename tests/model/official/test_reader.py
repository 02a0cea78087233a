"""Checkpoints that differ from what we know: imported where the difference does not matter, else refused by name."""

import pathlib
import pickle
import struct
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import nn

from gghead.model.discriminator import Discriminator
from gghead.model.generator import Generator, build_generator
from gghead.model.official.safe_pickle import UnsafePickleError
from gghead.stylegan.resampling import downsample
from model.official.official_import import CONFIG, assert_same, imported, read_official, refusal
from official_writer import Content, Part, official_content, write_official
from tiny_run import MODEL
from tolerances import EXACT_FLOAT32


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


def test_a_discriminator_grown_in_another_way_is_left_out_by_name(sampled: Content, tmp_path: Path) -> None:
    sampled["D"].pretrained_resolution = 8
    official = imported(tmp_path, sampled)
    assert official.discriminator is None
    assert (
        "left out: it says that it was grown from 8 pixels, and has layers that read pictures of 16"
        in (official.notes[1])
    )


def test_an_odd_reader_of_pictures_leaves_the_discriminator_out(sampled: Content, tmp_path: Path) -> None:
    reader = sampled["D"].get_submodule("b16.fromrgb")
    for odd, told in ((torch.zeros(()), "no tensor b16.fromrgb.weight, or one without axes"), (None, "no tensor")):
        reader._parameters["weight"] = odd
        official = imported(tmp_path, sampled)
        assert official.discriminator is None
        assert told in official.notes[1]
    sampled["D"]._modules["b0"] = sampled["D"]._modules.pop("b16")
    reader._parameters["weight"] = torch.zeros(8, 3, 1, 1)
    assert "reads pictures in 'b0'" in imported(tmp_path, sampled).notes[1]


def test_networks_inside_of_wrappers(generator: Generator, content: Content, tmp_path: Path) -> None:
    content["G"] = nn.DataParallel(content["G"])
    content["G_ema"] = nn.DataParallel(nn.DataParallel(content["G_ema"]))
    official = imported(tmp_path, content)
    assert_same(official.generator, generator)
    assert_same(official.generator_ema, generator)


def test_a_wrapper_of_several_processes(generator: Generator, content: Content, tmp_path: Path) -> None:
    torch.distributed.init_process_group("gloo", store=torch.distributed.HashStore(), rank=0, world_size=1)
    try:
        for name in ("G", "D"):
            content[name] = nn.parallel.DistributedDataParallel(content[name])
        official = imported(tmp_path, content)
    finally:
        torch.distributed.destroy_process_group()
    assert_same(official.generator, generator)
    assert official.discriminator is not None


def test_tensors_of_a_gpu(
    generator: Generator, content: Content, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Files say where a tensor was; that GPU may not be here."""
    monkeypatch.setattr(torch.serialization, "location_tag", lambda storage: "cuda:7")
    path = write_official(tmp_path / "x.pkl", content)
    assert path.read_bytes().count(b"cuda:7") > 10
    assert_same(read_official(path).generator_ema, generator)


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


def test_an_unknown_parameter_of_the_discriminator_leaves_it_out(sampled: Content, tmp_path: Path) -> None:
    sampled["D"].get_submodule("b16").register_parameter("gate", nn.Parameter(torch.zeros(1)))
    official = imported(tmp_path, sampled)
    assert official.discriminator is None
    assert official.notes[1].startswith("the discriminator was left out: it has unknown parameters b16.gate")


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


def test_a_template_that_is_only_a_list_of_points(generator: Generator, content: Content, tmp_path: Path) -> None:
    for name in ("G", "G_ema"):
        del content[name]._buffers["_uv_position_map"]
    official = imported(tmp_path, content)
    assert_same(official.generator_ema, generator)
    assert "its template was taken from its _flame_vertices" in official.notes[0]
    del content["G_ema"]._buffers["_flame_vertices"]
    assert "no tensors _uv_position_map, and no _flame_vertices" in refusal(tmp_path, content)


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


@pytest.mark.parametrize("shape", [(), (3,), (3, 3, 2, 2)])
def test_a_last_layer_of_another_shape_is_refused(shape: tuple[int, ...], content: Content, tmp_path: Path) -> None:
    content["G_ema"].get_submodule("_zero_conv_position").weight = torch.nn.Parameter(torch.zeros(shape))
    assert f"position_weight is float32 {shape} instead of float32 (3, 3)" in refusal(tmp_path, content)


def test_long_names_are_not_repeated_for_each_tensor(content: Content, tmp_path: Path) -> None:
    """31 modules inside of each other with names of 1 KB, and 20,000 tensors: 300 KB would become 2.6 GB."""
    module = Part()
    content["G_ema"]._modules["x" * 1000] = module
    module._modules["y"] = Part()
    assert "is too long" in refusal(tmp_path, content)


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

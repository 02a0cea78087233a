"""A run that starts from another: the same heads, the same judgement at first, and everything else is told."""

import json
from collections.abc import Callable
from dataclasses import fields, replace
from pathlib import Path

import pytest
import torch
from click.testing import CliRunner

from gghead.checkpoint.tensors import load_tensors
from gghead.cli.main import main
from gghead.config.presets import PRESETS, Preset
from gghead.config.training import RunConfig
from gghead.geometry.cameras import Cameras
from gghead.inference.loading import load
from gghead.model.continuation import TrainingNetworks, save_training, training_file
from gghead.model.decoder import log_scales
from gghead.model.discriminator import Discriminator
from gghead.model.generator import build_generator
from gghead.model.storage import load_generator, save_generator
from gghead.rasterizer import render
from gghead.runs.run_folder import RunFolder
from gghead.stylegan.resampling import downsample, upsample
from gghead.training.checkpoints import restore_state
from gghead.training.loop import train
from gghead.training.state import TrainingState, new_state
from gghead.training.transfer import MAY_DIFFER, continue_config, open_source, transfer
from official_writer import official_content, write_official
from tiny_run import MODEL, TRAINING, SilentMonitor, tiny_config, write_tiny_dataset
from tolerances import EXACT_FLOAT32, GROWN_PICTURES


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_tiny_dataset(tmp_path_factory.mktemp("data") / "blobs.zip")


@pytest.fixture(scope="module")
def stage1(data: Path, tmp_path_factory: pytest.TempPathFactory) -> RunFolder:
    run = RunFolder.create(tmp_path_factory.mktemp("runs") / "stage1", tiny_config(data, total_images=24))
    train(run, SilentMonitor())
    return run


def larger(config: RunConfig, factor: int = 2) -> RunConfig:
    """The next stage as a preset would have it: pictures and grid larger by a factor."""
    generator = replace(config.model.generator, grid_size=config.model.generator.grid_size * factor)
    discriminator = config.model.discriminator
    discriminator = replace(discriminator, resolution=discriminator.resolution * factor)
    return replace(config, model=replace(config.model, generator=generator, discriminator=discriminator))


def state_of(run: RunFolder) -> TrainingState:
    return restore_state(run.checkpoints()[-1], run.config, "cpu")[0]


def grow(run: RunFolder, factor: int = 2) -> tuple[RunConfig, TrainingState]:
    """The next stage at its start."""
    config = continue_config(larger(run.config, factor), open_source(run.path))
    return config, transfer(config, "cpu")[0]


def test_a_grown_generator_gives_the_same_head_with_more_gaussians(stage1: RunFolder) -> None:
    before, (_, after) = state_of(stage1), grow(stage1)
    for old, new in ((before.generator, after.generator), (before.generator_ema, after.generator_ema)):
        styles = old.styles([0, 1])
        torch.testing.assert_close(new.styles([0, 1]), styles, rtol=0, atol=0)
        torch.testing.assert_close(new.maps(styles), old.maps(styles), rtol=0, atol=0)
    assert len(after.generator_ema.texel_uvs) > 3 * len(before.generator_ema.texel_uvs)


@pytest.mark.parametrize("name", [name for name, preset in PRESETS.items() if preset.begins_with])
def test_a_preset_can_begin_with_the_one_that_it_names(name: str) -> None:
    preset = PRESETS[name]
    before = PRESETS[preset.begins_with or ""].model
    for new, old in ((preset.model.generator, before.generator), (preset.model.discriminator, before.discriminator)):
        differ = {field.name for field in fields(new) if getattr(new, field.name) != getattr(old, field.name)}
        assert differ <= set(MAY_DIFFER)
    assert preset.model.discriminator.resolution >= before.discriminator.resolution
    assert preset.model.generator.map_resolution >= before.generator.map_resolution
    raw = torch.zeros(1, 1, 3)
    torch.testing.assert_close(log_scales(raw, preset.model.generator), log_scales(raw, before.generator))


@pytest.mark.parametrize("factor", [2, 4])
def test_maps_that_grow_are_the_old_ones_upsampled_until_the_new_blocks_learn(stage1: RunFolder, factor: int) -> None:
    config = continue_config(other_maps(stage1.config, 16 * factor), open_source(stage1.path))
    before, (after, taken) = state_of(stage1), transfer(config, "cpu")
    added = factor // 2
    for old, new in ((before.generator, after.generator), (before.generator_ema, after.generator_ema)):
        assert new.synthesis.num_styles == old.synthesis.num_styles + 2 * added
        torch.testing.assert_close(new.mapping.mean_style, old.mapping.mean_style, rtol=0, atol=0)
        expected = old.maps(old.styles([0, 1]))
        for _ in range(added):
            expected = upsample(expected)
        maps = new.maps(new.styles([0, 1]))
        torch.testing.assert_close(maps, expected, **EXACT_FLOAT32._asdict())
        pictures = [render(head.sample([0, 1]), Cameras.frontal(64)).rgb for head in (old, new)]
        assert float((pictures[0] - pictures[1]).abs().mean()) < GROWN_PICTURES
    learned = [block.to_output.weight for block in after.generator.synthesis.blocks[-added:]]
    after.generator.maps(after.generator.styles([0])).square().sum().backward()
    assert all(weight.grad is not None and weight.grad.abs().max() > 0 for weight in learned)
    new = {name for name in taken.fresh if name.startswith("generator_ema/synthesis")}
    assert new == {
        f"generator_ema/synthesis.blocks.{3 + index}.{name}"
        for index in range(added)
        for name in before.generator.synthesis.blocks[-1].state_dict()
    }


@pytest.mark.slow
def test_a_run_by_the_command_begins_with_smaller_maps(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stages = {}
    for side in (32, 64):
        stages[side] = tmp_path / str(side)
        config = other_maps(tiny_config(data), side)
        monkeypatch.setitem(PRESETS, "demo", Preset("", config.model, replace(TRAINING, snapshot_every=8)))
        command = ["train", "demo", "--data", str(data), "--out", str(stages[side]), "--images", "8", "--device", "cpu"]
        command += ["--init-from", str(stages[32])] if side == 64 else []
        result = CliRunner().invoke(main, command)
        assert result.exit_code == 0, result.output
    run = RunFolder.open(stages[64])
    begun, ended = (load_tensors(path / "generator_ema.safetensors").tensors for path in run.checkpoints())
    last = "synthesis.blocks.4.to_output.weight"
    assert f"generator/{last}" in json.loads(run.transfer.read_text())["fresh"]
    assert not begun[last].any()
    assert ended[last].any(), "the new block learns"


@pytest.mark.parametrize("factor", [2, 4])
def test_a_discriminator_grown_and_not_faded_in_judges_as_before(stage1: RunFolder, factor: int) -> None:
    before, (config, after) = state_of(stage1).discriminator, grow(stage1, factor)
    assert config.model.discriminator.grown_from == (16,)
    generator = torch.Generator().manual_seed(0)
    pictures, labels = torch.randn(4, 3, 16 * factor, 16 * factor, generator=generator), torch.randn(4, 25)
    small = pictures
    for _ in range(factor // 2):
        small = downsample(small)
    after.discriminator.fade_in(0.0)
    torch.testing.assert_close(after.discriminator(pictures, labels), before(small, labels), **EXACT_FLOAT32._asdict())
    after.discriminator.fade_in(1.0)
    assert (after.discriminator(pictures, labels) - before(small, labels)).abs().max() > 1e-3


def test_growing_twice_fades_only_the_newest_block(stage1: RunFolder, tmp_path: Path) -> None:
    config, _ = grow(stage1)
    run = RunFolder.create(tmp_path / "stage2", replace(config, training=replace(config.training, total_images=4)))
    big = write_tiny_dataset(tmp_path / "big.zip", resolution=32)
    run = RunFolder(run.path, replace(run.config, data=str(big)))
    train(run, SilentMonitor())
    before, (third, after) = state_of(run).discriminator, grow(run)
    assert third.model.discriminator.grown_from == (16, 32)
    pictures, labels = torch.randn(4, 3, 64, 64), torch.randn(4, 25)
    after.discriminator.fade_in(0.0)
    before.fade_in(1.0)
    torch.testing.assert_close(
        after.discriminator(pictures, labels), before(downsample(pictures), labels), **EXACT_FLOAT32._asdict()
    )


def test_a_run_begins_with_the_weights_of_another(stage1: RunFolder, tmp_path: Path) -> None:
    """Told in the log and in a file; saved at once, so that the other run may go."""
    big = write_tiny_dataset(tmp_path / "big.zip", resolution=32)
    config = continue_config(
        replace(larger(tiny_config(big, total_images=8, growth_fade_images=16)), preset="larger"),
        open_source(stage1.path),
    )
    assert (config.training.blur_fade_images, config.training.swap_fade_images) == (0, 0)
    assert config.init_from == str(stage1.checkpoint(24))
    run, monitor = RunFolder.create(tmp_path / "stage2", config), SilentMonitor()
    train(run, monitor)
    told = json.loads(run.transfer.read_text())
    assert told["images"] == 24
    new = [name for name in told["fresh"] if name.startswith("discriminator")]
    assert sorted(new) == sorted(
        f"discriminator/critic.{name}"
        for name in (
            "fade",
            "from_picture.weight",
            "from_picture.bias",
            *(f"blocks.0.{part}" for part in ("conv0.weight", "conv0.bias", "conv1.weight", "conv1.bias")),
            "blocks.0.skip.weight",
        )
    )
    assert {name for name in told["fresh"] if not name.startswith("discriminator")} == {
        f"{network}/{name}"
        for network in ("generator", "generator_ema")
        for name in ("texel_uvs", "template_positions")
    }
    first, more = told["fresh"][0], f"and {len(told['fresh']) - 5} more"
    assert any(first in event and more in event for event in monitor.events)
    assert next(path.name for path in run.checkpoints()) == "000000000"
    state = state_of(run)
    assert float(state.discriminator.critic.fade) == pytest.approx(4 / 16)
    assert state.discriminator.critic.blocks[0].conv1.weight.abs().max() > 0, "the new block learns"


def test_a_run_of_the_same_size_takes_everything(stage1: RunFolder) -> None:
    config = continue_config(stage1.config, open_source(stage1.checkpoint(24)))
    state, taken = transfer(config, "cpu")
    assert taken.fresh == ()
    assert taken.unused == ("generator_optimizer", "discriminator_optimizer")
    assert config.model.discriminator.grown_from == ()
    for old, new in zip(state_of(stage1).networks.values(), state.networks.values(), strict=True):
        assert all(torch.equal(value, new.state_dict()[name]) for name, value in old.state_dict().items())


def test_a_model_file_starts_with_a_fresh_discriminator(stage1: RunFolder, tmp_path: Path) -> None:
    model = stage1.snapshot(24, ".safetensors")
    config = continue_config(replace(stage1.config, preset="again"), open_source(model))
    assert config.init_from == str(model)
    short = replace(config.training, total_images=8, snapshot_every=8)
    run = RunFolder.create(tmp_path / "run", replace(config, training=short))
    train(run, SilentMonitor())
    told = json.loads(run.transfer.read_text())
    assert (told["source"], told["images"], told["unused"]) == (str(model), None, [])
    assert {name.partition("/")[0] for name in told["fresh"]} == {"discriminator"}
    given = load_tensors(model).tensors
    networks = {
        images: {
            name: load_tensors(run.checkpoint(images) / f"{name}.safetensors").tensors
            for name in ("generator", "generator_ema", "discriminator")
        }
        for images in (0, 8)
    }
    weight = "synthesis.blocks.0.const"
    for name in ("generator", "generator_ema"):
        assert torch.equal(networks[0][name][weight], given[weight])
        assert not torch.equal(networks[8][name][weight], given[weight])
    layer = "critic.from_picture.weight"
    assert not torch.equal(networks[8]["discriminator"][layer], networks[0]["discriminator"][layer])


def wider(config: RunConfig) -> RunConfig:
    return replace(
        config, model=replace(config.model, discriminator=replace(config.model.discriminator, channel_max=16))
    )


def other_maps(config: RunConfig, side: int = 8) -> RunConfig:
    generator = replace(config.model.generator, map_resolution=side)
    return replace(config, model=replace(config.model, generator=generator))


def smaller(config: RunConfig) -> RunConfig:
    return replace(config, model=replace(config.model, discriminator=replace(config.model.discriminator, resolution=8)))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (wider, r"the discriminator of .*000000024 has channel_max 8, and the preset 16; expected the same widths"),
        (other_maps, "is of UV maps of 16 x 16, and preset tiny has 8 x 8; a run can only grow: take a larger preset"),
        (smaller, "is of pictures of 16 x 16, and preset tiny has 8 x 8; a run can only grow"),
    ],
)
def test_what_does_not_fit_is_named(change: Callable[[RunConfig], RunConfig], message: str, stage1: RunFolder) -> None:
    with pytest.raises(ValueError, match=message):
        continue_config(change(stage1.config), open_source(stage1.path))


def test_another_template_is_named(stage1: RunFolder, tmp_path: Path) -> None:
    head = tmp_path / "plate.obj"
    corners = "v -.3 -.3 0\nv .3 -.3 0\nv .3 .3 0\nv -.3 .3 0\nvt 0 0\nvt 1 0\nvt 1 1\nvt 0 1\n"
    head.write_text(corners + "f 1/1 2/2 3/3\nf 1/1 3/3 4/4\n")
    with pytest.raises(ValueError, match=r"another template: .* the built-in one, this run is to take .*plate\.obj"):
        continue_config(replace(stage1.config, template=str(head)), open_source(stage1.path))


def test_a_source_without_checkpoints_is_named(data: Path, tmp_path: Path) -> None:
    run = RunFolder.create(tmp_path / "young", tiny_config(data))
    with pytest.raises(FileNotFoundError, match="has kept no model yet; go on with `gghead resume"):
        open_source(run.path)
    for name in ("nothing", "nothing.safetensors"):
        with pytest.raises(FileNotFoundError, match=f"there is no model at .*{name}; expected"):
            open_source(tmp_path / name)
    (tmp_path / "official.pkl").touch()
    with pytest.raises(ValueError, match="is an official checkpoint; convert it first: gghead import"):
        open_source(tmp_path / "official.pkl")


def test_a_model_keeps_the_bounds_of_its_styles(data: Path, tmp_path: Path) -> None:
    generator = build_generator(replace(MODEL.generator, style_bounds=1), seed=5)
    assert generator.mapping.bounds is not None
    generator.mapping.bounds.limits.fill_(0.25)
    save_generator(tmp_path / "bounded.safetensors", generator)
    config = continue_config(tiny_config(data), open_source(tmp_path / "bounded.safetensors"))
    state, told = transfer(config, "cpu")
    for network in (state.generator, state.generator_ema):
        assert network.mapping.bounds is not None
        assert network.mapping.bounds.limits.tolist() == [0.25]
    assert not [name for name in told.fresh if name.startswith("generator")]


def imported(folder: Path, scale: float = 1.0) -> Path:
    """What `gghead import` makes of networks like the tiny run's, on a template of another size."""
    generator = build_generator(replace(MODEL.generator, quaternion_order="zwxy"), seed=5)
    content = official_content(generator, Discriminator(MODEL.discriminator, seed=5))
    for name in ("G", "G_ema"):
        content[name]._uv_position_map *= scale
        content[name]._flame_vertices *= scale
    content["G"]._zero_conv_position.bias.data += 0.5
    model = folder / "official.safetensors"
    pickle = write_official(folder / "official.pkl", content)
    result = CliRunner().invoke(main, ["import", str(pickle), str(model)])
    assert result.exit_code == 0, result.output
    return model


@pytest.mark.slow
@pytest.mark.parametrize("device", ["cpu", pytest.param("cuda", marks=pytest.mark.gpu)])
def test_an_imported_model_goes_on_with_both_networks_and_its_template(device: str, data: Path, tmp_path: Path) -> None:
    """Its own generator in training, not the average; and the run needs the file no longer than its start."""
    torch.use_deterministic_algorithms(device == "cpu")  # maps are sampled by torch, whose derivative on GPUs is not
    model = imported(tmp_path, scale=1.1)
    assert training_file(model).is_file()
    config = continue_config(tiny_config(data, total_images=8, snapshot_every=8), open_source(model))
    assert config.model.generator.quaternion_order == "zwxy"
    assert config.template == str(model)
    run = RunFolder.create(tmp_path / "run", replace(config, training=replace(config.training, growth_fade_images=0)))
    train(run, SilentMonitor(), device)
    told = json.loads(run.transfer.read_text())
    assert (told["fresh"], told["unused"]) == ([], [])
    start = load_tensors(run.checkpoint(0) / "generator.safetensors").tensors
    assert torch.equal(start["position_bias"], torch.full((3,), 0.5))
    given = load_generator(model)
    assert torch.equal(start["template_positions"], given.template_positions)
    for path in (model, training_file(model)):
        path.unlink()
    longer = RunFolder(run.path, replace(run.config, training=replace(run.config.training, total_images=12)))
    train(longer, SilentMonitor(), device)
    assert torch.equal(load(run.path).template_positions, given.template_positions)
    # The next stage finds the template in the run, and has it on a finer grid.
    finer = larger(tiny_config(data))
    state = new_state(continue_config(finer, open_source(run.path)), "cpu")
    assert len(state.generator.texel_uvs) > 3 * len(given.texel_uvs)
    highest = float(given.template_positions[:, 1].max())
    assert float(state.generator.template_positions[:, 1].max()) == pytest.approx(highest, abs=0.02)


def test_an_imported_model_on_the_built_in_template_names_none(data: Path, tmp_path: Path) -> None:
    """And its discriminator grows as a run's does."""
    source = open_source(imported(tmp_path))
    assert continue_config(tiny_config(data), source).template is None
    config = continue_config(larger(tiny_config(data)), source)
    assert config.model.discriminator.grown_from == (16,)
    fresh = transfer(config, "cpu")[1].fresh
    assert not [name for name in fresh if name.startswith("discriminator/critic.blocks.1")]
    assert "discriminator/critic.blocks.0.conv1.weight" in fresh


def test_without_the_file_beside_it_a_fresh_discriminator_starts(data: Path, tmp_path: Path) -> None:
    model = imported(tmp_path)
    training_file(model).unlink()
    config = continue_config(tiny_config(data), open_source(model))
    fresh = transfer(config, "cpu")[1].fresh
    assert {name.partition("/")[0] for name in fresh} == {"discriminator"}


def test_networks_of_another_model_are_refused(data: Path, tmp_path: Path) -> None:
    model = imported(tmp_path)
    save_generator(model, build_generator(MODEL.generator, seed=6))
    with pytest.raises(ValueError, match=r"official\.training belongs to another model than .*official\.safetensors"):
        open_source(model)


def test_a_folder_or_a_generator_of_another_size_beside_a_model_is_refused(tmp_path: Path) -> None:
    """Not passed over as if nothing stood there, nor taken in parts."""
    model = tmp_path / "model.safetensors"
    save_generator(model, build_generator(MODEL.generator, seed=6))
    save_training(model, TrainingNetworks(build_generator(replace(MODEL.generator, grid_size=8), seed=6), None))
    with pytest.raises(ValueError, match=r"the generator in .*model\.training is of another size"):
        open_source(model)
    training_file(model).unlink()
    training_file(model).mkdir()
    with pytest.raises(FileNotFoundError, match=r"there is no file .*model\.training"):
        open_source(model)


def test_new_discriminators_have_no_fade() -> None:
    """So that files of discriminators that were never grown are as they always were."""
    names = Discriminator(tiny_config(Path("x")).model.discriminator, seed=0).state_dict()
    assert not [name for name in names if "fade" in name or "smaller" in name]

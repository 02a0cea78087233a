"""A checkpoint of the official training loop, imported, computes what the official code computed, and trains on."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from gghead.config.model import ModelConfig
from gghead.config.training import RunConfig
from gghead.geometry.cameras import Cameras
from gghead.model.continuation import TrainingNetworks, save_training
from gghead.model.official.reader import OfficialCheckpoint
from gghead.model.storage import save_generator
from gghead.runs.run_folder import RunFolder
from gghead.training.checkpoints import restore_state
from gghead.training.loop import train
from gghead.training.transfer import continue_config, open_source, transfer
from model.official.official_import import read_official
from official_fixture import official_file
from tiny_run import TRAINING, SilentMonitor, write_tiny_dataset
from tolerances import OFFICIAL_HALF_MAPS, OFFICIAL_RELATIVE, OFFICIAL_STYLES


@pytest.fixture(scope="module")
def official() -> OfficialCheckpoint:
    return read_official(official_file("official_c.pkl"))


@pytest.fixture(scope="module")
def expected() -> dict[str, Tensor]:
    with np.load(official_file("official_c.npz"), allow_pickle=False) as file:
        return {name: torch.from_numpy(np.asarray(file[name])) for name in file.files}


def test_all_networks_are_imported(official: OfficialCheckpoint) -> None:
    """With one note: what the loop adds is known."""
    (note,) = official.notes
    assert note.startswith("discriminator: its clamp of activations at 256 or more, a guard of half precision")
    assert official.generator is not None
    assert official.discriminator is not None
    averaged, learning = official.generator_ema.mapping.layers[0], official.generator.mapping.layers[0]
    assert not torch.equal(averaged.weight, learning.weight)


def test_seeds_are_the_same_latents(official: OfficialCheckpoint, expected: dict[str, Tensor]) -> None:
    assert torch.equal(official.generator_ema.latents(expected["seeds"].tolist()), expected["z"])


@pytest.mark.parametrize(("truncation", "name"), [(0.7, "ws"), (1.0, "ws_psi1")])
def test_styles(official: OfficialCheckpoint, expected: dict[str, Tensor], truncation: float, name: str) -> None:
    camera = Cameras.from_labels(expected["cond_label"], 1)
    styles = official.generator_ema.map_styles(expected["z"], camera, truncation)
    torch.testing.assert_close(styles, expected[name], **OFFICIAL_STYLES._asdict())


def test_uv_maps(official: OfficialCheckpoint, expected: dict[str, Tensor]) -> None:
    with torch.no_grad():
        maps = official.generator_ema.maps(expected["ws"][:1])[0]
    torch.testing.assert_close(maps, expected["planes_seed0"].float(), **OFFICIAL_HALF_MAPS._asdict())


def test_gaussians(official: OfficialCheckpoint, expected: dict[str, Tensor]) -> None:
    generator, step = official.generator_ema, int(expected["attribute_step"])
    with torch.no_grad():
        head = generator.decode(expected["ws"][:1])[0]
        raw = generator.raw_of(generator.maps(expected["ws"][:1]))
    assert len(head.means) == int(expected["n_gaussians"])
    for name, values in {
        "position": head.means,
        "scale": head.scales.log(),
        "rotation": head.quats,
        "color": head.sh.flatten(-2),
        "opacity": raw.opacities[0, :, None],
    }.items():
        wanted = expected[f"attribute_{name}_seed0"]
        bound = OFFICIAL_RELATIVE * float(wanted.abs().max())
        torch.testing.assert_close(values[::step], wanted, rtol=0, atol=bound)
    assert torch.equal(generator.texel_uvs[::step], expected["uv_grid"])
    torch.testing.assert_close(
        generator.template_positions[::step], expected["flame_vertices"], rtol=0, atol=OFFICIAL_RELATIVE
    )


@pytest.mark.parametrize("name", ["official_a", "official_c"])
def test_training_goes_on_with_both_networks(name: str, tmp_path: Path) -> None:
    """The imported discriminator, the official order of quaternions, the template in the file; then a step on a CPU."""
    checkpoint, model = read_official(official_file(f"{name}.pkl")), tmp_path / "official.safetensors"
    generator, discriminator = checkpoint.generator, checkpoint.discriminator
    assert generator is not None
    assert discriminator is not None
    save_generator(model, checkpoint.generator_ema)
    save_training(model, TrainingNetworks(generator, discriminator))
    side = discriminator.config.resolution
    data = write_tiny_dataset(tmp_path / "data.zip", count=4, resolution=side)
    preset = ModelConfig(replace(generator.config, quaternion_order="wxyz"), discriminator.config)
    training = replace(TRAINING, total_images=4, snapshot_every=4, log_every=4)
    config = continue_config(RunConfig("as there", str(data), model=preset, training=training), open_source(model))
    assert config.model.generator.quaternion_order == "zwxy"
    state, taken = transfer(config, "cpu")
    assert (taken.fresh, taken.unused) == ((), ())
    pictures, labels = torch.rand(4, 3, side, side) * 2 - 1, torch.rand(4, 25)
    assert torch.equal(state.discriminator(pictures, labels), discriminator(pictures, labels))
    for ours, theirs in ((state.generator, generator), (state.generator_ema, checkpoint.generator_ema)):
        styles = theirs.styles([0, 1])
        assert torch.equal(ours.decode(styles).quats, theirs.decode(styles).quats)
        assert torch.equal(ours.decode(styles).means, theirs.decode(styles).means)
    run = RunFolder.create(tmp_path / "run", config)
    train(run, SilentMonitor())
    model.unlink()
    after, _ = restore_state(run.checkpoint(4), config, "cpu")
    assert after.images == 4
    assert not torch.equal(after.discriminator.critic.conv.weight, discriminator.critic.conv.weight)
    assert torch.equal(after.generator_ema.template_positions, generator.template_positions)

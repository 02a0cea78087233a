"""Runs whose files were changed: named with a remedy, never believed and never a traceback."""

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import Tensor

from earlier_runs import make_earlier
from gghead.checkpoint.store import load_checkpoint, save_checkpoint
from gghead.checkpoint.tensors import TensorFile
from gghead.inference.loading import load
from gghead.runs.run_folder import RunFolder
from gghead.training.checkpoints import restore_state
from gghead.training.loop import train
from gghead.training.observe.trackers import chosen_trackers, keep_trackers, kept_trackers
from gghead.training.transfer import open_source
from tiny_run import SilentMonitor, tiny_config, write_tiny_dataset


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> RunFolder:
    data = write_tiny_dataset(tmp_path_factory.mktemp("data") / "blobs.zip")
    run = RunFolder.create(tmp_path_factory.mktemp("runs") / "run", tiny_config(data, total_images=8, snapshot_every=8))
    train(run, SilentMonitor())
    return run


def with_tensors(folder: Path, into: Path, file: str, change: Callable[[dict[str, Tensor]], object]) -> Path:
    """A copy of a checkpoint in which a file has other tensors and all hashes fit."""
    checkpoint = load_checkpoint(folder)
    tensors = dict(checkpoint.files[file].tensors)
    change(tensors)
    files = dict(checkpoint.files) | {file: TensorFile(tensors, {})}
    save_checkpoint(into / folder.name, replace(checkpoint, files=files))
    return into / folder.name


def largest(tensors: dict[str, Tensor]) -> str:
    return max((name for name in tensors if name.endswith("exp_avg_sq")), key=lambda name: tensors[name].numel())


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (dict.clear, "is missing.* more"),
        (lambda tensors: tensors.pop(largest(tensors)), "exp_avg_sq is missing"),
        (lambda tensors: tensors.update({"nobody/exp_avg": torch.zeros(1)}), "nobody/exp_avg is unknown"),
        (lambda tensors: tensors.update({largest(tensors): torch.zeros(1)}), r"is float32 \(1,\) instead of float32"),
        (lambda tensors: tensors.update({largest(tensors): tensors[largest(tensors)].double()}), "is float64"),
        (lambda tensors: tensors.update({largest(tensors): tensors[largest(tensors)] - 1}), "below 0"),
        (lambda tensors: tensors.update({largest(tensors): tensors[largest(tensors)] * torch.nan}), "not finite"),
    ],
)
@pytest.mark.parametrize("file", ["generator_optimizer", "discriminator_optimizer"])
def test_odd_moments_are_refused(
    file: str, change: Callable[[dict[str, Tensor]], object], told: str, finished: RunFolder, tmp_path: Path
) -> None:
    odd = with_tensors(finished.checkpoint(8), tmp_path, file, change)
    with pytest.raises(ValueError, match=rf"{odd}/{file}\.safetensors does not fit.*{told}.*remove {odd}"):
        restore_state(odd, finished.config, "cpu")


@pytest.mark.parametrize("file", ["generator", "generator_ema", "discriminator"])
@pytest.mark.parametrize("change", ["dtype", "shape", "missing"])
def test_odd_weights_are_refused(file: str, change: str, finished: RunFolder, tmp_path: Path) -> None:
    def harm(tensors: dict[str, Tensor]) -> None:
        name = max(tensors, key=lambda name: tensors[name].numel())
        value = tensors.pop(name)
        if change != "missing":
            tensors[name] = value.double() if change == "dtype" else value.flatten()

    odd = with_tensors(finished.checkpoint(8), tmp_path, file, harm)
    with pytest.raises(ValueError, match=rf"{file}\.safetensors does not fit the run's config\.json: .*remove {odd}"):
        restore_state(odd, finished.config, "cpu")


@pytest.mark.parametrize("content", [b"", b"null", b"[" * 100_000, b"\xff\xfe", b'{"preset": NaN}', b'{"data": 5}'])
def test_an_odd_configuration_is_named(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "config.json").write_bytes(content)
    with pytest.raises(
        ValueError, match=f"{tmp_path / 'config.json'} can't be read: .*mend it, or take it from a copy"
    ):
        RunFolder.open(tmp_path)


def test_a_configuration_that_an_editor_saved_is_read(finished: RunFolder, tmp_path: Path) -> None:
    text = (finished.path / "config.json").read_text()
    (tmp_path / "config.json").write_bytes(b"\xef\xbb\xbf" + text.replace("\n", "\r\n").encode())
    assert RunFolder.open(tmp_path).config == finished.config


def test_changed_settings_are_told_and_other_networks_refused(finished: RunFolder, tmp_path: Path) -> None:
    run = RunFolder(shutil.copytree(finished.path, tmp_path / "run"), finished.config)
    config = finished.config
    longer = replace(config.training, total_images=12, snapshot_every=4, generator_lr=0.5)
    wider = replace(config.model, generator=replace(config.model.generator, position_range=0.35))
    with pytest.raises(
        ValueError, match=r"config\.json does not describe.*position_range is 0\.35, was 0\.25; mend it"
    ):
        train(RunFolder(run.path, replace(config, model=wider, training=longer)), SilentMonitor())
    monitor = SilentMonitor()
    assert train(RunFolder(run.path, replace(config, training=longer)), monitor).images == 12
    told = [event for event in monitor.events if event.startswith("WARNING: config.json was changed")]
    assert len(told) == 1
    assert "total_images is 12, was 8" in told[0]
    assert "generator_lr is 0.5, was 0.0025" in told[0]
    again = SilentMonitor()
    train(RunFolder(run.path, replace(config, training=replace(longer, total_images=16))), again)
    assert any(event.endswith("goes on with it: total_images is 16, was 12") for event in again.events)


def test_a_run_from_before_a_setting_was_retired_goes_on_if_it_did_nothing(finished: RunFolder, tmp_path: Path) -> None:
    """Of a run that was trained by it, heads are still made, and another run can start from it."""
    path = Path(shutil.copytree(finished.path, tmp_path / "run"))
    config = json.loads((path / "config.json").read_text())
    config["training"] |= {"loss": "logistic", "r2_gamma": 0, "total_images": 12, "snapshot_every": 4}
    (path / "config.json").write_text(json.dumps(config))
    assert train(RunFolder.open(path), SilentMonitor()).images == 12
    config["training"] |= {"loss": "relativistic", "r2_gamma": 0.5, "total_images": 16}
    (path / "config.json").write_text(json.dumps(config))
    with pytest.raises(ValueError, match=r'loss is "relativistic".*no longer has.*--init-from .*run'):
        train(RunFolder.open(path), SilentMonitor())
    assert len(load(path).sample(seeds=[0]).means) == 1
    assert open_source(path).path == path / "checkpoints" / "000000012"


def test_a_run_that_can_not_be_claimed_says_why(finished: RunFolder, tmp_path: Path) -> None:
    run = RunFolder(shutil.copytree(finished.path, tmp_path / "run"), finished.config)
    (run.path / ".lock").unlink()
    (run.path / ".lock").mkdir()
    with pytest.raises(OSError, match=r"\.lock could not be written: .*: name another file"), run.claim():
        pass


def test_what_is_called_otherwise_is_told_and_let_be(tmp_path: Path) -> None:
    data = write_tiny_dataset(tmp_path / "blobs.zip")
    run = RunFolder.create(tmp_path / "run", tiny_config(data, total_images=8, snapshot_every=4, kept_checkpoints=1))
    for name in ("4", "0000000004", "best", "٠٠٠٠٠٠٠٠٤"):
        (run.path / "checkpoints" / name).mkdir(parents=True)
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    run.checkpoint(0).symlink_to(elsewhere, target_is_directory=True)
    assert [path.name for path in run.strangers()] == ["0000000004", "4", "best", "٠٠٠٠٠٠٠٠٤"]
    assert run.checkpoints() == [run.checkpoint(0)]
    run.keep_only(())
    assert elsewhere.is_dir(), "a link goes, what it leads to stays"
    monitor = SilentMonitor()
    train(run, monitor)
    assert "no checkpoints by their names: 0000000004, 4, best" in monitor.events[0]
    assert [path.name for path in run.checkpoints()] == ["000000008"]


def test_a_run_remembers_where_its_log_goes(finished: RunFolder) -> None:
    run = finished
    keep_trackers(run, ())
    assert not run.trackers.exists()
    assert kept_trackers(run) == ()
    keep_trackers(run, ("tensorboard", "wandb"))
    assert kept_trackers(run) == ("tensorboard", "wandb")
    keep_trackers(run, chosen_trackers(["none"]))
    assert kept_trackers(run) == ()
    with pytest.raises(ValueError, match="--log none and --log wandb exclude each other"):
        chosen_trackers(["wandb", "none"])
    for odd in ("", "null", '{"trackers": "wandb"}', '{"trackers": ["mlflow"]}', '{"trackers": [[]]}', "[" * 100_000):
        run.trackers.write_text(odd)
        with pytest.raises(ValueError, match=r"trackers\.json can't be read.*--log none"):
            kept_trackers(run)
    run.trackers.unlink()


def test_a_checkpoint_of_an_earlier_version_is_gone_on_from(finished: RunFolder, tmp_path: Path) -> None:
    run = RunFolder.create(tmp_path / "old", replace_length(finished, 16))
    run.checkpoint(8).parent.mkdir()
    shutil.copytree(finished.checkpoint(8), run.checkpoint(8))
    make_earlier(run.path)
    manifest = json.loads((run.checkpoint(8) / "manifest.json").read_text())
    del manifest["manifest_sha256"], manifest["texts"], manifest["numbers"]["threads"]
    (run.checkpoint(8) / "manifest.json").write_text(json.dumps(manifest | {"version": 1}))
    monitor = SilentMonitor()
    assert train(run, monitor).images == 16
    assert any("does not say which pictures it has seen" in event for event in monitor.events)


def replace_length(run: RunFolder, images: int) -> object:
    return replace(run.config, training=replace(run.config.training, total_images=images))

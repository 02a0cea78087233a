"""What a run leaves on the disk and finds there again: each byte hashed once, runs of earlier versions too."""

import hashlib
import shutil
import signal
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from earlier_runs import make_earlier
from gghead.checkpoint.store import load_checkpoint
from gghead.inference.loading import load
from gghead.model.continuation import TrainingNetworks, save_training
from gghead.model.discriminator import Discriminator
from gghead.model.generator import build_generator
from gghead.model.storage import save_generator
from gghead.runs.resolve import find_model
from gghead.runs.run_folder import RunFolder
from gghead.training.checkpoints import EMA_NAME, Circumstances, restore_state, save_state
from gghead.training.loop import Outcome, train
from gghead.training.state import TrainingState
from gghead.training.transfer import continue_config, open_source, transfer
from tiny_run import MODEL, SignalAt, SilentMonitor, tiny_config, write_tiny_dataset


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_tiny_dataset(tmp_path_factory.mktemp("data") / "blobs.zip")


@pytest.fixture(scope="module")
def interrupted(data: Path, tmp_path_factory: pytest.TempPathFactory) -> RunFolder:
    """A run with a snapshot at 8 images that was stopped at 12."""
    config = tiny_config(data, total_images=16, snapshot_every=8)
    run = RunFolder.create(tmp_path_factory.mktemp("runs") / "run", config)
    assert train(run, SignalAt(12, signal.SIGINT)) == Outcome(12, interrupted=True)
    return run


def copy_of(run: RunFolder, folder: Path) -> RunFolder:
    return RunFolder(Path(shutil.copytree(run.path, folder / "run")), run.config)


def equal(one: torch.nn.Module, other: torch.nn.Module) -> bool:
    weights = other.state_dict()
    return all(torch.equal(value, weights[name]) for name, value in one.state_dict().items())


def test_a_snapshot_is_the_checkpoints_generator_and_stopping_leaves_a_newer_one(interrupted: RunFolder) -> None:
    run = interrupted
    assert run.snapshot(8, ".safetensors").samefile(run.checkpoint(8) / f"{EMA_NAME}.safetensors")
    assert not run.snapshot(12, ".safetensors").exists()
    state, _ = restore_state(run.checkpoint(12), run.config, "cpu")
    assert find_model(run.path).parent == run.checkpoint(12)
    assert equal(load(run.path), state.generator_ema)
    assert equal(load(run.checkpoint(12)), state.generator_ema)
    assert not equal(load(run.snapshot(8, ".safetensors")), state.generator_ema)


def test_an_earlier_run_is_sampled_started_from_and_resumed_to_the_same_bits(
    interrupted: RunFolder, tmp_path: Path
) -> None:
    run, earlier = copy_of(interrupted, tmp_path / "now"), copy_of(interrupted, tmp_path / "then")
    make_earlier(earlier.path)
    assert equal(load(earlier.path), load(run.snapshot(8, ".safetensors")))
    config = continue_config(earlier.config, open_source(earlier.path))
    assert equal(transfer(config, "cpu")[0].generator_ema, load(run.checkpoint(12)))
    for each in (run, earlier):
        assert train(each, SilentMonitor()) == Outcome(16, interrupted=False)
    ends = [load_checkpoint(each.checkpoint(16)).files for each in (run, earlier)]
    assert ends[0].keys() == ends[1].keys()
    for name, file in ends[0].items():
        others = ends[1][name].tensors
        assert all(torch.equal(value, others[key]) for key, value in file.tensors.items())
    assert equal(load(earlier.path), load(run.path))


class Counter:
    """Counts the bytes of tensors and files that are hashed."""

    def __init__(self) -> None:
        self.bytes = 0


@pytest.fixture
def hashed(monkeypatch: pytest.MonkeyPatch) -> Iterator[Counter]:
    counter, sha256, file_digest = Counter(), hashlib.sha256, hashlib.file_digest

    class CountingHash:
        def __init__(self, start: bytes = b"") -> None:
            self._hash = sha256(start)

        def update(self, part: bytes | memoryview) -> None:
            counter.bytes += len(part) if isinstance(part, memoryview) else 0
            self._hash.update(part)

        def hexdigest(self) -> str:
            return self._hash.hexdigest()

    def digest(file: object, name: str) -> object:
        counter.bytes += Path(file.name).stat().st_size  # type: ignore[attr-defined]
        return file_digest(file, name)  # type: ignore[arg-type, type-var]

    monkeypatch.setattr(hashlib, "sha256", CountingHash)
    monkeypatch.setattr(hashlib, "file_digest", digest)
    return counter


def size_of(state: TrainingState) -> int:
    """Bytes of all tensors of a state."""
    tensors = [value for network in state.networks.values() for value in network.state_dict().values()]
    for optimizer, _ in state.optimizers.values():
        tensors += [value for moments in optimizer.state.values() for value in moments.values()]
    return sum(tensor.nbytes for tensor in tensors)


def test_each_byte_of_a_checkpoint_is_hashed_once(interrupted: RunFolder, tmp_path: Path, hashed: Counter) -> None:
    state, _ = restore_state(interrupted.checkpoint(12), interrupted.config, "cpu")
    assert hashed.bytes == size_of(state) > 100_000
    hashed.bytes = 0
    snapshot = tmp_path / "snapshots" / "model.safetensors"
    save_state(tmp_path / "000000012", state, Circumstances(), "", snapshot=snapshot)
    assert hashed.bytes == size_of(state), "its snapshot included"
    hashed.bytes = 0
    load(snapshot)
    assert hashed.bytes == sum(value.nbytes for value in state.generator_ema.state_dict().values())


def on_another_template(folder: Path) -> Path:
    """A model, with the networks in training beside it, whose template is known from its file alone."""
    generator = build_generator(MODEL.generator, seed=5)
    generator.template_positions *= 1.1
    model = folder / "model.safetensors"
    save_generator(model, generator)
    save_training(model, TrainingNetworks(generator, Discriminator(MODEL.discriminator, seed=5)))
    return model


@pytest.mark.parametrize("source", ["run", "model"])
def test_each_byte_is_hashed_once_when_a_run_starts_from_another(
    source: str, interrupted: RunFolder, data: Path, tmp_path: Path, hashed: Counter
) -> None:
    path = interrupted.path if source == "run" else on_another_template(tmp_path)
    hashed.bytes = 0
    opened = open_source(path)
    once = sum(value.nbytes for tensors in opened.tensors.values() for value in tensors.values())
    assert hashed.bytes == once
    config = continue_config(tiny_config(data, total_images=4, snapshot_every=4), opened)
    assert hashed.bytes == once
    state, _ = transfer(config, "cpu")
    assert hashed.bytes == 2 * once, "read again where the run is trained, which may be another process"
    run = RunFolder.create(tmp_path / "run", replace(config, training=replace(config.training, growth_fade_images=0)))
    save_state(run.checkpoint(0), state, Circumstances(), "")
    hashed.bytes = 0
    restore_state(run.checkpoint(0), run.config, "cpu")
    assert hashed.bytes == size_of(state), "its own template included"

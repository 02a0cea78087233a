"""What a run survives: kills, full disks, numbers that are not finite."""

import errno
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from click.testing import CliRunner

from gghead.checkpoint import tensors
from gghead.checkpoint.store import load_checkpoint
from gghead.cli.main import main
from gghead.config.presets import PRESETS, Preset
from gghead.data.loader import Batch
from gghead.runs.run_folder import RunFolder
from gghead.training import loop
from gghead.training.loop import train
from gghead.training.resume.restore import MAX_ROLLBACKS
from gghead.training.state import TrainingState
from gghead.training.step_report import StepReport
from gghead.training.steps.inputs import StepContext
from tiny_run import MODEL, TRAINING, SilentMonitor, tiny_config, write_tiny_dataset

KILLS = 12


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_tiny_dataset(tmp_path_factory.mktemp("data") / "blobs.zip")


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="forks a process that has loaded torch")
def test_a_run_that_is_killed_again_and_again_ends_in_the_same_bytes(data: Path, tmp_path: Path) -> None:
    # Long enough that a machine which is busy at first and idle later does not reach the end between kills.
    config = tiny_config(data, total_images=320, snapshot_every=8, log_every=4, metrics_every=0, milestone_every=5)
    runs = [RunFolder.create(tmp_path / name, config) for name in ("undisturbed", "killed")]
    program = Path(__file__).with_name("kill_runs.py")
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path), "OMP_NUM_THREADS": "1"}
    arguments = [sys.executable, program, *(run.path for run in runs), KILLS, 1]
    result = subprocess.run(list(map(str, arguments)), env=environment, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    reached = result.stdout.splitlines()
    assert len(reached) == KILLS
    assert len(set(reached)) > 2, "some kills came between checkpoints, some after the next one"
    undisturbed, killed = (contents(run) for run in runs)
    assert undisturbed.keys() == killed.keys()
    assert not [name for name in undisturbed if undisturbed[name] != killed[name]]


def contents(run: RunFolder) -> dict[str, object]:
    """Everything in a run's folder by name, but for the speed."""
    found: dict[str, object] = {
        str(path.relative_to(run.path)): path.read_bytes() for path in run.path.rglob("*") if path.is_file()
    }
    lines = [json.loads(line) for line in run.log.read_text().splitlines()]
    return found | {"log.jsonl": [line | {"images_per_second": None} for line in lines]}


@pytest.mark.parametrize("file", ["generator_ema", "generator_optimizer"])
def test_a_full_disk_keeps_the_old_checkpoint_and_says_so(
    file: str, data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = RunFolder.create(tmp_path / "run", tiny_config(data, snapshot_every=8, total_images=16))
    write = tensors.save_file

    def fail(content: dict[str, torch.Tensor], path: Path, metadata: dict[str, str]) -> None:
        write(content, path, metadata=metadata)
        if run.checkpoints() and file in path.name:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patch:
        patch.setattr(tensors, "save_file", fail)
        with pytest.raises(OSError, match=r"No space left.*newest checkpoint is .*000000008.*gghead resume"):
            train(run, SilentMonitor())
    assert [path.name for path in run.checkpoints()] == ["000000008"]
    assert not list(run.path.rglob("*.tmp"))
    assert train(run, SilentMonitor()).images == 16


Step = Callable[..., StepReport]


def poisoned(when: Callable[[TrainingState], bool], poison: Callable[[TrainingState, StepReport], StepReport]) -> Step:
    """Steps of which some do harm; `when` sees the state before the step."""
    honest = loop.training_step

    def step(state: TrainingState, context: StepContext, batch: Batch) -> StepReport:
        harmful = when(state)
        report = honest(state, context, batch)
        return poison(state, report) if harmful else report

    return step


def lose_gradient(state: TrainingState, report: StepReport) -> StepReport:
    """What a gradient that is not finite does."""
    with torch.no_grad():
        next(state.generator.parameters()).fill_(float("nan"))
    return report | {"generator_gradient": torch.tensor(float("nan"))}


def test_a_divergence_names_step_term_and_checkpoint(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loop, "training_step", poisoned(lambda state: state.images == 12, lose_gradient))
    run = RunFolder.create(tmp_path / "run", tiny_config(data, snapshot_every=8, log_every=8))
    with pytest.raises(FloatingPointError) as caught:
        train(run, SilentMonitor())
    told = str(caught.value)
    assert "diverged in step 3, after 12 images: not finite: generator_gradient" in told
    assert f"last good checkpoint is {run.checkpoint(8)}" in told
    assert f"gghead resume {run.path} --on-nan rollback" in told
    assert [path.name for path in run.checkpoints()] == ["000000008"]


def test_weights_that_are_not_finite_are_not_saved(data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def spoil(state: TrainingState, report: StepReport) -> StepReport:
        with torch.no_grad():
            state.generator_ema.mapping.mean_style[0] = float("inf")
        return report

    monkeypatch.setattr(loop, "training_step", poisoned(lambda state: state.images == 4, spoil))
    run = RunFolder.create(tmp_path / "run", tiny_config(data, snapshot_every=8))
    with pytest.raises(FloatingPointError, match=r"generator_ema mapping\.mean_style; there is no checkpoint yet"):
        train(run, SilentMonitor())
    assert run.checkpoints() == []
    assert not run.snapshot(8, ".safetensors").exists()


@pytest.mark.slow
@pytest.mark.parametrize(("snapshot_every", "back"), [(8, 8), (48, 0)])
def test_a_rollback_goes_on_with_other_numbers_and_stays_the_same_run(
    snapshot_every: int, back: int, data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    accident = poisoned(lambda state: state.images == 12 and state.rollbacks < 2, lose_gradient)
    monkeypatch.setattr(loop, "training_step", accident)
    config = tiny_config(data, snapshot_every=snapshot_every, log_every=8, total_images=24)
    run, monitor = RunFolder.create(tmp_path / "run", config), SilentMonitor()
    assert train(run, monitor, on_nan="rollback").images == 24
    told = [event for event in monitor.events if "rolled back" in event]
    assert [f"rolled back to {back} images, try {number} of 3" in told[number - 1] for number in (1, 2)] == [True] * 2
    assert [json.loads(line)["images"] for line in run.log.read_text().splitlines()] == [8, 16, 24]
    last = load_checkpoint(run.checkpoint(24))
    assert last.numbers["rollbacks"] == 2

    plain = RunFolder.create(tmp_path / "plain", config)
    monkeypatch.undo()
    train(plain, SilentMonitor())
    weights, others = (load_checkpoint(each.checkpoint(24)).files["generator"].tensors for each in (run, plain))
    assert not all(torch.equal(weights[name], others[name]) for name in weights)
    if back:
        # Taken up again in the middle, it draws the numbers of its rollbacks, not the first ones.
        (run.checkpoint(24)).rename(tmp_path / "kept")
        train(run, SilentMonitor())
        again = load_checkpoint(run.checkpoint(24)).files["generator"].tensors
        assert all(torch.equal(weights[name], again[name]) for name in weights)


def test_what_fails_again_and_again_ends_the_run(data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loop, "training_step", poisoned(lambda state: state.images == 12, lose_gradient))
    run, monitor = RunFolder.create(tmp_path / "run", tiny_config(data, snapshot_every=8)), SilentMonitor()
    with pytest.raises(FloatingPointError, match=rf"{MAX_ROLLBACKS} times before, other random numbers from 8 images"):
        train(run, monitor, on_nan="rollback")
    assert len([event for event in monitor.events if "rolled back" in event]) == MAX_ROLLBACKS
    assert [path.name for path in run.checkpoints()] == ["000000008"]


def test_damaged_pictures_are_told_before_there_is_a_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data = tmp_path / "heads.zip"
    content = write_tiny_dataset(data).read_bytes()
    start = content.index(b"IDAT") + 10
    data.write_bytes(content[:start] + bytes(8) + content[start + 8 :])
    monkeypatch.setitem(PRESETS, "demo", Preset("", MODEL, TRAINING))
    result = CliRunner().invoke(main, ["train", "demo", "--data", str(data), "--out", str(tmp_path / "run")])
    assert result.exit_code == 1
    assert "1 of 10 pictures can't be used" in result.output
    assert not (tmp_path / "run").exists()

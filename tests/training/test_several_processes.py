"""Two processes are one run: the same numbers, one voice, an end together."""

import multiprocessing
import os
import signal
import subprocess
import sys
import threading
import time
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from click.testing import CliRunner

from gghead.checkpoint.tensors import load_tensors
from gghead.cli.main import main
from gghead.config.training import RunConfig
from gghead.runs.run_folder import RunFolder
from gghead.training.launch import RunOptions, train_in_processes
from gghead.training.loop import train
from tiny_run import PATIENCE, RESOLUTION, SignalAt, free_port, tiny_config, wait_for_first_tick, write_tiny_dataset
from tolerances import TWO_PROCESSES

PROGRAM = "from gghead.cli.main import main; main()"
CALM = 1e-6
"""Learning rate of networks that hardly move, so that rounding does not grow from step to step."""


@pytest.fixture
def endless(tmp_path: Path) -> RunConfig:
    """A run that ends when it is told to; every batch holds two groups of heads, and everything that is random."""
    data = write_tiny_dataset(tmp_path / "blobs.zip")
    drawn = {"batch_size": 16, "views": 2, "random_background": True, "mirrored": True, "wrong_label_weight": 0.5}
    drawn["augmentation"] = 0.5
    return tiny_config(data, total_images=10**6, snapshot_every=10**6, log_every=16, **drawn)


def start(*arguments: object, **environment: object) -> subprocess.Popen[str]:
    """A command in a process of its own."""
    variables = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path), "OMP_NUM_THREADS": "1"}
    variables |= {name: str(value) for name, value in environment.items()}
    command = [sys.executable, "-c", PROGRAM, *map(str, arguments)]
    return subprocess.Popen(command, env=variables, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


@pytest.mark.slow
def test_two_processes_compute_what_one_computes_and_stop_together(
    endless: RunConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each evaluates its part in one go, and the one process the same pictures in two microbatches."""
    calm = replace(endless, training=replace(endless.training, generator_lr=CALM, discriminator_lr=CALM))
    both = RunFolder.create(tmp_path / "both", calm)
    command = start("resume", both.path, "--gpus", 2, "--device", "cpu")
    wait_for_first_tick(both)
    command.send_signal(signal.SIGTERM)
    _, told = command.communicate(timeout=PATIENCE)
    assert command.returncode == 130, told
    (saved,) = both.checkpoints()
    assert told.count(f"saved at {int(saved.name)} images") == told.count("go on with") == 1, "of rank 0 only"

    monkeypatch.setattr("gghead.training.microbatches.MICROBATCH_PIXELS", 8 * RESOLUTION**2)
    one = RunFolder.create(tmp_path / "one", calm)
    assert train(one, SignalAt(int(saved.name), signal.SIGTERM)).interrupted
    for path in saved.glob("*.safetensors"):
        found, expected = (load_tensors(folder / path.name).tensors for folder in (saved, one.checkpoints()[0]))
        for name, value in expected.items():
            assert float((found[name] - value).norm()) <= TWO_PROCESSES * float(value.norm()), (path.name, name)

    monitor = SignalAt(int(saved.name) + 16, signal.SIGTERM)
    assert train(both, monitor).interrupted
    assert monitor.events[0].endswith(f"goes on from {int(saved.name)} images")
    assert "processes: 2 before, 1 now" in monitor.events[1]


@pytest.mark.slow
def test_a_lost_process_ends_the_run_with_a_message(endless: RunConfig, tmp_path: Path) -> None:
    run = RunFolder.create(tmp_path / "run", endless)
    place = {"WORLD_SIZE": 2, "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": free_port()}
    first, second = (
        start("resume", run.path, "--device", "cpu", RANK=rank, LOCAL_RANK=rank, **place) for rank in range(2)
    )
    wait_for_first_tick(run)
    second.kill()
    begin = time.monotonic()
    _, told = first.communicate(timeout=PATIENCE)
    second.communicate()
    assert first.returncode == 1
    assert "process 0 of 2 lost touch with another one" in told
    assert "Traceback" not in told
    assert time.monotonic() - begin < PATIENCE / 2


@pytest.mark.slow
def test_a_run_whose_process_is_killed_goes_on_as_if_nothing_had_been(
    endless: RunConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As a script does it: started from Python, and again from the newest checkpoint."""
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    training = replace(endless.training, total_images=160, snapshot_every=32)
    undisturbed, disturbed = (
        RunFolder.create(tmp_path / name, replace(endless, training=training)) for name in ("undisturbed", "disturbed")
    )
    assert train_in_processes(undisturbed.path, RunOptions(2, "cpu")).images == 160

    def kill() -> None:
        while not disturbed.checkpoints():
            time.sleep(0.01)
        multiprocessing.active_children()[1].kill()

    thread = threading.Thread(target=kill)
    thread.start()
    outcome = train_in_processes(disturbed.path, RunOptions(2, "cpu", restarts=1))
    thread.join()
    assert (outcome.images, outcome.interrupted) == (160, False)
    for path in undisturbed.checkpoints()[-1].glob("*.safetensors"):
        expected, found = (load_tensors(run.checkpoint(160) / path.name).tensors for run in (undisturbed, disturbed))
        assert expected.keys() == found.keys()
        assert all(torch.equal(found[name], value) for name, value in expected.items()), path.name


@pytest.mark.slow
def test_what_a_process_finds_wrong_is_told_once(endless: RunConfig, tmp_path: Path) -> None:
    run = RunFolder.create(tmp_path / "run", endless)
    with run.claim(), pytest.raises(ChildProcessError, match=r"process 0 of 2 failed: ValueError: .* another process"):
        train_in_processes(run.path, RunOptions(2, "cpu"))


def test_a_batch_that_tears_groups_apart_is_refused_before_anything_starts(tmp_path: Path, endless: RunConfig) -> None:
    run = RunFolder.create(tmp_path / "run", endless)
    result = CliRunner().invoke(main, ["resume", str(run.path), "--gpus", "4", "--device", "cpu"])
    assert result.exit_code == 1
    assert "8 heads of 2 views a step on 4 processes; expected a multiple of 16 heads" in result.output

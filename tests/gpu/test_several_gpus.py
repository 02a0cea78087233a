"""Two GPUs are one run, by NCCL."""

import multiprocessing
import threading
import time
from pathlib import Path

import pytest
import torch

from gghead.checkpoint.tensors import load_tensors
from gghead.runs.run_folder import RunFolder
from gghead.training.launch import RunOptions, train_in_processes
from gghead.training.loop import train
from tiny_run import SilentMonitor, tiny_config, write_tiny_dataset
from tolerances import TWO_GPUS

pytestmark = [pytest.mark.gpu, pytest.mark.skipif(torch.cuda.device_count() < 2, reason="needs two CUDA devices")]

PATIENCE = 120
"""Seconds in which a run starts, trains a little and ends."""


@pytest.mark.parametrize("uv_variation_weight", [0.0, 1.0], ids=["replayed", "with a sum within a pass"])
def test_two_gpus_compute_what_one_computes(uv_variation_weight: float, tmp_path: Path) -> None:
    settings = {"batch_size": 8, "mirrored": True, "total_images": 48, "snapshot_every": 48, "precision": "full"}
    data = write_tiny_dataset(tmp_path / "blobs.zip")
    config = tiny_config(data, uv_variation_weight=uv_variation_weight, **settings)
    one, both = (RunFolder.create(tmp_path / name, config) for name in ("one", "both"))
    train(one, SilentMonitor(), "cuda")
    assert train_in_processes(both.path, RunOptions(gpus=2)).images == 48
    assert_same(both, one)


@pytest.mark.parametrize("restarts", [0, 1])
def test_a_killed_process_ends_the_run_or_starts_it_again(restarts: int, tmp_path: Path) -> None:
    """What it left undone on the GPUs holds nobody up."""
    data = write_tiny_dataset(tmp_path / "blobs.zip")
    config = tiny_config(data, batch_size=8, total_images=8000, snapshot_every=800)
    run = RunFolder.create(tmp_path / "run", config)

    def kill() -> None:
        while not run.checkpoints():
            time.sleep(0.01)
        multiprocessing.active_children()[1].kill()

    thread = threading.Thread(target=kill)
    thread.start()
    begin = time.monotonic()
    if restarts:
        assert train_in_processes(run.path, RunOptions(gpus=2, restarts=restarts)).images == 8000
    else:
        with pytest.raises(ChildProcessError, match=r"process [01] of 2 was ended by SIGKILL"):
            train_in_processes(run.path, RunOptions(gpus=2))
        assert time.monotonic() - begin < PATIENCE
    thread.join()


def test_a_run_on_the_second_gpu_alone_is_that_on_the_first(tmp_path: Path) -> None:
    """Its passes are captured where they run, not on the GPU that is current by default."""
    data = write_tiny_dataset(tmp_path / "blobs.zip")
    config = tiny_config(data, batch_size=8, total_images=48, snapshot_every=48, precision="full")
    first, second = (RunFolder.create(tmp_path / f"gpu{index}", config) for index in range(2))
    for index, run in enumerate((first, second)):
        train(run, SilentMonitor(), f"cuda:{index}")
        assert torch.cuda.current_device() == 0
    assert_same(second, first)


def assert_same(run: RunFolder, other: RunFolder) -> None:
    """That two runs have the same networks after 48 images, but for rounding."""
    for network in ("generator", "generator_ema", "discriminator"):
        found, expected = (
            load_tensors(each.checkpoint(48) / f"{network}.safetensors").tensors for each in (run, other)
        )
        difference, size = (
            torch.stack([value.double().square().sum() for value in values]).sum().sqrt()
            for values in ([found[name] - expected[name] for name in expected], list(expected.values()))
        )
        assert float(difference / size) < TWO_GPUS, network

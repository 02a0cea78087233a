"""Two GPUs are one run, by NCCL."""

import os
import sys
from pathlib import Path

import pytest
import torch

from gghead.checkpoint.tensors import load_tensors
from gghead.runs.run_folder import RunFolder
from gghead.training.loop import train
from gghead.training.parallel.launch import launch
from tiny_run import SilentMonitor, tiny_config, write_tiny_dataset
from tolerances import TWO_GPUS

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(torch.cuda.device_count() < 2, reason="needs two CUDA devices"),
]


@pytest.mark.parametrize("uv_variation_weight", [0.0, 1.0], ids=["replayed", "with a sum within a pass"])
def test_two_gpus_compute_what_one_computes(
    uv_variation_weight: float, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(sys.path))
    settings = {"batch_size": 8, "mirrored": True, "total_images": 48, "snapshot_every": 48, "precision": "full"}
    data = write_tiny_dataset(tmp_path / "blobs.zip")
    config = tiny_config(data, uv_variation_weight=uv_variation_weight, **settings)
    one, both = (RunFolder.create(tmp_path / name, config) for name in ("one", "both"))
    train(one, SilentMonitor(), "cuda")
    assert launch(["resume", str(both.path), "--device", "cuda"], 2) == 0
    assert_same(both, one)


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

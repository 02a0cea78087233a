"""Two GPUs are one run, by NCCL."""

import os
import sys
from pathlib import Path

import pytest
import torch

from gghead.checkpoint.tensors import load_tensors
from gghead.training.launch import launch
from gghead.training.loop import train
from gghead.training.run_folder import RunFolder
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
    for network in ("generator", "generator_ema", "discriminator"):
        found, expected = (load_tensors(run.checkpoint(48) / f"{network}.safetensors").tensors for run in (both, one))
        difference, size = (
            torch.stack([value.double().square().sum() for value in values]).sum().sqrt()
            for values in ([found[name] - expected[name] for name in expected], list(expected.values()))
        )
        assert float(difference / size) < TWO_GPUS, network

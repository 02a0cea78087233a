"""Two hosts, each with a torchrun of its own, are one run; and end together when a cluster takes them back."""

import os
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from gghead.checkpoint.tensors import load_tensors
from gghead.runs.run_folder import RunFolder
from gghead.training.loop import train
from tiny_run import PATIENCE, SignalAt, free_port, tiny_config, wait_for_first_tick, write_tiny_dataset
from tolerances import TWO_PROCESSES

CALM = 1e-6
"""Learning rate of networks that hardly move, so that rounding does not grow from step to step."""


def start_host(number: int, port: int, *arguments: object) -> subprocess.Popen[str]:
    """The torchrun of one of two hosts, which here are one."""
    variables = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path), "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-m", "torch.distributed.run", "--nnodes", "2", "--nproc-per-node", "1"]
    command += ["--node-rank", str(number), "--rdzv-backend", "c10d", "--rdzv-endpoint", f"127.0.0.1:{port}"]
    command += ["--rdzv-id", "hosts", "--local-addr", "127.0.0.1", "--no-python", sys.executable, "-c"]
    command += ["from gghead.cli.main import main; main()", *map(str, arguments)]
    return subprocess.Popen(command, env=variables, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


@pytest.mark.slow
def test_two_hosts_compute_what_one_process_computes_and_save_when_they_are_taken_back(tmp_path: Path) -> None:
    data = write_tiny_dataset(tmp_path / "blobs.zip")
    drawn = {"batch_size": 16, "views": 2, "random_background": True, "mirrored": True, "wrong_label_weight": 0.5}
    drawn["augmentation"] = 0.5
    config = tiny_config(data, total_images=10**6, snapshot_every=10**6, log_every=16, **drawn)
    calm = replace(config, training=replace(config.training, generator_lr=CALM, discriminator_lr=CALM))
    both, port = RunFolder.create(tmp_path / "both", calm), free_port()
    hosts = [start_host(number, port, "resume", both.path, "--device", "cpu") for number in range(2)]
    wait_for_first_tick(both)
    for host in hosts:
        host.send_signal(signal.SIGTERM)
    told = [host.communicate(timeout=PATIENCE)[1] for host in hosts]
    assert all(host.returncode != 0 for host in hosts), told
    (saved,) = both.checkpoints()
    assert sum(text.count(f"saved at {int(saved.name)} images") for text in told) == 1, "by rank 0 only"

    one = RunFolder.create(tmp_path / "one", calm)
    assert train(one, SignalAt(int(saved.name), signal.SIGTERM)).interrupted
    for path in saved.glob("*.safetensors"):
        found, expected = (load_tensors(folder / path.name).tensors for folder in (saved, one.checkpoints()[0]))
        for name, value in expected.items():
            assert float((found[name] - value).norm()) <= TWO_PROCESSES * float(value.norm()), (path.name, name)

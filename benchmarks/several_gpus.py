r"""Weak scaling of training: pictures a second of each GPU alone, and of all together on a batch as many times larger.

    torchrun --nproc-per-node 2 -m benchmarks.several_gpus --preset ffhq256

Several torchruns measure several hosts; two of one machine are two for NCCL, too, with a name each (I = 0 and 1):

    NCCL_HOSTID=$I NCCL_SOCKET_IFNAME=lo CUDA_VISIBLE_DEVICES=$I torchrun --nnodes 2 --node-rank $I \
        --nproc-per-node 1 --master-addr 127.0.0.1 -m benchmarks.several_gpus --preset ffhq256

Trains on random pictures, R1 included, as the loop does but without reading data, and without learning, so that all
steps draw heads alike: Gaussians as small as a trained generator's. Appends a row of JSON to
benchmarks/results/several_gpus.jsonl.
"""

import argparse
import os
import time
from dataclasses import dataclass, replace
from datetime import UTC, datetime

import torch

from benchmarks.rows import append, commit
from benchmarks.untrained import require_finite, standing_still
from gghead.config.presets import from_preset
from gghead.config.training import RunConfig
from gghead.cuda.graphs import fastest_runner
from gghead.data.loader import Batch
from gghead.geometry.cameras import Cameras
from gghead.processes.group import SINGLE_PROCESS, ProcessGroup, join_group
from gghead.rasterizer.cuda.device_report import watch_lists
from gghead.training.loop import training_step
from gghead.training.microbatches import share_of
from gghead.training.precision import multiplication
from gghead.training.state import new_state
from gghead.training.steps.inputs import StepContext

WARMUP = 4
"""Steps with R1 and as many without it, in which passes are captured."""


@dataclass(frozen=True)
class Row:
    """One line of the results.

    Attributes:
        hosts: groups of processes that torchrun began, each with as many GPUs.
        processes: of all hosts.
        batch: pictures of a step of one process.
        alone: pictures a second of one process alone, the slowest one's while the others do the same.
        together: of all processes on one run.
        efficiency: together / (processes x alone).
    """

    preset: str
    precision: str
    hosts: int
    processes: int
    batch: int
    alone: float
    together: float
    efficiency: float
    device: str
    torch: str
    commit: str
    date: str


def main() -> None:
    """Runs the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--preset", default="ffhq256")
    parser.add_argument("--precision", default="mixed", choices=["mixed", "full"])
    parser.add_argument("--batch", type=int, default=32, help="pictures of a step of one process")
    parser.add_argument("--steps", type=int, default=64, help="steps that are timed, a multiple of r1_every")
    parser.add_argument("--commit", help="of this copy, if it has no history")
    parser.add_argument("--device", default="cuda")
    arguments = parser.parse_args()
    config = standing_still(from_preset(arguments.preset, data="random"), "trained")
    with join_group(arguments.device) as everybody, multiplication(arguments.precision):
        device = everybody.device(arguments.device)
        speeds = []
        for group in (SINGLE_PROCESS, everybody):
            batch = arguments.batch * group.world_size
            training = replace(config.training, precision=arguments.precision, batch_size=batch, snapshot_every=batch)
            seconds = measure(replace(config, training=training), group, everybody, arguments.steps, device)
            speeds.append(arguments.steps * batch / seconds)
        alone, together = speeds
        row = Row(
            config.preset, arguments.precision, int(os.environ.get("GROUP_WORLD_SIZE", "1")), everybody.world_size,
            arguments.batch, round(alone, 1), round(together, 1), round(together / (everybody.world_size * alone), 3),
            torch.cuda.get_device_name() if device.startswith("cuda") else "cpu",
            torch.__version__, arguments.commit or commit(), datetime.now(UTC).date().isoformat(),
        )  # fmt: skip
        if everybody.is_rank_zero:
            append("several_gpus", row)


def measure(config: RunConfig, group: ProcessGroup, everybody: ProcessGroup, steps: int, device: str) -> float:
    """Seconds of some steps, until the last process has made them."""
    training, resolution = config.training, config.model.discriminator.resolution
    share_of(training, config.model.discriminator, group)
    state = new_state(config, device)
    # The blur of the first pictures is not what most of a run's time goes to.
    state.images = 10**6 * training.r1_every * training.batch_size
    labels = Cameras.orbit(training.batch_size, resolution).labels()
    context = StepContext(training, labels, group, fastest_runner(state.device, watch_lists, group.any_of))
    part = group.part(labels, config.model.discriminator.group_size).to(device)
    pixels = torch.randint(256, (len(part), resolution, resolution, 4), dtype=torch.uint8, device=device)
    batch = Batch(pixels, part)
    for _ in range(WARMUP):
        for period in (training.r1_every, 1):
            state.images = -(-state.images // (period * training.batch_size)) * period * training.batch_size
            training_step(state, context, batch)
    finish(everybody, device)
    start = time.perf_counter()
    for _ in range(steps):
        training_step(state, context, batch)
    finish(everybody, device)
    seconds = time.perf_counter() - start
    require_finite(state.generator, state.discriminator)
    return seconds


def finish(everybody: ProcessGroup, device: str) -> None:
    """Waits for the device, and for the other processes."""
    if device.startswith("cuda"):
        torch.cuda.synchronize()
    everybody.wait()


if __name__ == "__main__":
    main()

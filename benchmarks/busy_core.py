"""What another program on one core costs: a head on the CPU, with threads that spin or sleep while they wait.

    python -m benchmarks.busy_core

Of the cores that this process may use, as many threads as torch takes by itself; `taskset -c 0,1` makes it two. Appends
a row of JSON for each setting to benchmarks/results/busy_core.jsonl.
"""

import argparse
import os
import platform
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from datetime import UTC, datetime

from benchmarks.rows import append, commit

SETTINGS = {
    "as OpenMP likes it": {},
    "OMP_WAIT_POLICY=PASSIVE": {"OMP_WAIT_POLICY": "PASSIVE"},
    "OMP_NUM_THREADS=1": {"OMP_NUM_THREADS": "1"},
}
WARMUP, HEADS = 3, 15


@dataclass(frozen=True)
class Row:
    """One line of the results: medians of heads of the bundled model, with a core taken by another process or not."""

    setting: str
    taken: bool
    threads: int
    head_ms: float
    cores: int
    processor: str
    torch: str
    commit: str
    date: str


def main() -> None:
    """Starts a process for each setting, or is one of them."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--setting", choices=list(SETTINGS), help="measure this one alone, in this process")
    parser.add_argument("--taken", action="store_true", help="say that a core is taken")
    parser.add_argument("--commit", help="of this copy, if it has no history")
    arguments = parser.parse_args()
    if arguments.setting is not None:
        append("busy_core", measure(arguments.setting, arguments.taken, arguments.commit))
        return
    for taken in (False, True):
        for setting, variables in SETTINGS.items():
            command = [sys.executable, "-m", "benchmarks.busy_core", "--setting", setting]
            command += ["--taken"] if taken else []
            command += ["--commit", arguments.commit or commit()]
            with busy_core() if taken else nullcontext():
                subprocess.run(command, env=os.environ | variables, check=True)


def measure(setting: str, taken: bool, of: str) -> Row:
    """Makes heads one after the other."""
    import torch

    import gghead

    generator = gghead.load()
    milliseconds = []
    for seed in range(WARMUP + HEADS):
        start = time.perf_counter()
        generator.sample(seeds=[seed])
        milliseconds.append(1e3 * (time.perf_counter() - start))
    median = round(statistics.median(milliseconds[WARMUP:]), 1)
    cores = len(os.sched_getaffinity(0))
    date = datetime.now(UTC).date().isoformat()
    return Row(
        setting, taken, torch.get_num_threads(), median, cores, processor(), torch.__version__, of, date
    )  # fmt: skip


def processor() -> str:
    """Name of the processor, where Linux tells."""
    with open("/proc/cpuinfo", encoding="utf-8") as file:
        names = [line.split(":", 1)[1].strip() for line in file if line.startswith("model name")]
    return names[0] if names else platform.machine()


@contextmanager
def busy_core() -> Iterator[None]:
    """A process that computes without pause on one of this process's cores."""
    core = min(os.sched_getaffinity(0))
    program = f"import os\nos.sched_setaffinity(0, [{core}])\nwhile True: pass"
    process = subprocess.Popen([sys.executable, "-c", program])
    try:
        yield
    finally:
        process.kill()
        process.wait()


if __name__ == "__main__":
    main()

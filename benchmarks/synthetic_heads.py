"""Times rendered heads, new ones for every picture, in several processes and stage by stage.

    python -m benchmarks.synthetic_heads --processes 2 --assets PACK

Appends one row of JSON for each variant to benchmarks/results/synthetic_heads_cpu.jsonl: procedural heads, and textured
ones if --assets names a pack. Loading and compiling are not counted among pictures. On a machine with other work the
processor time is the figure to trust.

    python -m benchmarks.synthetic_heads --workers 1,2,4,8,16 --heads 100 --resolution 64

times `gghead data synthetic` as a whole instead, into synthetic_scaling_cpu.jsonl: how pictures a second grow with the
number of workers, what a picture costs in processor time (more where threads get into each other's way), and when the
first head is there. With OPENBLAS_NUM_THREADS=16 before it, it shows what several threads in each worker do.
"""

import argparse
import json
import multiprocessing
import os
import platform
import resource
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

import numba
import numpy as np

from benchmarks.rows import append, commit
from gghead.data.parallel import thread_count
from gghead.synthetic.dataset.generation import THREADS, generate
from gghead.synthetic.people.portraits import Sitting, draw_head, encode_head, head_maker
from gghead.synthetic.render import renderer

RESULTS = Path(__file__).parent / "results"
WARM_UP = 2
STAGES = {
    "rasterize": "depth buffer",
    "_shadow": "shadow map",
    "shade_solid": "shading of solid surfaces",
    "light_vertices": "light on hair",
    "composite": "layers of hair",
    "pool": "samples to pixels",
}
"""Functions that the renderer calls, and what they do."""


@dataclass(frozen=True)
class Work:
    """What one process did: seconds, and its memory at most."""

    load_s: float
    wall_s: float
    processor_s: float
    memory_mb: float


@dataclass(frozen=True)
class Row:
    """One line of the results."""

    variant: str
    resolution: int
    processes: int
    heads: int
    pictures_per_second: float
    pictures_per_processor_second: float
    load_s: float
    memory_mb_per_process: float
    stages_ms: dict[str, float]
    load_average: float
    cpu: str
    cores: int
    numba: str
    commit: str
    date: str


@dataclass(frozen=True)
class Generation:
    """A dataset made by a number of workers, one a core."""

    variant: str
    workers: int
    resolution: int
    heads: int
    pictures_per_second: float
    per_core: float
    processor_ms_per_picture: float
    first_head_s: float
    wall_s: float
    threads: dict[str, str]
    load_average: float
    cpu: str
    cores: int
    commit: str
    date: str


def main() -> None:
    """Times, prints and appends."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--assets", type=Path, help="folder of an asset pack")
    parser.add_argument("--processes", type=int, default=2, help="processes that draw at the same time")
    parser.add_argument("--heads", type=int, default=40, help="heads that each of them draws")
    parser.add_argument("--resolution", type=int, default=256, help="side of the pictures")
    parser.add_argument("--workers", help="numbers of workers, like 1,2,4,8: whole generations instead")
    parser.add_argument("--dry-run", action="store_true", help="print, but do not append")
    arguments = parser.parse_args()
    if arguments.workers:
        for workers in map(int, arguments.workers.split(",")):
            run = generation(Sitting(arguments.resolution, seed=0, assets=arguments.assets), workers, arguments.heads)
            if arguments.dry_run:
                print(json.dumps(asdict(run)), flush=True)
            else:
                append("synthetic_scaling_cpu", run)
        return
    for assets in [None] if arguments.assets is None else [None, arguments.assets]:
        sitting = Sitting(arguments.resolution, seed=0, assets=assets)
        row = measure(sitting, arguments.processes, arguments.heads)
        print(json.dumps(asdict(row), indent=2))
        if not arguments.dry_run:
            with (RESULTS / "synthetic_heads_cpu.jsonl").open("a", encoding="utf-8") as file:
                file.write(json.dumps(asdict(row)) + "\n")


def measure(sitting: Sitting, processes: int, heads: int) -> Row:
    """Draws with all processes at once, then times the stages in this one."""
    load_average = float(Path("/proc/loadavg").read_text(encoding="utf-8").split()[0])
    with multiprocessing.get_context("spawn").Pool(processes) as pool:
        works = pool.starmap(draw_many, [(sitting, start, heads) for start in range(0, processes * heads, heads)])
    return Row(
        variant="procedural" if sitting.assets is None else "textured",
        resolution=sitting.resolution,
        processes=processes,
        heads=processes * heads,
        pictures_per_second=round(sum(heads / work.wall_s for work in works), 2),
        pictures_per_processor_second=round(np.mean([heads / work.processor_s for work in works]), 2),
        load_s=round(float(np.median([work.load_s for work in works])), 2),
        memory_mb_per_process=round(max(work.memory_mb for work in works)),
        stages_ms=stages(sitting, heads),
        load_average=load_average,
        cpu=cpu_model(),
        cores=multiprocessing.cpu_count(),
        numba=numba.__version__,
        commit=commit(),
        date=datetime.now(UTC).date().isoformat(),
    )


def generation(sitting: Sitting, workers: int, heads_each: int) -> Generation:
    """Generates a dataset with a number of workers; the rate is that between a tenth and the end."""
    count = workers * heads_each
    times: dict[int, float] = {}
    with tempfile.TemporaryDirectory() as folder:
        spent, begin = processor_seconds(), time.perf_counter()
        generate(
            Path(folder) / "heads.zip", count, sitting, workers, lambda done: times.update({done: time.perf_counter()})
        )
        wall, spent = time.perf_counter() - begin, processor_seconds() - spent
    early = max(count // 10, 1)
    rate = (count - early) / (times[count] - times[early])
    return Generation(
        variant="procedural" if sitting.assets is None else "textured",
        workers=workers,
        resolution=sitting.resolution,
        heads=count,
        pictures_per_second=round(rate, 1),
        per_core=round(rate / workers, 2),
        processor_ms_per_picture=round(1000 * spent / count, 1),
        first_head_s=round(times[1] - begin, 1),
        wall_s=round(wall, 1),
        threads={name: os.environ[name] for name in THREADS if name in os.environ},
        load_average=float(Path("/proc/loadavg").read_text(encoding="utf-8").split()[0]),
        cpu=cpu_model(),
        cores=thread_count(),
        commit=commit(),
        date=datetime.now(UTC).date().isoformat(),
    )


def processor_seconds() -> float:
    """Of this process and of its children that have ended."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(usage.ru_utime + usage.ru_stime for usage in used)


def draw_many(sitting: Sitting, start: int, heads: int) -> Work:
    """Draws and encodes heads with their masks, as a worker of `gghead data synthetic` does."""
    begin = time.perf_counter()
    maker = head_maker(sitting)
    for number in range(WARM_UP):
        encode_head(maker, sitting, 10**6 + number)
    loaded, processor = time.perf_counter(), time.process_time()
    for number in range(start, start + heads):
        encode_head(maker, sitting, number)
    wall, processor = time.perf_counter() - loaded, time.process_time() - processor
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return Work(loaded - begin, wall, processor, memory)


def stages(sitting: Sitting, heads: int) -> dict[str, float]:
    """Processor time of each stage, milliseconds for each picture."""
    maker, spent = head_maker(sitting), defaultdict(float)
    for number in range(WARM_UP):
        draw_head(maker, sitting, 10**6 + number)
    originals = {name: getattr(renderer, name) for name in STAGES}
    for name, function in originals.items():
        setattr(renderer, name, timed(function, STAGES[name], spent))
    draw = maker.draw
    maker.draw = timed(draw, "the person: shape, textures, meshes", spent)  # type: ignore[method-assign]
    whole = time.process_time()
    for number in range(heads):
        draw_head(maker, sitting, number)
    drawn = time.process_time()
    maker.draw = draw  # type: ignore[method-assign]
    for name, function in originals.items():
        setattr(renderer, name, function)
    spent["light, background, landmarks, the rest"] = drawn - whole - sum(spent.values())
    begin = time.process_time()
    for number in range(heads):
        encode_head(maker, sitting, number)
    spent["PNG"] = time.process_time() - begin - (drawn - whole)
    return {stage: round(1000 * seconds / heads, 2) for stage, seconds in spent.items()}


def timed(function: Callable[..., object], stage: str, spent: dict[str, float]) -> Callable[..., object]:
    """The function with its processor time added to a stage."""

    def call(*arguments: object) -> object:
        begin = time.process_time()
        result = function(*arguments)
        spent[stage] += time.process_time() - begin
        return result

    return call


def cpu_model() -> str:
    """Name of the processor."""
    lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines() if Path("/proc/cpuinfo").exists() else []
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()


if __name__ == "__main__":
    main()

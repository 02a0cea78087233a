"""Times reading pictures: decoded as they are needed, decoded once, written to the cache, and read from it, as batches.

    taskset -c 0,1 python -m benchmarks.data_loading

There are as many threads as cores that taskset leaves.

    python -m benchmarks.data_loading --workers 1,2,8,16 --count 4000

times decoding alone on so many of the cores instead, by threads, as a dataset is decoded, and by as many processes,
which Python's lock does not hold up; processes have started, and decoded some pictures, before the clock does. Rows go
to data_workers.jsonl.

Makes its own set (blurred noise with grain, PNGs as large as photographs', and masks), checks that every way gives the
same pixels, and appends rows of JSON to benchmarks/results/data_loading_cpu.jsonl. Batches are torch tensors, half of
the pictures mirrored, on as many threads as there are cores; the cache's files are in the memory of the system, as they
are in every epoch but the first if they fit. On a machine with other work, the processor time of a picture, all threads
together, is the figure to trust. On a CUDA device, copies to it are timed, too, and the rows go to
data_loading_cuda.jsonl.
"""

import argparse
import json
import multiprocessing
import os
import platform
import tempfile
import time
import zipfile
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar

import numpy as np
import PIL
import torch
from PIL import Image

from benchmarks.rows import RESULTS, append, commit
from gghead.data.cache.decoded import DecodedPixels
from gghead.data.cache.decoding import decode_from
from gghead.data.cache.picture_cache import CACHE_VARIABLE, cached_pixels
from gghead.data.dataset import HeadDataset, masks_path
from gghead.data.decoder import PictureDecoder
from gghead.data.labels import LABELS_NAME, write_labels
from gghead.data.loader import Batch, fetched_batches, resident_batches
from gghead.data.parallel import thread_count
from gghead.data.sampler import Order
from gghead.geometry.cameras import Cameras
from gghead.media.images import encode_png

T = TypeVar("T")
REPEATS = 9
ORDER = Order(seed=0, batch_size=32, mirrored=True)


def main() -> None:
    """Measures and appends rows."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=1000, help="pictures of the set")
    parser.add_argument("--source", type=int, default=512, help="side of its pictures")
    parser.add_argument("--resolution", type=int, default=256, help="side of the pictures that training asks for")
    parser.add_argument("--workers", help="numbers of cores, like 1,2,16: how decoding grows with them instead")
    options = parser.parse_args()
    if options.workers:
        sweep([int(number) for number in options.workers.split(",")], options.count, options.source, options.resolution)
        return
    with tempfile.TemporaryDirectory() as folder:
        path = make_set(Path(folder) / "heads.zip", options.count, options.source)
        with HeadDataset.open(path, options.resolution) as dataset:
            rows = measure(dataset, Path(folder) / "cache")
    facts = {
        "pictures": options.count,
        "source": options.source,
        "resolution": options.resolution,
        "cores": thread_count(),
        "load_average": round(os.getloadavg()[0], 1),
        "cpu": cpu_model(),
        "device": torch.cuda.get_device_name() if torch.cuda.is_available() else "cpu",
        "torch": torch.__version__,
        "pillow": PIL.__version__,
        "commit": commit(),
        "date": datetime.now(UTC).date().isoformat(),
    }
    name = "data_loading_cuda.jsonl" if torch.cuda.is_available() else "data_loading_cpu.jsonl"
    with (RESULTS / name).open("a", encoding="utf-8") as file:
        for row in rows:
            print(row)
            file.write(json.dumps(row | facts) + "\n")


@dataclass(frozen=True)
class WorkersRow:
    """Decoding on a number of cores.

    Attributes:
        way: threads or processes.
        workers: of them, and cores that they may use.
        per_core: pictures a second of each core.
        processor_ms: of a picture, all workers together.
    """

    way: str
    workers: int
    pictures_per_second: float
    per_core: float
    processor_ms: float
    pictures: int
    source: int
    resolution: int
    cores: int
    load_average: float
    cpu: str
    pillow: str
    commit: str
    date: str


def sweep(numbers: list[int], count: int, source: int, resolution: int) -> None:
    """Decodes a set on each number of cores, prints and appends; Linux, which gives a process some of the cores."""
    cores = sorted(os.sched_getaffinity(0))
    with tempfile.TemporaryDirectory() as folder:
        path = make_set(Path(folder) / "heads.zip", count, source)
        for workers in numbers:
            os.sched_setaffinity(0, cores[:workers])
            for way, decode in (("threads", decode_by_threads), ("processes", decode_by_processes)):
                load = round(os.getloadavg()[0], 1)
                seconds, busy = decode(path, resolution, workers)
                append(
                    "data_workers",
                    WorkersRow(
                        way, workers, round(count / seconds, 1), round(count / seconds / workers, 1),
                        round(1e3 * busy / count, 3), count, source, resolution, len(cores), load, cpu_model(),
                        PIL.__version__, commit(), datetime.now(UTC).date().isoformat(),
                    ),
                )  # fmt: skip


def decode_by_threads(path: Path, resolution: int, workers: int) -> tuple[float, float]:
    """Seconds, and processor seconds, of decoding a whole set as training does; there is a thread for each core."""
    assert thread_count() == workers, f"{workers} threads were asked for, and there are {thread_count()} cores"
    with HeadDataset.open(path, resolution) as dataset:
        start, begin = time.perf_counter(), time.process_time()
        deque(decode_from(PictureDecoder(dataset.files, dataset.names, resolution), 0, print), maxlen=0)
        return time.perf_counter() - start, time.process_time() - begin


def decode_by_processes(path: Path, resolution: int, workers: int) -> tuple[float, float]:
    """The same, each process having a part of the pictures; they decode and let go."""
    with multiprocessing.get_context("spawn").Pool(workers) as pool:
        pool.starmap(decode_share, [(path, resolution, number, workers, 16) for number in range(workers)], chunksize=1)
        shares = [(path, resolution, number, workers, None) for number in range(workers)]
        start = time.perf_counter()
        busy = pool.starmap(decode_share, shares, chunksize=1)
        return time.perf_counter() - start, sum(busy)


def decode_share(path: Path, resolution: int, number: int, workers: int, most: int | None) -> float:
    """Decodes every workers-th picture, or some of them; returns processor seconds."""
    with HeadDataset.open(path, resolution) as dataset:
        decoder = PictureDecoder(dataset.files, dataset.names, resolution)
        begin = time.process_time()
        for index in range(number, len(decoder), workers)[:most]:
            decoder.decode(index)
    return time.process_time() - begin


def measure(dataset: HeadDataset, root: Path) -> list[dict[str, object]]:
    """A row for each way, pictures per second."""
    rows: list[dict[str, object]] = []
    decoder = PictureDecoder(dataset.files, dataset.names, dataset.resolution)

    def decoded(start: int) -> Iterator[np.ndarray]:
        return decode_from(decoder, start, print)

    def batches(device: str) -> Iterator[Batch]:
        return fetched_batches(dataset, ORDER, 0, torch.device(device))

    rows.append(rates("decoded as needed", batches("cpu"), count=128, repeats=5))
    _, row = once("decoded once", len(dataset), lambda: deque(decoded(0), maxlen=0))
    rows.append(row)
    cached, row = once("cache built", len(dataset), lambda: cached_pixels(decoder, root, decoded, print))
    rows.append(row | {"bytes": sum(file.stat().st_size for file in root.rglob("*"))})
    require_same(dataset, cached)
    os.environ[CACHE_VARIABLE] = str(root)
    dataset.decode(print)
    # The pictures of the first epoch are compared with their checksums.
    first = batches("cpu")
    rows.append(rates("cache, first epoch -> cpu", first, len(dataset) // 32 * 32, repeats=1))
    next(first)
    rows.append(rates("cache -> cpu", first, len(dataset)))
    if torch.cuda.is_available():
        rows.append(rates("cache -> cuda", batches("cuda"), len(dataset)))
        rows.append(rates("resident", resident_batches(dataset, ORDER, 0, torch.device("cuda")), 20_000))
    return rows


def once(way: str, count: int, work: Callable[[], T]) -> tuple[T, dict[str, object]]:
    """What `work` gives, and a row: pictures a second and processor time of one, for `count` of them."""
    start, begin = time.perf_counter(), time.process_time()
    result = work()
    seconds, busy = time.perf_counter() - start, time.process_time() - begin
    row = {"way": way, "pictures_per_second": round(count / seconds, 1), "processor_ms": round(busy / count * 1e3, 4)}
    return result, row


def rates(way: str, batches: Iterator[Batch], count: int, repeats: int = REPEATS) -> dict[str, object]:
    """Median and range of pictures a second over repeats of about `count` pictures, and processor time of one."""
    found, begin, total = [], time.process_time(), 0
    for _ in range(repeats):
        done, start = 0, time.perf_counter()
        while done < count:
            done += len(next(batches).labels)
        if torch.cuda.is_available():
            torch.cuda.synchronize()
        found.append(done / (time.perf_counter() - start))
        total += done
    busy = round((time.process_time() - begin) / total * 1e3, 4)
    spread = [round(float(value), 1) for value in (np.median(found), min(found), max(found))]
    return {
        "way": way,
        "pictures_per_second": spread[0],
        "slowest": spread[1],
        "fastest": spread[2],
        "processor_ms": busy,
    }


def require_same(dataset: HeadDataset, cached: DecodedPixels) -> None:
    """Stops when the cache gives other pixels than decoding."""
    for index in range(0, len(dataset), 50):
        assert np.array_equal(cached.pixels[index], dataset.pixels([index])[0])


def make_set(path: Path, count: int, side: int) -> Path:
    """Pictures and masks; 32 different ones, since only their decoding matters."""
    rng = np.random.default_rng(0)
    rows, columns = np.mgrid[:side, :side] / side - 0.5
    pictures, masks = [], []
    for _ in range(32):
        coarse = rng.integers(0, 256, (side // 16, side // 16, 3), np.uint8)
        smooth = np.asarray(Image.fromarray(coarse).resize((side, side), Image.Resampling.BICUBIC)).astype(int)
        pictures.append(encode_png((smooth + rng.integers(-4, 5, smooth.shape)).clip(0, 255).astype(np.uint8)))
        distance = np.hypot(rows, columns) - rng.uniform(0.3, 0.4)
        masks.append(encode_png(((0.5 - distance * side / 4).clip(0, 1) * 255).astype(np.uint8)))
    names = [f"00000/img{index:08d}.png" for index in range(count)]
    label = Cameras.frontal(side).labels().numpy()
    for target, contents in ((path, pictures), (masks_path(path), masks)):
        with zipfile.ZipFile(target, "w") as archive:
            for index, name in enumerate(names):
                archive.writestr(name, contents[index % len(contents)])
            if target == path:
                archive.writestr(LABELS_NAME, write_labels(names, np.repeat(label, count, 0)))
    print(f"a picture has {np.mean([len(content) for content in pictures]) / 1e3:.0f} kB, {os.cpu_count()} cores")
    return path


def cpu_model() -> str:
    """The processor's name, where the system tells."""
    info = Path("/proc/cpuinfo")
    if info.is_file():
        for line in info.read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    return platform.processor() or platform.machine()


if __name__ == "__main__":
    main()

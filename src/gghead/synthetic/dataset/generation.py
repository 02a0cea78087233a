"""Datasets of rendered people in the format of EG3D, with masks and truth: the same bytes for the same seed."""

import multiprocessing
import os
import signal
import threading
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from itertools import chain
from pathlib import Path

from gghead.config.numbers import require_power_of_two, require_whole
from gghead.data.dataset import SMALLEST_RESOLUTION, masks_path
from gghead.data.parallel import thread_count
from gghead.geometry.canonical_head import FFHQ_DISTANCE
from gghead.runs.shards import Shard, refuse_hidden, without_shard
from gghead.synthetic.anatomy.heads import HeadMaker
from gghead.synthetic.dataset.resumable_dataset import GrowingDataset, depth_path, truth_path
from gghead.synthetic.people.portraits import EncodedHead, Sitting, encode_head, head_maker
from gghead.synthetic.render.cameras import POSES

LARGEST_RESOLUTION = 2048
FARTHEST_DEPTH = 5.9
"""Largest distance of cameras for which depth is written: what is 0.6 behind the origin fits into its 16 bits."""
QUEUED_HEADS = 4
"""Heads that wait for each worker: enough that none is idle, few enough that millions fit into memory."""
THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS", "NUMBA_NUM_THREADS")
"""Variables that say how many threads NumPy's linear algebra and the kernels of a process start."""


def generate(
    out: Path,
    count: int,
    sitting: Sitting,
    workers: int | None = None,
    on_progress: Callable[[int], None] | None = None,
    overwrite: bool = False,
    shard: Shard | None = None,
) -> None:
    """Renders people into a zip with dataset.json, masks, truth and, if wanted, depth beside it.

    heads.zip is joined by heads_masks_modnet.zip, heads_truth.npz and heads_depth.zip; all appear whole or not at all.
    Transparent pictures have their masks in them.
    Until then what is done lies in the hidden folder .heads.zip.unfinished, and the same call goes on from there after
    an interruption of any kind. A picture follows from the sitting and the number of its head, whoever draws it.

    A shard is one part of the heads, with their numbers, in files of its own: heads-00003-of-00064.zip and what belongs
    to it. Any number of machines make one each; whoever opens heads.zip then reads all of them (data/archive.py).

    Args:
        out: zip to write; of shards, the name that they have in common.
        count: heads, each another person; from 1. Of all shards together.
        sitting: how they are drawn.
        workers: processes that draw; by default one for each core, 1 draws in this process. They import the script that
            calls this, which must do so below `if __name__ == "__main__":`.
        on_progress: called with the number of heads done so far, at first with those of an interrupted call.
        overwrite: whether existing files, and unfinished ones of other settings, are replaced; masks and depth of other
            heads are removed.
        shard: what is made of the dataset; None for all of it.

    Raises:
        ValueError: an argument is out of its range, or the asset pack is not one.
        FileNotFoundError: there is no such asset pack.
        FileExistsError: a file exists, or an unfinished dataset of other settings, and shall not be overwritten.
        ChildProcessError: a worker died; what is done is kept.
        BlockingIOError: another process makes the same dataset.
    """
    _check(out, count, sitting)
    numbers: range = range(count)
    common: dict[str, int] = {}
    if shard is None:
        refuse_hidden(out)
    else:
        _check_shard(out, count, shard)
        out, numbers, common = shard.path(out), shard.part(count), {"count": count, "shards": shard.count}
    workers = min(len(numbers), thread_count()) if workers is None else workers
    require_whole("workers", workers, 1, 1024)
    _refuse_existing(out, overwrite)
    maker = head_maker(sitting)
    with GrowingDataset(out, sitting, overwrite, numbers.start, common) as dataset:
        _refuse_existing(out, overwrite)  # another process may have finished since
        if on_progress is not None:
            on_progress(min(dataset.heads, len(numbers)))
        with _encoded_heads(maker, sitting, numbers[dataset.heads :], workers) as heads:
            for head in heads:
                dataset.add(head)
                if on_progress is not None:
                    on_progress(dataset.heads)
        dataset.finish(len(numbers), maker.model)


def _refuse_existing(out: Path, overwrite: bool) -> None:
    # Masks or depth of other heads would be read as those of these, even if these have none.
    for path in (out, masks_path(out), truth_path(out), depth_path(out)):
        if os.path.lexists(path) and not overwrite:
            raise FileExistsError(
                f"{path} exists already; name another file, or overwrite it (--force, overwrite=True)"
            )


def _check(out: Path, count: int, sitting: Sitting) -> None:
    require_power_of_two("resolution", sitting.resolution, SMALLEST_RESOLUTION)
    require_whole("resolution", sitting.resolution, SMALLEST_RESOLUTION, LARGEST_RESOLUTION)
    require_whole("count", count, 1, 10**8)
    require_whole("seed", sitting.seed, 0, 2**63 - 1)
    require_whole("views", sitting.views, 1, 1000)
    if sitting.poses not in POSES:
        raise ValueError(f"poses are {sitting.poses!r}; expected one of {', '.join(POSES)}")
    farthest = (sitting.optics.distance or (FFHQ_DISTANCE,))[-1]
    if sitting.depth and farthest > FARTHEST_DEPTH:
        raise ValueError(
            f"distance goes to {farthest}, farther than the 16 bits of depth files reach; expected up to "
            f"{FARTHEST_DEPTH}, or no depth (without --write-depth)"
        )
    if out.suffix != ".zip":
        raise ValueError(f"{out} does not end in .zip; name the archive like heads.zip")
    if without_shard(out) != out:
        raise ValueError(
            f"{out.name} is the name of a shard; name the whole, {without_shard(out).name}, and the shard like --shard "
            "3/64 (in Python: shard=Shard(3, 64))"
        )


def _check_shard(out: Path, count: int, shard: Shard) -> None:
    if count < shard.count:
        raise ValueError(
            f"count is {count}, less than the {shard.count} shards; expected a head or more in each - count is that of "
            "all shards together"
        )
    for path in (out, masks_path(out), truth_path(out), depth_path(out)):
        if os.path.lexists(path):
            raise FileExistsError(
                f"{path} exists already, and would be read instead of its shards; move it away, or name another file"
            )


@contextmanager
def _encoded_heads(maker: HeadMaker, sitting: Sitting, numbers: range, workers: int) -> Iterator[Iterator[EncodedHead]]:
    """Heads in their order; leaving the block ends the processes."""
    if workers == 1 or len(numbers) <= 1:
        yield (encode_head(maker, sitting, number) for number in numbers)
        return
    # Drawn here, it compiles what all workers then find on the disk, instead of compiling it each.
    first = encode_head(maker, sitting, numbers[0])
    spawn = multiprocessing.get_context("spawn")
    # Not multiprocessing.Pool: that one waits for ever when the system ends a worker for want of memory.
    pool = ProcessPoolExecutor(workers, spawn, _start_worker, (sitting,))
    try:
        with one_thread_each():
            yield chain([first], _in_order(pool, numbers[1:], workers * QUEUED_HEADS))
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


@contextmanager
def one_thread_each() -> Iterator[None]:
    """Processes that start inside of the block work by one thread, unless the environment says otherwise.

    By itself each of them has as many threads as there are cores: for the 3 x 3 matrices that turn a head, too, NumPy
    wakes them all, and they spin for a while after each. On 32 cores those are 1,024 threads.
    """
    before = {name: os.environ.get(name) for name in THREADS}
    os.environ.update({name: "1" for name, value in before.items() if value is None})
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)


def _in_order(pool: ProcessPoolExecutor, numbers: range, ahead: int) -> Iterator[EncodedHead]:
    waiting: deque[Future[EncodedHead]] = deque()
    try:
        for number in numbers:
            waiting.append(pool.submit(_draw, number))
            if len(waiting) > ahead:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    except BrokenProcessPool as error:
        raise ChildProcessError(
            "a process that draws heads was ended by the system, most often for want of memory; what is done is kept: "
            "run the same command again, with fewer --workers if it was memory; a script of your own calls this below "
            'if __name__ == "__main__":'
        ) from error


_worker: tuple[HeadMaker, Sitting] | None = None
"""What this process draws with, if it is a worker: loading the head takes longer than drawing one."""


def _start_worker(sitting: Sitting) -> None:
    global _worker
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C ends the parent, which ends its workers
    threading.Thread(target=_end_with_parent, name="parent watch", daemon=True).start()
    _worker = (head_maker(sitting), sitting)


def _end_with_parent() -> None:
    """Waits for the parent's end: one that was killed can't tell its workers, who would wait for work for ever."""
    parent = multiprocessing.parent_process()
    assert parent is not None
    parent.join()
    os._exit(1)


def _draw(number: int) -> EncodedHead:
    assert _worker is not None
    maker, sitting = _worker
    return encode_head(maker, sitting, number)

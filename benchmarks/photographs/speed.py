"""How many photographs a second `gghead data photos` prepares, and what each part of it costs."""

import resource
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import torch

from gghead.photos import dataset, head_finder, reading
from gghead.photos.faces import detection, finding
from gghead.photos.faces.models import FaceModels
from gghead.photos.head_finder import HeadFinder, PhotoSettings
from gghead.photos.masks.matting import SelfieMatting
from gghead.photos.refusal import Refused

WARM_UP_SHARE = 0.2
"""Of the photographs: a command with so many is taken off one with all, so that the start of Python does not count."""
PARTS_COUNT = 50
"""Photographs whose parts are timed."""
PARTS = {
    "decode": ((reading, "read_photograph"),),
    "detect": ((detection, "_detect"),),
    "landmarks": ((finding, "find_landmarks"),),
    "pose": ((head_finder, "estimate_pose"),),
    "cut": ((head_finder, "cut"),),
    "matting": ((SelfieMatting, "alpha"),),
    "encode": ((dataset, "_encoded"),),
}
"""Functions, where they are looked up."""
PROGRAM = "from gghead.cli.main import main; main()"


@dataclass(frozen=True)
class CommandSpeed:
    """What the command takes.

    Attributes:
        photographs: number of them.
        per_second: between the end of a small run and that of a whole one.
        processor_ms: processor time of one photograph, likewise, all threads together.
        start_s: until the first photograph, seconds.
    """

    photographs: int
    per_second: float
    processor_ms: float
    start_s: float


def time_command(pictures: Sequence[Path], resolution: int, models: Path | None) -> CommandSpeed:
    """Runs `gghead data photos` on some of the photographs, then on all."""
    few = max(1, round(WARM_UP_SHARE * len(pictures)))
    _run(pictures[:few], resolution, models)  # so that what is compiled once lies on the disk
    (first, first_busy), (whole, whole_busy) = (
        _run(chosen, resolution, models) for chosen in (pictures[:few], pictures)
    )
    rate = (len(pictures) - few) / (whole - first)
    return CommandSpeed(
        photographs=len(pictures),
        per_second=round(rate, 2),
        processor_ms=round(1000 * (whole_busy - first_busy) / (len(pictures) - few), 1),
        start_s=round(first - few / rate, 1),
    )


def _run(pictures: Sequence[Path], resolution: int, models: Path | None) -> tuple[float, float]:
    """Wall and processor seconds of one command."""
    with tempfile.TemporaryDirectory() as folder:
        words = ["data", "photos", *map(str, pictures), "--out", f"{folder}/heads.zip", "--resolution", str(resolution)]
        words += [] if models is None else ["--models", str(models)]
        begin, busy = time.perf_counter(), _children_seconds()
        subprocess.run([sys.executable, "-c", PROGRAM, *words], check=True, stdout=subprocess.DEVNULL)
        return time.perf_counter() - begin, _children_seconds() - busy


def _children_seconds() -> float:
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


class Stopwatch:
    """Adds up the processor time of functions; what one spends in another is the other's."""

    def __init__(self) -> None:
        self.spent: dict[str, float] = defaultdict(float)
        self._inner = [0.0]

    @contextmanager
    def put_on(self, parts: dict[str, tuple[tuple[object, str], ...]]) -> Iterator[None]:
        """Times the functions of each part, attributes of modules or classes, until the block ends."""
        places = [(part, holder, name) for part, functions in parts.items() for holder, name in functions]
        originals = [getattr(holder, name) for _, holder, name in places]
        try:
            for (part, holder, name), function in zip(places, originals, strict=True):
                setattr(holder, name, self._timed(function, part))
            yield
        finally:
            for (_, holder, name), function in zip(places, originals, strict=True):
                setattr(holder, name, function)

    def _timed(self, function: Callable[..., object], part: str) -> Callable[..., object]:
        def timed(*arguments: object, **options: object) -> object:
            begin = time.process_time()
            self._inner.append(0.0)
            try:
                return function(*arguments, **options)
            finally:
                whole = time.process_time() - begin
                self.spent[part] += whole - self._inner.pop()
                self._inner[-1] += whole

        return timed


def time_parts(pictures: Sequence[Path], settings: PhotoSettings, models: FaceModels) -> dict[str, float]:
    """Processor milliseconds of each part for each photograph, one after the other."""
    torch.set_num_threads(1)  # as the command has it
    finder, watch = HeadFinder(settings, models), Stopwatch()
    pictures = pictures[:PARTS_COUNT]
    _prepare(pictures[0], finder)  # what is compiled and loaded once
    with watch.put_on(PARTS):
        begin = time.process_time()
        for picture in pictures:
            _prepare(picture, finder)
        whole = time.process_time() - begin
    spent = watch.spent | {"the rest": whole - sum(watch.spent.values()), "all": whole}
    return {part: round(1000 * seconds / len(pictures), 2) for part, seconds in spent.items()}


def _prepare(picture: Path, finder: HeadFinder) -> None:
    """What a thread of the command does with a photograph."""
    for found in finder(reading.read_photograph(picture.read_bytes())):
        if not isinstance(found, Refused):
            dataset._encoded(found)

"""Archives of rendered people in the format of EG3D, with masks: the same bytes for the same seed."""

import json
import multiprocessing
import os
import signal
import zipfile
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from jaxtyping import Float32, UInt8
from PIL import Image

from gghead.checkpoint.atomic import write_file
from gghead.config.model import require_power_of_two, require_range
from gghead.data.dataset import SMALLEST_RESOLUTION, masks_path
from gghead.data.labels import LABELS_NAME
from gghead.data.synthetic.cameras import random_label
from gghead.data.synthetic.procedural_heads import ProceduralHeads
from gghead.data.synthetic.renderer import random_lighting, render
from gghead.media.images import encode_png

SAMPLES_WANTED = 256
"""Supersampling brings a picture to this side at least: strands of hair are thin."""
SUPERSAMPLING_LIMITS = (2, 4)
ZIP_TIME = (1980, 1, 1, 0, 0, 0)
"""Time stamp of every file in an archive, so that archives are the same bytes."""
FILES_PER_FOLDER = 1000
LARGEST_RESOLUTION = 2048


@dataclass(frozen=True)
class Portrait:
    """A rendered person: the picture over its background, the mask (255 = person) and the camera label."""

    pixels: UInt8[np.ndarray, "R R 3"]
    mask: UInt8[np.ndarray, "R R"]
    label: Float32[np.ndarray, "25"]


@dataclass(frozen=True)
class _EncodedPortrait:
    picture: bytes
    mask: bytes
    label: list[float]


def generate(
    out: Path,
    count: int,
    resolution: int,
    seed: int,
    workers: int | None = None,
    on_progress: Callable[[int], None] | None = None,
    overwrite: bool = False,
) -> None:
    """Renders people into a zip with dataset.json, and their masks into <stem>_masks_modnet.zip beside it.

    Both files appear whole or not at all. A picture follows from (seed, index, resolution), whoever draws it.

    Args:
        out: zip to write.
        count: pictures, each of another person; from 1.
        resolution: side of the pictures, a power of two from 8 to 2048.
        seed: decides about everything; from 0.
        workers: processes that draw; by default one for each core, 1 draws in this process.
        on_progress: called with the number of pictures done so far.
        overwrite: whether existing files are replaced.

    Raises:
        ValueError: an argument is out of its range.
        FileExistsError: `out` or its masks exist and shall not be overwritten.
    """
    require_power_of_two("resolution", resolution, at_least=SMALLEST_RESOLUTION)
    require_range("resolution", resolution, SMALLEST_RESOLUTION, LARGEST_RESOLUTION)
    require_range("count", count, 1, 10**7)
    require_range("seed", seed, 0, 2**63 - 1)
    if out.suffix != ".zip":
        raise ValueError(f"{out} does not end in .zip; name the archive like heads.zip")
    workers = min(count, os.cpu_count() or 1) if workers is None else workers
    require_range("workers", workers, 1, 1024)
    masks = masks_path(out)
    for path in (out, masks):
        if path.exists() and not overwrite:
            raise FileExistsError(
                f"{path} exists already; name another file, or overwrite it (--force, overwrite=True)"
            )

    def write_archives(out_temporary: Path) -> None:
        # The masks appear first: pictures without masks would be a valid archive of something else.
        write_file(masks, partial(_write_zips, out_temporary, count, resolution, seed, workers, on_progress))

    write_file(out, write_archives)


def draw_portrait(heads: ProceduralHeads, seed: int, index: int, resolution: int) -> Portrait:
    """The picture number `index` of a seed."""
    rng = np.random.default_rng([seed, index])
    label, lighting, background = random_label(rng), random_lighting(rng), random_background(rng, resolution)
    scene = heads.draw(rng).scene
    supersampling = int(np.clip(SAMPLES_WANTED // resolution, *SUPERSAMPLING_LIMITS))
    view = render(scene, label, resolution, lighting, supersampling)
    mask = (view.coverage * 255).round().astype(np.uint8)
    coverage = view.coverage[..., None]
    pixels = ((view.colour * coverage + background * (1 - coverage)) * 255).round().astype(np.uint8)
    return Portrait(pixels, mask, label)


def random_background(rng: np.random.Generator, resolution: int) -> Float32[np.ndarray, "R R 3"]:
    """A blurred field of colours in [0, 1]."""
    coarse = rng.uniform(0.1, 0.8) + rng.normal(0, 0.10, (4, 4, 1)) + rng.normal(0, 0.02, (4, 4, 3))
    coarse = np.clip(coarse + rng.normal(0, 0.04, 3), 0, 1)
    field = Image.fromarray((coarse * 255).astype(np.uint8)).resize((resolution, resolution), Image.Resampling.BICUBIC)
    return np.asarray(field, np.float32) / 255


def _write_zips(
    pictures: Path,
    count: int,
    resolution: int,
    seed: int,
    workers: int,
    on_progress: Callable[[int], None] | None,
    masks: Path,
) -> None:
    labels = []
    with (
        zipfile.ZipFile(pictures, "w") as picture_zip,
        zipfile.ZipFile(masks, "w") as mask_zip,
        _portraits(count, resolution, seed, workers) as portraits,
    ):
        for index, portrait in enumerate(portraits):
            name = f"{index // FILES_PER_FOLDER:05d}/img{index:08d}.png"
            _add(picture_zip, name, portrait.picture)
            _add(mask_zip, name, portrait.mask)
            labels.append([name, portrait.label])
            if on_progress is not None:
                on_progress(index + 1)
        _add(picture_zip, LABELS_NAME, json.dumps({"labels": labels}).encode())


def _add(archive: zipfile.ZipFile, name: str, data: bytes) -> None:
    # Stored, not deflated: PNG is compressed already.
    entry = zipfile.ZipInfo(name, ZIP_TIME)
    entry.create_system = 3
    entry.external_attr = 0o644 << 16
    archive.writestr(entry, data)


@contextmanager
def _portraits(count: int, resolution: int, seed: int, workers: int) -> Iterator[Iterator[_EncodedPortrait]]:
    """Encoded pictures in their order; leaving the block ends the processes."""
    if workers == 1:
        yield map(_Painter(resolution, seed), range(count))
        return
    spawn = multiprocessing.get_context("spawn")
    # Not multiprocessing.Pool: that one waits for ever when the system ends a worker for want of memory.
    pool = ProcessPoolExecutor(workers, spawn, _start_worker, (resolution, seed))
    try:
        yield pool.map(_draw, range(count))
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


class _Painter:
    """Draws and encodes pictures of one seed."""

    def __init__(self, resolution: int, seed: int) -> None:
        self._heads = ProceduralHeads(resolution)
        self._resolution = resolution
        self._seed = seed

    def __call__(self, index: int) -> _EncodedPortrait:
        portrait = draw_portrait(self._heads, self._seed, index, self._resolution)
        return _EncodedPortrait(encode_png(portrait.pixels), encode_png(portrait.mask), portrait.label.tolist())


_painter: _Painter | None = None
"""The painter of this process, if it is a worker: loading the head takes longer than drawing one."""


def _start_worker(resolution: int, seed: int) -> None:
    global _painter
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C ends the parent, which ends its workers
    _painter = _Painter(resolution, seed)


def _draw(index: int) -> _EncodedPortrait:
    assert _painter is not None
    return _painter(index)

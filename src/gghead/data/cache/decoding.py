"""Decodes a dataset once, before anything waits for it: into memory when it is small, else into the disk's cache."""

import time
from collections.abc import Callable, Iterator

import numpy as np

from gghead.data.cache.decoded import DecodedPictures
from gghead.data.cache.picture_cache import cache_root, cached_pictures, size_in_cache
from gghead.data.cutout import Cutout
from gghead.data.dataset import HeadDataset
from gghead.data.parallel import in_order
from gghead.data.problems import summarize
from gghead.data.source import PictureSource

IN_MEMORY_BYTES = 128 * 2**20
"""Sets of this size are decoded anew by every process: 500 pictures at 256, 8,000 at 64. A matter of seconds."""
AHEAD_BYTES = 256 * 2**20
"""Decoded pictures that wait to be stored take no more, however many cores decode."""
SECONDS_BETWEEN_NEWS = 10


def decode(dataset: HeadDataset, on_event: Callable[[str], None] = lambda text: None) -> PictureSource:
    """All pictures of a dataset, ready to be used at memory speed.

    Every picture is decoded before the first is used, so damaged ones are all found now, not after hours of a run. If
    the cache can't be written (the disk is full, say) that is told and pictures are decoded as they are needed.

    Args:
        dataset: where they come from; stays open as long as the result is used.
        on_event: is told of the cache, of progress with the remaining time, and of everything unusual.

    Raises:
        ValueError: pictures or masks cannot be used; says how many, and names the first.
    """

    def decoded(start: int) -> Iterator[Cutout]:
        return decode_from(dataset, start, on_event)

    if size_in_cache(dataset) <= IN_MEMORY_BYTES:
        pictures = _in_memory(dataset, decoded(0))
    else:
        try:
            pictures = cached_pictures(dataset, cache_root(), decoded, on_event)
        except OSError as error:
            on_event(f"no cache of decoded pictures ({error}); they are decoded as they are needed, which may be slow")
            return dataset
    whole = len(dataset) - pictures.cut_out()
    if whole:
        why = "masks white all over" if dataset.has_masks else "neither a mask nor transparency"
        on_event(
            f"WARNING: {whole} of {len(dataset)} pictures have {why}: their backgrounds become a part of the heads; "
            "`gghead data check` says more"
        )
    return pictures


def decode_from(dataset: HeadDataset, start: int, on_event: Callable[[str], None]) -> Iterator[Cutout]:
    """Cut-outs of the pictures from number `start` on, in order, decoded on all cores; progress goes to on_event.

    Raises:
        ValueError: some pictures cannot be used. Raised when all were looked at; nothing is yielded after the first.
    """

    def attempt(index: int) -> Cutout | str:
        try:
            return dataset.cutout(index)
        except (ValueError, FileNotFoundError) as error:
            return str(error)

    problems: list[str] = []
    begin = told = time.monotonic()
    most = max(1, AHEAD_BYTES // (4 * dataset.resolution**2))
    for done, result in enumerate(in_order(attempt, range(start, len(dataset)), most), start=1):
        if isinstance(result, str):
            problems.append(result)
        elif not problems:
            yield result
        if time.monotonic() - told > SECONDS_BETWEEN_NEWS:
            told = time.monotonic()
            left = round((told - begin) / done * (len(dataset) - start - done))
            eta = f"{left // 3600}:{left // 60 % 60:02d}:{left % 60:02d}"
            on_event(f"decoded {start + done} of {len(dataset)} pictures, ETA {eta}")
    if problems:
        raise ValueError(
            f"{len(problems)} of {len(dataset)} pictures can't be used; `gghead data check` lists all, `gghead data "
            f"convert --skip-damaged` makes a copy of the dataset without them:\n{summarize(problems)}"
        )


def _in_memory(dataset: HeadDataset, cutouts: Iterator[Cutout]) -> DecodedPictures:
    side = dataset.resolution
    rgb = np.empty((len(dataset), side, side, 3), np.uint8)
    transparency = np.empty((len(dataset), side, side), np.uint8)
    for index, cutout in enumerate(cutouts):
        rgb[index], transparency[index] = cutout.rgb, cutout.transparency
    for array in (rgb, transparency):
        array.setflags(write=False)
    return DecodedPictures(dataset, rgb, transparency)

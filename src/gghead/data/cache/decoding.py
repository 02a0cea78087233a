"""Decodes a dataset once, before anything waits for it: into memory when it is small, else into the disk's cache."""

import time
from collections.abc import Callable, Iterator
from functools import partial

import numpy as np
from jaxtyping import UInt8

from gghead.data.cache.decoded import DecodedPixels, record_of
from gghead.data.cache.picture_cache import cache_root, cached_pixels, size_in_cache
from gghead.data.decoder import PictureDecoder
from gghead.data.parallel import in_order
from gghead.data.problems import summarize

IN_MEMORY_BYTES = 128 * 2**20
"""Sets of this size are decoded anew by every process: 500 pictures at 256, 8,000 at 64. A matter of seconds."""
MAX_WAITING_BYTES = 256 * 2**20
"""Decoded pictures that wait to be stored take no more, however many cores decode."""
SECONDS_BETWEEN_NEWS = 10


def decode_all(decoder: PictureDecoder, on_event: Callable[[str], None]) -> DecodedPixels | None:
    """All pixels of a dataset, in memory or in the cache; None if the cache can't be written, which is told.

    Raises:
        ValueError: pictures or masks cannot be used; says how many, and names the first.
    """
    if size_in_cache(decoder) <= IN_MEMORY_BYTES:
        return _in_memory(decoder, decode_from(decoder, 0, on_event))
    try:
        return cached_pixels(decoder, cache_root(), partial(decode_from, decoder, on_event=on_event), on_event)
    except OSError as error:
        on_event(f"no cache of decoded pictures ({error}); they are decoded as they are needed, which may be slow")
        return None


def decode_from(
    decoder: PictureDecoder, start: int, on_event: Callable[[str], None]
) -> Iterator[UInt8[np.ndarray, "R R 4"]]:
    """Pixels of the pictures from number `start` on, in order, decoded on all cores; progress goes to on_event.

    Raises:
        ValueError: some pictures cannot be used. Raised when all were looked at; nothing is yielded after the first.
    """

    def attempt(index: int) -> UInt8[np.ndarray, "R R 4"] | str:
        try:
            return decoder.decode(index)
        except (ValueError, FileNotFoundError) as error:
            return str(error)

    problems: list[str] = []
    begin = told = time.monotonic()
    waiting = max(1, MAX_WAITING_BYTES // (4 * decoder.resolution**2))
    for done, result in enumerate(in_order(attempt, range(start, len(decoder)), waiting), start=1):
        if isinstance(result, str):
            problems.append(result)
        elif not problems:
            yield result
        if time.monotonic() - told > SECONDS_BETWEEN_NEWS:
            told = time.monotonic()
            left = round((told - begin) / done * (len(decoder) - start - done))
            eta = f"{left // 3600}:{left // 60 % 60:02d}:{left % 60:02d}"
            on_event(f"decoded {start + done} of {len(decoder)} pictures, ETA {eta}")
    if problems:
        raise ValueError(
            f"{len(problems)} of {len(decoder)} pictures can't be used; `gghead data check` lists all, `gghead data "
            f"convert --skip-damaged` makes a copy of the dataset without them:\n{summarize(problems)}"
        )


def _in_memory(decoder: PictureDecoder, decoded: Iterator[UInt8[np.ndarray, "R R 4"]]) -> DecodedPixels:
    pixels = np.empty((len(decoder), decoder.resolution, decoder.resolution, 4), np.uint8)
    records = np.empty((len(decoder), 2), np.uint32)
    for index, picture in enumerate(decoded):
        pixels[index], records[index] = picture, record_of(picture)
    pixels.setflags(write=False)
    return DecodedPixels(decoder, pixels, records)

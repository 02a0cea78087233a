"""Decoded pictures on the disk: built once by whoever comes first, mapped into memory by everybody.

    <root>/<identity>/{cache.json, pixels.bin, records.bin}

The identity is a hash of the pictures, masks, resolution and resize filter; one cache serves all backgrounds. It is
built under the name <identity>.partial and renamed when it is whole. An interrupted one goes on where it stopped: the
files only grow, and whatever a crash left half-written is found by the checksum of its picture at the first use.
"""

import errno
import json
import os
import re
import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import numpy as np
from filelock import FileLock, Timeout
from jaxtyping import UInt8
from platformdirs import user_cache_path

from gghead.checkpoint.atomic import fsync, write_file
from gghead.data.cache.decoded import DecodedPixels, record_of
from gghead.data.decoder import PictureDecoder

FORMAT = 2
CACHE_VARIABLE = "GGHEAD_CACHE_PATH"
MAX_SHARE_OF_DISK = 0.5
"""Share of what the disk would have free without them that all caches of decoded pictures take together, at most."""
CACHE_NAME = re.compile(r"[0-9a-f]{24}(\.partial)?")
"""Names of caches: the dataset's identity; partial while they are built."""
MARKER, PIXELS, RECORDS = "cache.json", "pixels.bin", "records.bin"

DecodeFrom = Callable[[int], Iterator[UInt8[np.ndarray, "R R 4"]]]
OnEvent = Callable[[str], None]


def cache_root() -> Path:
    """The folder of all caches: GGHEAD_CACHE_PATH, or `gghead` in the place that the system has for caches."""
    if given := os.environ.get(CACHE_VARIABLE):
        return Path(given)
    return user_cache_path("gghead", appauthor=False)


def size_in_cache(decoder: PictureDecoder) -> int:
    """Bytes of all decoded pictures."""
    return sum(_sizes(decoder).values())


def cached_pixels(decoder: PictureDecoder, root: Path, decode_from: DecodeFrom, on_event: OnEvent) -> DecodedPixels:
    """The pixels of a dataset from the cache, which is built if there is none; processes wait for each other.

    Args:
        decoder: of the dataset, which stays open.
        root: folder of all caches, made if it is missing.
        decode_from: pixels of the pictures from a number on.
        on_event: receives lines for the log.

    Raises:
        OSError: the cache cannot be written.
        ValueError: pictures cannot be used.
    """
    folder = root / decoder.identity()
    found = _load(decoder, folder, on_event)
    if found is None:
        root.mkdir(parents=True, exist_ok=True)
        lock = FileLock(folder.with_suffix(".lock"))
        try:
            held = lock.acquire(timeout=0)
        except Timeout:
            on_event(f"waits for another process that decodes the same pictures into {folder}")
            held = lock.acquire()
        with held:
            found = _load(decoder, folder, on_event)
            if found is None:
                _build(decoder, folder, decode_from, on_event)
                found = _load(decoder, folder, on_event)
    if found is None:
        raise OSError(errno.EIO, "the cache is not what was written a moment ago", str(folder))
    return found


def _load(decoder: PictureDecoder, folder: Path, on_event: OnEvent) -> DecodedPixels | None:
    """The cache, or None if there is none or it is not whole."""
    try:
        if json.loads((folder / MARKER).read_text(encoding="utf-8")) != _marker(decoder):
            return None
        if any((folder / name).stat().st_size != size for name, size in _sizes(decoder).items()):
            on_event(f"the cache in {folder} is cut off; decodes the pictures again")
            return None
        os.utime(folder / MARKER)
    except (OSError, ValueError):
        return None
    told: list[str] = []

    def on_damage(name: str) -> None:
        if not told:
            (folder / MARKER).unlink(missing_ok=True)
            remedy = "reads it from the archive and will build the cache anew"
            on_event(f"{name} is damaged in the cache {folder}; {remedy}")
        told.append(name)

    count, side = len(decoder), decoder.resolution
    pixels = np.memmap(folder / PIXELS, np.uint8, "r", shape=(count, side, side, 4)).view(np.ndarray)
    records = np.fromfile(folder / RECORDS, np.uint32).reshape(count, 2)
    on_event(f"reads decoded pictures from {folder}")
    return DecodedPixels(decoder, pixels, records, on_damage)


def _build(decoder: PictureDecoder, folder: Path, decode_from: DecodeFrom, on_event: OnEvent) -> None:
    partial = folder.with_suffix(".partial")
    _remove(folder)
    _make_room(folder, size_in_cache(decoder))
    partial.mkdir(exist_ok=True)
    strides = {name: size // len(decoder) for name, size in _sizes(decoder).items()}
    lengths = [(partial / name).stat().st_size // size for name, size in strides.items() if (partial / name).exists()]
    start = min(lengths) if len(lengths) == len(strides) else 0
    gigabytes = size_in_cache(decoder) / 1e9
    on_event(
        f"decodes {len(decoder) - start} pictures at {decoder.resolution} x {decoder.resolution} into {partial} "
        f"({gigabytes:.1f} GB in all, once; another place: {CACHE_VARIABLE})"
    )
    try:
        with ExitStack() as stack:
            files = {}
            for name, size in strides.items():
                files[name] = stack.enter_context((partial / name).open("ab"))
                files[name].truncate(start * size)
            for pixels in decode_from(start):
                files[PIXELS].write(pixels)
                files[RECORDS].write(record_of(pixels))
    except (ValueError, OSError):  # pictures to be mended, or a disk that needs the room
        shutil.rmtree(partial, ignore_errors=True)
        raise
    for name in strides:
        fsync(partial / name)
    write_file(partial / MARKER, lambda temporary: temporary.write_text(json.dumps(_marker(decoder)), encoding="utf-8"))
    os.replace(partial, folder)
    fsync(folder.parent)


def _make_room(folder: Path, needed: int) -> None:
    """Removes caches that were not used for the longest time until this one may be written.

    Raises:
        OSError: it is too large for this disk.
    """
    root = folder.parent
    # Other things stand beside caches: detectors, features, whatever somebody keeps on a large disk.
    caches = [path for path in root.iterdir() if CACHE_NAME.fullmatch(path.name) and path.is_dir()]
    own = [path for path in caches if path.stem != folder.name]
    sizes = {path: sum(file.stat().st_size for file in path.iterdir()) for path in own}
    begun = sum(file.stat().st_size for file in folder.with_suffix(".partial").glob("*"))
    limit = MAX_SHARE_OF_DISK * (shutil.disk_usage(root).free + sum(sizes.values()) + begun)
    for path in sorted(own, key=_last_use) if needed <= limit else ():  # else no room that is made would suffice
        if needed + sum(sizes.values()) <= limit:
            return
        try:
            with FileLock(path.with_suffix(".lock"), timeout=0):
                _remove(path)
                sizes.pop(path)
        except Timeout:
            continue  # somebody builds it
    if needed + sum(sizes.values()) > limit:
        raise OSError(
            errno.ENOSPC,
            f"it would take {needed / 1e9:.1f} GB, more than {MAX_SHARE_OF_DISK:.0%} of what is free; "
            f"name a larger disk in {CACHE_VARIABLE}",
            str(root),
        )


def _last_use(folder: Path) -> float:
    marker = folder / MARKER
    return (marker if marker.exists() else folder).stat().st_mtime


def _remove(folder: Path) -> None:
    (folder / MARKER).unlink(missing_ok=True)  # first, so that half a cache is none
    shutil.rmtree(folder, ignore_errors=True)


def _marker(decoder: PictureDecoder) -> dict[str, int]:
    return {"format": FORMAT, "pictures": len(decoder), "resolution": decoder.resolution}


def _sizes(decoder: PictureDecoder) -> dict[str, int]:
    """Bytes of each file of a whole cache."""
    return {PIXELS: len(decoder) * decoder.resolution**2 * 4, RECORDS: len(decoder) * 8}

"""Decoded pictures on the disk: built once by whoever comes first, mapped into memory by everybody.

    <root>/<identity>/{cache.json, rgb.bin, transparency.bin, checksums.bin}

The identity is a hash of the pictures, masks, resolution, background and resize filter. A cache is built under the name
<identity>.partial and renamed when it is whole. An interrupted one goes on where it stopped: the files only grow, and
whatever a crash left half-written is found by the checksum of its picture at the first use.
"""

import errno
import json
import os
import re
import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import numpy as np
from filelock import FileLock, Timeout
from platformdirs import user_cache_path

from gghead.checkpoint.atomic import fsync, write_file
from gghead.data.cache.decoded import DecodedPictures, checksums
from gghead.data.cutout import Cutout
from gghead.data.dataset import HeadDataset

FORMAT = 1
CACHE_VARIABLE = "GGHEAD_CACHE_PATH"
MAX_SHARE_OF_DISK = 0.5
"""Share of what the disk would have free without them that all caches of decoded pictures take together, at most."""
CACHE_NAME = re.compile(r"[0-9a-f]{24}(\.partial)?")
"""Names of caches: the dataset's identity; partial while they are built."""
MARKER, RGB, TRANSPARENCY, CHECKSUMS = "cache.json", "rgb.bin", "transparency.bin", "checksums.bin"

DecodeFrom = Callable[[int], Iterator[Cutout]]
Tell = Callable[[str], None]


def cache_root() -> Path:
    """The folder of all caches: GGHEAD_CACHE_PATH, or `gghead` in the place that the system has for caches."""
    if given := os.environ.get(CACHE_VARIABLE):
        return Path(given)
    return user_cache_path("gghead", appauthor=False)


def size_in_cache(dataset: HeadDataset) -> int:
    """Bytes of all decoded pictures."""
    return sum(_sizes(dataset).values())


def cached_pictures(dataset: HeadDataset, root: Path, decode_from: DecodeFrom, tell: Tell) -> DecodedPictures:
    """The decoded pictures of a dataset from the cache, which is built if there is none; processes wait for each other.

    Args:
        dataset: the pictures; stays open.
        root: folder of all caches, made if it is missing.
        decode_from: cut-outs from a number on.
        tell: receives lines for the log.

    Raises:
        OSError: the cache cannot be written.
        ValueError: pictures cannot be used.
    """
    folder = root / dataset.identity()
    found = _load(dataset, folder, tell)
    if found is None:
        root.mkdir(parents=True, exist_ok=True)
        with _locked(folder, lambda: tell(f"waits for another process that decodes the same pictures into {folder}")):
            found = _load(dataset, folder, tell)
            if found is None:
                _build(dataset, folder, decode_from, tell)
                found = _load(dataset, folder, tell)
    if found is None:
        raise OSError(errno.EIO, "the cache is not what was written a moment ago", str(folder))
    return found


def _load(dataset: HeadDataset, folder: Path, tell: Tell) -> DecodedPictures | None:
    """The cache, or None if there is none or it is not whole."""
    try:
        if json.loads((folder / MARKER).read_text(encoding="utf-8")) != _marker(dataset):
            return None
        if any((folder / name).stat().st_size != size for name, size in _sizes(dataset).items()):
            tell(f"the cache in {folder} is cut off; decodes the pictures again")
            return None
        os.utime(folder / MARKER)
    except (OSError, ValueError):
        return None
    told: list[str] = []

    def on_damage(name: str) -> None:
        if not told:
            (folder / MARKER).unlink(missing_ok=True)
            tell(f"{name} is damaged in the cache {folder}; reads it from the archive and will build the cache anew")
        told.append(name)

    count, side = len(dataset), dataset.resolution
    rgb = np.memmap(folder / RGB, np.uint8, "r", shape=(count, side, side, 3)).view(np.ndarray)
    transparency = np.memmap(folder / TRANSPARENCY, np.uint8, "r", shape=(count, side, side)).view(np.ndarray)
    sums = np.fromfile(folder / CHECKSUMS, np.uint32).reshape(count, 2)
    tell(f"reads decoded pictures from {folder}")
    return DecodedPictures(dataset, rgb, transparency, sums, on_damage)


def _build(dataset: HeadDataset, folder: Path, decode_from: DecodeFrom, tell: Tell) -> None:
    partial = _partial(folder)
    _remove(folder)
    _make_room(folder, size_in_cache(dataset))
    partial.mkdir(exist_ok=True)
    records = {name: size // len(dataset) for name, size in _sizes(dataset).items()}
    lengths = [(partial / name).stat().st_size // size for name, size in records.items() if (partial / name).exists()]
    start = min(lengths) if len(lengths) == len(records) else 0
    gigabytes = size_in_cache(dataset) / 1e9
    tell(
        f"decodes {len(dataset) - start} pictures at {dataset.resolution} x {dataset.resolution} into {partial} "
        f"({gigabytes:.1f} GB in all, once; another place: {CACHE_VARIABLE})"
    )
    try:
        with ExitStack() as stack:
            files = {}
            for name, size in records.items():
                files[name] = stack.enter_context((partial / name).open("ab"))
                files[name].truncate(start * size)
            for cutout in decode_from(start):
                files[RGB].write(cutout.rgb)
                files[TRANSPARENCY].write(cutout.transparency)
                files[CHECKSUMS].write(np.array(checksums(cutout), np.uint32))
    except (ValueError, OSError):  # pictures to be mended, or a disk that needs the room
        shutil.rmtree(partial, ignore_errors=True)
        raise
    for name in records:
        fsync(partial / name)
    write_file(partial / MARKER, lambda temporary: temporary.write_text(json.dumps(_marker(dataset)), encoding="utf-8"))
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
    begun = sum(file.stat().st_size for file in _partial(folder).glob("*"))
    limit = MAX_SHARE_OF_DISK * (shutil.disk_usage(root).free + sum(sizes.values()) + begun)
    for path in sorted(own, key=_last_use) if needed <= limit else ():  # else no room that is made would suffice
        if needed + sum(sizes.values()) <= limit:
            return
        try:
            with FileLock(_lock_file(root / path.stem), timeout=0):
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


@contextmanager
def _locked(folder: Path, on_wait: Callable[[], None]) -> Iterator[None]:
    lock = FileLock(_lock_file(folder))
    try:
        lock.acquire(timeout=0)
    except Timeout:
        on_wait()
        lock.acquire()
    try:
        yield
    finally:
        lock.release()


def _lock_file(folder: Path) -> Path:
    return folder.with_name(f"{folder.name}.lock")


def _partial(folder: Path) -> Path:
    return folder.with_name(f"{folder.name}.partial")


def _marker(dataset: HeadDataset) -> dict[str, int]:
    return {"format": FORMAT, "pictures": len(dataset), "resolution": dataset.resolution}


def _sizes(dataset: HeadDataset) -> dict[str, int]:
    """Bytes of each file of a whole cache."""
    count, pixels = len(dataset), dataset.resolution**2
    return {RGB: count * pixels * 3, TRANSPARENCY: count * pixels, CHECKSUMS: count * 8}

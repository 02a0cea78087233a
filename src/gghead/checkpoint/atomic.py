"""Files that appear whole or not at all: write under a temporary name, fsync, rename."""

import os
import shutil
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path


def write_file(path: Path, write: Callable[[Path], None]) -> None:
    """Has `write` fill a temporary file beside `path`, then moves it there; the old file survives a failure.

    Args:
        path: where the file shall stand; its folder is made if it is missing.
        write: writes the whole content to the path it is given.

    Raises:
        OSError: as `write` or the file system raised it (a full disk, say); the temporary file is gone then.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = _temporary(path)
    try:
        write(temporary)
        fsync(temporary)
        os.replace(temporary, path)
        fsync(path.parent)
    finally:
        temporary.unlink(missing_ok=True)


@contextmanager
def new_folder(path: Path) -> Iterator[Path]:
    """A temporary folder that becomes `path` when the block ends well and vanishes when it does not.

    Raises:
        FileExistsError: `path` exists.
    """
    if path.exists():
        raise FileExistsError(f"{path} exists already; name another folder or remove it")
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = _temporary(path)
    try:
        temporary.mkdir()
        yield temporary
        for file in temporary.rglob("*"):
            fsync(file)
        fsync(temporary)
        os.replace(temporary, path)
        fsync(path.parent)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def fsync(path: Path) -> None:
    """Waits until a file's content, or a folder's entries, are on the disk."""
    if os.name == "nt" and path.is_dir():  # Windows can't open a folder for it
        return
    # Windows waits for the disk only through a handle that may write.
    descriptor = os.open(path, os.O_RDWR if os.name == "nt" else os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _temporary(path: Path) -> Path:
    """A name beside `path` that no other thread of this machine takes."""
    return path.with_name(f".{path.name}.{os.getpid()}-{threading.get_native_id()}.tmp")

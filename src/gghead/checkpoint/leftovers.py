"""Temporary names that tell who writes under them, so that those of processes that are gone can be removed."""

import hashlib
import os
import re
import shutil
import socket
import threading
from functools import cache, lru_cache
from pathlib import Path

TEMPORARY = re.compile(r"\..*\.([0-9a-f]{8})-(\d+)-\d+\.tmp", re.DOTALL)
"""What `temporary_path` makes: `.<name>.<machine>-<process>-<thread>.tmp`."""
MAX_NAME_BYTES = 180
"""Bytes of a name that are kept in its temporary one; file systems take 255 in all."""


def temporary_path(path: Path) -> Path:
    """A hidden name beside `path` that no other thread of any machine takes."""
    name = path.name.encode(errors="surrogateescape")[:MAX_NAME_BYTES].decode(errors="ignore")
    return path.with_name(f".{name}.{_machine()}-{os.getpid()}-{threading.get_native_id()}.tmp")


def is_abandoned(path: Path) -> bool:
    """Whether a path is a temporary one of a process of this machine that is gone."""
    match = TEMPORARY.fullmatch(path.name)
    return match is not None and match[1] == _machine() and not _is_alive(int(match[2]))


def is_being_written(path: Path) -> bool:
    """Whether a path is a temporary one of a process of this machine that lives."""
    match = TEMPORARY.fullmatch(path.name)
    return match is not None and match[1] == _machine() and _is_alive(int(match[2]))


@lru_cache(maxsize=256)
def sweep_once(folder: Path) -> None:
    """Removes the temporary files and folders that lost processes left in a folder; once a process, for it takes a
    while where there are many files."""
    for path in folder.glob(".*.tmp"):
        if is_abandoned(path):
            remove(path)


def remove(path: Path) -> None:
    """Removes a file, a link or a whole folder; what is gone already, or not ours to remove, is let be."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
        return
    try:
        path.unlink(missing_ok=True)
    except OSError:
        return


def _is_alive(process: int) -> bool:
    """Whether a process of this machine lives; those of Windows, where asking would end them, are taken to live."""
    if os.name == "nt":
        return True
    try:
        os.kill(process, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:
        return True
    return True


@cache
def _machine() -> str:
    """This machine, or this container, whose numbers of processes mean nothing elsewhere."""
    try:
        numbering = os.stat("/proc/self/ns/pid").st_ino
    except OSError:
        numbering = 0
    return hashlib.sha256(f"{socket.gethostname()}/{numbering}".encode()).hexdigest()[:8]

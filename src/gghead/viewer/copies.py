"""Copies of saved files in the folder of --out: none replaces another, and visitors can't fill the disk."""

import shutil
import threading
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from gghead.checkpoint.atomic import write_file
from gghead.viewer.downloads import Download


@dataclass(frozen=True)
class Limits:
    """How much is kept.

    Attributes:
        files: of one visitor; a page that is loaded again is another.
        size: of one visitor, bytes.
        files_in_all: of all visitors, until the viewer is started again.
        size_in_all: of all visitors, bytes.
        free: space that stays free on the disk, bytes.
    """

    files: int = 200
    size: int = 2 * 10**9
    files_in_all: int = 2000
    size_in_all: int = 20 * 10**9
    free: int = 10**9


class Copies:
    """Keeps copies in a folder, which is made with the first. Its methods may be called from any thread."""

    def __init__(self, folder: Path, limits: Limits = Limits()) -> None:
        self._folder, self._limits = folder, limits
        self._files: Counter[int] = Counter()
        self._sizes: Counter[int] = Counter()
        self._lock = threading.Lock()

    def keep(self, session: int, file: Download) -> Path:
        """Writes a copy, as `name-2`, `name-3` ... where something of its name stands; returns the path.

        Raises:
            OSError: it can't be written.
            ValueError: a limit is reached; it says which one.
        """
        with self._lock:  # or visitors who save at once would find the same name free
            self._check(session, len(file.content))
            path, number = self._folder / file.name, 2
            while path.exists() or path.is_symlink():
                path, number = self._folder / f"{Path(file.name).stem}-{number}{Path(file.name).suffix}", number + 1
            write_file(path, lambda temporary: temporary.write_bytes(file.content), overwrite=False)
            self._files[session] += 1
            self._sizes[session] += len(file.content)
        return path

    def _check(self, session: int, size: int) -> None:
        limits, files, sizes = self._limits, self._files, self._sizes
        if files[session] >= limits.files or sizes[session] + size > limits.size:
            raise ValueError(
                f"no copy was kept in --out: a page keeps {limits.files} files of {_gb(limits.size)} in all; load the "
                "page again to keep more"
            )
        if files.total() >= limits.files_in_all or sizes.total() + size > limits.size_in_all:
            raise ValueError(
                f"no copy was kept in --out: a viewer keeps {limits.files_in_all} files of {_gb(limits.size_in_all)} "
                "in all; start it again to keep more"
            )
        if shutil.disk_usage(_existing(self._folder)).free - size < limits.free:
            raise ValueError(f"no copy was kept in --out: its disk has less than {_gb(limits.free)} left")


def _existing(folder: Path) -> Path:
    return next(path for path in (folder, *folder.absolute().parents) if path.exists())


def _gb(size: int) -> str:
    return f"{size / 10**9:.3g} GB"

"""The hidden folder in which files that take long to make lie until all of them are whole."""

import errno
import json
import os
import shutil
from collections.abc import Sequence
from pathlib import Path

from filelock import FileLock, Timeout

from gghead.checkpoint.atomic import fsync, named_errors, publish, write_file
from gghead.config.printable import printable

SETTINGS_NAME = "settings.json"
LOCK_NAME = "lock"
MAX_TOLD = 400
"""Characters of settings that a message shows."""
HASH_LENGTH = 64
"""Characters of a SHA-256."""


def unfinished_path(out: Path) -> Path:
    """Where the folder of a file that is being made lies: heads.zip -> .heads.zip.unfinished."""
    return out.with_name(f".{out.name}.unfinished")


class UnfinishedFolder:
    """The folder .heads.zip.unfinished beside a heads.zip that is being made: one process's at a time.

    Attributes:
        path: of the folder; files in it have the names that they will have beside it.
    """

    def __init__(self, out: Path, settings: str, overwrite: bool) -> None:
        """Opens what an interrupted process left, or begins.

        Args:
            out: the file that will be.
            settings: what it is made with, as JSON; what was made with others is not continued.
            overwrite: whether what was half made with other settings is thrown away, and files that stand where these
                will are replaced.

        Raises:
            FileExistsError: what was half made has other settings.
            BlockingIOError: another process makes the same file.
            OSError: the folder can't be made there, or a folder stands where the file will.
        """
        self._out, self._overwrite = out, overwrite
        with named_errors(out):
            if out.is_dir():
                raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(out))
        self.path = unfinished_path(out)
        with named_errors(self.path):
            self.path.mkdir(parents=True, exist_ok=True)
            self._lock = FileLock(self.path / LOCK_NAME)
            try:
                self._lock.acquire(timeout=0)
            except Timeout as error:
                raise BlockingIOError(
                    f"another process is making {out}; wait for it, or make another file beside it"
                ) from error
            try:
                self._settle(settings)
            except BaseException:
                self.release()
                raise

    @property
    def held(self) -> bool:
        """Whether this process may fill the folder still."""
        return self._lock.is_locked

    def publish(self, paths: Sequence[Path]) -> None:
        """Moves whole, closed files to their places in this order: last the one that says that all are there.

        Raises:
            FileExistsError: another process has made one of them meanwhile, and it shall stay.
        """
        for path in paths:
            fsync(self.path / path.name)
        for path in paths:
            with named_errors(path, self.path / path.name):
                if self._overwrite:
                    os.replace(self.path / path.name, path)
                else:
                    publish(self.path / path.name, path)
        fsync(self._out.parent)

    def release(self) -> None:
        """Leaves the folder to whoever goes on."""
        self._lock.release()

    def remove(self) -> None:
        """Removes the folder with all that is in it; files in it must be closed."""
        self.release()
        shutil.rmtree(self.path)

    def _settle(self, settings: str) -> None:
        """Makes sure that what is in the folder was made with these settings."""
        file = self.path / SETTINGS_NAME
        before = file.read_text(encoding="utf-8", errors="replace") if file.exists() else settings
        if before != settings:
            if not self._overwrite:
                raise FileExistsError(
                    f"an unfinished {self._out.name} of other settings lies in {self.path} "
                    f"({_differences(before, settings)}); finish it with those, remove the folder, or throw it away "
                    "(--force, overwrite=True)"
                )
            for left in self.path.iterdir():
                if left.name != LOCK_NAME:
                    left.unlink()
        if not file.exists():
            write_file(file, lambda temporary: temporary.write_text(settings, encoding="utf-8"))


def _differences(before: str, settings: str) -> str:
    """What was said otherwise, `seed 3 instead of 0`; all that was said, where that can't be told."""
    try:
        held, wanted = json.loads(before), json.loads(settings)
        told = [
            f"{name} {_short(held.get(name))} instead of {_short(wanted.get(name))}"
            for name in dict.fromkeys([*held, *wanted])
            if held.get(name) != wanted.get(name)
        ]
    except (ValueError, RecursionError, AttributeError, TypeError):
        return printable(before, MAX_TOLD)
    return printable(", ".join(told) or before, MAX_TOLD)


def _short(value: object) -> str:
    """A setting as JSON; the first characters of a hash."""
    return value[:12] if isinstance(value, str) and len(value) == HASH_LENGTH else json.dumps(value)

"""Files that appear whole or not at all: write under a temporary name, fsync, then give them their own."""

import errno
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from itertools import count
from pathlib import Path

from gghead.checkpoint.leftovers import sweep_once, temporary_path

REMEDIES = {
    errno.ENOSPC: "the disk is full: make room, or write to another one",
    errno.EDQUOT: "your share of the disk is used up: make room, or write to another one",
    errno.EACCES: "it is not yours to write: name another folder, or mend its permissions",
    errno.EPERM: "it is not yours to write: name another folder, or mend its permissions",
    errno.EROFS: "the disk is read-only: name another folder",
    errno.ENOTDIR: "a folder of its path is a file: name another folder",
    errno.EEXIST: "a folder of its path is a file: name another folder",
    errno.EISDIR: "a folder stands there: name another file",
    errno.ENAMETOOLONG: "take a shorter name",
    errno.EIO: "the disk does not answer as it should: look at it, and write to another one",
}
"""What a person can do about the errors of a file system."""


def write_file(path: Path, write: Callable[[Path], object], overwrite: bool = True) -> None:
    """Has `write` fill a temporary file beside `path`, then moves it there; the old file survives a failure.

    Args:
        path: where the file shall stand; its folder is made if it is missing.
        write: writes the whole content to the path it is given.
        overwrite: whether what stands at `path` when the file is whole is replaced, a link too.

    Raises:
        FileExistsError: something stands there and shall stay; the new file is kept under the name that the error says.
        OSError: the disk is full or not writable, or as `write` raised it; the temporary file is gone then.
    """
    temporary = temporary_path(path)
    with named_errors(path, temporary):
        path.parent.mkdir(parents=True, exist_ok=True)
        sweep_once(path.parent)
        try:
            write(temporary)
            fsync(temporary)
            if overwrite:
                os.replace(temporary, path)
            else:
                _publish_or_keep(temporary, path)
            fsync(path.parent)
        finally:
            temporary.unlink(missing_ok=True)


def link_or_copy(file: Path, path: Path) -> None:
    """Gives a file another path, atomically: as a hard link where the file system can, else as a copy.

    Raises:
        OSError: the disk is full or not writable; what stood at `path` stays then, and is replaced otherwise.
    """

    def write(temporary: Path) -> None:
        try:
            os.link(file, temporary)
        except OSError:
            shutil.copyfile(file, temporary)

    write_file(path, write)


@contextmanager
def new_folder(path: Path) -> Iterator[Path]:
    """A temporary folder that becomes `path` when the block ends well and vanishes when it does not.

    Raises:
        FileExistsError: something stands at `path`, before or afterwards.
        OSError: the disk is full or not writable; nothing is left behind.
    """
    refuse_taken(path)
    temporary = temporary_path(path)
    with named_errors(path, temporary):
        path.parent.mkdir(parents=True, exist_ok=True)
        sweep_once(path.parent)
        try:
            temporary.mkdir()
            yield temporary
            for file in temporary.rglob("*"):
                fsync(file)
            fsync(temporary)
            refuse_taken(path)
            try:
                os.rename(temporary, path)  # replaces nothing but an empty folder
            except OSError as error:
                if error.errno in (errno.ENOTEMPTY, errno.EEXIST, errno.ENOTDIR):
                    refuse_taken(path)
                raise
            fsync(path.parent)
        finally:
            shutil.rmtree(temporary, ignore_errors=True)


def append_line(path: Path, line: str) -> None:
    """Adds a line to a file of lines, in one go.

    Raises:
        OSError: the disk is full or not writable; names the file.
    """
    with named_errors(path), path.open("a", encoding="utf-8") as file:
        file.write(line + "\n")


def refuse_taken(path: Path) -> None:
    """Raises FileExistsError if something stands at a path: a file, a folder, or a link, wherever that leads."""
    if os.path.lexists(path):
        raise FileExistsError(f"{path} exists already; name another folder or remove it")


def publish(temporary: Path, path: Path) -> None:
    """Gives a whole file its name, unless something stands there.

    Raises:
        FileExistsError: something stands there; the file keeps its temporary name.
    """
    try:
        _claim(temporary, path)
    except FileExistsError as error:
        raise FileExistsError(f"{path} exists already, made by somebody else meanwhile; it stays as it is") from error


@contextmanager
def named_errors(path: Path, temporary: Path | None = None) -> Iterator[None]:
    """Turns errors of the file system that name no file, or the temporary one, into one with path and remedy."""
    try:
        yield
    except OSError as error:
        if error.errno is None:
            if temporary is None or str(temporary) not in str(error):
                raise
            raise OSError(str(error).replace(str(temporary), str(path))) from error
        if error.filename is not None and str(error.filename) not in (str(temporary), str(path), str(path.parent)):
            raise
        remedy = REMEDIES.get(error.errno)
        raise OSError(f"{path} could not be written: {error.strerror}" + (f"; {remedy}" if remedy else "")) from error


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


def _claim(temporary: Path, path: Path) -> None:
    try:
        os.link(temporary, path)  # refuses, where a rename would replace
        temporary.unlink()
    except FileExistsError:
        raise
    except OSError:  # a file system without links: whoever makes the empty file may replace it
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY))
        try:
            os.replace(temporary, path)
        except OSError:
            path.unlink()
            raise


def _publish_or_keep(temporary: Path, path: Path) -> None:
    """Publishes a file; where another one came first, under the next free name, for the work would be lost."""
    with suppress(FileExistsError):
        publish(temporary, path)
        return
    for number in count(2):
        other = path.with_stem(f"{path.stem}-{number}")
        with suppress(FileExistsError):
            publish(temporary, other)
            break
    raise FileExistsError(
        f"{path} exists already, or was made by somebody else meanwhile; it stays as it is, this result is kept as "
        f"{other}"
    )

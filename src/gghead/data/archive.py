"""Files by name from a zip or a folder, behind one interface; any number of threads and processes may read.

Nothing is ever extracted, and nothing that an archive declares about itself is believed: sizes are bounded before
memory is taken, checksums are verified, and names that lead out of the archive are refused.
"""

import hashlib
import os
import re
import struct
import zipfile
import zlib
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from gghead.data.problems import summarize

MAX_FILE_BYTES = 256 * 2**20
"""Files of an archive are not larger, unpacked: labels of a million pictures, or 8192 x 8192 raw pixels."""
LOCAL_HEADER = struct.Struct("<4s22xHH")
"""What precedes a member of a zip: signature, ..., lengths of name and extra field (APPNOTE.TXT, 4.3.7)."""
LOCAL_SIGNATURE = b"PK\3\4"
ENCRYPTED = 0x1
JUNK = re.compile(r"(^|/)(__MACOSX/|\.|Thumbs\.db$|desktop\.ini$)", re.IGNORECASE)
"""What operating systems leave in folders and archives; not ours to judge."""
LEADS_OUT = re.compile(r"^/|^[A-Za-z]:|(^|/)\.\.(/|$)|\0|[\ud800-\udfff]")
"""Absolute names, drives, steps upwards, and names that are no text."""


class Archive(ABC):
    """A read-only set of files with names like "00000/img00000000.png": always "/", never back-slashes.

    Attributes:
        path: where it lies, for messages.
    """

    path: Path

    @abstractmethod
    def names(self) -> tuple[str, ...]:
        """Names of all files, sorted; without what operating systems leave behind (.DS_Store, __MACOSX)."""

    @abstractmethod
    def read(self, name: str) -> bytes:
        """Content of a file.

        Raises:
            FileNotFoundError: there is no file of that name.
            ValueError: its content is damaged, or larger than MAX_FILE_BYTES.
            OSError: the archive is gone, or can't be opened.
        """

    @abstractmethod
    def identity(self, names: Iterable[str]) -> str:
        """A short text that is another one when the content of the named files has changed; found without reading them.

        A zip is known by the names, sizes and CRC-32 of its members: the same wherever it is copied. A folder is known
        by names, sizes and times of change: a file of the same size and time with other content goes unnoticed.
        """

    @abstractmethod
    def close(self) -> None:
        """Lets go of the file handles; reading afterwards is a mistake of the caller."""

    def __enter__(self) -> "Archive":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class ZipArchive(Archive):
    """A zip whose directory is read once; each member is read through a handle that nobody else uses meanwhile."""

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            with zipfile.ZipFile(path) as archive:
                members = archive.infolist()
        except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError, struct.error) as error:
            raise ValueError(
                f"{path} is no readable zip ({error}); it may be cut off - fetch or make it anew"
            ) from error
        self._members: dict[str, zipfile.ZipInfo] = {}
        problems = []
        for member in members:
            # Archives packed on Windows may hold back-slashes, which zipfile turns around on Windows only.
            name = member.orig_filename.replace("\\", "/")
            if LEADS_OUT.search(name):
                problems.append(f"{name!r} leads out of the archive")
            elif not name.endswith("/") and not JUNK.search(name):
                if name in self._members:
                    problems.append(f"{name} is there twice")
                self._members[name] = member
        if problems:
            raise ValueError(
                f"{path} holds {len(problems)} files that cannot be told apart or trusted by their names; pack it anew "
                f"from a clean folder:\n{summarize(problems)}"
            )
        self._idle: dict[int, list[BinaryIO]] = {}

    def names(self) -> tuple[str, ...]:
        return tuple(sorted(self._members))

    def read(self, name: str) -> bytes:
        if name not in self._members:
            raise FileNotFoundError(f"{self.path} holds no {name}")
        member = self._members[name]
        _require_size(f"{name} in {self.path}", max(member.file_size, member.compress_size))
        with self._handle() as file:
            try:
                return _unpacked(file, member)
            except (ValueError, OSError, zlib.error, struct.error) as error:
                raise ValueError(
                    f"{name} in {self.path} is damaged ({error}); fetch or make the archive anew"
                ) from error

    def identity(self, names: Iterable[str]) -> str:
        members = ((name, self._members[name]) for name in names)
        return _digest((name, member.file_size, member.CRC) for name, member in members)

    def close(self) -> None:
        for handles in self._idle.values():
            while handles:
                handles.pop().close()

    @contextmanager
    def _handle(self) -> Iterator[BinaryIO]:
        # By process: a forked one inherits handles that share their position with the parent's. Lists are safe among
        # threads, of which there may be many, one after another.
        idle = self._idle.setdefault(os.getpid(), [])
        try:
            handle = idle.pop()
        except IndexError:
            handle = self.path.open("rb")
        try:
            yield handle
        finally:
            idle.append(handle)


class FolderArchive(Archive):
    """A folder with everything below it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        found = (Path(folder, file) for folder, _, files in os.walk(path) for file in files)
        names = [file.relative_to(path).as_posix() for file in found if file.is_file()]
        self._names = tuple(sorted(name for name in names if not JUNK.search(name)))
        unreadable = [f"{name!r} is no UTF-8" for name in self._names if LEADS_OUT.search(name)]
        if unreadable:
            raise ValueError(
                f"{path} holds {len(unreadable)} files whose names are no text; rename them:\n{summarize(unreadable)}"
            )
        self._known = frozenset(self._names)

    def names(self) -> tuple[str, ...]:
        return self._names

    def read(self, name: str) -> bytes:
        file = self.path / name
        if name not in self._known or not file.is_file():
            raise FileNotFoundError(f"{self.path} holds no {name}")
        _require_size(str(file), file.stat().st_size)
        try:
            return file.read_bytes()
        except OSError as error:
            raise ValueError(f"{file} can't be read ({error.strerror}); mend its permissions or the disk") from error

    def identity(self, names: Iterable[str]) -> str:
        stats = ((name, (self.path / name).stat()) for name in names)
        return _digest((name, stat.st_size, stat.st_mtime_ns) for name, stat in stats)

    def close(self) -> None:
        """A folder has nothing to close."""


def open_archive(path: Path) -> Archive:
    """A zip or a folder.

    Raises:
        FileNotFoundError: there is neither.
        ValueError: the file is not a zip, or is cut off, or holds names that can't be trusted.
    """
    if path.is_dir():
        return FolderArchive(path)
    if path.is_file():
        return ZipArchive(path)
    raise FileNotFoundError(
        f"there is no {path}; expected a zip or a folder with pictures and dataset.json "
        "(`gghead data synthetic OUT.zip` makes one)"
    )


def _unpacked(file: BinaryIO, member: zipfile.ZipInfo) -> bytes:
    """Content of a member; takes no more memory than the member declares, and says when the declaration is wrong."""
    if member.flag_bits & ENCRYPTED:
        raise ValueError("it is encrypted")
    file.seek(member.header_offset)
    signature, name_length, extra_length = LOCAL_HEADER.unpack(file.read(LOCAL_HEADER.size))
    if signature != LOCAL_SIGNATURE:
        raise ValueError("it does not stand where the directory says")
    file.seek(name_length + extra_length, os.SEEK_CUR)
    packed = file.read(member.compress_size)
    if member.compress_type == zipfile.ZIP_STORED:
        content = packed
    elif member.compress_type == zipfile.ZIP_DEFLATED:
        content = zlib.decompressobj(-zlib.MAX_WBITS).decompress(packed, member.file_size + 1)
    else:
        raise ValueError(f"it is packed by method {member.compress_type}; expected stored or deflated")
    if len(content) != member.file_size:
        raise ValueError(f"it unpacks to another size than the {member.file_size} bytes that it declares")
    if zlib.crc32(content) != member.CRC:
        raise ValueError("its checksum is wrong")
    return content


def _require_size(what: str, size: int) -> None:
    if size > MAX_FILE_BYTES:
        raise ValueError(
            f"{what} has {size} bytes; expected at most {MAX_FILE_BYTES}, so that a broken or hostile archive "
            "cannot fill the memory - store smaller pictures"
        )


def _digest(records: Iterable[tuple[str, int, int]]) -> str:
    digest = hashlib.sha256()
    for record in records:
        digest.update(repr(record).encode())
    return digest.hexdigest()[:32]

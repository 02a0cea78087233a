"""Files by name from a zip or a folder, behind one interface; any number of threads and processes may read.

Nothing is ever extracted, and nothing that an archive declares about itself is believed: sizes are bounded before
memory is taken, checksums are verified, and names that lead out of the archive are refused.
"""

import hashlib
import os
import re
import struct
import unicodedata
import zipfile
import zlib
from abc import ABC, abstractmethod
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, NamedTuple, TypeVar

from gghead.data.problems import summarize
from gghead.runs.shards import SHARDS_NAME, find_shards, join_labels, require_same_dataset

T = TypeVar("T")

MAX_FILE_BYTES = 256 * 2**20
"""Files of an archive are not larger, unpacked: labels of a million pictures, or 8192 x 8192 raw pixels."""
LOCAL_HEADER = struct.Struct("<4s22xHH")
"""What precedes a member of a zip: signature, ..., lengths of name and extra field (APPNOTE.TXT, 4.3.7)."""
LOCAL_SIGNATURE = b"PK\3\4"
LABELS_NAME = "dataset.json"
"""The file of an archive that holds its labels."""
MAX_IDLE_HANDLES = 128
"""Of an archive; a dataset may lie in more shards than a process may have open files."""
DEPTH_STEPS = 10_000
"""Steps of a world unit in a depth picture, in <stem>_depth.zip: the farthest that 16 bits hold is 6.5535."""
ENCRYPTED, NAMED_IN_UTF_8 = 0x1, 0x800
"""Bits of a member's flags (APPNOTE.TXT, 4.4.4)."""
METHODS = {9: "Deflate64", 12: "bzip2", 14: "LZMA", 93: "Zstandard", 95: "XZ"}
JUNK = re.compile(r"(^|/)(__MACOSX/|@eaDir/|\.|Thumbs\.db$|desktop\.ini$)", re.IGNORECASE)
"""What operating systems leave in folders and archives; not ours to judge."""
LEADS_OUT = re.compile(r"^/|^[A-Za-z]:|(^|/)\.\.(/|$)|[\0-\x1f\x7f\ud800-\udfff]")
"""Absolute names, drives, steps upwards, and names that are no text or move the cursor of a terminal."""


@dataclass(frozen=True)
class Checksum:
    """What a file is known by.

    Attributes:
        size: bytes.
        crc: CRC-32 of the content.
        times: when content and entry of a file in a folder were changed, nanoseconds; empty in a zip.
    """

    size: int
    crc: int
    times: str = ""

    @property
    def content(self) -> str:
        """The same for the same content, wherever it lies."""
        return f"{self.size}-{self.crc:08x}"


class Archive(ABC):
    """A read-only set of files with names like "00000/img00000000.png", spelled as `canonical_name` does.

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
    def size(self, name: str) -> int:
        """Bytes of memory that reading a file takes.

        Raises:
            FileNotFoundError: there is no file of that name.
        """

    @abstractmethod
    def identity(self, names: Iterable[str]) -> str:
        """A short text that is another one when the content of the named files has changed; found without reading them.

        A zip is known by the names, sizes and CRC-32 of its members: the same wherever it is copied. A folder is known
        by names, sizes and times of change, which can be set by hand on Windows alone.
        """

    @abstractmethod
    def checksum(self, name: str, known: Checksum | None = None) -> Checksum:
        """What a file is known by, of its content and not of its times.

        Args:
            name: of the file.
            known: what it was known by before; a file of a folder is read only if its times are others now.

        Raises:
            FileNotFoundError, ValueError: as of `read`.
        """

    @abstractmethod
    def close(self) -> None:
        """Lets go of the file handles; reading afterwards is a mistake of the caller."""

    def __enter__(self) -> "Archive":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class _Member(NamedTuple):
    """A file in a zip."""

    zip: Path
    info: zipfile.ZipInfo


class ZipArchive(Archive):
    """Zips whose directories are read once; a member is read through a handle that nobody else uses meanwhile.

    Shards are one archive, with the labels of all in one dataset.json.
    """

    def __init__(self, path: Path, shards: Sequence[Path] = ()) -> None:
        """Reads the directory of a zip, or of the shards in which it lies; errors as of `open_archive`."""
        self.path = path
        self._idle: dict[tuple[int, Path], list[BinaryIO]] = {}
        found = defaultdict[str, list[_Member]](list)
        for part in shards or (path,):
            for name, member in _directory(part).items():
                found[name].append(member)
        if shards:
            said = {member.zip: self._content(SHARDS_NAME, member) for member in found.pop(SHARDS_NAME, ())}
            self.close()  # which nobody could after an error
            require_same_dataset(path, {part: said.get(part) for part in shards})
        self._labels = tuple(found[LABELS_NAME]) if LABELS_NAME in found else ()
        for name, members in found.items():
            if len(members) > 1 and name != LABELS_NAME:
                both = f"{name} is in {members[0].zip} and in {members[1].zip}"
                raise ValueError(f"{both}; expected it in one shard of {path.name} - make the wrong one anew")
        self._members = {name: found[name][0] for name in sorted(found)}

    def names(self) -> tuple[str, ...]:
        return tuple(self._members)

    def read(self, name: str) -> bytes:
        if name == LABELS_NAME and len(self._labels) > 1:
            return join_labels({member.zip: self._content(name, member) for member in self._labels})
        return self._content(name, self._member(name))

    def size(self, name: str) -> int:
        info = self._member(name).info
        return info.file_size + info.compress_size

    def identity(self, names: Iterable[str]) -> str:
        members = ((name, self._members[name].info) for name in names)
        return _digest((name, info.file_size, info.CRC) for name, info in members)

    def checksum(self, name: str, known: Checksum | None = None) -> Checksum:
        info = self._members[name].info
        return Checksum(info.file_size, info.CRC)

    def close(self) -> None:
        for handles in list(self._idle.values()):
            with suppress(IndexError):  # another thread may have taken the last
                while handles:
                    handles.pop().close()

    def _member(self, name: str) -> _Member:
        if name not in self._members:
            raise FileNotFoundError(f"{self.path} holds no {name}")
        return self._members[name]

    def _content(self, name: str, member: _Member) -> bytes:
        what = f"{name} in {member.zip}"
        _require_size(what, max(member.info.file_size, member.info.compress_size))
        _require_readable(what, member.info)
        with self._handle(member.zip) as file:
            try:
                return _unpacked(file, member.info)
            except (ValueError, OSError, zlib.error, struct.error) as error:
                raise ValueError(f"{what} is damaged ({error}); fetch or make the archive anew") from error

    @contextmanager
    def _handle(self, path: Path) -> Iterator[BinaryIO]:
        # By process: a forked one inherits handles that share their position with the parent's. Lists are safe among
        # threads, of which there may be many, one after another.
        idle = self._idle.setdefault((os.getpid(), path), [])
        try:
            handle = idle.pop()
        except IndexError:
            handle = path.open("rb")
        try:
            yield handle
        finally:
            idle.append(handle)
            if sum(map(len, list(self._idle.values()))) > MAX_IDLE_HANDLES:
                self.close()


class FolderArchive(Archive):
    """A folder with everything below it, linked folders and files, too."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._files = _by_name(path, [(name, path / name) for name in _files_below(path)])

    def names(self) -> tuple[str, ...]:
        return tuple(self._files)

    def read(self, name: str) -> bytes:
        file = self._file(name)
        _require_size(str(file), file.stat().st_size)
        try:
            return file.read_bytes()
        except OSError as error:
            raise ValueError(f"{file} can't be read ({error.strerror}); mend its permissions or the disk") from error

    def size(self, name: str) -> int:
        return self._file(name).stat().st_size

    def identity(self, names: Iterable[str]) -> str:
        stats = ((name, self._files[name].stat()) for name in names)
        return _digest((name, stat.st_size, _times(stat)) for name, stat in stats)

    def checksum(self, name: str, known: Checksum | None = None) -> Checksum:
        stat = self._file(name).stat()
        times = _times(stat)
        if known is not None and (known.size, known.times) == (stat.st_size, times):
            return known
        return Checksum(stat.st_size, zlib.crc32(self.read(name)), times)

    def close(self) -> None:
        """A folder has nothing to close."""

    def _file(self, name: str) -> Path:
        file = self._files.get(name)
        if file is None or not file.is_file():
            raise FileNotFoundError(f"{self.path} holds no {name}")
        return file


def open_archive(path: Path) -> Archive:
    """A zip or a folder. Where all of its files lie in one folder together with their labels, names begin there.

    A zip may lie in shards (runs/shards.py), which are read together as if they were that zip.

    Raises:
        FileNotFoundError: there is neither, or some shards are missing.
        ValueError: the file is not a zip, or is cut off, or holds names that can't be trusted; or shards do not belong
            together.
    """
    if path.is_dir():
        return FolderArchive(path)
    if path.is_file():
        return ZipArchive(path)
    if shards := find_shards(path):
        return ZipArchive(path, shards)
    raise FileNotFoundError(
        f"there is no {path}; expected a zip or a folder with pictures and dataset.json "
        "(`gghead data synthetic OUT.zip` makes one)"
    )


def canonical_name(name: str) -> str:
    """One spelling for a name: slashes, no "./", composed characters (macOS decomposes those of file names)."""
    slashed = re.sub(r"/(\.?/)+", "/", name.replace("\\", "/"))
    return unicodedata.normalize("NFC", slashed.removeprefix("./"))


def _directory(path: Path) -> dict[str, _Member]:
    """The files of a zip by their canonical names, sorted."""
    try:
        with zipfile.ZipFile(path) as archive:
            members = archive.infolist()
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError, struct.error) as error:
        raise ValueError(f"{path} is no readable zip ({error}); it may be cut off - fetch or make it anew") from error
    named = [(_name_of(member), _Member(path, member)) for member in members]
    return _by_name(path, [(name, member) for name, member in named if not name.endswith(("/", "\\"))])


def _name_of(member: zipfile.ZipInfo) -> str:
    """The name in a zip; macOS and some others write UTF-8 without saying so, which zipfile takes for code page 437."""
    name = member.orig_filename
    if not member.flag_bits & NAMED_IN_UTF_8:
        try:
            return name.encode("cp437").decode("utf-8")
        except UnicodeError:
            return name
    return name


def _files_below(folder: Path, inside: str = "", above: tuple[tuple[int, int], ...] = ()) -> Iterator[str]:
    """Names of all files below a folder; a link to a folder that it lies in is not followed."""
    status = (folder / inside).stat()
    here = status.st_dev, status.st_ino
    if here in above:
        return
    with os.scandir(folder / inside) as entries:
        for entry in entries:
            if entry.is_dir():
                yield from _files_below(folder, f"{inside}{entry.name}/", (*above, here))
            elif entry.is_file():
                yield f"{inside}{entry.name}"


def _by_name(path: Path, files: Iterable[tuple[str, T]]) -> dict[str, T]:
    """Files by their canonical names, sorted, without junk.

    Raises:
        ValueError: names lead out of the archive, are no text, or two are the same.
    """
    found: dict[str, T] = {}
    problems = []
    for stored, file in files:
        name = canonical_name(stored)
        if LEADS_OUT.search(name):
            problems.append(f"{stored!r} leads out of the archive or is no text")
        elif not JUNK.search(name):
            if name in found:
                problems.append(f"{name} is there twice")
            found[name] = file
    if problems:
        raise ValueError(
            f"{path} holds {len(problems)} files that cannot be told apart or trusted by their names; rename them, or "
            f"pack it anew from a clean folder:\n{summarize(problems)}"
        )
    top = next(iter(found), "").partition("/")[0] + "/"
    if f"{top}{LABELS_NAME}" in found and all(name.startswith(top) for name in found):
        found = {name.removeprefix(top): file for name, file in found.items()}
    return dict(sorted(found.items()))


def _unpacked(file: BinaryIO, member: zipfile.ZipInfo) -> bytes:
    """Content of a member; takes no more memory than the member declares, and says when the declaration is wrong."""
    file.seek(member.header_offset)
    signature, name_length, extra_length = LOCAL_HEADER.unpack(file.read(LOCAL_HEADER.size))
    if signature != LOCAL_SIGNATURE:
        raise ValueError("it does not stand where the directory says")
    file.seek(name_length + extra_length, os.SEEK_CUR)
    packed = file.read(member.compress_size)
    content = packed
    if member.compress_type == zipfile.ZIP_DEFLATED:
        content = zlib.decompressobj(-zlib.MAX_WBITS).decompress(packed, member.file_size + 1)
    if len(content) != member.file_size:
        raise ValueError(f"it unpacks to another size than the {member.file_size} bytes that it declares")
    if zlib.crc32(content) != member.CRC:
        raise ValueError("its checksum is wrong")
    return content


def _require_readable(what: str, member: zipfile.ZipInfo) -> None:
    if member.flag_bits & ENCRYPTED:
        raise ValueError(f"{what} is encrypted; pack the archive anew without a password")
    method = member.compress_type
    if method not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise ValueError(
            f"{what} is packed by method {method}; expected stored or deflated, not {METHODS.get(method, 'this')} - "
            "pack the archive anew (`zip -0 -r`)"
        )


def _require_size(what: str, size: int) -> None:
    if size > MAX_FILE_BYTES:
        raise ValueError(
            f"{what} has {size} bytes; expected at most {MAX_FILE_BYTES}, so that a broken or hostile archive "
            "cannot fill the memory - store smaller pictures"
        )


def _times(stat: os.stat_result) -> str:
    """When a file was written, and when anything of it was changed; Windows has its creation instead of the second."""
    return f"{stat.st_mtime_ns}-{stat.st_ctime_ns}"


def _digest(records: Iterable[tuple[str, int, int | str]]) -> str:
    digest = hashlib.sha256()
    for record in records:
        digest.update(repr(record).encode())
    return digest.hexdigest()[:32]

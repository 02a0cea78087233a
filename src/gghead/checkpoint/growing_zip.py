"""A zip that grows by one file after the other and survives being cut off anywhere."""

import struct
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

ZIP_TIME = (1980, 1, 1, 0, 0, 0)
"""Time stamp of every file, so that archives of the same content are the same bytes."""
LOCAL_HEADER = struct.Struct("<4s5H3L2H")
SIGNATURE = b"PK\x03\x04"


class GrowingZip:
    """Stored (not deflated) files, appended; only `finish` makes it a readable zip.

    Opening a file that an interrupted process left finds what is whole in it by the headers before each file.
    Source: PKWARE, "APPNOTE.TXT", section 4.3.7.
    """

    def __init__(self, path: Path) -> None:
        """Opens or makes the file; `len` tells how many files in it are whole."""
        path.touch()
        with path.open("r+b") as stream:
            self._entries = list(_whole_entries(stream))
            stream.truncate(_end(self._entries))
        self._path = path
        self._zip = self._append_to(self._entries)

    def __len__(self) -> int:
        """Number of files."""
        return len(self._zip.filelist)

    def keep(self, count: int) -> None:
        """Forgets all but the first files."""
        if count >= len(self):
            return
        self._entries = self._zip.filelist[:count]
        self.abandon()
        with self._path.open("r+b") as stream:
            stream.truncate(_end(self._entries))
        self._zip = self._append_to(self._entries)

    def add(self, name: str, data: bytes) -> None:
        """Appends a file."""
        entry = zipfile.ZipInfo(name, ZIP_TIME)
        entry.create_system = 3
        entry.external_attr = 0o644 << 16
        self._zip.writestr(entry, data)

    def flush(self) -> None:
        """Hands everything to the system: it is there even if this process is killed."""
        self._stream.flush()

    def finish(self) -> None:
        """Writes the directory and closes the file."""
        self._zip.close()
        self._stream.close()

    def abandon(self) -> None:
        """Closes the file without a directory; it can be opened again as a `GrowingZip`."""
        self._zip.fp = None  # as zipfile marks a closed archive: its finaliser would write a directory
        with suppress(OSError):  # what a full disk did not take is missing, which opening finds out
            self._stream.close()

    def _append_to(self, entries: list[zipfile.ZipInfo]) -> zipfile.ZipFile:
        # Without a directory zipfile takes what is there for the head of another file and appends; it is told of the
        # files in it afterwards.
        self._stream = self._path.open("r+b")
        archive = zipfile.ZipFile(self._stream, "a", zipfile.ZIP_STORED)
        archive.filelist.extend(entries)
        archive.NameToInfo.update({entry.filename: entry for entry in entries})
        return archive


def _whole_entries(stream: BinaryIO) -> Iterator[zipfile.ZipInfo]:
    """The files from the start that are complete and undamaged."""
    while True:
        offset = stream.tell()
        header = stream.read(LOCAL_HEADER.size)
        if len(header) < LOCAL_HEADER.size or not header.startswith(SIGNATURE):
            return
        *_, crc, _, size, name_length, extra_length = LOCAL_HEADER.unpack(header)
        name = stream.read(name_length)
        stream.seek(extra_length, 1)
        data = stream.read(size)
        # Checksums do not cover names; blocks that never reached the disk before a power cut read as zeros.
        if not name or len(name) < name_length or 0 in name or len(data) < size or zlib.crc32(data) != crc:
            return
        entry = zipfile.ZipInfo(name.decode(), ZIP_TIME)
        entry.create_system = 3
        entry.external_attr = 0o644 << 16
        entry.header_offset, entry.CRC = offset, crc
        entry.file_size = entry.compress_size = size
        yield entry


def _end(entries: list[zipfile.ZipInfo]) -> int:
    """Where the last of the files ends; their headers have no extra fields."""
    if not entries:
        return 0
    last = entries[-1]
    return last.header_offset + LOCAL_HEADER.size + len(last.filename.encode()) + last.file_size

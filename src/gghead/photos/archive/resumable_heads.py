"""An archive of photographed heads that is being made: it can be left at any moment and goes on where it was left."""

from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from gghead.checkpoint.atomic import named_errors
from gghead.checkpoint.growing_zip import GrowingZip
from gghead.checkpoint.unfinished import UnfinishedFolder
from gghead.data.dataset import masks_path
from gghead.data.labels import LABELS_NAME, write_labels
from gghead.photos.archive.records import PhotoRecord
from gghead.photos.archive.sheet_contents import MAX_REFUSALS, sheet_of, thumbnail_name
from gghead.photos.refusal import Reason

RECORDS_NAME, THUMBNAILS_NAME = "photographs.jsonl", "thumbnails.zip"
UNSEEN = (Reason.UNREADABLE, Reason.DUPLICATE)
"""Why there is no thumbnail of a photograph that was left out."""


@dataclass(frozen=True)
class HeadFiles:
    """A head as it goes into the archives.

    Attributes:
        name: of both files.
        picture: PNG.
        mask: PNG, white where the person is.
    """

    name: str
    picture: bytes
    mask: bytes


class _Tally:
    """How many files there are of photographs."""

    def __init__(self) -> None:
        self._heads, self._thumbnails = 0, 0
        self._refused: Counter[Reason] = Counter()

    def files(self) -> tuple[int, int, int]:
        """Pictures, masks, thumbnails."""
        return self._heads, self._heads, self._thumbnails

    def has_thumbnail(self, record: PhotoRecord) -> bool:
        """Whether the next photograph can be seen, and was left out for a reason of which few were seen before it."""
        reasons = [left.reason for left in record.refusals if left.reason not in UNSEEN]
        return any(self._refused[reason] < MAX_REFUSALS for reason in reasons)

    def take(self, record: PhotoRecord) -> None:
        """Counts the next photograph."""
        self._thumbnails += self.has_thumbnail(record)
        self._heads += len(record.heads)
        self._refused.update(left.reason for left in record.refusals)


class GrowingHeads:
    """Archives and records in a hidden folder beside the dataset; `finish` turns them into the dataset.

    A photograph counts once its record and all of its files are whole. Use as a context manager.

    Attributes:
        records: of the photographs that are done, in their order.
    """

    def __init__(self, out: Path, settings: str, overwrite: bool) -> None:
        """Opens what an interrupted process left, or begins; arguments and errors as of `UnfinishedFolder`."""
        self._out, self._settings = out, settings
        self._unfinished = UnfinishedFolder(out, settings, overwrite)
        self._folder = self._unfinished.path
        try:
            with named_errors(self._folder):
                names = (out.name, masks_path(out).name, THUMBNAILS_NAME)
                self._zips = [GrowingZip(self._folder / name) for name in names]
                self._lines = (self._folder / RECORDS_NAME).open("a+b")
                self.records, self._ends = self._whole_records()
                self.keep(len(self.records))
        except BaseException:
            self._unfinished.release()
            raise

    def keep(self, count: int) -> None:
        """Forgets all but the first photographs."""
        del self.records[count:], self._ends[count:]
        self._tally = _Tally()
        for record in self.records:
            self._tally.take(record)
        for archive, files in zip(self._zips, self._tally.files(), strict=True):
            archive.keep(files)
        self._lines.truncate(self._end())

    def add(self, line: str, files: Sequence[HeadFiles], thumbnail: bytes | None = None) -> None:
        """Appends the next photograph.

        Args:
            line: its record, JSON in ASCII.
            files: its heads.
            thumbnail: the photograph as a small JPEG, if it was left out and could be read.
        """
        record = PhotoRecord.from_line(line)
        pictures, masks, thumbnails = self._zips
        with named_errors(self._folder):
            for file in files:
                pictures.add(file.name, file.picture)
                masks.add(file.name, file.mask)
            if self._tally.has_thumbnail(record):
                assert thumbnail is not None
                thumbnails.add(thumbnail_name(record.name), thumbnail)
            for archive in self._zips:
                archive.flush()
            self._lines.write(line.encode() + b"\n")
            self._lines.flush()
        self._ends.append(self._end() + len(line) + 1)
        self.records.append(record)
        self._tally.take(record)

    def finish(self) -> tuple[Path, ...]:
        """Writes labels, records and sheet, moves everything to its place and removes the folder.

        Returns:
            Where the files are, the archive first.

        Raises:
            FileExistsError: another process has made one of them meanwhile.
            OSError: the disk is full or not writable; what is done stays in the hidden folder.
        """
        out, folder = self._out, self._folder
        masks, records, sheet = masks_path(out), photos_path(out), sheet_path(out)
        with named_errors(folder):
            heads = [head for record in self.records for head in record.heads]
            labels = np.array([head.label for head in heads], np.float64)
            self._zips[0].add(LABELS_NAME, write_labels([head.picture for head in heads], labels))
            for archive in self._zips:
                archive.finish()
            self._write_records(folder / records.name)
            archives = (folder / out.name, folder / masks.name, folder / THUMBNAILS_NAME)
            (folder / sheet.name).write_bytes(sheet_of(out.name, self.records, *archives))
            # The pictures appear last: without their masks they would be a valid dataset of something else.
            self._unfinished.publish([sheet, records, masks, out])
        self._close_lines()
        self._unfinished.remove()
        return out, masks, records, sheet

    def discard(self) -> None:
        """Removes the folder: nothing in it is worth going on with."""
        self._abandon()
        self._unfinished.remove()

    def __enter__(self) -> "GrowingHeads":
        return self

    def __exit__(self, *_: object) -> None:
        if self._unfinished.held:
            self._abandon()
            self._unfinished.release()

    def _abandon(self) -> None:
        for archive in self._zips:
            archive.abandon()
        self._close_lines()

    def _whole_records(self) -> tuple[list[PhotoRecord], list[int]]:
        """Records all of whose files are there, and where their lines end."""
        records, ends, tally = [], [], _Tally()
        self._lines.seek(0)
        with suppress(ValueError):  # a line that is not whole; blocks that never reached the disk read as zeros
            for line in self._lines:
                record = PhotoRecord.from_line(line)
                tally.take(record)
                there = zip(tally.files(), self._zips, strict=True)
                if not line.endswith(b"\n") or any(count > len(archive) for count, archive in there):
                    break
                records.append(record)
                ends.append(len(line) + (ends[-1] if ends else 0))
        return records, ends

    def _end(self) -> int:
        return self._ends[-1] if self._ends else 0

    def _write_records(self, path: Path) -> None:
        """All of them as one object; line by line, for they may be larger than the memory."""
        self._lines.seek(0)
        with path.open("wb") as file:
            file.write(b'{"settings": ' + self._settings.encode() + b', "photographs": [')
            for position, line in enumerate(self._lines):
                file.write((b",\n" if position else b"\n") + line.rstrip(b"\n"))
            file.write(b"\n]}\n")

    def _close_lines(self) -> None:
        with suppress(OSError):  # what a full disk did not take is missing, which opening finds out
            self._lines.close()


def photos_path(out: Path) -> Path:
    """Where the records of a dataset's photographs are: heads.zip -> heads_photos.json."""
    return out.with_name(f"{out.stem}_photos.json")


def sheet_path(out: Path) -> Path:
    """Where the contact sheet of a dataset is: heads.zip -> heads_sheet.jpg."""
    return out.with_name(f"{out.stem}_sheet.jpg")

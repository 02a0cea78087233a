"""A dataset of heads that is being made: it can be left at any moment and goes on where it was left."""

import json
from collections.abc import Mapping
from contextlib import suppress
from importlib.metadata import version
from pathlib import Path

import numpy as np

from gghead.checkpoint.atomic import named_errors
from gghead.checkpoint.growing_zip import GrowingZip
from gghead.checkpoint.unfinished import UnfinishedFolder
from gghead.data.dataset import masks_path
from gghead.data.labels import LABELS_NAME
from gghead.runs.shards import SHARDS_NAME
from gghead.synthetic.anatomy.head_model import HeadModel
from gghead.synthetic.people.portraits import EncodedHead, Sitting
from gghead.synthetic.people.truth import HEAD_RECORD, PICTURE_RECORD, write_truth

FILES_PER_FOLDER = 1000


class GrowingDataset:
    """Archives and records in a hidden folder beside the dataset; `finish` turns them into the dataset.

    A head counts once all of its files and records are whole. Use as a context manager.

    Attributes:
        heads: number of heads that are there.
    """

    def __init__(self, out: Path, sitting: Sitting, overwrite: bool, first: int, common: Mapping[str, int]) -> None:
        """Opens what an interrupted process left, or begins.

        Args:
            out: zip that the dataset will be.
            sitting: how heads are drawn.
            overwrite: whether what was half made with other settings is thrown away.
            first: number of the first head.
            common: of a shard, what it has in common with all others beside the settings; empty if it is none.

        Raises:
            FileExistsError: what was half made has other settings.
            BlockingIOError: another process makes the same dataset.
        """
        self._out, self._views = out, sitting.views
        self._with_masks, self._with_depth = not sitting.transparent, sitting.depth
        self._overwrite, self._first = overwrite, first
        settings = json.dumps({"version": version("gghead"), **sitting.settings(), **common})
        self._statement = settings if common else None
        self._unfinished = UnfinishedFolder(out, settings, overwrite)
        self._folder = self._unfinished.path
        try:
            with named_errors(self._folder):
                self._open()
        except BaseException:
            self._unfinished.release()
            raise

    def _open(self) -> None:
        self._zips = [GrowingZip(self._folder / path.name) for path in self._archives()]
        self._streams = [(self._folder / name).open("ab") for name in ("heads.bin", "pictures.bin")]
        self.heads = self._whole_heads()
        self._keep(self.heads)

    def add(self, head: EncodedHead) -> None:
        """Appends the next head."""
        with named_errors(self._folder):
            self._add(head)
        self.heads += 1

    def _add(self, head: EncodedHead) -> None:
        kinds = [
            head.pictures,
            *([head.masks] if self._with_masks else []),
            *([head.depths] if self._with_depth else []),
        ]
        for archive, files in zip(self._zips, kinds, strict=True):
            for view, data in enumerate(files):
                archive.add(picture_name((self._first + self.heads) * self._views + view), data)
            archive.flush()
        for stream, record in zip(self._streams, (head.head_record, head.picture_records), strict=True):
            stream.write(record.tobytes())
            stream.flush()

    def finish(self, count: int, model: HeadModel) -> None:
        """Writes labels and truth, moves everything to its place, and removes the folder and what is of other heads.

        Args:
            count: heads of the dataset, no more than are there.
            model: names what the truth holds.

        Raises:
            FileExistsError: another process has made one of its files meanwhile.
            OSError: the disk is full or not writable; what is done stays in the hidden folder.
        """
        with named_errors(self._folder):
            self._finish(count, model)
        self._close_streams()
        self._unfinished.remove()

    def _finish(self, count: int, model: HeadModel) -> None:
        self._keep(count)
        heads = np.fromfile(self._folder / "heads.bin", HEAD_RECORD)
        pictures = np.fromfile(self._folder / "pictures.bin", PICTURE_RECORD)
        numbered = enumerate(pictures["label"], start=self._first * self._views)
        labels = [[picture_name(index), _short(label)] for index, label in numbered]
        self._zips[0].add(LABELS_NAME, json.dumps({"labels": labels}).encode())
        for archive in self._zips:
            if self._statement is not None:
                archive.add(SHARDS_NAME, self._statement.encode())
            archive.finish()
        write_truth(self._folder / truth_path(self._out).name, heads, pictures, model)
        if self._overwrite:
            for path in {masks_path(self._out), depth_path(self._out)} - set(self._archives()):
                path.unlink(missing_ok=True)
        # The pictures appear last: without their masks they would be a valid dataset of something else.
        self._unfinished.publish([truth_path(self._out), *reversed(self._archives())])

    def __enter__(self) -> "GrowingDataset":
        return self

    def __exit__(self, *_: object) -> None:
        if self._unfinished.held:
            for archive in self._zips:
                archive.abandon()
            self._close_streams()
            self._unfinished.release()

    def _archives(self) -> list[Path]:
        masks = [masks_path(self._out)] if self._with_masks else []
        return [self._out, *masks, *([depth_path(self._out)] if self._with_depth else [])]

    def _whole_heads(self) -> int:
        """Heads all of whose files and records are there."""
        counts = [len(archive) // self._views for archive in self._zips]
        heads = _whole_records(self._folder / "heads.bin", HEAD_RECORD)
        pictures = _whole_records(self._folder / "pictures.bin", PICTURE_RECORD)
        # Blocks that never reached the disk before a power cut read as zeros.
        good = heads["head"] == self._first + np.arange(len(heads))
        counts.append(len(heads) if good.all() else int(good.argmin()))
        good = pictures["head"] == self._first + np.arange(len(pictures)) // self._views
        counts.append((len(pictures) if good.all() else int(good.argmin())) // self._views)
        return min(counts)

    def _keep(self, heads: int) -> None:
        for archive in self._zips:
            archive.keep(heads * self._views)
        sizes = (heads * HEAD_RECORD.itemsize, heads * self._views * PICTURE_RECORD.itemsize)
        for stream, size in zip(self._streams, sizes, strict=True):
            stream.truncate(size)
            stream.seek(size)

    def _close_streams(self) -> None:
        for stream in self._streams:
            with suppress(OSError):  # what a full disk did not take is missing, which opening finds out
                stream.close()


def picture_name(index: int) -> str:
    """Name of a picture in the archives."""
    return f"{index // FILES_PER_FOLDER:05d}/img{index:08d}.png"


def depth_path(out: Path) -> Path:
    """Where the depth of a dataset's pictures is: heads.zip -> heads_depth.zip."""
    return out.with_name(f"{out.stem}_depth.zip")


def truth_path(out: Path) -> Path:
    """Where the truth about a dataset is: heads.zip -> heads_truth.npz."""
    return out.with_name(f"{out.stem}_truth.npz")


def _short(label: np.ndarray) -> list[float]:
    """Numbers with the nine digits that tell every float32 from its neighbours: half as long in JSON as with all."""
    return [float(f"{number:.9g}") for number in label.tolist()]


def _whole_records(path: Path, dtype: np.dtype) -> np.ndarray:
    return np.fromfile(path, dtype, count=path.stat().st_size // dtype.itemsize)

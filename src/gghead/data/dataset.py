"""Pictures of heads with their cameras, as foreground and alpha at one resolution."""

import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, closing
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Bool, Float32, Int64, UInt8
from torch import Tensor

from gghead.config.numbers import require_power_of_two
from gghead.data.archive import open_archive
from gghead.data.cache.decoded import DecodedPixels
from gghead.data.cache.decoding import decode_all
from gghead.data.decoder import PictureDecoder
from gghead.data.labels import LABELS_NAME, Labels, parse_labels
from gghead.data.parallel import prefetch, thread_count
from gghead.data.picture_files import (
    MASKS_SUFFIX,
    PictureFiles,
    open_masks,
    read_labels_file,
    require_masks,
    unmatched_files,
)
from gghead.data.pixels import composite
from gghead.data.problems import summarize
from gghead.data.sampler import Selection

SMALLEST_RESOLUTION = 8
PROBES = 8
"""Pictures that are looked at when a set without masks is opened."""
PREFETCH_BATCHES = 3
"""That threads work on while one is used."""
MAX_READERS = 16
"""Threads that fetch pictures: a host trains with several GPUs, and each has its own."""


class MissingMasksWarning(UserWarning):
    """A dataset has no masks, so that its backgrounds become part of the heads."""


class _Task(NamedTuple):
    """Pictures that a thread fetches in one go, and the batch that they are a part of."""

    indices: Int64[np.ndarray, " P"]
    flipped: Bool[np.ndarray, " P"]
    out: UInt8[np.ndarray, "P R R 4"]
    batch: UInt8[Tensor, "B R R 4"]


class HeadDataset:
    """An archive of pictures in the format of EG3D and GGHead; use `open`. Any number of threads may ask for pixels.

    Pixels are premultiplied foreground and alpha (`pixels.composite` puts them on a background). They are decoded every
    time they are asked for, until `decode` has decoded all.

    With masks they say what is foreground, and the alpha of pictures is dropped. Without masks the alpha of each
    picture is its mask, and opaque pictures stay as they are. The orientation in EXIF data is not applied: labels
    belong to pixels as they are stored.

    Attributes:
        names: names of the pictures, sorted; the order of pixels and labels.
        labels: camera labels, float32 [M, 25].
        resolution: side of the pictures, pixels.
        files: pictures and masks as they are stored.
        has_masks: whether there are files of masks.
    """

    def __init__(self, files: PictureFiles, labels: Labels, resolution: int) -> None:
        self.names = labels.names
        self.labels: Float32[np.ndarray, "M 25"] = labels.values
        self.resolution = resolution
        self.files = files
        self.has_masks = files.masks is not None
        self._decoder = PictureDecoder(files, labels.names, resolution)
        self._decoded: DecodedPixels | None = None

    @classmethod
    def open(cls, path: str | Path, resolution: int, masks: str | Path | None = None) -> "HeadDataset":
        """Opens a dataset and validates everything but the pixels (`decode` looks at those).

        Args:
            path: zip, in one piece or in shards, or folder with pictures and dataset.json.
            resolution: side of the pictures wanted, a power of two from 8.
            masks: zip or folder with masks of the same names; by default <stem>_masks_modnet(.zip) beside `path`.

        Raises:
            FileNotFoundError: there is no archive, a shard is missing, or there are no masks where `masks` says.
            ValueError: the resolution, the archive, a label or the set of files is not as it must be.

        Warns:
            MissingMasksWarning: there are no masks, and a few pictures from all over the set are opaque. `decode` tells
                how many of all are.

        Example:
            >>> HeadDataset.open("FFHQ_png_512.zip", resolution=256)  # doctest: +SKIP
        """
        require_power_of_two("resolution", resolution, SMALLEST_RESOLUTION)
        path = Path(path)
        with ExitStack() as opened:
            pictures = opened.enter_context(open_archive(path))
            labels = parse_labels(read_labels_file(pictures), path)
            missing, unlabelled = unmatched_files(labels.names, pictures)
            if missing or unlabelled:
                facts = f"{len(missing)} labels without picture, {len(unlabelled)} pictures without label"
                raise ValueError(
                    f"pictures and {LABELS_NAME} of {path} do not belong together: {facts}; add or remove them:\n"
                    f"{summarize(missing + unlabelled)}"
                )
            mask_archive, mask_names = open_masks(path, masks), {}
            if mask_archive is not None:
                mask_names = require_masks(labels.names, opened.enter_context(mask_archive))
            files = PictureFiles(pictures, mask_archive, mask_names)
            probes = labels.names[:: -(-len(labels.names) // PROBES)]
            if mask_archive is None and not any(map(files.is_transparent, probes)):
                warnings.warn(
                    f"{path} has no masks beside it ({path.stem}{MASKS_SUFFIX}.zip): GGHead expects heads cut out from "
                    "their background; without masks the background becomes a part of the heads",
                    MissingMasksWarning,
                    stacklevel=2,
                )
            dataset = cls(files, labels, resolution)
            opened.pop_all()  # closed by the dataset from now on
            return dataset

    def __len__(self) -> int:
        """Number of pictures."""
        return len(self.names)

    def pixels(
        self,
        indices: Int64[np.ndarray, " B"] | Sequence[int],
        flipped: Bool[np.ndarray, " B"] | None = None,
        out: UInt8[np.ndarray, "B R R 4"] | None = None,
    ) -> UInt8[np.ndarray, "B R R 4"]:
        """Premultiplied foreground and alpha of pictures.

        Args:
            indices: which pictures, 0 to len - 1.
            flipped: which of them are mirrored left to right; none by default.
            out: receives them, if given.

        Raises:
            FileNotFoundError: a file vanished from a folder since it was opened. Names it.
            ValueError: a picture or its mask is damaged, of the wrong shape, or too small. Names the picture.
        """
        indices = np.asarray(indices, np.int64)
        if out is None:
            out = np.empty((len(indices), self.resolution, self.resolution, 4), np.uint8)
        if self._decoded is not None:
            self._decoded.take(indices, out)
        else:
            for place, index in enumerate(indices):
                out[place] = self._decoder.decode(int(index))
        for place in () if flipped is None else np.flatnonzero(flipped):
            out[place] = out[place, :, ::-1]
        return out

    def read(self, index: int, background: float = 1.0) -> UInt8[np.ndarray, "R R 3"]:
        """A picture on a grey background, 0 black to 1 white; errors as of `pixels`."""
        return composite(torch.from_numpy(self.pixels([index])), background)[0].numpy()

    def stream(self, batches: Iterable[Selection], pinned: bool = False) -> Iterator[UInt8[Tensor, "B R R 4"]]:
        """Pixels of batches in their order, fetched by threads a few batches ahead; errors as of `pixels`.

        Args:
            batches: which pictures; taken by the caller's thread, `PREFETCH_BATCHES` before they are used.
            pinned: whether in memory from which a GPU copies by itself.
        """
        side = self.resolution

        def tasks(batch: Selection) -> Iterator[_Task]:
            """One where pictures only have to be copied, else one a picture."""
            pixels = torch.empty((len(batch), side, side, 4), dtype=torch.uint8, pin_memory=pinned)
            size = 1 if self._decoded is None else len(batch)
            for first in range(0, len(batch), size):
                place = slice(first, first + size)
                yield _Task(batch.indices[place], batch.flipped[place], pixels[place].numpy(), pixels)

        def fetch(task: _Task) -> Tensor:
            self.pixels(task.indices, task.flipped, task.out)
            return task.batch

        threads = min(thread_count(), MAX_READERS)
        with closing(prefetch(fetch, map(tasks, batches), PREFETCH_BATCHES, threads)) as fetched:
            for batch, *_ in fetched:
                yield batch

    def decode(self, on_event: Callable[[str], None] = lambda text: None) -> None:
        """Decodes all pictures, once: from now on they are had at memory speed.

        Damaged ones are all found now, not after hours of a run. If the cache can't be written (the disk is full, say)
        that is told, and pictures are still decoded as they are needed.

        Args:
            on_event: is told of the cache, of progress with the remaining time, and of everything unusual.

        Raises:
            ValueError: pictures or masks cannot be used; says how many, and names the first.
        """
        self._decoded = decode_all(self._decoder, on_event)
        if self._decoded is not None and self._decoded.num_cut_out < len(self):
            whole = len(self) - self._decoded.num_cut_out
            why = "masks white all over" if self.has_masks else "neither a mask nor alpha"
            on_event(
                f"WARNING: {whole} of {len(self)} pictures have {why}: their backgrounds become a part of the heads; "
                "`gghead data check` says more"
            )

    @property
    def num_cut_out(self) -> int | None:
        """Pictures in which anything is background; None until they are decoded."""
        return None if self._decoded is None else self._decoded.num_cut_out

    @property
    def decoded_bytes(self) -> int:
        """Of all pixels, in memory or mapped into it; 0 until they are decoded."""
        return 0 if self._decoded is None else self._decoded.pixels.nbytes

    def identity(self) -> str:
        """A short text that is another one when anything that decides about the pixels has changed.

        Raises:
            FileNotFoundError: a file vanished from a folder since it was opened.
        """
        return self._decoder.identity()

    def close(self) -> None:
        """Lets go of the files."""
        self.files.close()

    def __enter__(self) -> "HeadDataset":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def masks_path(path: Path) -> Path:
    """Where the masks of a new zip of pictures belong: FFHQ.zip -> FFHQ_masks_modnet.zip."""
    return path.with_name(f"{path.stem}{MASKS_SUFFIX}.zip")

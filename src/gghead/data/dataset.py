"""Pictures of heads with their cameras, cut out by their masks and brought to one resolution."""

import hashlib
import warnings
from pathlib import Path

import numpy as np
from jaxtyping import Bool, Float32, Int64, UInt8

from gghead.config.model import require_power_of_two, require_range
from gghead.data.archive import open_archive
from gghead.data.cutout import Cutout, cut_out
from gghead.data.labels import LABELS_NAME, Labels, mirror_labels, parse_labels
from gghead.data.picture_files import (
    MASKS_SUFFIX,
    PictureFiles,
    open_masks,
    read_labels_file,
    require_masks,
    unmatched_files,
)
from gghead.data.problems import summarize
from gghead.data.source import PictureSource
from gghead.media.images import RESIZE_FILTER

SMALLEST_RESOLUTION = 8
READING = 3
"""How files become pixels and masks; another number, and what was decoded before is not used any more."""
PROBES = 8
"""Pictures that are looked at when a set without masks is opened."""


class MissingMasksWarning(UserWarning):
    """A dataset has no masks, so that its backgrounds become part of the heads."""


class HeadDataset(PictureSource):
    """An archive of pictures in the format of EG3D and GGHead; use `open`. Decodes what it is asked for, every time.

    With masks they say what is foreground, and transparency inside of pictures is dropped. Without masks the
    transparency of each picture is its mask, and opaque pictures stay as they are. The orientation in EXIF data is not
    applied: labels belong to pixels as they are stored.

    Attributes:
        names: names of the pictures, sorted; the order of `read` and `labels`.
        labels: camera labels, float32 [M, 25].
        resolution: side of the pictures that `read` returns, pixels.
        background: grey value behind the heads, 0 black to 1 white.
        has_masks: whether there are files of masks.
    """

    task_size = 1

    def __init__(self, files: PictureFiles, labels: Labels, resolution: int, background: float) -> None:
        self.names = labels.names
        self.labels: Float32[np.ndarray, "M 25"] = labels.values
        self.resolution = resolution
        self.background = background
        self.has_masks = files.masks is not None
        self._files = files

    @classmethod
    def open(
        cls, path: str | Path, resolution: int, background: float = 1.0, masks: str | Path | None = None
    ) -> "HeadDataset":
        """Opens a dataset and validates everything but the pixels (`decoding.decode` looks at those).

        Args:
            path: zip or folder with pictures and dataset.json.
            resolution: side of the pictures wanted, a power of two from 8.
            background: grey value behind the heads, 0 black to 1 white.
            masks: zip or folder with masks of the same names; by default <stem>_masks_modnet(.zip) beside `path`.

        Raises:
            FileNotFoundError: there is no archive, or no masks where `masks` says.
            ValueError: the resolution, the archive, a label or the set of files is not as it must be.

        Warns:
            MissingMasksWarning: there are no masks, and a few pictures from all over the set are opaque. `decode` tells
                how many of all are.

        Example:
            >>> HeadDataset.open("FFHQ_png_512.zip", resolution=256)  # doctest: +SKIP
        """
        require_power_of_two("resolution", resolution, at_least=SMALLEST_RESOLUTION)
        require_range("background", background, 0, 1)
        path = Path(path)
        pictures = open_archive(path)
        mask_archive = None
        try:
            labels = parse_labels(read_labels_file(pictures), path)
            missing, unlabelled = unmatched_files(labels.names, pictures)
            if missing or unlabelled:
                facts = f"{len(missing)} labels without picture, {len(unlabelled)} pictures without label"
                raise ValueError(
                    f"pictures and {LABELS_NAME} of {path} do not belong together: {facts}; add or remove them:\n"
                    f"{summarize(missing + unlabelled)}"
                )
            mask_archive = open_masks(path, masks)
            mask_names = {} if mask_archive is None else require_masks(labels.names, mask_archive)
            files = PictureFiles(pictures, mask_archive, mask_names)
            if mask_archive is None and not any(files.is_transparent(name) for name in spread(labels.names)):
                warnings.warn(
                    f"{path} has no masks beside it ({path.stem}{MASKS_SUFFIX}.zip): GGHead expects heads cut out from "
                    "their background; without masks the background becomes a part of the heads",
                    MissingMasksWarning,
                    stacklevel=2,
                )
            return cls(files, labels, resolution, background)
        except BaseException:
            pictures.close()
            if mask_archive is not None:
                mask_archive.close()
            raise

    @property
    def files(self) -> PictureFiles:
        """Pictures and masks as they are stored."""
        return self._files

    def __len__(self) -> int:
        """Number of pictures."""
        return len(self.names)

    def label(self, index: int, flipped: bool = False) -> Float32[np.ndarray, "25"]:
        """Camera label of a picture, or of its mirror image."""
        label = self.labels[index]
        return mirror_labels(label) if flipped else label.copy()

    def read(self, index: int, flipped: bool = False, background: float | None = None) -> UInt8[np.ndarray, "R R 3"]:
        """A picture on its background at the dataset's resolution.

        Args:
            index: 0 to len - 1.
            flipped: whether it is mirrored left to right; its label is then `label(index, flipped=True)`.
            background: grey value for this time only, 0 to 1; by default the dataset's.

        Raises:
            FileNotFoundError: a file vanished from a folder since it was opened.
            ValueError: the picture or its mask is damaged, of the wrong shape, or too small. Names the picture.
        """
        pixels = self.cutout(index, background).rgb
        return pixels[:, ::-1].copy() if flipped else pixels

    def cutout(self, index: int, background: float | None = None) -> Cutout:
        """A picture with its transparency; arguments and errors as of `read`."""
        color = self.background if background is None else background
        with self._files.decoded(self.names[index], self.resolution) as stored:
            return cut_out(stored.pixels, stored.mask, color, self.resolution)

    def fill(
        self,
        indices: Int64[np.ndarray, " B"],
        flipped: Bool[np.ndarray, " B"],
        rgb: UInt8[np.ndarray, "B R R 3"],
        transparency: UInt8[np.ndarray, "B R R"] | None = None,
    ) -> None:
        for place, (index, mirrored) in enumerate(zip(indices, flipped, strict=True)):
            cutout = self.cutout(int(index))
            step = -1 if mirrored else 1
            rgb[place] = cutout.rgb[:, ::step]
            if transparency is not None:
                transparency[place] = cutout.transparency[:, ::step]

    def identity(self) -> str:
        """A short text that is another one when anything that decides about the pixels of `read` has changed.

        Raises:
            FileNotFoundError: a file vanished from a folder since it was opened.
        """
        files = self._files
        parts = [READING, self.resolution, self.background, RESIZE_FILTER.name, files.pictures.identity(self.names)]
        if files.masks is not None:
            parts.append(files.masks.identity(files.mask_names[name] for name in self.names))
        return hashlib.sha256(repr(parts).encode()).hexdigest()[:24]

    def close(self) -> None:
        """Lets go of the files."""
        self._files.close()

    def __enter__(self) -> "HeadDataset":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def spread(names: tuple[str, ...]) -> tuple[str, ...]:
    """A few names from all over a set."""
    return names[:: -(-len(names) // PROBES)]


def masks_path(path: Path) -> Path:
    """Where the masks of a new zip of pictures belong: FFHQ.zip -> FFHQ_masks_modnet.zip."""
    return path.with_name(f"{path.stem}{MASKS_SUFFIX}.zip")

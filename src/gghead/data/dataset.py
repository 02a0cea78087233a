"""Pictures of heads with their cameras, cut out by their masks and brought to one resolution."""

import os
import warnings
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import numpy as np
from jaxtyping import Float32, UInt8

from gghead.config.model import require_power_of_two, require_range
from gghead.data.archive import Archive, open_archive
from gghead.data.labels import LABELS_NAME, Labels, mirror_labels, parse_labels
from gghead.data.problems import summarize
from gghead.media.images import decode_grey, decode_rgb, resize

PICTURE_SUFFIXES = (".png", ".jpg", ".jpeg", ".webp")
MASKS_SUFFIX = "_masks_modnet"
"""FFHQ.zip has its masks in FFHQ_masks_modnet.zip or in the folder FFHQ_masks_modnet."""
SMALLEST_RESOLUTION = 8
DEFAULT_CACHE_BYTES = 512 * 2**20
"""Sets that fit in this much memory are decoded once: all of FFHQ at 32 pixels, 40,000 pictures at 64."""


class MissingMasksWarning(UserWarning):
    """A dataset has no masks, so that its backgrounds become part of the heads."""


@dataclass(frozen=True)
class CheckReport:
    """What a look at every picture of a dataset found.

    Attributes:
        pictures: number of pictures looked at.
        problems: a sentence for each that cannot be used.
    """

    pictures: int
    problems: tuple[str, ...]


class HeadDataset:
    """An archive of pictures in the format of EG3D and GGHead; use `open`. Any number of threads may read.

    Attributes:
        names: names of the pictures, sorted; the order of `read` and `labels`.
        labels: camera labels, float32 [M, 25].
        resolution: side of the pictures that `read` returns, pixels.
        background: grey value behind the heads, 0 black to 1 white.
    """

    def __init__(
        self, pictures: Archive, masks: Archive | None, labels: Labels, resolution: int, background: float, cache: bool
    ) -> None:
        self.names = labels.names
        self.labels: Float32[np.ndarray, "M 25"] = labels.values
        self.resolution = resolution
        self.background = background
        self._pictures = pictures
        self._masks = masks
        self._mask_names = {} if masks is None else _mask_names(labels.names, masks)
        self._cache: dict[int, np.ndarray] | None = {} if cache else None

    @classmethod
    def open(
        cls,
        path: str | Path,
        resolution: int,
        background: float = 1.0,
        masks: str | Path | None = None,
        cache_bytes: int = DEFAULT_CACHE_BYTES,
    ) -> "HeadDataset":
        """Opens a dataset and validates everything but the pixels (`check` looks at those).

        Args:
            path: zip or folder with pictures and dataset.json.
            resolution: side of the pictures wanted, a power of two from 8.
            background: grey value behind the heads, 0 black to 1 white.
            masks: zip or folder with masks of the same names; by default <stem>_masks_modnet(.zip) beside `path`.
            cache_bytes: decoded pictures are kept in memory if all of them take no more than this.

        Raises:
            FileNotFoundError: there is no archive, or no masks where `masks` says.
            ValueError: the resolution, the archive, a label or the set of files is not as it must be.

        Warns:
            MissingMasksWarning: there are no masks.

        Example:
            >>> HeadDataset.open("FFHQ_png_512.zip", resolution=256)  # doctest: +SKIP
        """
        require_power_of_two("resolution", resolution, at_least=SMALLEST_RESOLUTION)
        require_range("background", background, 0, 1)
        path = Path(path)
        pictures = open_archive(path)
        try:
            files = frozenset(pictures.names())
            if LABELS_NAME not in files:
                raise ValueError(
                    f"{path} holds no {LABELS_NAME}; expected one in its root with the camera of every picture "
                    '({"labels": [["00000/img00000000.png", [25 numbers]], ...]})'
                )
            labels = parse_labels(pictures.read(LABELS_NAME), path)
            _require_same_pictures(path, labels.names, files)
            mask_archive = _open_masks(path, masks)
            if mask_archive is None:
                warnings.warn(
                    f"{path} has no masks beside it ({path.stem}{MASKS_SUFFIX}.zip): GGHead expects heads cut out from "
                    "their background; without masks the background becomes a part of the heads",
                    MissingMasksWarning,
                    stacklevel=2,
                )
            cache = len(labels.names) * resolution**2 * 3 <= cache_bytes
            return cls(pictures, mask_archive, labels, resolution, background, cache)
        except BaseException:
            pictures.close()
            raise

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
        pixels = None
        cached = self._cache is not None and background is None
        if cached:
            pixels = self._cache.get(index)
        if pixels is None:
            pixels = self._compose(index, self.background if background is None else background)
            if cached:
                self._cache[index] = pixels
        return pixels[:, ::-1].copy() if flipped else pixels.copy()

    def check(self, on_progress: Callable[[int], None] | None = None) -> CheckReport:
        """Reads every picture with its mask and reports each that cannot be used.

        Args:
            on_progress: called with the number of pictures looked at so far.
        """
        problems = []
        with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
            try:
                for done, problem in enumerate(pool.map(self._problem, range(len(self))), start=1):
                    if problem is not None:
                        problems.append(problem)
                    if on_progress is not None:
                        on_progress(done)
            finally:
                pool.shutdown(cancel_futures=True)
        return CheckReport(len(self), tuple(problems))

    def close(self) -> None:
        """Lets go of the files."""
        self._pictures.close()
        if self._masks is not None:
            self._masks.close()

    def __enter__(self) -> "HeadDataset":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _problem(self, index: int) -> str | None:
        try:
            self._compose(index, self.background)
        except (ValueError, FileNotFoundError) as error:
            return str(error)
        return None

    def _compose(self, index: int, background: float) -> np.ndarray:
        name = self.names[index]
        pixels = _decode(decode_rgb, self._pictures, name)
        height, width = pixels.shape[:2]
        if height != width:
            raise ValueError(f"{name} is {width} x {height} pixels; expected a square picture - crop it")
        if height < self.resolution:
            raise ValueError(
                f"{name} has {height} pixels a side, fewer than the resolution {self.resolution}; "
                "choose a lower resolution or larger pictures"
            )
        if self._masks is not None:
            mask = _decode(decode_grey, self._masks, self._mask_names[name])
            if mask.shape != (height, width):
                raise ValueError(
                    f"the mask of {name} is {mask.shape[1]} x {mask.shape[0]} pixels, the picture {width} x {height}; "
                    "expected the same size - make the mask anew"
                )
            pixels = composite(pixels, mask, background)
        return resize(pixels, self.resolution)


def composite(
    pixels: UInt8[np.ndarray, "H W 3"], mask: UInt8[np.ndarray, "H W"], background: float
) -> UInt8[np.ndarray, "H W 3"]:
    """mask * pixels + (1 - mask) * background, rounded; background in [0, 1]."""
    coverage = mask[..., None].astype(np.float32) / 255
    return (coverage * pixels + (1 - coverage) * np.float32(background * 255)).round().astype(np.uint8)


def masks_path(path: Path) -> Path:
    """Where the masks of a new zip of pictures belong: FFHQ.zip -> FFHQ_masks_modnet.zip."""
    return path.with_name(f"{path.stem}{MASKS_SUFFIX}.zip")


def _open_masks(path: Path, given: str | Path | None) -> Archive | None:
    if given is not None:
        return open_archive(Path(given))
    stem = path.name if path.is_dir() else path.stem
    for candidate in (path.with_name(f"{stem}{MASKS_SUFFIX}.zip"), path.with_name(f"{stem}{MASKS_SUFFIX}")):
        if candidate.exists():
            return open_archive(candidate)
    return None


def _require_same_pictures(path: Path, labelled: tuple[str, ...], files: frozenset[str]) -> None:
    stored = {name for name in files if name.lower().endswith(PICTURE_SUFFIXES)}
    missing = [f"{name} has a label but there is no such picture" for name in labelled if name not in files]
    unlabelled = [f"{name} has no label" for name in sorted(stored - set(labelled))]
    if missing or unlabelled:
        raise ValueError(
            f"pictures and {LABELS_NAME} of {path} do not belong together: {len(missing)} labels without picture, "
            f"{len(unlabelled)} pictures without label; add or remove them:\n{summarize(missing + unlabelled)}"
        )


def _mask_names(pictures: tuple[str, ...], masks: Archive) -> dict[str, str]:
    # Masks are PNG even where pictures are JPEG, so names are compared without their endings.
    by_stem = {str(PurePosixPath(name).with_suffix("")): name for name in masks.names() if _is_picture(name)}
    stems = {name: str(PurePosixPath(name).with_suffix("")) for name in pictures}
    found = {name: by_stem[stem] for name, stem in stems.items() if stem in by_stem}
    missing = [f"{name} has no mask" for name in pictures if name not in found]
    if missing:
        raise ValueError(
            f"{len(missing)} of {len(pictures)} pictures have no mask in {masks.path}; add the masks or remove the "
            f"pictures:\n{summarize(missing)}"
        )
    return found


def _is_picture(name: str) -> bool:
    return name.lower().endswith(PICTURE_SUFFIXES)


def _decode(decoder: Callable[[bytes], np.ndarray], archive: Archive, name: str) -> np.ndarray:
    data = archive.read(name)
    try:
        return decoder(data)
    except ValueError as error:
        raise ValueError(f"{name} in {archive.path}: {error}") from error

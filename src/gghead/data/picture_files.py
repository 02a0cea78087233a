"""Pictures, masks and labels as files: which belong together, and the pixels of one of them."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from posixpath import splitext

import numpy as np
from jaxtyping import UInt8

from gghead.data.archive import Archive, open_archive
from gghead.data.labels import LABELS_NAME
from gghead.data.problems import summarize
from gghead.media.images import decode_grey, decode_rgb, decode_rgba

PICTURE_SUFFIXES = (".png", ".jpg", ".jpeg", ".webp")
MASKS_SUFFIX = "_masks_modnet"
"""FFHQ.zip has its masks in FFHQ_masks_modnet.zip or in the folder FFHQ_masks_modnet."""


@dataclass(frozen=True)
class PictureFiles:
    """Pictures and, where there are some, their masks.

    Attributes:
        pictures: archive of the pictures.
        masks: archive of the masks, or None: then the transparency of a picture is its mask.
        mask_names: name of the mask for the name of each picture.
    """

    pictures: Archive
    masks: Archive | None
    mask_names: dict[str, str]

    def decode(self, name: str, resolution: int) -> tuple[UInt8[np.ndarray, "H H 3"], UInt8[np.ndarray, "H H"]]:
        """Pixels and mask of a picture as they are stored.

        Args:
            name: of a picture that has a mask, if there are masks.
            resolution: smallest side that is wanted, pixels.

        Raises:
            FileNotFoundError: a file vanished from a folder since it was opened.
            ValueError: the picture or its mask is damaged, of the wrong shape, or too small. Names the picture.
        """
        if self.masks is None:
            rgba = _decode(decode_rgba, self.pictures, name)
            pixels, mask = np.ascontiguousarray(rgba[..., :3]), np.ascontiguousarray(rgba[..., 3])
        else:
            pixels = _decode(decode_rgb, self.pictures, name)
            mask = _decode(decode_grey, self.masks, self.mask_names[name])
        height, width = pixels.shape[:2]
        if height != width:
            raise ValueError(f"{name} is {width} x {height} pixels; expected a square picture - crop it")
        if height < resolution:
            raise ValueError(
                f"{name} has {height} pixels a side, fewer than the resolution {resolution}; "
                "choose a lower resolution or larger pictures"
            )
        if mask.shape != (height, width):
            raise ValueError(
                f"the mask of {name} is {mask.shape[1]} x {mask.shape[0]} pixels, the picture {width} x {height}; "
                "expected the same size - make the mask anew"
            )
        return pixels, mask

    def is_transparent(self, name: str) -> bool:
        """Whether a picture has a transparency of its own; not if it is damaged."""
        try:
            return bool(decode_rgba(self.pictures.read(name))[..., 3].min() < 255)
        except ValueError:
            return False

    def close(self) -> None:
        """Lets go of both archives."""
        self.pictures.close()
        if self.masks is not None:
            self.masks.close()


def open_masks(path: Path, given: str | Path | None = None) -> Archive | None:
    """The masks of an archive of pictures: those given, else those beside it, else none.

    Raises:
        FileNotFoundError: there are none where `given` says.
        ValueError: they are no readable archive.
    """
    if given is not None:
        return open_archive(Path(given))
    stem = path.name if path.is_dir() else path.stem
    for candidate in (path.with_name(f"{stem}{MASKS_SUFFIX}.zip"), path.with_name(f"{stem}{MASKS_SUFFIX}")):
        if candidate.exists():
            return open_archive(candidate)
    return None


def read_labels_file(pictures: Archive) -> bytes:
    """Content of the dataset.json of an archive.

    Raises:
        ValueError: it has none, or it is damaged.
    """
    if LABELS_NAME not in pictures.names():
        raise ValueError(
            f"{pictures.path} holds no {LABELS_NAME}; expected one in its root with the camera of every picture "
            '({"labels": [["00000/img00000000.png", [25 numbers]], ...]})'
        )
    return pictures.read(LABELS_NAME)


def unmatched_files(labelled: tuple[str, ...], pictures: Archive) -> tuple[list[str], list[str]]:
    """A sentence for each label without picture, and for each picture without label."""
    files = frozenset(pictures.names())
    stored = {name for name in files if _is_picture(name)}
    missing = [f"{name} has a label but there is no such picture" for name in labelled if name not in files]
    return missing, [f"{name} has no label" for name in sorted(stored - set(labelled))]


def find_masks(pictures: tuple[str, ...], masks: Archive) -> dict[str, str]:
    """The mask of each picture that has one; masks are PNG even where pictures are JPEG, so endings don't count."""
    by_stem = {splitext(name)[0]: name for name in masks.names() if _is_picture(name)}
    stems = {name: splitext(name)[0] for name in pictures}
    return {name: by_stem[stem] for name, stem in stems.items() if stem in by_stem}


def require_masks(pictures: tuple[str, ...], masks: Archive) -> dict[str, str]:
    """The mask of each picture.

    Raises:
        ValueError: a picture has none.
    """
    found = find_masks(pictures, masks)
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

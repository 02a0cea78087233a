"""Pictures, masks and labels as files: which belong together, and the pixels of one of them."""

import os
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from posixpath import basename, splitext
from typing import TypeVar

import numpy as np
from jaxtyping import UInt8

from gghead.data.archive import JUNK, LABELS_NAME, LEADS_OUT, Archive, open_archive
from gghead.data.masks import Mask, decode_mask
from gghead.data.memory import BYTES_PER_PIXEL, DECODING
from gghead.data.problems import summarize
from gghead.media.encoded import EncodedPicture, decode_picture, picture_size
from gghead.runs.shards import is_there, require_own

T = TypeVar("T")

PICTURE_SUFFIXES = (".png", ".jpg", ".jpeg", ".webp")
MASKS_SUFFIX = "_masks_modnet"
"""FFHQ.zip has its masks in FFHQ_masks_modnet.zip or in the folder FFHQ_masks_modnet."""


ORDINARY_PIXELS = 1024 * 1024
"""Pictures up to this size are decoded without asking first how large they are."""


@dataclass(frozen=True)
class StoredPicture:
    """A picture with its mask as they are in their files.

    Attributes:
        pixels: colours, whatever the mask says.
        mask: 255 where the person is; the opacity of the picture where there are no masks.
        picture: the picture's file.
        mask_file: the mask's file, or None.
    """

    pixels: UInt8[np.ndarray, "H H 3"]
    mask: UInt8[np.ndarray, "H H"]
    picture: EncodedPicture
    mask_file: Mask | None


@dataclass(frozen=True)
class PictureFiles:
    """Pictures and, where there are some, their masks.

    Attributes:
        pictures: archive of the pictures.
        masks: archive of the masks, or None: then the alpha of a picture is its mask.
        mask_names: name of the mask for the name of each picture.
    """

    pictures: Archive
    masks: Archive | None
    mask_names: dict[str, str]

    @contextmanager
    def decoded(self, name: str, resolution: int) -> Iterator[StoredPicture]:
        """Pixels and mask of a picture as they are stored, for the block, in memory that all threads share (memory.py).

        Args:
            name: of a picture that has a mask, if there are masks.
            resolution: smallest side that is wanted, pixels.

        Raises:
            FileNotFoundError: a file vanished from a folder since it was opened.
            ValueError: the picture or its mask is damaged, of the wrong shape, or too small. Names the picture.
        """
        files = self.pictures.size(name)
        if self.masks is not None:
            files += self.masks.size(self.mask_names[name])
        with DECODING.hold(files + ORDINARY_PIXELS * BYTES_PER_PIXEL):
            contents = self._read(name)
            pixels = self._pixel_count(name, contents, resolution)
            if pixels <= ORDINARY_PIXELS:
                yield self._decode(name, *contents)
                return
            del contents
        with DECODING.hold(files + pixels * BYTES_PER_PIXEL):
            yield self._decode(name, *self._read(name))

    def _read(self, name: str) -> tuple[bytes, bytes | None]:
        mask = None if self.masks is None else self.masks.read(self.mask_names[name])
        return self.pictures.read(name), mask

    def _pixel_count(self, name: str, contents: tuple[bytes, bytes | None], resolution: int) -> int:
        """Pixels of a picture whose headers declare the right sizes."""
        data, mask = contents
        width, height = self._tried(picture_size, name, data)
        if height != width:
            raise ValueError(f"{name} is {width} x {height} pixels; expected a square picture - crop it")
        if height < resolution:
            raise ValueError(
                f"{name} has {height} pixels a side, fewer than the resolution {resolution}; "
                "choose a lower resolution or larger pictures"
            )
        if mask is not None:
            mask_width, mask_height = self._tried(picture_size, name, mask, of_mask=True)
            if (mask_width, mask_height) != (width, height):
                raise ValueError(
                    f"the mask of {name} is {mask_width} x {mask_height} pixels, the picture {width} x {height}; "
                    "expected the same size - make the mask anew"
                )
        return width * height

    def _decode(self, name: str, data: bytes, mask_data: bytes | None) -> StoredPicture:
        picture = self._tried(decode_picture, name, data)
        if mask_data is not None:
            mask = self._tried(decode_mask, name, mask_data, of_mask=True)
            return StoredPicture(picture.rgb, mask.coverage, picture, mask)
        opacity = np.full(picture.rgb.shape[:2], 255, np.uint8) if picture.opacity is None else picture.opacity
        return StoredPicture(picture.rgb, opacity, picture, None)

    def _tried(self, decoder: Callable[[bytes], T], name: str, data: bytes, of_mask: bool = False) -> T:
        """What a decoder gives; its error names the file."""
        try:
            return decoder(data)
        except ValueError as error:
            if of_mask and self.masks is not None:
                raise ValueError(f"{self.mask_names[name]} in {self.masks.path}: {error}") from error
            raise ValueError(f"{name} in {self.pictures.path}: {error}") from error

    def is_transparent(self, name: str) -> bool:
        """Whether a picture has an alpha of its own; not if it can't be used."""
        try:
            with self.decoded(name, 1) as stored:
                return stored.picture.opacity is not None
        except (ValueError, FileNotFoundError):
            return False

    def close(self) -> None:
        """Lets go of both archives."""
        self.pictures.close()
        if self.masks is not None:
            self.masks.close()


def open_masks(path: Path, given: str | Path | None = None) -> Archive | None:
    """The masks of an archive of pictures: those given, else those beside it or beside what it links to, else none.

    Raises:
        FileNotFoundError: there are none where `given` says.
        ValueError: they are no readable archive, or of other pictures, as far as that is known.
    """
    if given is not None:
        require_own(path, Path(given))
        return open_archive(Path(given))
    for place in (Path(os.path.abspath(path)), path.resolve()):  # "." has no name, and ".." another one
        stem = place.name if place.is_dir() else place.stem
        for candidate in (place.parent / f"{stem}{MASKS_SUFFIX}.zip", place.parent / f"{stem}{MASKS_SUFFIX}"):
            if is_there(candidate):
                require_own(place, candidate)
                return open_archive(candidate)
    return None


def read_labels_file(pictures: Archive) -> bytes:
    """Content of the dataset.json of an archive.

    Raises:
        ValueError: it has none, or it is damaged.
    """
    names = pictures.names()
    if LABELS_NAME not in names:
        deeper = [name for name in names if basename(name) == LABELS_NAME]
        found = f"; there is {summarize(deeper[:1])}: give that folder alone" if deeper else ""
        raise ValueError(
            f"{pictures.path} holds no {LABELS_NAME}; expected one in its root with the camera of every picture "
            f'({{"labels": [["00000/img00000000.png", [25 numbers]], ...]}}){found}'
        )
    return pictures.read(LABELS_NAME)


def unmatched_files(labelled: tuple[str, ...], pictures: Archive) -> tuple[list[str], list[str]]:
    """A sentence for each label without picture, and for each picture without label."""
    files = frozenset(pictures.names())
    stored = {name for name in files if is_picture(name)}
    gone = [name for name in labelled if name not in files]
    similar = {key: name for name in sorted(stored) for key in _likenesses(name)} if gone else {}
    missing = [f"{name} has a label but there is no such picture{_reason(name, similar)}" for name in gone]
    return missing, [f"{name} has no label" for name in sorted(stored - set(labelled))]


def _likenesses(name: str) -> tuple[str, ...]:
    """What two names have in common that somebody may have taken for one another."""
    return basename(splitext(name)[0]).casefold(), splitext(name)[0].casefold()


def _reason(name: str, similar: dict[str, str]) -> str:
    if JUNK.search(name):
        return ": hidden files and those of operating systems are overlooked"
    there = next((similar[key] for key in reversed(_likenesses(name)) if key in similar), None)
    if LEADS_OUT.search(name):
        return f"; expected a name relative to {LABELS_NAME}" + (f", {there} it seems" if there else "")
    return f"; there is {there} - names must agree in folders, upper and lower case and ending" if there else ""


def find_masks(pictures: tuple[str, ...], masks: Archive) -> dict[str, str]:
    """The mask of each picture that has one.

    A mask has the name of its picture. Its ending may be another, since masks are PNG even where pictures are JPEG, or
    follow the whole name (x.jpg.png); what that leaves open is no match. All of it may lie in one folder more.
    """
    names = masks.names()
    found = _masks_below("", pictures, names)
    tops = {name.partition("/")[0] for name in names if is_picture(name)}
    return found or (_masks_below(f"{tops.pop()}/", pictures, names) if len(tops) == 1 else {})


def _masks_below(folder: str, pictures: tuple[str, ...], names: tuple[str, ...]) -> dict[str, str]:
    known, by_stem = frozenset(names), defaultdict[str, list[str]](list)
    for name in filter(is_picture, names):
        by_stem[splitext(name)[0]].append(name)
    found = {picture: folder + picture for picture in pictures if folder + picture in known}
    alike = {}
    for picture in pictures:
        place = folder + picture
        candidates = by_stem.get(splitext(place)[0]) or by_stem.get(place) or []
        if picture not in found and len(candidates) == 1:
            alike[picture] = candidates[0]
    uses = Counter([*found.values(), *alike.values()])
    return found | {picture: mask for picture, mask in alike.items() if uses[mask] == 1}


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


def is_picture(name: str) -> bool:
    """Whether a name ends as those of pictures do."""
    return name.lower().endswith(PICTURE_SUFFIXES)

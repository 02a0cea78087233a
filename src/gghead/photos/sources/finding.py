"""Finds the photographs that a user names by files, folders and patterns, in an order that stays."""

import glob
import os
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePath

from gghead.config.printable import listed, printable
from gghead.data.archive import JUNK
from gghead.photos.sources.naming import archive_name, hashed, text_of
from gghead.photos.sources.shots import FileShot, MissingShot, Shot
from gghead.photos.sources.videos import Video, is_video

PICTURE_ENDINGS = (
    ".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".webp", ".avif", ".heic", ".heif", ".hif", ".tif", ".tiff", ".bmp",
)  # fmt: skip
KNOWN = "JPEG, PNG, WebP, AVIF, HEIC, TIFF, BMP or videos (.mp4 .mov .m4v .avi .mkv .webm)"
SHEET, RECORDS = "_sheet.jpg", "_photos.json"
"""Ends of the names of files that a dataset of photographs has beside it."""
MAX_SHOWN_CHARACTERS = 300
"""Of a path in a message: paths are long, and their ends tell most."""
UNREADABLE_FOLDER = (
    "the folder can't be opened ({}); expected one that may be read - mend its permissions and run again"
)


@dataclass(frozen=True)
class Shots:
    """Photographs in their order: that of the arguments, by name within a folder, by time within a video.

    Iterating reads no picture; frames of videos are decoded one after another by the thread that iterates.
    """

    _parts: tuple[Shot | Video, ...] = field(repr=False)

    def __len__(self) -> int:
        """How many shots there are; passes over all videos once, without decoding them."""
        return sum(len(part) if isinstance(part, Video) else 1 for part in self._parts)

    def __iter__(self) -> Iterator[Shot]:
        return self.since(0)

    def since(self, first: int) -> Iterator[Shot]:
        """The shots from number `first` on: those that are left when a run goes on.

        Of the video in which it lies all frames before are decoded, so that the same frames follow as at first.
        """
        for part in self._parts:
            count = len(part) if isinstance(part, Video) else 1
            if first < count:
                yield from part.since(first) if isinstance(part, Video) else (part,)
            first = max(0, first - count)

    def identities(self) -> Iterator[tuple[str, str, int | None]]:
        """Name, source and frame of each shot; decodes nothing."""
        for part in self._parts:
            if isinstance(part, Video):
                yield from part.identities()
            else:
                yield part.name, part.source, part.frame


def find_shots(arguments: Sequence[Path | str], every: int, without: Sequence[Path] = ()) -> Shots:
    """Photographs of files, folders and patterns; no picture is read.

    Folders are searched with all that lies in them; hidden files and those of operating systems are overlooked. A file
    that is named by itself is taken for a picture whatever its ending. Patterns are those of `Path.glob`, with `**`,
    for shells that leave them as they are. A file that is reached twice counts once.

    Args:
        arguments: at least one.
        every: of a video, each so-manyth frame is a photograph; at least 1.
        without: files that are overlooked.

    Raises:
        FileNotFoundError: there is nothing of that name, or nothing matches a pattern.
        ValueError: `every` is not positive; there are no arguments; a folder can't be opened or holds no photographs.

    Example:
        >>> shots = find_shots(["holiday", "portraits/*.png", "clip.mp4"], every=30)  # doctest: +SKIP
        >>> pictures = (shot.read() for shot in shots)  # doctest: +SKIP
    """
    if every < 1:
        raise ValueError(f"every is {every}; expected 1 for each frame of a video, 30 for about one a second")
    if not arguments:
        raise ValueError("no photographs are named; expected files, folders or patterns like 'holiday/*.jpg'")
    found = _Found(every, without)
    for argument in arguments:
        others: Counter[str] = Counter()
        reached = 0
        for path, below, problem in _reached_by(argument, others):
            found.add(path, below, problem)
            reached += 1
        if not reached:
            lying = listed(sorted(others, key=lambda kind: (-others[kind], kind)))
            rest = f"; {others.total()} other files lie there ({lying})" if others else ""
            raise ValueError(
                f"{_shown(argument)} holds no photographs; expected {KNOWN}{rest} - name the "
                "folder in which they lie, or export them as JPEG"
            )
    return Shots(tuple(found.parts))


class _Found:
    """Files in their order, each once, each with a name of its own."""

    def __init__(self, every: int, without: Sequence[Path]) -> None:
        self.parts: list[Shot | Video] = []
        self._every = every
        self._places = {_place(path) for path in without}
        self._names: set[str] = set()

    def add(self, path: Path, below: PurePath, problem: str | None = None) -> None:
        """A file, or a folder with a problem, by its path in the archive."""
        place = _place(path)
        if place in self._places or _is_sheet(path):
            return
        self._places.add(place)
        name, source = self._unused(archive_name(below), path), text_of(path)
        if problem is not None:
            self.parts.append(MissingShot(name, source, None, problem))
        elif is_video(path):
            self.parts.append(Video(path, name, source, self._every))
        else:
            self.parts.append(FileShot(name, source, None, path))

    def _unused(self, name: str, path: Path) -> str:
        """A name that no other has on any system; equal paths below two arguments differ by a hash of the whole."""
        candidate, count = name, 0
        while candidate.casefold() in self._names:
            candidate = hashed(name, path.absolute() / str(count) if count else path.absolute())
            count += 1
        self._names.add(candidate.casefold())
        return candidate


def _place(path: Path) -> str:
    """The same for all paths that lead to a file."""
    return os.path.normcase(os.path.realpath(path))


def _reached_by(argument: Path | str, others: Counter[str]) -> Iterator[tuple[Path, PurePath, str | None]]:
    """Files that an argument names: where they lie, what names them in the archive, and what is wrong with them.

    Args:
        argument: a file, a folder or a pattern.
        others: endings of the files that are no photographs are counted here.
    """
    for path in _paths_of(argument):
        if os.path.isfile(path):
            yield path, _kept_path(path, 2), None
            continue
        if not os.path.isdir(path):
            raise ValueError(f"{_shown(path)} is neither a file nor a folder; expected {KNOWN}, or folders of them")
        label = _kept_path(path, 1)
        for inside, problem in _below(path):
            if problem is not None and path / inside == Path(argument):
                raise ValueError(f"{_shown(path)}: {problem}")
            if problem is not None or _is_known(inside.name):
                yield path / inside, label / inside, problem
            else:
                others[inside.suffix.lower() or "without an ending"] += 1


def _paths_of(argument: Path | str) -> list[Path]:
    """What an argument stands for: a file or folder of that name, else what matches it as a pattern."""
    text, shown = os.fspath(argument), _shown(argument)
    if os.path.exists(text):
        return [Path(text)]
    if os.path.lexists(text):
        raise FileNotFoundError(f"{shown} is a link to what is not there; expected {KNOWN}, or folders of them")
    if glob.has_magic(text):
        matches = _matches(text)
        # Other files are taken only where a pattern asks for nothing else: "scans/*.scan", but not "scans/*".
        chosen = [match for match in matches if _is_known(match.name) or match.is_dir()] or matches
        if chosen:
            return chosen
        raise FileNotFoundError(f"nothing matches {shown}; expected a pattern of {KNOWN}")
    if "://" in text:
        raise FileNotFoundError(f"{shown} is an address; expected files of this machine - download them first")
    raise FileNotFoundError(
        f"there is no {shown}; expected {KNOWN}, folders of them, or a pattern like 'holiday/*.jpg'"
    )


def _matches(pattern: str) -> list[Path]:
    """Files and folders that a pattern matches, sorted; hidden ones only where it names them."""
    path = Path(pattern)
    named = set(path.parts)
    try:
        # Not by the module glob, whose ** follows links, in circles, too.
        matches = sorted(Path(path.anchor).glob(str(path.relative_to(path.anchor))))
    except (ValueError, OSError):  # "a**b" is no pattern
        return []
    return [match for match in matches if match.exists() and not any(map(_is_junk, set(match.parts) - named))]


def _kept_path(path: Path, most: int) -> PurePath:
    """A path as it was given; of one from the root or upwards its last parts, which tell no more than they must."""
    if not (path.is_absolute() or path.drive or path.root or ".." in path.parts):
        return path
    return PurePath(*Path(os.path.abspath(path)).parts[1:][-most:])


def _below(folder: Path) -> Iterator[tuple[PurePath, str | None]]:
    """Files below a folder, sorted, without hidden ones; folders that can't be opened, with the reason.

    Links to folders are followed; each folder is searched once, by whatever way it is reached.
    """
    searched: set[tuple[int, int]] = set()
    waiting = [(PurePath(), True)]  # not by recursion, whose depth is Python's to limit
    while waiting:
        inside, is_folder = waiting.pop()
        if not is_folder:
            yield inside, None
            continue
        try:
            status = os.stat(folder / inside)
            if (status.st_dev, status.st_ino) in searched:
                continue
            searched.add((status.st_dev, status.st_ino))
            with os.scandir(folder / inside) as entries:
                listing = [(entry.name, entry.is_dir()) for entry in entries if entry.is_dir() or entry.is_file()]
        except OSError as error:
            yield inside, UNREADABLE_FOLDER.format(error.strerror)
            continue
        waiting += [(inside / name, is_dir) for name, is_dir in sorted(listing, reverse=True) if not _is_junk(name)]


def _is_junk(name: str) -> bool:
    """Whether a file or folder is hidden, or what an operating system leaves behind."""
    return JUNK.search(name) is not None or JUNK.search(f"{name}/") is not None


def _is_sheet(path: Path) -> bool:
    """Whether a picture is the contact sheet of a dataset, whose records lie beside it."""
    return path.name.endswith(SHEET) and path.with_name(path.name.removesuffix(SHEET) + RECORDS).exists()


def _is_known(name: str) -> bool:
    return name.lower().endswith(PICTURE_ENDINGS) or is_video(PurePath(name))


def _shown(path: PurePath | str) -> str:
    return printable(text_of(PurePath(path)), MAX_SHOWN_CHARACTERS)

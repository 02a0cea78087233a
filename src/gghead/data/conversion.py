"""From cameras in any convention to EG3D's labels, with the pictures or without."""

import zipfile
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float

from gghead.checkpoint.atomic import write_file
from gghead.data.alignment import align_cameras
from gghead.data.archive import Archive, open_archive
from gghead.data.conventions import Convention
from gghead.data.dataset import masks_path
from gghead.data.foreign_cameras import ForeignCameras, read_colmap, read_json, read_text
from gghead.data.labels import LABELS_NAME, label_faults, read_label_file, write_labels
from gghead.data.nerf_cameras import read_nerf
from gghead.data.parallel import in_order
from gghead.data.picture_files import PictureFiles, find_masks, open_masks, read_labels_file
from gghead.data.problems import summarize
from gghead.media.encoded import decode_rgb

NERF_FILES = ("transforms.json", "transforms_train.json")
COLMAP_FOLDERS = ("", "sparse", "sparse/0")
COLMAP_PICTURES = ("images", "../images", "../../images")
ZIP_TIME = (1980, 1, 1, 0, 0, 0)
"""The same bytes for the same content, whenever it is written."""


@dataclass(frozen=True)
class Converted:
    """What a conversion wrote.

    Attributes:
        files: paths of the files.
        pictures: number of labels in them.
        skipped: a sentence for each picture that was left out.
    """

    files: tuple[Path, ...]
    pictures: int
    skipped: tuple[str, ...]


def convert(
    source: Path,
    out: Path,
    convention: Convention,
    pictures: Path | None = None,
    align: bool = False,
    skip_damaged: bool = False,
    on_progress: Callable[[int, int], None] = lambda done, total: None,
) -> Converted:
    """Writes labels (out.json) or a whole dataset (out.zip, and its masks beside it if the source has some).

    Args:
        source: a dataset or its dataset.json; a COLMAP model or its project; a transforms.json or its folder.
        out: what to write; what stands there is replaced.
        convention: of the labels; COLMAP's and NeRF's matrices are known, their worlds' axes are not.
        pictures: zip or folder with the pictures; by default where such a source has them.
        align: whether to bring the scene into the head space, see `align_cameras`.
        skip_damaged: whether pictures that can't be used are left out, instead of being an error.
        on_progress: called with the numbers of pictures written and of all.

    Raises:
        FileNotFoundError: there is no such source, or no pictures for a zip.
        ValueError: it is not in one of the formats, or a label makes no camera, or a picture can't be read.
    """
    if out.suffix.lower() not in (".json", ".zip"):
        raise ValueError(f"--out is {out.name}; expected a name ending in .json (labels) or .zip (pictures and labels)")
    if out.resolve() == source.resolve():
        raise ValueError(f"--out is SOURCE itself, {source}; name another file")
    cameras = read_cameras(source)
    convention = Convention.parse("+".join(dict.fromkeys((*cameras.words, *convention.words))))
    with ExitStack() as stack:
        files = _open_pictures(source, pictures, out.suffix.lower() == ".zip" or skip_damaged)
        if files is not None:
            stack.callback(files.close)
        labels = convention.to_eg3d(cameras.values, None if files is None else _side(files, cameras.names))
        skipped, kept = _select(cameras, labels, files, skip_damaged)
        names, labels = tuple(cameras.names[row] for row in kept), labels[kept]
        if align:
            labels = align_cameras(labels)
        if out.suffix.lower() == ".json":
            write_file(out, lambda temporary: temporary.write_bytes(write_labels(names, labels)))
            return Converted((out,), len(names), skipped)
        assert files is not None
        return Converted(_write_zips(files, names, labels, out, on_progress), len(names), skipped)


def read_cameras(source: Path) -> ForeignCameras:
    """Names and labels of whatever the source is.

    Raises:
        FileNotFoundError: there is no such file or folder.
        ValueError: it is in none of the formats, or its file is broken.
    """
    if source.is_dir():
        for folder in COLMAP_FOLDERS:
            if (source / folder / "images.txt").exists() or (source / folder / "images.bin").exists():
                return read_colmap(source / folder)
        for name in NERF_FILES:
            if (source / name).exists():
                return read_nerf(source / name)
    if source.suffix.lower() == ".json" and source.is_file():
        content = read_json(source)
        if isinstance(content, dict) and "frames" in content:
            return read_nerf(source)
        text = read_text(source).encode()
    else:
        with open_archive(source) as archive:
            text = read_labels_file(archive)
    file = read_label_file(text, source)
    return ForeignCameras(file.names, file.values, (), file.problems)


def _open_pictures(source: Path, given: Path | None, required: bool) -> PictureFiles | None:
    """The pictures of a source with their masks."""
    if given is not None:
        path = given
    elif source.suffix.lower() == ".json":
        path = source.parent
    else:
        colmap = any((source / folder / "images.txt").exists() for folder in COLMAP_FOLDERS)
        beside = [source / folder for folder in COLMAP_PICTURES if colmap and (source / folder).is_dir()]
        path = (beside or [source])[0]
    if given is None and not required and path.is_dir():
        return None  # labels alone don't need a walk through a folder
    archive = open_archive(path)
    masks = open_masks(path)
    return PictureFiles(archive, masks, {} if masks is None else find_masks(archive.names(), masks))


def _side(files: PictureFiles, names: tuple[str, ...]) -> float | None:
    """Pixels of the first picture, for intrinsics in pixels."""
    if not names or names[0] not in files.pictures.names():
        return None
    try:
        return float(len(decode_rgb(files.pictures.read(names[0]))))
    except ValueError:
        return None


def _select(
    cameras: ForeignCameras, labels: np.ndarray, files: PictureFiles | None, skip_damaged: bool
) -> tuple[tuple[str, ...], list[int]]:
    """What is left out and why, and the rows that stay."""
    names, faults = cameras.names, label_faults(labels)
    stored = None if files is None else frozenset(files.pictures.names())

    def problem(row: int) -> str | None:
        name = names[row]
        if row in faults:
            return f"{name} has {faults[row]}"
        if files is None or stored is None:
            return None
        if name not in stored:
            return f"{name} has a label but there is no such picture in {files.pictures.path}"
        if files.masks is not None and name not in files.mask_names:
            return f"{name} has no mask"
        try:
            if skip_damaged:
                with files.decoded(name, 1):
                    return None
        except (ValueError, FileNotFoundError) as error:
            return str(error)
        return None

    found = list(in_order(problem, range(len(names))))
    problems = (*cameras.unreadable, *(text for text in found if text is not None))
    kept = sorted((row for row, text in enumerate(found) if text is None), key=lambda row: names[row])
    if len({names[row] for row in kept}) < len(kept):
        raise ValueError("two cameras have the same picture; remove one of them")
    if problems and (not skip_damaged or not kept):
        count = len(names) + len(cameras.unreadable)
        raise ValueError(
            f"{len(problems)} of {count} pictures can't be used (--skip-damaged leaves them out; wrong cameras may "
            f"mean another convention):\n{summarize(problems)}"
        )
    return problems, kept


def _write_zips(
    files: PictureFiles,
    names: tuple[str, ...],
    labels: Float[np.ndarray, "M 25"],
    out: Path,
    on_progress: Callable[[int, int], None],
) -> tuple[Path, ...]:
    total = len(names) * (1 if files.masks is None else 2)
    written = []
    if files.masks is not None:  # first, so that a zip of pictures never stands without its masks
        members = {name: files.mask_names[name] for name in names}
        write_file(masks_path(out), lambda path: _copy(path, files.masks, members, {}, lambda n: on_progress(n, total)))
        written.append(masks_path(out))
    start = total - len(names)
    extra = {LABELS_NAME: write_labels(names, labels)}
    members = {name: name for name in names}
    write_file(out, lambda path: _copy(path, files.pictures, members, extra, lambda n: on_progress(start + n, total)))
    return (out, *written)


def _copy(
    path: Path,
    archive: Archive | None,
    members: dict[str, str],
    extra: dict[str, bytes],
    on_progress: Callable[[int], None],
) -> None:
    """Writes files under the names of the keys, as they are: pictures are compressed already."""
    assert archive is not None
    with zipfile.ZipFile(path, "w") as copy:
        for done, (name, stored) in enumerate(members.items(), start=1):
            copy.writestr(zipfile.ZipInfo(name, ZIP_TIME), archive.read(stored))
            on_progress(done)
        for name, content in extra.items():
            copy.writestr(zipfile.ZipInfo(name, ZIP_TIME), content)

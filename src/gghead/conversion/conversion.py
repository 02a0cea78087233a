"""From cameras in any convention to EG3D's labels, with the pictures or without."""

import zipfile
from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from posixpath import dirname

import numpy as np
from jaxtyping import Float

from gghead.checkpoint.atomic import write_file
from gghead.config.printable import listed, printable
from gghead.conversion.alignment import align_cameras
from gghead.conversion.colmap_cameras import find_models, read_colmap
from gghead.conversion.foreign_cameras import ForeignCameras, read_json, read_text
from gghead.conversion.nerf_cameras import read_nerf
from gghead.conversion.picture_sizes import PictureSizes
from gghead.data.archive import Archive, open_archive
from gghead.data.conventions import PIXELS, Convention
from gghead.data.dataset import masks_path
from gghead.data.labels import LABELS_NAME, label_faults, read_label_file, write_labels
from gghead.data.parallel import in_order
from gghead.data.picture_files import PictureFiles, find_masks, is_picture, open_masks, read_labels_file
from gghead.data.problems import summarize
from gghead.runs.shards import refuse_hidden

NERF_FILES = ("transforms.json", "transforms_train.json")
"""Those that are looked for first in a folder."""
MODEL_FILES = ("images.txt", "images.bin", "cameras.txt", "cameras.bin")
"""Files that stand for the COLMAP model that they belong to."""
ZIP_TIME = (1980, 1, 1, 0, 0, 0)
"""The same bytes for the same content, whenever it is written."""


@dataclass(frozen=True)
class Converted:
    """What a conversion wrote.

    Attributes:
        files: paths of the files.
        pictures: number of labels in them.
        skipped: a sentence for each picture that was left out.
        notes: a sentence for each thing that was found and not used.
    """

    files: tuple[Path, ...]
    pictures: int
    skipped: tuple[str, ...]
    notes: tuple[str, ...] = ()


def convert(
    source: Path,
    out: Path,
    convention: Convention,
    pictures: Path | None = None,
    align: bool = False,
    skip_damaged: bool = False,
    side: int | None = None,
    on_progress: Callable[[int, int], None] = lambda done, total: None,
    overwrite: bool = True,
) -> Converted:
    """Writes labels (out.json) or a whole dataset (out.zip, and its masks beside it if the source has some).

    Args:
        source: a dataset or its dataset.json; a COLMAP model or its project; a transforms.json or its folder.
        out: what to write.
        convention: of the labels; COLMAP's and NeRF's matrices are known, their worlds' axes are not.
        pictures: zip or folder with the pictures; by default where such a source has them.
        align: whether to bring the scene into the head space, see `align_cameras`.
        skip_damaged: whether pictures that can't be used are left out, instead of being an error.
        side: pixels of the side of the pictures that intrinsics in pixels mean; by default each picture is asked.
        on_progress: called with the numbers of pictures written and of all.
        overwrite: whether what stands there is replaced.

    Raises:
        FileExistsError: something stands there and shall stay; says where the file is kept.
        FileNotFoundError: there is no such source, or no pictures for a zip.
        ValueError: it is not in one of the formats, or a label makes no camera, or a picture can't be read.
    """
    packing = out.suffix.lower() == ".zip"
    if not packing and out.suffix.lower() != ".json":
        raise ValueError(f"--out is {out.name}; expected a name ending in .json (labels) or .zip (pictures and labels)")
    if out.resolve() == source.resolve():
        raise ValueError(f"--out is SOURCE itself, {source}; name another file")
    if source.name in MODEL_FILES and source.is_file():
        source = source.parent
    with ExitStack() as stack:
        given = None if pictures is None else stack.enter_context(open_archive(pictures))
        folder = source.parent if source.suffix.lower() == ".json" else source
        cameras = read_cameras(source, PictureSizes(folder if given is None else given))
        convention = _joined(cameras, convention, side)
        place, notes = cameras.pictures or folder, cameras.notes
        measured = PIXELS in convention.words and side is None and source.is_dir()
        files = _open_pictures(cameras, place, given, packing or skip_damaged or measured, stack)
        sizes = PictureSizes(place if files is None else files.pictures)
        sides, unfit = _sides(cameras, sizes, side) if PIXELS in convention.words else (None, {})
        labels = convention.to_eg3d(cameras.values, sides)
        skipped, kept = _select(cameras, labels, unfit, files, skip_damaged)
        notes = (*notes, *_without_camera(cameras.names, files))
        names, labels = tuple(cameras.names[row] for row in kept), labels[kept]
        if align:
            labels = align_cameras(labels)
        _require_other_files(source, files, out)
        if packing:
            assert files is not None
            return Converted(_write_zips(files, names, labels, out, on_progress, overwrite), len(names), skipped, notes)
        write_file(out, lambda temporary: temporary.write_bytes(write_labels(names, labels)), overwrite)
        if cameras.masks:
            notes = (*notes, "labels alone have no masks (mask_path): name a zip as --out to have them")
        return Converted((out,), len(names), skipped, notes)


def read_cameras(source: Path, sizes: PictureSizes) -> ForeignCameras:
    """Names and labels of whatever the source is; the notes name what else is there.

    Raises:
        FileNotFoundError: there is no such file or folder.
        ValueError: it is in none of the formats, or its file is broken.
    """
    if source.is_dir():
        transforms = sorted(
            (path.name for path in source.glob("transforms*.json")), key=lambda name: (name not in NERF_FILES, name)
        )
        models = find_models(source)
        also = [LABELS_NAME] if (source / LABELS_NAME).exists() else []
        if transforms:
            also += [*transforms[1:], *(model.relative_to(source).as_posix() for model in models)]
            return _noting(read_nerf(source / transforms[0], sizes), transforms[0], also)
        if models:
            return _noting(read_colmap(source), "the COLMAP model", also)
    if source.suffix.lower() == ".json" and source.is_file():
        content = read_json(source)
        if isinstance(content, dict) and "frames" in content:
            return read_nerf(source, sizes)
        text = read_text(source).encode()
    else:
        with open_archive(source) as archive:
            text = read_labels_file(archive)
    file = read_label_file(text, source)
    return ForeignCameras(file.names, file.values, unreadable=file.problems)


def _noting(cameras: ForeignCameras, taken: str, also: list[str]) -> ForeignCameras:
    if not also:
        return cameras
    note = f"{taken} is read, not {listed(also, 20)}; name another one as SOURCE"
    return replace(cameras, notes=(*cameras.notes, note))


def _without_camera(names: tuple[str, ...], files: PictureFiles | None) -> tuple[str, ...]:
    """What to say of pictures beside those with cameras: COLMAP leaves out those that it finds no pose for."""
    if files is None:
        return ()
    known, folders = frozenset((*names, *files.mask_names.values())), {dirname(name) for name in names}
    beside = [name for name in files.pictures.names() if is_picture(name) and dirname(name) in folders]
    left = [name for name in beside if name not in known]
    if not left:
        return ()
    return (f"{len(left)} of {len(beside)} pictures have no camera and are left out; {printable(left[0])} for one",)


def _require_other_files(source: Path, files: PictureFiles | None, out: Path) -> None:
    refuse_hidden(out)
    archives = () if files is None else (files.pictures, files.masks)
    inputs = {source.resolve(), *(archive.path.resolve() for archive in archives if archive is not None)}
    for path in (out, masks_path(out)):
        if path.resolve() in inputs:
            raise ValueError(f"--out would replace {path}, which is read; name another file")


def _joined(cameras: ForeignCameras, given: Convention, side: int | None) -> Convention:
    """The words of the file and of the user."""
    if cameras.words and PIXELS in given.words:
        raise ValueError(f"--from {given}: the sizes of pictures are known in files of this kind; leave pixels away")
    if side is not None and PIXELS not in given.words:
        raise ValueError("--side says what intrinsics in pixels mean; add pixels to --from, or leave --side away")
    return Convention.parse("+".join(dict.fromkeys((*cameras.words, *given.words))))


def _open_pictures(
    cameras: ForeignCameras, place: Path, given: Archive | None, required: bool, stack: ExitStack
) -> PictureFiles | None:
    """The pictures of a source with their masks; None if they are not needed."""
    if given is None and not required and place.is_dir():
        return None  # labels alone don't need a walk through a folder
    archive = given if given is not None else stack.enter_context(open_archive(place))
    if cameras.masks:  # named in the file, from the folder in which the file is
        masks = stack.enter_context(open_archive(place))
        stored = frozenset(masks.names())
        named = zip(cameras.names, cameras.masks, strict=True)
        return PictureFiles(archive, masks, {name: mask for name, mask in named if mask in stored})
    masks = open_masks(archive.path)
    if masks is None:
        return PictureFiles(archive, None, {})
    return PictureFiles(archive, stack.enter_context(masks), find_masks(archive.names(), masks))


def _sides(
    cameras: ForeignCameras, sizes: PictureSizes, side: int | None
) -> tuple[Float[np.ndarray, " M"], dict[int, str]]:
    """Pixels of the side of each picture, and the rows of which they are not known, and why; these have NaN."""
    if side is not None:
        return np.full(len(cameras.names), float(side)), {}

    def ask(name: str) -> int | str:
        try:
            found = sizes.side(name)
        except ValueError as error:
            return str(error)
        return found or (
            f"{name} has intrinsics in pixels and there is no such picture in {sizes.path} (name the pictures with "
            "--pictures, or the side of all with --side)"
        )

    answers = list(in_order(ask, cameras.names))
    sides = np.array([answer if isinstance(answer, int) else np.nan for answer in answers], np.float64)
    return sides, {row: answer for row, answer in enumerate(answers) if isinstance(answer, str)}


def _select(
    cameras: ForeignCameras, labels: np.ndarray, unfit: dict[int, str], files: PictureFiles | None, skip_damaged: bool
) -> tuple[tuple[str, ...], list[int]]:
    """What is left out and why, and the rows that stay."""
    names, faults = cameras.names, label_faults(labels)
    stored = None if files is None else frozenset(files.pictures.names())

    def problem(row: int) -> str | None:
        name = names[row]
        if row in unfit:
            return unfit[row]
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
        twice = next(name for name, count in Counter(names[row] for row in kept).items() if count > 1)
        raise ValueError(f"two cameras have the same picture, {printable(twice)}; remove one of them")
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
    overwrite: bool,
) -> tuple[Path, ...]:
    total = len(names) * (1 if files.masks is None else 2)
    written = []
    if files.masks is not None:  # first, so that a zip of pictures never stands without its masks
        members = {name: files.mask_names[name] for name in names}
        write_file(
            masks_path(out),
            lambda path: _copy(path, files.masks, members, {}, lambda n: on_progress(n, total)),
            overwrite,
        )
        written.append(masks_path(out))
    start = total - len(names)
    extra = {LABELS_NAME: write_labels(names, labels)}
    pictures = {name: name for name in names}
    write_file(
        out,
        lambda path: _copy(path, files.pictures, pictures, extra, lambda n: on_progress(start + n, total)),
        overwrite,
    )
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

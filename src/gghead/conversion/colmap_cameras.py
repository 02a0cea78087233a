"""Cameras from COLMAP: which of the models of a project is meant, and its labels."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np

from gghead.conversion.colmap_binary import read_cameras_binary, read_images_binary
from gghead.conversion.colmap_images import ColmapImage
from gghead.conversion.colmap_lenses import Lens
from gghead.conversion.colmap_text import read_cameras_text, read_images_text
from gghead.conversion.foreign_cameras import ForeignCameras, label
from gghead.data.conventions import WORLD_TO_CAMERA

DEPTH = 3
"""Folders below a project in which models are looked for: dense/0/sparse."""
MAX_FOLDERS = 2000
PICTURES = "images"
"""Name of the folder of pictures beside a model or above it: project/images for project/sparse/0."""


@dataclass(frozen=True)
class ColmapModel:
    """A model as it was read.

    Attributes:
        folder: with its files.
        images: in the order of the file.
        lenses: its cameras by their id.
    """

    folder: Path
    images: tuple[ColmapImage, ...]
    lenses: dict[int, Lens]

    def is_pinhole(self) -> bool:
        """Whether all of its images were taken by pinhole cameras with square pictures."""
        return all(self.lenses[camera].is_pinhole() for camera in {image.camera for image in self.images})


def find_models(source: Path) -> tuple[Path, ...]:
    """Folders with a COLMAP model: the source itself and those below it, at most three levels."""
    return tuple(folder for folder in _folders(source) if _holds_model(folder))


def read_colmap(source: Path) -> ForeignCameras:
    """The COLMAP model of a folder, else the largest one of a project; as text or bytes.

    Of models that are as large as each other the first one without distortion is taken. Others are named in the notes.

    Raises:
        FileNotFoundError: there is no model.
        ValueError: a file can't be understood, a camera has distortion, pictures are not square. Names file and line.
    """
    folders = find_models(source)
    if not folders:
        raise FileNotFoundError(
            f"there is no COLMAP model in {source}; expected cameras.txt and images.txt (or .bin), as in sparse/0"
        )
    models = [_read_model(folder) for folder in folders]
    taken = max(models, key=lambda model: (model.folder == source, len(model.images), model.is_pinhole()))
    others = [
        f"{model.folder.relative_to(source).as_posix()} ({len(model.images)} images)"
        for model in models
        if model is not taken
    ]
    place = taken.folder.relative_to(source).as_posix()
    notes = []
    if others:
        notes.append(
            f"of {len(models)} COLMAP models {place} is taken ({len(taken.images)} images), not "
            f"{', '.join(others)}; name another one as SOURCE"
        )
    if not taken.images:
        raise ValueError(f"{taken.folder} holds no images")
    try:
        values = [label(image.pose(), *taken.lenses[image.camera].pinhole()) for image in taken.images]
    except ValueError as error:
        raise ValueError("; ".join([str(error), *notes])) from error
    names = tuple(image.name for image in taken.images)
    return ForeignCameras(
        names, np.stack(values), (WORLD_TO_CAMERA,), pictures=_pictures(taken.folder, source), notes=tuple(notes)
    )


def _read_model(folder: Path) -> ColmapModel:
    """As text or bytes; both, if both are there and say the same.

    Raises:
        ValueError: a file is broken, or text and bytes differ.
    """
    kinds = [ending for ending in (".txt", ".bin") if (folder / f"images{ending}").exists()]
    models = []
    for ending in kinds:
        cameras, images = folder / f"cameras{ending}", folder / f"images{ending}"
        if not cameras.exists():
            raise FileNotFoundError(f"there is no {cameras.name} beside {images}")
        if ending == ".txt":
            lenses = read_cameras_text(cameras)
            models.append(ColmapModel(folder, read_images_text(images, frozenset(lenses)), lenses))
        else:
            lenses = read_cameras_binary(cameras)
            models.append(ColmapModel(folder, read_images_binary(images, frozenset(lenses)), lenses))
    if len(models) == 2 and not _agree(*models):
        raise ValueError(
            f"the text and the binary files in {folder} are different models ({len(models[0].images)} and "
            f"{len(models[1].images)} images); remove those that are not meant"
        )
    return models[0]


def _agree(first: ColmapModel, second: ColmapModel) -> bool:
    ours, theirs = ({image.name: image for image in model.images} for model in (first, second))
    if ours.keys() != theirs.keys():
        return False
    for name, image in ours.items():
        other = theirs[name]
        lenses = first.lenses[image.camera], second.lenses[other.camera]
        if not np.allclose(image.pose(), other.pose(), rtol=1e-6, atol=1e-6) or not (
            (lenses[0].model, lenses[0].width, lenses[0].height) == (lenses[1].model, lenses[1].width, lenses[1].height)
            and np.allclose(lenses[0].parameters, lenses[1].parameters, rtol=1e-6)
        ):
            return False
    return True


def _holds_model(folder: Path) -> bool:
    def has(name: str) -> bool:
        return any((folder / f"{name}{ending}").is_file() for ending in (".txt", ".bin"))

    return has("images") and has("cameras")


def _folders(source: Path) -> Iterator[Path]:
    """The folder and those below it, sorted; those of pictures are left out."""
    for place, folders, _ in islice(os.walk(source, followlinks=True), MAX_FOLDERS):
        depth = len(Path(place).relative_to(source).parts)
        folders[:] = sorted(name for name in folders if not name.startswith((".", PICTURES))) if depth < DEPTH else []
        yield Path(place)


def _pictures(folder: Path, source: Path) -> Path | None:
    """The nearest folder of pictures, beside the model or above it; at most beside the project that was named."""
    folder, source = Path(os.path.abspath(folder)), Path(os.path.abspath(source))
    above = [folder, *folder.parents]
    inside = above[: above.index(source) + 2] if folder != source else above[:3]
    return next((place / PICTURES for place in inside if (place / PICTURES).is_dir()), None)

"""The real pictures that models are compared with: opened, measured once, cached."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
from filelock import FileLock

from gghead.config.numbers import require_finite
from gghead.data.archive import open_archive
from gghead.data.dataset import HeadDataset
from gghead.data.labels import parse_labels
from gghead.data.picture_files import open_masks, read_labels_file
from gghead.evaluation.features import FeatureSet, collect_features
from gghead.evaluation.real import RealPictures
from gghead.media.encoded import picture_size
from gghead.metrics.detectors import Detector
from gghead.processes.group import SINGLE_PROCESS, ProcessGroup

LARGEST_RESOLUTION = 1024
"""Side at which a model is measured whose training resolution nobody knows, if the data are larger."""


@dataclass(frozen=True)
class RealStatistics:
    """The real pictures of an evaluation and the detector that looks at them.

    Attributes:
        path: of their archive.
        dataset: them.
        background: grey value behind the heads, 0 black to 1 white.
        stored_resolution: side of the first picture in the archive.
        masks: the archive of the masks, or how the foreground was found without.
        features: of all of them.
        detector: that made these.
    """

    path: Path
    dataset: HeadDataset
    background: float
    stored_resolution: int
    masks: str
    features: FeatureSet
    detector: Detector


def measure_real_statistics(
    path: Path,
    dataset: HeadDataset,
    background: float,
    detector: Detector,
    cache: Path,
    *,
    group: ProcessGroup = SINGLE_PROCESS,
    device: torch.device | str = "cpu",
    on_progress: Callable[[str, int, int], None] = lambda what, done, total: None,
) -> RealStatistics:
    """Features of all pictures of a dataset, from the cache if somebody has measured the same content before.

    The same content: pictures, masks, resolution and resize filter (`HeadDataset.identity`), background, and detector.

    Args:
        path: of the archive.
        dataset: its pictures.
        background: grey value behind the heads, 0 black to 1 white.
        detector: looks at them.
        cache: folder of all caches.
        group: the processes that share the work.
        device: where the detector works.
        on_progress: is told of progress.

    Raises:
        ValueError: a picture can't be used, or the cache is damaged; says what to remove.
    """
    key = f"{dataset.identity()} {background} {detector.sha256} {detector.input}"
    folder = cache / "features" / hashlib.sha256(key.encode()).hexdigest()[:24]
    total = -(-len(dataset) // group.world_size)

    def tell(done: int) -> None:
        on_progress("real pictures", min(done, total), total)

    if group.is_rank_zero:
        folder.mkdir(parents=True, exist_ok=True)
    group.wait()
    what = RealPictures(dataset, background, device), len(dataset), detector, folder
    with FileLock(folder / f"rank{group.rank}.lock"):
        features = collect_features(*what, group=group, device=device, on_progress=tell)
    return RealStatistics(path, dataset, background, stored_resolution(path), _masks(path), features, detector)


def stored_resolution(path: Path) -> int:
    """Side of the first picture of an archive, pixels.

    Raises:
        FileNotFoundError, ValueError: there is no archive, or its first picture can't be read.
    """
    with open_archive(path) as archive:
        name = parse_labels(read_labels_file(archive), path).names[0]
        try:
            return picture_size(archive.read(name))[1]
        except ValueError as error:
            raise ValueError(f"{name} in {path}: {error}; `gghead data check {path}`") from error


def common_resolution(trained: int | None, stored: int) -> int:
    """The side at which a model and data are compared: that of the pictures that the model learned from, or the largest
    power of two that the data have, if that is less or nobody knows the first.

    Args:
        trained: side of the pictures that the model learned from, by its run or its own file, or None.
        stored: side of the pictures.

    Raises:
        ValueError: the pictures are smaller than 8 pixels.
    """
    require_finite("side of the pictures", stored, 8, 2**20)
    largest = 2 ** (stored.bit_length() - 1)
    return min(trained or LARGEST_RESOLUTION, largest)


def _masks(path: Path) -> str:
    masks = open_masks(path)
    if masks is None:
        return "none: alpha of the pictures, if any"
    with masks:
        return masks.path.name

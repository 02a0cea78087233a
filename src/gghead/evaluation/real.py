"""Real pictures as a measurement sees them, and what a cache keeps of them."""

import hashlib
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import torch
from filelock import FileLock
from jaxtyping import Float
from torch import Tensor

from gghead.data.dataset import HeadDataset
from gghead.data.parallel import thread_count
from gghead.data.source import PictureSource
from gghead.evaluation.features import FeatureSet, collect_features
from gghead.inference.generated import DrawnPictures
from gghead.metrics.detectors import Detector
from gghead.processes.group import SINGLE_PROCESS, ProcessGroup

AHEAD = 3
"""Batches that threads fetch while the detector looks at one."""


class RealPictures:
    """All pictures of a dataset in the order of their names, not mirrored."""

    def __init__(self, source: PictureSource, names: tuple[str, ...], limit: int | None = None) -> None:
        self._source = source
        self._names = names
        self.count = len(names) if limit is None else min(limit, len(names))

    def name(self, index: int) -> str:
        """Name in the archive."""
        return self._names[index]

    def labels(self, span: range) -> Float[Tensor, "B 25"]:
        """Camera labels of some pictures."""
        return torch.from_numpy(self._source.labels[span.start : span.stop])

    def batches(self, spans: Iterable[range]) -> Iterator[DrawnPictures]:
        """The pictures of each span, fetched by threads a little ahead."""
        waiting = []
        with ThreadPoolExecutor(min(AHEAD, thread_count())) as pool:
            try:
                for span in spans:
                    waiting.append(pool.submit(self._read, span))
                    if len(waiting) > AHEAD:
                        yield waiting.pop(0).result()
                while waiting:
                    yield waiting.pop(0).result()
            finally:
                pool.shutdown(cancel_futures=True)

    def _read(self, span: range) -> DrawnPictures:
        side = self._source.resolution
        rgb = np.empty((len(span), side, side, 3), np.uint8)
        self._source.fill(np.arange(span.start, span.stop), np.zeros(len(span), bool), rgb)
        pixels = torch.from_numpy(rgb).permute(0, 3, 1, 2).contiguous()
        return DrawnPictures(pixels, torch.ones(len(span), dtype=torch.bool))


def real_features(
    dataset: HeadDataset,
    source: PictureSource,
    detector: Detector,
    cache: Path,
    *,
    group: ProcessGroup = SINGLE_PROCESS,
    device: torch.device | str = "cpu",
    on_progress: Callable[[int], None] = lambda done: None,
) -> FeatureSet:
    """Features of all pictures of a dataset, from the cache if somebody has measured the same content before.

    The same content: pictures, masks, resolution, background and resize filter (`HeadDataset.identity`), and detector.

    Args:
        dataset: says what the pictures are.
        source: gives their pixels: the dataset itself, or its decoded pictures.
        detector: looks at them.
        cache: folder of all caches.
        group: the processes that share the work.
        device: where the detector works.
        on_progress: is told how many pictures are done.

    Raises:
        ValueError: a picture can't be used, or the cache is damaged; says what to remove.
    """
    key = hashlib.sha256(f"{dataset.identity()} {detector.sha256} {detector.input}".encode()).hexdigest()[:24]
    folder = cache / "features" / key
    pictures = RealPictures(source, dataset.names)
    if group.rank == 0:
        folder.mkdir(parents=True, exist_ok=True)
    group.wait()
    with FileLock(folder / f"rank{group.rank}.lock"):
        return collect_features(
            pictures, pictures.count, detector, folder, group=group, device=device, on_progress=on_progress
        )

"""Real pictures as a measurement sees them, and what a cache keeps of them."""

import hashlib
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import torch
from filelock import FileLock
from jaxtyping import Float
from torch import Tensor

from gghead.data.dataset import HeadDataset
from gghead.data.pixels import composite
from gghead.data.sampler import Selection
from gghead.evaluation.features import FeatureSet, collect_features
from gghead.inference.generated import DrawnPictures
from gghead.metrics.detectors import Detector
from gghead.processes.group import SINGLE_PROCESS, ProcessGroup


class RealPictures:
    """All pictures of a dataset in the order of their names, not mirrored, on a grey background."""

    def __init__(self, dataset: HeadDataset, background: float = 1.0) -> None:
        self._dataset = dataset
        self._background = background

    def labels(self, span: range) -> Float[Tensor, "B 25"]:
        """Camera labels of some pictures."""
        return torch.from_numpy(self._dataset.labels[span.start : span.stop])

    def batches(self, spans: Iterable[range]) -> Iterator[DrawnPictures]:
        """The pictures of each span, fetched by threads a little ahead."""
        for pixels in self._dataset.stream(map(Selection.of, spans)):
            # One after the other: compositing takes several times the memory of its result.
            pictures = torch.cat([composite(picture, self._background) for picture in pixels.split(1)])
            channels_first = pictures.permute(0, 3, 1, 2).contiguous()
            yield DrawnPictures(channels_first, torch.ones(len(pictures), dtype=torch.bool))


def real_features(
    dataset: HeadDataset,
    background: float,
    detector: Detector,
    cache: Path,
    *,
    group: ProcessGroup = SINGLE_PROCESS,
    device: torch.device | str = "cpu",
    on_progress: Callable[[int], None] = lambda done: None,
) -> FeatureSet:
    """Features of all pictures of a dataset, from the cache if somebody has measured the same content before.

    The same content: pictures, masks, resolution and resize filter (`HeadDataset.identity`), background, and detector.

    Args:
        dataset: the pictures.
        background: grey value behind the heads, 0 black to 1 white.
        detector: looks at them.
        cache: folder of all caches.
        group: the processes that share the work.
        device: where the detector works.
        on_progress: is told how many pictures are done.

    Raises:
        ValueError: a picture can't be used, or the cache is damaged; says what to remove.
    """
    key = f"{dataset.identity()} {background} {detector.sha256} {detector.input}"
    folder = cache / "features" / hashlib.sha256(key.encode()).hexdigest()[:24]
    pictures = RealPictures(dataset, background)
    if group.rank == 0:
        folder.mkdir(parents=True, exist_ok=True)
    group.wait()
    with FileLock(folder / f"rank{group.rank}.lock"):
        return collect_features(
            pictures, len(dataset), detector, folder, group=group, device=device, on_progress=on_progress
        )

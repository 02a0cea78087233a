"""Features of many pictures, made in parts: a part that is on the disk is not made again, whoever made it."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Protocol, runtime_checkable

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from gghead.checkpoint.tensors import TensorFile, load_tensors, save_tensors
from gghead.geometry.cameras import Cameras
from gghead.inference.generated import DrawnPictures
from gghead.metrics.detectors import Detector
from gghead.metrics.moments import Moments
from gghead.processes.group import SINGLE_PROCESS, ProcessGroup

PART = 1000
"""Pictures of a part, the most that an interruption costs."""
AT_ONCE = {"cuda": 40, "cpu": 8}
"""Pictures that pass generator and detector together; parts are multiples, since each size is a CUDA graph."""


@runtime_checkable
class Pictures(Protocol):
    """Pictures by number that can be made in batches."""

    def labels(self, span: range) -> Float[Tensor, "B 25"]:
        """Camera labels of some pictures."""
        ...

    def batches(self, spans: Iterable[range]) -> Iterator[DrawnPictures]:
        """The pictures of each span, on the device of the detector."""
        ...


@dataclass(frozen=True)
class FeatureSet:
    """What a detector says of a set of pictures.

    Attributes:
        features: of picture k in row k; rows of unusable pictures hold NaN.
        finite: which pictures are usable; every measure leaves the others out.
        yaws: of their cameras, degrees, positive where the camera stands towards +x.
    """

    features: Float[Tensor, "N D"]
    finite: Bool[Tensor, " N"]
    yaws: Float[Tensor, " N"]

    def usable(self) -> Float[Tensor, "K D"]:
        """Features of the usable ones."""
        return self.features[self.finite]

    @cached_property
    def moments(self) -> Moments:
        """Moments of those."""
        return Moments.of(self.usable())

    def first(self, count: int) -> "FeatureSet":
        """The first pictures."""
        return FeatureSet(self.features[:count], self.finite[:count], self.yaws[:count])

    def within(self, low: float, high: float) -> "FeatureSet":
        """The pictures whose yaw is that far from 0, low <= |yaw| < high, degrees."""
        chosen = (self.yaws.abs() >= low) & (self.yaws.abs() < high)
        return FeatureSet(self.features[chosen], self.finite[chosen], self.yaws[chosen])


def collect_features(
    pictures: Pictures,
    count: int,
    detector: Detector,
    folder: Path,
    *,
    group: ProcessGroup = SINGLE_PROCESS,
    device: torch.device | str = "cpu",
    on_progress: Callable[[int], None] = lambda done: None,
) -> FeatureSet:
    """Features of the first pictures. Every part is a file in the folder, so that an interrupted call goes on.

    Parts are dealt to the processes in turn and read back in order: the result does not depend on how many there are.

    Args:
        pictures: where they come from.
        count: how many.
        detector: looks at them.
        folder: of the parts; must belong to these pictures and this detector alone.
        group: the processes that share the work.
        device: where the pictures come from and the detector works; decides about the size of batches.
        on_progress: is told how many pictures of this call are done.

    Raises:
        ValueError: a part is damaged; names the file to remove.
    """
    parts = [range(first, min(first + PART, count)) for first in range(0, count, PART)]
    done = 0
    for part in parts[group.rank :: group.world_size]:
        path = _path(folder, part)
        if not path.is_file():
            save_tensors(path, _measure(pictures, part, detector, torch.device(device), done, on_progress))
        done += len(part)
        on_progress(done)
    group.wait()
    loaded = [load_tensors(_path(folder, part)).tensors for part in parts]
    return FeatureSet(
        features=torch.cat([tensors["features"] for tensors in loaded]),
        finite=torch.cat([tensors["finite"] for tensors in loaded]).bool(),
        yaws=label_yaws(torch.cat([pictures.labels(part) for part in parts])),
    )


def label_yaws(labels: Float[Tensor, "B 25"]) -> Float[Tensor, " B"]:
    """How far to the side cameras stand, degrees."""
    centers = Cameras.from_labels(labels.cpu(), 1).centers()
    return torch.atan2(centers[:, 0], centers[:, 2]).rad2deg()


@torch.no_grad()
def _measure(
    pictures: Pictures,
    part: range,
    detector: Detector,
    device: torch.device,
    before: int,
    on_progress: Callable[[int], None],
) -> TensorFile:
    """Features of one part; on a GPU the host runs ahead and waits only at the end."""
    size = AT_ONCE.get(device.type, AT_ONCE["cpu"])
    spans = [part[first : first + size] for first in range(0, len(part), size)]
    features, finite, done = [], [], before
    for span, drawn in zip(spans, pictures.batches(spans), strict=True):
        found = detector.features(drawn.pixels).float()
        usable = drawn.finite & found.isfinite().all(dim=1)
        features.append(torch.where(usable[:, None], found, torch.nan))
        finite.append(usable)
        done += len(span)
        on_progress(done)
    return TensorFile({"features": torch.cat(features).cpu(), "finite": torch.cat(finite).to(torch.uint8).cpu()}, {})


def _path(folder: Path, part: range) -> Path:
    return folder / f"{part.start:07d}-{part.stop:07d}.safetensors"

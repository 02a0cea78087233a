"""Shapes without a network: silhouettes and depth by the yaw of the camera, generated against true."""

from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float
from PIL import Image
from scipy.stats import wasserstein_distance
from torch import Tensor

from gghead.data.archive import DEPTH_STEPS, open_archive
from gghead.data.dataset import HeadDataset
from gghead.evaluation.features import label_yaws
from gghead.inference.generated import GeneratedHeads
from gghead.runs.shards import is_there

FOREGROUND = 0.5
"""Alpha from which a pixel belongs to the head."""
NEAR_SHARE, FAR_SHARE = 0.05, 0.95
"""Quantiles of a head's depth between which its relief is measured, so that a stray pixel does not decide."""
AT_ONCE = 8


@dataclass(frozen=True)
class Shapes:
    """Of pictures of heads; NaN where not known.

    Attributes:
        yaws: of the cameras, degrees.
        areas: share of the picture that the head covers.
        depths: mean distance of the visible surface along the viewing axis, world units.
        reliefs: depth from the nearest to the farthest 5 % of the surface, world units.
    """

    yaws: Float[Tensor, " N"]
    areas: Float[Tensor, " N"]
    depths: Float[Tensor, " N"]
    reliefs: Float[Tensor, " N"]

    def within(self, low: float, high: float) -> "Shapes":
        """Those with low <= |yaw| < high, degrees."""
        chosen = (self.yaws.abs() >= low) & (self.yaws.abs() < high)
        return Shapes(self.yaws[chosen], self.areas[chosen], self.depths[chosen], self.reliefs[chosen])


def true_shapes(dataset: HeadDataset, path: Path, count: int) -> Shapes:
    """Silhouettes from the masks, depth from <stem>_depth.zip beside the pictures where there is one.

    Args:
        dataset: the pictures.
        path: of their archive.
        count: how many pictures, evenly spread over the dataset.

    Raises:
        ValueError: a picture, mask or depth can't be used.
    """
    chosen = np.unique(np.linspace(0, len(dataset) - 1, min(count, len(dataset))).round().astype(int))
    depth_path = path.with_name(f"{path.stem}_depth.zip")
    areas = [float(dataset.pixels([int(index)])[..., 3].mean(dtype=np.float64) / 255) for index in chosen]
    depths = [(float("nan"), float("nan"))] * len(chosen)
    if is_there(depth_path):
        with open_archive(depth_path) as archive:
            depths = [_depth_of(archive.read(dataset.names[int(index)])) for index in chosen]
    mean, relief = torch.tensor(depths, dtype=torch.float32).T
    return Shapes(label_yaws(torch.from_numpy(dataset.labels[chosen])), torch.tensor(areas), mean, relief)


@torch.no_grad()
def generated_shapes(fakes: GeneratedHeads, count: int) -> Shapes:
    """The same of generated heads, by their own cameras."""
    areas, depths = [], []
    for first in range(0, count, AT_ONCE):
        span = range(first, min(first + AT_ONCE, count))
        drawn = fakes.render(fakes.heads(span), fakes.cameras(span), pairwise=True)
        areas.append(drawn.alpha.mean(dim=(1, 2, 3)).cpu())
        for alpha, depth in zip(drawn.alpha.cpu(), drawn.depth.cpu(), strict=True):
            depths.append(depth_statistics(depth[alpha > FOREGROUND]))
    mean, relief = torch.tensor(depths).T
    return Shapes(label_yaws(fakes.labels(range(count))), torch.cat(areas), mean, relief)


def depth_statistics(depth: Float[Tensor, " P"]) -> tuple[float, float]:
    """Mean and relief of the depth of a head's pixels; NaN without pixels."""
    if not len(depth):
        return float("nan"), float("nan")
    ends = torch.quantile(depth, torch.tensor([NEAR_SHARE, FAR_SHARE]))
    return float(depth.mean()), float(ends[1] - ends[0])


def gap(generated: Float[Tensor, " N"], true: Float[Tensor, " M"]) -> float:
    """How far one distribution has to be moved to become the other, in their unit (1-Wasserstein); NaN if unknown."""
    one, two = generated[generated.isfinite()], true[true.isfinite()]
    if not len(one) or not len(two):
        return float("nan")
    return float(wasserstein_distance(one.numpy(), two.numpy()))


def _depth_of(content: bytes) -> tuple[float, float]:
    with Image.open(BytesIO(content), formats=("PNG",)) as picture:
        steps = np.asarray(picture).astype(np.float32)
    return depth_statistics(torch.from_numpy(steps[steps > 0] / DEPTH_STEPS))

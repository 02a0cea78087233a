"""What does a distance mean? Beside a model's, in sets of one size: two halves of the real pictures, a blurred half.

    python -m studies.distance_scale heads.zip --count 2500 >> benchmarks/results/distance_scale.jsonl

Frechet distances by EfficientNet-Lite0 from the second --count real pictures: to the first ones, to these blurred with
a standard deviation of --sigma pixels, and to as many pictures of a model; of all pictures, and of those within bounds
of yaw, as many of each set as the smallest has there. Stopped, it goes on where it was.
"""

import argparse
import json
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import torch

from benchmarks.rows import commit
from gghead.data.cache.picture_cache import cache_root
from gghead.data.dataset import HeadDataset
from gghead.evaluation.features import FeatureSet, Pictures, collect_features
from gghead.evaluation.real import RealPictures
from gghead.evaluation.real_statistics import measure_real_statistics
from gghead.inference.generated import DrawnPictures, GeneratedHeads, SamplingProtocol
from gghead.inference.loading import load
from gghead.metrics.detectors import load_detector
from gghead.metrics.frechet import frechet_distance
from gghead.runs.places import BUNDLED_MODEL
from gghead.training.losses.blur import blur_matrix, gaussian_blur

BINS = (0, 45), (45, 90), (90, 181)
"""Bounds of |yaw|, degrees."""


class BlurredPictures(RealPictures):
    """Real pictures, blurred with a standard deviation of sigma pixels."""

    def __init__(self, dataset: HeadDataset, sigma: float, device: str) -> None:
        super().__init__(dataset, device=device)
        self._blur = blur_matrix(sigma, dataset.resolution).to(device)

    def batches(self, spans: Iterable[range]) -> Iterator[DrawnPictures]:
        """The pictures of each span."""
        for sharp in super().batches(spans):
            blurred = gaussian_blur(sharp.pixels.float(), self._blur)
            yield DrawnPictures(blurred.round().to(torch.uint8), sharp.finite)


def main() -> None:
    """Measures and prints one row of JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--model", type=Path, default=BUNDLED_MODEL)
    parser.add_argument("--count", type=int, default=2500, help="pictures of each set; half of the data at most")
    parser.add_argument("--sigma", type=float, default=4.0)
    parser.add_argument("--resolution", type=int, default=256)
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--work", type=Path, default=Path("build/distance_scale"), help="folder of what is done")
    options = parser.parse_args()
    detector = load_detector("efficientnet-lite0", cache_root() / "detectors", options.device)
    with HeadDataset.open(options.data, options.resolution) as dataset:
        if 2 * options.count > len(dataset):
            parser.error(f"{options.data} has {len(dataset)} pictures; --count can be {len(dataset) // 2} at most")
        dataset.decode()
        count = options.count
        what = options.data, dataset, 1.0, detector, cache_root()
        real = measure_real_statistics(*what, device=options.device).features
        recipe = SamplingProtocol(0, dataset.resolution)
        made: dict[str, Pictures] = {
            "blurred": BlurredPictures(dataset, options.sigma, options.device),
            "model": GeneratedHeads(load(options.model, options.device), torch.from_numpy(dataset.labels), recipe),
        }
        features = {"half": real.first(count)} | {
            name: collect_features(pictures, count, detector, options.work / name, device=options.device)
            for name, pictures in made.items()
        }
    rest = FeatureSet(real.features[count:], real.finite[count:], real.yaws[count:]).first(count)
    row = {"model": options.model.name, "data": options.data.name, "count": options.count, "sigma": options.sigma}
    row["resolution"] = options.resolution
    distances = scale(rest, features)
    by_yaw = {}
    for low, high in BINS:
        parts = {name: found.within(low, high) for name, found in features.items()}
        least = min(len(part.usable()) for part in (*parts.values(), rest.within(low, high)))
        kept = {name: part.first(least) for name, part in parts.items()}
        by_yaw[f"{low}-{high}"] = {"count": least} | scale(rest.within(low, high).first(least), kept)
    origin = {"commit": commit(), "date": datetime.now(UTC).date().isoformat()}
    print(json.dumps(row | {"distances": distances, "by_yaw": by_yaw} | origin))


def scale(others: FeatureSet, sets: dict[str, FeatureSet]) -> dict[str, float]:
    """Distances of sets of features from another one."""
    return {name: round(frechet_distance(others.moments, found.moments), 2) for name, found in sets.items()}


if __name__ == "__main__":
    main()

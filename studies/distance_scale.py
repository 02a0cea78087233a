"""What does a distance mean? Beside a model's, in sets of one size: two halves of the real pictures, a blurred half.

    python -m studies.distance_scale heads.zip --count 2500 >> benchmarks/results/distance_scale.jsonl

Frechet distances by EfficientNet-Lite0 from the second --count real pictures: to the first ones, to these blurred with
a standard deviation of --sigma pixels, and to as many pictures of a model. Stopped, it goes on where it was.
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
from gghead.evaluation.features import Pictures, collect_features
from gghead.evaluation.real import RealPictures
from gghead.evaluation.real_statistics import measure_real_statistics
from gghead.inference.generated import DrawnPictures, GeneratedHeads, SamplingProtocol
from gghead.inference.loading import load
from gghead.metrics.detectors import load_detector
from gghead.metrics.frechet import frechet_distance
from gghead.metrics.moments import Moments
from gghead.runs.places import BUNDLED_MODEL
from gghead.training.losses.blur import blur_matrix, gaussian_blur


class BlurredPictures(RealPictures):
    """Real pictures, blurred with a standard deviation of sigma pixels."""

    def __init__(self, dataset: HeadDataset, sigma: float) -> None:
        super().__init__(dataset)
        self._blur = blur_matrix(sigma, dataset.resolution)

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
        real = measure_real_statistics(*what, device=options.device).features.features
        recipe = SamplingProtocol(0, dataset.resolution)
        made: dict[str, Pictures] = {
            "blurred": BlurredPictures(dataset, options.sigma),
            "model": GeneratedHeads(load(options.model, options.device), torch.from_numpy(dataset.labels), recipe),
        }
        features = {"half": real[:count]} | {
            name: collect_features(pictures, count, detector, options.work / name, device=options.device).usable()
            for name, pictures in made.items()
        }
    row = {"model": options.model.name, "data": options.data.name, "count": options.count, "sigma": options.sigma}
    others = Moments.of(real[count : 2 * count])
    distances = {name: round(frechet_distance(others, Moments.of(found)), 2) for name, found in features.items()}
    origin = {"commit": commit(), "date": datetime.now(UTC).date().isoformat()}
    print(json.dumps(row | {"distances": distances} | origin))


if __name__ == "__main__":
    main()

"""What does a distance mean? Beside a model's, in sets of one size: two halves of the real pictures, a blurred half.

    python benchmarks/distance_scale.py heads.zip --count 2500 >> benchmarks/results/distance_scale.jsonl

Frechet distances by EfficientNet-Lite0 from the first --count real pictures: to the next ones, to those blurred with a
standard deviation of --sigma pixels, and to as many pictures of a model. Stopped, it goes on where it was.
"""

import argparse
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from gghead.config.paths import BUNDLED_MODEL
from gghead.data.dataset import HeadDataset
from gghead.data.decoding import decode
from gghead.data.picture_cache import cache_root
from gghead.data.source import PictureSource
from gghead.evaluation.features import Pictures, collect_features
from gghead.inference.fakes import DrawnPictures, Fakes, Recipe
from gghead.inference.loading import load
from gghead.metrics.detectors import load_detector
from gghead.metrics.frechet import frechet_distance
from gghead.training.blur import blur_matrix, gaussian_blur


@dataclass(frozen=True)
class Reals:
    """Real pictures from number `first` on, blurred if sigma is above 0."""

    source: PictureSource
    first: int
    sigma: float

    def name(self, index: int) -> str:
        """What a report calls a picture."""
        return f"picture {self.first + index}"

    def labels(self, span: range) -> Tensor:
        """Camera labels of some pictures."""
        return torch.from_numpy(self.source.labels[self.first + span.start : self.first + span.stop])

    def batches(self, spans: Iterable[range]) -> Iterator[DrawnPictures]:
        """The pictures of each span."""
        side = self.source.resolution
        blur = blur_matrix(self.sigma, side) if self.sigma > 0 else None
        for span in spans:
            rgb = np.empty((len(span), side, side, 3), np.uint8)
            self.source.fill(np.asarray(span) + self.first, np.zeros(len(span), bool), rgb)
            pixels = torch.from_numpy(rgb).permute(0, 3, 1, 2).float()
            yield DrawnPictures(gaussian_blur(pixels, blur).round().to(torch.uint8), torch.ones(len(span)).bool())


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
        source = decode(dataset)
        fakes = Fakes(
            load(options.model, options.device), torch.from_numpy(dataset.labels), Recipe(0, dataset.resolution)
        )
        sets: dict[str, Pictures] = {
            "real": Reals(source, 0, 0),
            "half": Reals(source, options.count, 0),
            "blurred": Reals(source, options.count, options.sigma),
            "model": fakes,
        }
        moments = {
            name: collect_features(
                pictures, options.count, detector, options.work / name, device=options.device
            ).moments
            for name, pictures in sets.items()
        }
    row = {"model": options.model.name, "data": options.data.name, "count": options.count, "sigma": options.sigma}
    distances = {name: round(frechet_distance(moments["real"], moments[name]), 2) for name in list(sets)[1:]}
    print(json.dumps(row | {"distances": distances}))


if __name__ == "__main__":
    main()

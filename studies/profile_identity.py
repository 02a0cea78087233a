"""Does the identity network know a person again who has turned by 60 degrees, or from one profile to the other?

    pip install '.[identity]'
    python -m studies.profile_identity --assets PACK MODEL... >> benchmarks/results/profile_identity.jsonl

Prints one row of JSON for rendered people, whose true identity is known, and for each model. The threshold of a pair of
sides is the one at which rendered people are told apart with equal errors.
"""

import argparse
import json
from datetime import UTC, datetime
from pathlib import Path

import torch

from benchmarks.rows import commit
from gghead.evaluation.identity import Identities, generated_identities, identities
from gghead.inference.generated import GeneratedHeads, SamplingProtocol
from gghead.inference.loading import load
from gghead.metrics.identity import FaceRecognizer
from gghead.synthetic.people.portraits import Sitting
from studies.equal_error import equal_error, pair_distances
from studies.rendered_people import draw_people

PAIRS = (0, 60), (-60, 0), (-60, 60), (-90, 90)
"""Yaws that are compared, degrees."""
YAWS = (-90, -60, 0, 60, 90)


def main() -> None:
    """Draws, measures and prints."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("models", nargs="*", type=Path)
    parser.add_argument("--heads", type=int, default=100)
    parser.add_argument("--resolution", type=int, default=256, help="side of the pictures")
    parser.add_argument("--assets", type=Path, help="folder of an asset pack; procedural people without")
    options = parser.parse_args()
    recognizer = FaceRecognizer()
    people = draw_people(Sitting(options.resolution, seed=0, assets=options.assets), options.heads, YAWS)
    known = identities(recognizer, people.pictures, yaws=YAWS)
    thresholds = {pair: equal_error(*distances(known, pair)).threshold for pair in PAIRS}
    show("rendered people", known, thresholds, options)
    for path in options.models:
        recipe = SamplingProtocol(0, options.resolution)
        fakes = GeneratedHeads(load(path, "cpu"), torch.zeros(1, 25), recipe)
        made = generated_identities(fakes, options.heads, recognizer, camera_followed=False, yaws=YAWS)
        show(path.name, made, thresholds, options)


def distances(known: Identities, pair: tuple[int, int]) -> tuple[torch.Tensor, torch.Tensor]:
    """Of each head from two sides, and of one head from the first and another from the second."""
    return pair_distances(known.seen_from(pair[0]), known.seen_from(pair[1]))


def show(name: str, known: Identities, thresholds: dict[tuple[int, int], float], options: argparse.Namespace) -> None:
    """Prints a row."""
    pairs = {}
    for pair, threshold in thresholds.items():
        same, other = distances(known, pair)
        shares = (float((found < threshold).double().mean()) for found in (same, other))
        numbers = float(same.mean()), float(other.mean()), threshold, *shares, equal_error(same, other).rate
        names = "same", "other", "threshold", "one_taken_for_one", "two_taken_for_one", "equal_error_rate"
        pairs[f"{pair[0]}, {pair[1]}"] = {key: round(value, 3) for key, value in zip(names, numbers, strict=True)}
    row = {"heads": name, "count": len(known.embeddings), "resolution": options.resolution, "pairs": pairs}
    print(json.dumps(row | {"commit": commit(), "date": datetime.now(UTC).date().isoformat()}), flush=True)


if __name__ == "__main__":
    main()

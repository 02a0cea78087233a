"""Does the identity distance measure identity? On rendered people, whose true identity is known: the numbers that a
perfect model would get, the threshold at which one person and two are told apart equally well, and how much is gained
by knowing where the landmarks of each single person are.

    pip install '.[identity]'
    python -m studies.identity --heads 100 --assets PACK

Prints one row of JSON for each variant, procedural heads and textured ones if --assets names a pack.
"""

import argparse
import json
from pathlib import Path

import torch

from gghead.evaluation.identity import (
    CARD_DEGREES,
    DEGREES,
    SYNTHETIC_THRESHOLD,
    VIEWS,
    Identities,
    identities,
    identity_measures,
)
from gghead.metrics.identity import PUBLISHED_THRESHOLD, FaceRecognizer
from gghead.synthetic.people.portraits import Sitting
from studies.equal_error import equal_error, pair_distances
from studies.rendered_people import draw_people

EYES_AND_NOSE = [45, 42, 36, 39, 33]
"""Which of the 68 landmarks align a face."""


def main() -> None:
    """Draws, measures and prints."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--heads", type=int, default=100)
    parser.add_argument("--resolution", type=int, default=256, help="side of the pictures")
    parser.add_argument("--assets", type=Path, help="folder of an asset pack: textured heads as well")
    arguments = parser.parse_args()
    recognizer = FaceRecognizer()
    for assets in [None] if arguments.assets is None else [None, arguments.assets]:
        people = draw_people(Sitting(arguments.resolution, seed=0, assets=assets), arguments.heads, VIEWS)
        known = identities(recognizer, people.pictures)
        exact = [
            identities(recognizer, views[None], points[EYES_AND_NOSE]).embeddings
            for views, points in zip(people.pictures, people.landmarks, strict=True)
        ]
        row = {
            "variant": "procedural" if assets is None else "textured",
            "resolution": arguments.resolution,
            "heads": arguments.heads,
            "measures": {measure.name: round(measure.value, 4) for measure in identity_measures(known, "truth")},
            "told_apart": {f"+-{degrees}": told_apart(known, degrees) for degrees in DEGREES},
            "told_apart_by_true_landmarks": told_apart(Identities(torch.cat(exact)), CARD_DEGREES),
        }
        print(json.dumps(row), flush=True)


def told_apart(known: Identities, degrees: int) -> dict[str, float]:
    """Errors over pairs of a view at -degrees and one at +degrees: of one head, and of two."""
    same, other = pair_distances(known.seen_from(-degrees), known.seen_from(degrees))
    found = equal_error(same, other)
    errors = {"equal_error_threshold": found.threshold, "equal_error_rate": found.rate}
    for threshold in (PUBLISHED_THRESHOLD, SYNTHETIC_THRESHOLD):
        errors[f"one_taken_for_two_at_{threshold}"] = float((same >= threshold).double().mean())
        errors[f"two_taken_for_one_at_{threshold}"] = float((other < threshold).double().mean())
    return {name: round(value, 4) for name, value in errors.items()}


if __name__ == "__main__":
    main()

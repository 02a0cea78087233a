"""Does the identity distance measure identity? On rendered people, whose true identity is known: the numbers that a
perfect model would get, and the threshold at which one person and two are told apart equally well.

    pip install 'gghead[identity]'
    python benchmarks/identity.py --heads 100 --assets PACK

Prints one row of JSON for each variant, procedural heads and textured ones if --assets names a pack.
"""

import argparse
import json
from dataclasses import asdict
from pathlib import Path

import numpy as np
import torch

from gghead.data.synthetic.cameras import posed_label
from gghead.data.synthetic.lighting import random_lighting
from gghead.data.synthetic.portraits import PERSON, Sitting, head_maker
from gghead.data.synthetic.renderer import render
from gghead.evaluation.identity import DEGREES, VIEWS, Identities, identities, identity_measures
from gghead.metrics.identity import FaceRecognizer, equal_error


def main() -> None:
    """Draws, measures and prints."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--heads", type=int, default=100)
    parser.add_argument("--resolution", type=int, default=256, help="side of the pictures")
    parser.add_argument("--assets", type=Path, help="folder of an asset pack: textured heads as well")
    arguments = parser.parse_args()
    recognizer = FaceRecognizer()
    for assets in [None] if arguments.assets is None else [None, arguments.assets]:
        sitting = Sitting(arguments.resolution, seed=0, assets=assets)
        known = identities(recognizer, portraits(sitting, arguments.heads))
        row = {
            "variant": "procedural" if assets is None else "textured",
            "resolution": arguments.resolution,
            "heads": arguments.heads,
            "measures": {measure.name: round(measure.value, 4) for measure in identity_measures(known, "truth")},
            "equal_error": {f"+-{degrees}": asdict(equal_error(*pairs(known, degrees))) for degrees in DEGREES},
        }
        print(json.dumps(row))


def portraits(sitting: Sitting, heads: int) -> np.ndarray:
    """Rendered people on white from the views of the measure, uint8 [H, 7, R, R, 3]."""
    maker, rows = head_maker(sitting), []
    labels = [posed_label(float(np.radians(degrees)), 0.0) for degrees in VIEWS]
    for number in range(heads):
        rng = np.random.default_rng([sitting.seed, number, PERSON])
        lighting = random_lighting(rng)
        scene = maker.draw(rng).scene
        views = [render(scene, label, sitting.resolution, lighting, supersampling=2) for label in labels]
        rows.append([view.colour * view.coverage[..., None] + 1 - view.coverage[..., None] for view in views])
    return (np.array(rows) * 255).round().astype(np.uint8)


def pairs(known: Identities, degrees: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Distances of each head at -degrees to itself at +degrees, and to all others there."""
    left, right = (known.embeddings[:, VIEWS.index(side)] for side in (-degrees, degrees))
    distances = torch.cdist(left, right)
    other = ~torch.eye(len(distances), dtype=torch.bool)
    return distances.diagonal(), distances[other]


if __name__ == "__main__":
    main()

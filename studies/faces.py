"""In how many generated heads does somebody who learned from photographs find a face, from the front and from the side?

    make .venv/models                                   # MediaPipe's face models (Apache-2.0) and LiteRT that runs them
    .venv/bin/python -m studies.faces MODEL --models .venv/models --count 200
    .venv/bin/python -m studies.faces --models .venv/models --assets PACK  # rendered people: what a perfect model gets

Prints one row of JSON: shares of the heads, drawn on white with the mapping camera frozen to the front, in which
MediaPipe's detector finds a face and its landmarker is surer than not that there is one.
"""

import argparse
import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch

from gghead.geometry.cameras import Cameras
from gghead.geometry.canonical_cameras import posed_label
from gghead.inference.loading import load
from gghead.inference.observation import draw
from gghead.media.images import to_uint8
from gghead.photos import FaceModels
from gghead.photos.faces.finding import find_faces
from gghead.synthetic.people.portraits import Sitting
from studies.rendered_people import draw_people

YAWS = (-40, 0, 40)
"""Degrees."""


def main() -> None:
    """Draws, looks and prints."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", nargs="?", help="a .safetensors file or a run; rendered people without")
    parser.add_argument("--assets", type=Path, help="folder of an asset pack, for textured people")
    parser.add_argument("--count", type=int, default=200, help="heads")
    parser.add_argument("--resolution", type=int, default=256, help="side of the pictures, best that of training")
    parser.add_argument("--truncation", type=float, default=1.0)
    parser.add_argument("--models", type=Path, help="folder with a wheel of mediapipe")
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    options = parser.parse_args()
    models = FaceModels(options.models)
    if options.model is None:
        people = draw_people(Sitting(options.resolution, seed=0, assets=options.assets), options.count, YAWS)
        heads: Iterator[np.ndarray] = iter(people.pictures)
    else:
        heads = generated(options.model, options.count, options.resolution, options.truncation, options.device)
    found = np.array([[bool(find_faces(picture, models)) for picture in views] for views in heads])
    people_kind = "rendered people, procedural" if options.assets is None else "rendered people, textured"
    row = {
        "heads": options.model or people_kind,
        "count": len(found),
        "resolution": options.resolution,
        "truncation": options.truncation if options.model else None,
        "face_found": {f"yaw {yaw}": float(share) for yaw, share in zip(YAWS, found.mean(axis=0), strict=True)},
    }
    print(json.dumps(row))


@torch.no_grad()
def generated(model: str, count: int, resolution: int, truncation: float, device: str) -> Iterator[np.ndarray]:
    """Pictures of the heads of seeds 0, 1, ... from every side, uint8 [3, R, R, 3] each."""
    generator = load(model, device)
    labels = torch.from_numpy(np.stack([posed_label(float(np.radians(yaw)), 0.0) for yaw in YAWS]))
    cameras = Cameras.from_labels(labels.to(generator.device), resolution)
    for seed in range(count):
        yield to_uint8(draw(generator, generator.sample([seed], truncation), cameras).rgb[0])


if __name__ == "__main__":
    main()

"""Makes what `gghead.photos` knows of heads: the mean face and the pose network, from rendered people.

    python -m studies.head_pose crops --out crops/textured.npz --assets PACK --seconds 600 --seed 1
    python -m studies.head_pose crops --out crops/procedural.npz --seconds 400 --seed 2
    python -m studies.head_pose template crops/*.npz --out src/gghead/assets/face_template.npz
    python -m studies.head_pose train crops/*.npz --seconds 600 --out src/gghead/assets/head_pose.safetensors
    python -m studies.head_pose train crops/*.npz --seconds 120 --start OLD.safetensors --out NEW.safetensors

Training needs a GPU to be short; it prints the errors on a twelfth of the people, whom it does not learn from.
"""

import argparse
from pathlib import Path

from studies.head_pose.crops import draw_crops
from studies.head_pose.template import write_template
from studies.head_pose.training import train


def main() -> None:
    """Runs a command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(required=True)
    crops = commands.add_parser("crops", help="render people and cut their faces out")
    crops.add_argument("--out", type=Path, required=True)
    crops.add_argument("--assets", type=Path, help="asset pack of textured people; procedural ones without it")
    crops.add_argument("--models", type=Path, help="folder with the wheel of mediapipe")
    crops.add_argument("--seconds", type=float, required=True, help="time after which what is there is written")
    crops.add_argument("--seed", type=int, required=True)
    crops.add_argument("--workers", type=int, default=2, help="processes")
    crops.set_defaults(run=lambda o: draw_crops(o.out, o.assets, o.models, o.seconds, o.seed, o.workers))
    template = commands.add_parser("template", help="triangulate the mean face")
    template.add_argument("crops", type=Path, nargs="+")
    template.add_argument("--out", type=Path, required=True)
    template.set_defaults(run=lambda o: write_template(o.crops, o.out))
    training = commands.add_parser("train", help="train the pose network")
    training.add_argument("crops", type=Path, nargs="+")
    training.add_argument("--out", type=Path, required=True)
    training.add_argument("--seconds", type=float, default=600)
    training.add_argument("--seed", type=int, default=0)
    training.add_argument("--start", type=Path, help="weights to go on from, at a fifth of the rate")
    training.set_defaults(run=lambda o: train(o.crops, o.out, o.seconds, o.seed, o.start))
    options = parser.parse_args()
    options.run(options)


if __name__ == "__main__":
    main()

"""Photographs of synthetic people, whose truth is known, and what `gghead data photos` makes of them.

    python -m benchmarks.photographs draw --out FOLDER --count 1000 --seed 1 [--assets PACK] [--backgrounds FILES...]

The same command goes on with a folder where it was interrupted.
"""

import argparse
from pathlib import Path

from benchmarks.photographs.draw import PhotographSet, draw_folder
from benchmarks.photographs.drawing import SIDES


def main() -> None:
    """Runs a command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(required=True)
    draw = commands.add_parser("draw", help="draw photographs into a folder")
    draw.add_argument("--out", type=Path, required=True)
    draw.add_argument("--count", type=int, default=1000)
    draw.add_argument("--seed", type=int, required=True)
    draw.add_argument("--assets", type=Path, help="asset pack of textured people; procedural ones without it")
    draw.add_argument("--backgrounds", type=Path, nargs="*", default=[], help="photographs without people")
    draw.add_argument("--sides", type=int, nargs=2, default=SIDES, help="least and most pixels of a side")
    draw.add_argument("--uncut", action="store_true", help="the camera looks at the photograph's middle, not the face")
    draw.add_argument("--workers", type=int, default=2, help="processes")
    draw.set_defaults(run=_draw)
    options = parser.parse_args()
    options.run(options)


def _draw(options: argparse.Namespace) -> None:
    backgrounds, sides = tuple(options.backgrounds), tuple(options.sides)
    chosen = PhotographSet(options.seed, options.assets, backgrounds, sides, options.uncut)
    draw_folder(options.out, options.count, chosen, options.workers)


if __name__ == "__main__":
    main()

"""Photographs of synthetic people, whose truth is known, and what `gghead data photos` makes of them.

    python -m benchmarks.photographs draw --out FOLDER --count 1000 --seed 1 [--assets PACK] [--backgrounds FILES...]

draws photographs; the same command goes on where it was interrupted.

    python -m benchmarks.photographs score FOLDERS... [--models FOLDER] [--append]

finds the heads in photographs and prints a table of how far their cameras and masks are from the truth; scores.py and
table.py define the measures. Of the command's refusals, only that of turned heads is off.

    python -m benchmarks.photographs speed FOLDER [--models FOLDER] [--append]

times `gghead data photos` on the photographs of a folder as a whole, and the processor time of its parts. Draw 200
of 1024 x 1024 for it: --sides 1024 1024. With --append, rows of JSON go to benchmarks/results/photographs.jsonl.

    python -m benchmarks.photographs pairs FOLDERS... --out NAME --resolution 64 [--models FOLDER]

writes NAME_prepared.zip and NAME_true.zip: what to train on to see what errors of cameras and masks cost.
"""

import argparse
import os
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from benchmarks.data_loading import cpu_model
from benchmarks.photographs.draw import PhotographSet, draw_folder
from benchmarks.photographs.drawing import SIDES
from benchmarks.photographs.pairs import write_pairs
from benchmarks.photographs.scoring import score_folder, write_details
from benchmarks.photographs.speed import CommandSpeed, time_command, time_parts
from benchmarks.photographs.table import Table, markdown, tabulate
from benchmarks.rows import append, commit
from gghead.data.parallel import thread_count
from gghead.photos.faces.models import FaceModels
from gghead.photos.head_finder import HeadFinder, PhotoSettings

RESULTS = "photographs"


@dataclass(frozen=True)
class Circumstances:
    """What a result depends on beside the code's arguments."""

    cores: int
    load_average: float
    cpu: str
    commit: str
    date: str

    @classmethod
    def now(cls) -> "Circumstances":
        """Those of this machine."""
        load, today = round(os.getloadavg()[0], 1), datetime.now(UTC).date().isoformat()
        return cls(thread_count(), load, cpu_model(), commit(), today)


@dataclass(frozen=True)
class ScoreRow:
    """The scores of a set."""

    scored: str
    resolution: int
    table: Table
    circumstances: Circumstances


@dataclass(frozen=True)
class SpeedRow:
    """How fast a set was prepared; parts in processor milliseconds of a photograph."""

    timed: str
    resolution: int
    command: CommandSpeed
    parts_ms: dict[str, float]
    circumstances: Circumstances


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
    score = commands.add_parser("score", help="score what is found in photographs")
    score.add_argument("folders", type=Path, nargs="+")
    score.add_argument("--details", type=Path, help="file to add a line of JSON for each photograph to")
    score.set_defaults(run=_score)
    speed = commands.add_parser("speed", help="time the command and its parts")
    speed.add_argument("folder", type=Path)
    speed.set_defaults(run=_speed)
    pairs = commands.add_parser("pairs", help="datasets of the same photographs, prepared and true")
    pairs.add_argument("folders", type=Path, nargs="+")
    pairs.add_argument("--out", type=Path, required=True)
    pairs.set_defaults(run=_pairs)
    for command in (score, speed, pairs):
        command.add_argument("--resolution", type=int, default=512, help="side of the crops, pixels")
        command.add_argument("--models", type=Path, help="folder of MediaPipe's models, as `gghead data photos` has it")
    for command in (score, speed):
        command.add_argument("--append", action="store_true", help="add rows to benchmarks/results/photographs.jsonl")
    options = parser.parse_args()
    options.run(options)


def _draw(options: argparse.Namespace) -> None:
    backgrounds, sides = tuple(options.backgrounds), tuple(options.sides)
    chosen = PhotographSet(options.seed, options.assets, backgrounds, sides, options.uncut)
    draw_folder(options.out, options.count, chosen, options.workers)


def _score(options: argparse.Namespace) -> None:
    finder = HeadFinder(PhotoSettings(options.resolution, max_yaw=90), FaceModels(options.models))
    tables = {}
    for folder in options.folders:
        scores = score_folder(folder, finder)
        if options.details is not None:
            write_details(options.details, folder, scores)
        tables[folder.name] = tabulate(scores)
        if options.append:
            append(RESULTS, ScoreRow(folder.name, options.resolution, tables[folder.name], Circumstances.now()))
    print(markdown(tables))


def _speed(options: argparse.Namespace) -> None:
    pictures = sorted((options.folder / "pictures").iterdir())
    command = time_command(pictures, options.resolution, options.models)
    parts = time_parts(pictures, PhotoSettings(options.resolution), FaceModels(options.models))
    row = SpeedRow(options.folder.name, options.resolution, command, parts, Circumstances.now())
    print(row)
    if options.append:
        append(RESULTS, row)


def _pairs(options: argparse.Namespace) -> None:
    finder = HeadFinder(PhotoSettings(options.resolution), FaceModels(options.models))
    print(write_pairs(options.folders, options.out, finder, options.resolution), "photographs in each")


if __name__ == "__main__":
    main()

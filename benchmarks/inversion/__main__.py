"""How near heads come to people whose every side is known: held-out synthetic people, inverted and looked at.

    python -m benchmarks.inversion --count 100 [--quality good] [--method maps] [--start encoder] [--photographs 3]
                                   [--assets PACK] [--pose-error 2] [--sheet FILE] [--device cuda] [--processes 8]
                                   [--append]

prints a line for each person and their means: PSNR, SSIM, distance of features and identity at 0, 15, 30 and 60 degrees
beside the first photograph (scores.py defines them), and seconds of a fit. Masks are true, cameras too unless
--pose-error moves them. With --append the means become a row of benchmarks/results/inversion.jsonl.
"""

import argparse
import os
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from statistics import mean

import torch

from benchmarks.data_loading import cpu_model
from benchmarks.inversion.fits import Protocol, results
from benchmarks.inversion.people import PHOTOGRAPHS
from benchmarks.inversion.scores import Score, mean_score
from benchmarks.rows import append, commit
from gghead.inference.outputs import save_picture


@dataclass(frozen=True)
class Row:
    """Means over people.

    Attributes:
        quality: of the fits.
        method: what was fitted, see fits.py; "mean style" for the mean head.
        start: where the fits began: "encoder" or "mean".
        photographs: of each person.
        pose_error: of the cameras, degrees; 0 where they are true.
        people: how many.
        textured: whether they are of an asset pack; else procedural.
        resolution: side of the pictures, pixels.
        score: means, see scores.py.
        processor_seconds: of a fit, all threads together; on a GPU those of the CPU.
        seconds: of a fit, by the clock.
        processes: fits at the same time; with several each takes longer.
        load_average: of the machine at the end: above the number of cores, others ran beside.
        device: where it ran.
        commit: of the code.
        date: of the day.
    """

    quality: str
    method: str
    start: str
    photographs: int
    pose_error: float
    people: int
    textured: bool
    resolution: int
    score: Score
    processor_seconds: float
    seconds: float
    processes: int
    load_average: float
    device: str
    commit: str
    date: str


def main() -> None:
    """Runs the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=100, help="people")
    parser.add_argument("--quality", choices=["fast", "good", "best"], default="good")
    parser.add_argument("--method", choices=["encoder", "w", "w+", "maps"], default="maps", help="what is fitted")
    parser.add_argument("--start", choices=["encoder", "mean"], default="encoder", help="where fits begin")
    parser.add_argument("--photographs", type=int, choices=sorted(PHOTOGRAPHS), default=1, help="of each person")
    parser.add_argument("--assets", type=Path, help="asset pack of textured people; procedural ones without it")
    parser.add_argument("--pose-error", type=float, default=0.0, help="of cameras, degrees; see people.py")
    parser.add_argument("--model", help="as in `gghead sample`; default: the bundled model")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--processes", type=int, default=1, help="fits at the same time")
    parser.add_argument("--sheet", type=Path, help="picture to write: the person above, the head below, from all sides")
    parser.add_argument("--append", action="store_true", help="add a row to benchmarks/results/inversion.jsonl")
    options = parser.parse_args()
    made_by = commit()
    protocol = Protocol(
        model=options.model,
        device=options.device,
        quality=options.quality,
        method=options.method,
        encoded=options.start == "encoder",
        photographs=options.photographs,
        assets=options.assets,
        pose_error=options.pose_error,
    )
    found = []
    for number, result in enumerate(results(protocol, options.count, options.processes)):
        found.append(result)
        print(number, asdict(result.found), flush=True)
        if options.sheet is not None:
            save_picture(options.sheet, torch.cat([result.views for result in found]).float() / 255)
    fits = (options.method, [result.found for result in found])
    for method, scores in (("mean style", [result.mean for result in found]), fits):
        fitted = method == options.method
        row = Row(
            quality=options.quality,
            method=method,
            start=options.start,
            photographs=options.photographs,
            pose_error=options.pose_error,
            people=options.count,
            textured=options.assets is not None,
            resolution=found[0].views.shape[0] // 2,
            score=mean_score(scores),
            processor_seconds=round(mean(result.processor_seconds for result in found), 1) if fitted else 0.0,
            seconds=round(mean(result.seconds for result in found), 1) if fitted else 0.0,
            processes=options.processes,
            load_average=round(os.getloadavg()[0], 1),
            device=torch.cuda.get_device_name() if options.device.startswith("cuda") else cpu_model(),
            commit=made_by,
            date=datetime.now(UTC).date().isoformat(),
        )
        if options.append:
            append("inversion", row)
        else:
            print(row)


if __name__ == "__main__":
    main()

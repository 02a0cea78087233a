"""How near heads come to people whose every side is known: held-out synthetic people, inverted and looked at.

    python -m benchmarks.inversion --count 100 [--quality good] [--method encoder w w+ maps] [--start encoder mean]
                                   [--photographs 1 3] [--assets PACK] [--pose-error 2] [--sheet FILE]
                                   [--device cuda] [--processes 8] [--append]

prints a line for each person and their means: PSNR, SSIM, distance of features and identity at 0, 15, 30 and 60 degrees
beside the first photograph (scores.py defines them), and seconds of a fit. Each person is inverted by every method,
from every start, with so many photographs. Masks are true, cameras too unless --pose-error moves them. With --append
the means become rows of benchmarks/results/inversion.jsonl.
"""

import argparse
import os
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

import torch

from benchmarks.data_loading import cpu_model
from benchmarks.inversion.fits import Protocol, Result, Source, results
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
    options = arguments()
    made_by = commit()
    protocols = [
        Protocol(options.quality, method, start == "encoder", photographs, options.pose_error)
        for photographs in options.photographs
        for method in options.method
        for start in options.start
        if method != "encoder" or start == "encoder"
    ]
    source = Source(options.model, options.device, options.assets)
    found: list[list[Result]] = []
    for number, of_person in enumerate(results(source, protocols, options.count, options.processes)):
        found.append(of_person)
        for protocol, result in zip(protocols, of_person, strict=True):
            print(number, protocol.method, protocol.photographs, asdict(result.found), flush=True)
        if options.sheet is not None:
            views = [result.views for of_person in found for result in of_person]
            save_picture(options.sheet, torch.cat(views).float() / 255)
    device = torch.cuda.get_device_name() if options.device.startswith("cuda") else cpu_model()
    means = [of_person[0].mean for of_person in found]
    for index, protocol in ((None, protocols[0]), *enumerate(protocols)):
        fitted = [] if index is None else [of_person[index] for of_person in found]
        row = Row(
            quality=protocol.quality,
            method=protocol.method if fitted else "mean style",
            start="encoder" if protocol.encoded and fitted else "mean",
            photographs=protocol.photographs,
            pose_error=protocol.pose_error,
            people=len(found),
            textured=options.assets is not None,
            resolution=found[0][0].views.shape[0] // 2,
            score=mean_score([result.found for result in fitted] or means),
            processor_seconds=round(sum(result.processor_seconds for result in fitted) / len(found), 1),
            seconds=round(sum(result.seconds for result in fitted) / len(found), 2),
            processes=options.processes,
            load_average=round(os.getloadavg()[0], 1),
            device=device,
            commit=made_by,
            date=datetime.now(UTC).date().isoformat(),
        )
        if options.append:
            append("inversion", row)
        else:
            print(row, flush=True)


def arguments() -> argparse.Namespace:
    """What the command line says."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=100, help="people")
    parser.add_argument("--quality", choices=["fast", "good", "best"], default="good")
    parser.add_argument(
        "--method", nargs="+", choices=["encoder", "w", "w+", "maps"], default=["maps"], help="what is fitted"
    )
    parser.add_argument("--start", nargs="+", choices=["encoder", "mean"], default=["mean"], help="of the fits")
    parser.add_argument("--photographs", nargs="+", type=int, choices=sorted(PHOTOGRAPHS), default=[1])
    parser.add_argument("--pose-error", type=float, default=0.0, help="of cameras, degrees; see people.py")
    parser.add_argument("--assets", type=Path, help="asset pack of textured people; procedural ones without it")
    parser.add_argument("--model", help="as in `gghead sample`; default: the bundled model")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--processes", type=int, default=1, help="people at the same time")
    parser.add_argument("--sheet", type=Path, help="picture to write: the person above, the head below, from all sides")
    parser.add_argument("--append", action="store_true", help="add rows to benchmarks/results/inversion.jsonl")
    return parser.parse_args()


if __name__ == "__main__":
    main()

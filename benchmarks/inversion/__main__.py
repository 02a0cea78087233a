"""How near heads come to people whose every side is known: held-out synthetic people, inverted and looked at.

    python -m benchmarks.inversion --count 100 [--quality good] [--photographs 3] [--assets PACK] [--sheet FILE]
                                   [--device cuda] [--append]

prints a line for each person and their means: PSNR, SSIM, distance of features and identity at 0, 15, 30 and 60 degrees
beside the first photograph (scores.py defines them), and processor seconds of a fit. Cameras and masks are true. With
--append the means become a row of benchmarks/results/inversion.jsonl.
"""

import argparse
import os
import time
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

import torch

from benchmarks.data_loading import cpu_model
from benchmarks.inversion.people import PHOTOGRAPHS, held_out
from benchmarks.inversion.scores import Score, mean_score, score
from benchmarks.rows import append, commit
from gghead.geometry.cameras import Cameras
from gghead.inference.loading import load
from gghead.inference.observation import as_learned
from gghead.inference.outputs import save_picture
from gghead.inversion.encoder.encoder_file import find_encoder
from gghead.inversion.fitting import HeadFit
from gghead.inversion.inversion import begin, fitted_side, person_of, run
from gghead.metrics.efficientnet import load_efficientnet
from gghead.metrics.identity import load_recognizer
from gghead.runs.resolve import find_model
from gghead.synthetic.people.portraits import Sitting, head_maker

SEED = 777_001
"""Of the people; nobody trained on them."""


@dataclass(frozen=True)
class Row:
    """Means over people.

    Attributes:
        quality: of the fits; "mean style" for the mean head.
        photographs: of each person.
        people: how many.
        textured: whether they are of an asset pack; else procedural.
        resolution: side of the pictures, pixels.
        score: means, see scores.py.
        processor_seconds: of a fit, all threads together; on a GPU those of the CPU.
        seconds: of a fit, by the clock.
        load_average: of the machine at the end: above the number of cores, others ran beside.
        device: where it ran.
        commit: of the code.
        date: of the day.
    """

    quality: str
    photographs: int
    people: int
    textured: bool
    resolution: int
    score: Score
    processor_seconds: float
    seconds: float
    load_average: float
    device: str
    commit: str
    date: str


def main() -> None:
    """Runs the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=100, help="people")
    parser.add_argument("--quality", choices=["encoder", "fast", "good", "best"], default="good")
    parser.add_argument("--photographs", type=int, choices=sorted(PHOTOGRAPHS), default=1, help="of each person")
    parser.add_argument("--assets", type=Path, help="asset pack of textured people; procedural ones without it")
    parser.add_argument("--model", help="as in `gghead sample`; default: the bundled model")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--sheet", type=Path, help="picture to write: the person above, the head below, from all sides")
    parser.add_argument("--append", action="store_true", help="add a row to benchmarks/results/inversion.jsonl")
    options = parser.parse_args()
    made_by = commit()
    generator = load(options.model, options.device)
    encoder = find_encoder(generator, find_model(options.model))
    side = fitted_side(generator)
    maker = head_maker(Sitting(side, SEED, assets=options.assets))
    network, recognizer = load_efficientnet().to(generator.device), load_recognizer()
    scores, starts, rows = [], [], []
    mean = generator.decode(HeadFit(generator, 1).styles()[None].detach())
    processor = clock = 0.0
    for number in range(options.count):
        person = held_out(maker, SEED, number, side)
        began = time.process_time(), time.monotonic()
        fitting = begin(person.photographs(options.photographs), generator, options.quality, 0, encoder)
        run(fitting, options.quality)
        found = person_of(fitting, ["photograph"] * options.photographs, "model").to(generator.device)
        processor, clock = processor + time.process_time() - began[0], clock + time.monotonic() - began[1]
        heads = found.decode(generator)
        starts.append(score(generator, mean, person, None, network, recognizer))
        scores.append(score(generator, heads, person, found.cameras(side), network, recognizer))
        print(number, asdict(scores[-1]), flush=True)
        if options.sheet is not None:
            cameras = Cameras.from_labels(torch.from_numpy(person.labels), side).to(generator.device)
            drawn = as_learned(generator.config).render(heads, cameras, background=0.5).rgb[0].cpu()
            alphas = torch.from_numpy(person.alphas)[..., None]
            truth = torch.from_numpy(person.colors) * alphas + 0.5 * (1 - alphas)
            rows += [torch.cat(list(truth), dim=1), torch.cat(list(drawn), dim=1)]
            save_picture(options.sheet, torch.cat(rows).clamp(0, 1))
    device = torch.cuda.get_device_name(generator.device) if generator.device.type == "cuda" else cpu_model()
    for quality, found_scores in (("mean style", starts), (options.quality, scores)):
        row = Row(
            quality=quality,
            photographs=options.photographs,
            people=options.count,
            textured=options.assets is not None,
            resolution=side,
            score=mean_score(found_scores),
            processor_seconds=round(processor / options.count, 1) if found_scores is scores else 0.0,
            seconds=round(clock / options.count, 1) if found_scores is scores else 0.0,
            load_average=round(os.getloadavg()[0], 1),
            device=device,
            commit=made_by,
            date=datetime.now(UTC).date().isoformat(),
        )
        if options.append:
            append("inversion", row)
        else:
            print(row)


if __name__ == "__main__":
    main()

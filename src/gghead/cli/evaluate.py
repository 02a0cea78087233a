"""gghead evaluate"""

import re
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import click

from gghead.cli.options import (
    Reading,
    RunPath,
    device_option,
    finite_truncation,
    gpus_option,
    pick_device,
    progress_bars,
)
from gghead.runs.places import find_data
from gghead.runs.resolve import choose_models
from gghead.runs.shards import is_there

if TYPE_CHECKING:
    from gghead.evaluation.evaluate import EvaluationSettings
    from gghead.evaluation.models import Candidate

SUITES = ("fid", "3d", "full")
USUAL_COUNT, CPU_COUNT = 10_000, 1_000
"""Generated pictures unless the user says how many: a CPU would take hours for the usual number."""
MAX_WAIT = timedelta(hours=12)
"""A process waits so long for the slowest."""


def read_count(text: str) -> int:
    """A number of pictures: 100, 1k, 50k."""
    match = re.fullmatch(r"(\d+)(k?)", text)
    count = int(match[1]) * (1000 if match[2] else 1) if match else 0
    if count < 2:
        raise ValueError(f"{text!r} is no number of pictures; expected 2 or more, like 100, 1k, 10k or 50k")
    return count


@click.command()
@click.argument("models", nargs=-1, metavar="[MODEL]...", type=RunPath())
@click.option("--data", required=True, type=click.Path(path_type=Path), help="Real pictures: zip or folder.")
@click.option(
    "--num-images",
    type=Reading("count", read_count),
    help="Generated: 100, 1k, 5k, 10k, 50k. [default: 10k, on a CPU 1k]",
)
@click.option(
    "--snapshot", default="last", show_default=True, help="Of runs: last, all, remaining, or images like 400k."
)
@click.option(
    "--suite",
    type=click.Choice(SUITES),
    default="fid",
    show_default=True,
    help="fid: the official number. 3d: all numbers. full: a page with pictures as well.",
)
@click.option(
    "--detector",
    default="inception",
    show_default=True,
    help="inception (official, fetched once), efficientnet-lite0 (needs no network), or a TorchScript file to run.",
)
@click.option(
    "--truncation", default=1.0, show_default=True, callback=finite_truncation, help="1, as official, for all variety."
)
@click.option("--seed", default=0, show_default=True, help="Decides about heads and cameras.")
@gpus_option
@device_option
def evaluate(
    models: tuple[Path, ...],
    data: Path,
    num_images: int | None,
    snapshot: str,
    suite: str,
    detector: str,
    truncation: float,
    seed: int,
    gpus: int,
    device: str | None,
) -> None:
    """Measure how good models are: distance to real pictures, and what that hides.

    MODEL as in `gghead sample`; default: the bundled model. Numbers are printed and added to evaluations/ in the run's
    folder, or beside the file; those of the bundled model here. Stop it at any time: the same command continues.
    """
    files = [file for model in models or (None,) for file in choose_models(model, snapshot)]
    if not is_there(find_data(data)):
        raise FileNotFoundError(f"there is no dataset at {find_data(data)}; expected a zip or a folder of pictures")

    from gghead.evaluation.evaluate import EvaluationSettings
    from gghead.evaluation.models import candidate_of
    from gghead.processes.group import is_launched, require_gpus
    from gghead.processes.launch import launch

    if gpus > 1 and is_launched():
        raise ValueError("--gpus starts processes, and torchrun has started some already; use one of the two")
    candidates = [candidate_of(file) for file in files]
    # The archive that training took: a distance depends on what pictures were resized from.
    data = find_data(data, max((each.resolution for each in candidates if each.resolution), default=None))
    chosen = pick_device(device)
    if gpus > 1 and chosen.startswith("cuda"):
        require_gpus(gpus)
    if num_images is None:
        num_images = CPU_COUNT if chosen == "cpu" else USUAL_COUNT
        if chosen == "cpu":
            click.echo(f"on a CPU: {CPU_COUNT} generated pictures, --num-images 10k for the usual number", err=True)
    settings = EvaluationSettings(num_images, suite, truncation, seed)  # type: ignore[arg-type]
    arguments = candidates, data, settings, detector, snapshot == "remaining", chosen
    if gpus > 1:
        launch(_evaluate_in_group, arguments, gpus, remedy="the same command continues")
    else:
        _evaluate_in_group(*arguments)


def _evaluate_in_group(
    candidates: "list[Candidate]",
    data: Path,
    settings: "EvaluationSettings",
    detector: str,
    remaining: bool,
    device: str,
) -> None:
    """What each process does; rank 0 prints. They meet through files, and have nothing to say over the GPUs' links."""
    from gghead.evaluation.session import evaluate_all
    from gghead.processes.group import join_group

    with join_group("cpu", MAX_WAIT) as group, progress_bars(group.is_rank_zero) as tell:
        device = group.device(device)
        for line in evaluate_all(candidates, data, settings, detector, remaining, device, group, tell):
            if group.is_rank_zero:
                click.echo(line)

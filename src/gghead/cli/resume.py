"""gghead resume"""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path

import click

from gghead.cli.options import RunPath, device_option, gpus_option, log_option, on_nan_option, pick_device


@dataclass(frozen=True)
class RunOptions:
    """How the processes of a run are to continue.

    Attributes:
        trackers: where the log goes, too.
        device: where to train; None for the fastest there is.
        gpus: processes to start here; 1 if this process is to train, single or as one of torchrun's.
        on_nan: what to do when training diverges.
        accept_new_data: whether to continue with changed pictures.
    """

    trackers: tuple[str, ...]
    device: str | None
    gpus: int
    on_nan: str
    accept_new_data: bool = False


@click.command()
@click.argument("run", type=RunPath())
@log_option
@gpus_option
@on_nan_option
@click.option("--accept-new-data", is_flag=True, help="Continue even if the pictures have changed meanwhile.")
@device_option
def resume(
    run: Path, trackers: tuple[str, ...], gpus: int, on_nan: str, accept_new_data: bool, device: str | None
) -> None:
    """Continue a run from its newest checkpoint, on as many GPUs as you like.

    On the CPU the result is, bit for bit, that of a run that was never stopped, if the number of threads, torch and the
    kind of processor are the same; changes are reported. The log goes where it went before, or to --log.
    """
    from gghead.runs.run_folder import RunFolder
    from gghead.training.observe.trackers import chosen_trackers, kept_trackers

    opened = RunFolder.open(run)
    given = chosen_trackers(trackers) if trackers else kept_trackers(opened)
    options = RunOptions(given, device, gpus, on_nan, accept_new_data)
    run_to_end(opened.config, options, run, prepare=lambda: run)


def run_to_end(
    config: "RunConfig",  # noqa: F821 - imported when a command runs
    options: RunOptions,
    path: Path | None,
    prepare: Callable[[], Path],
) -> None:
    """Trains with progress on stderr, in as many processes as wanted; leaves with 130 if the run was interrupted.

    Args:
        config: of the run.
        options: how to continue.
        path: folder of the run, where it is known before it is made.
        prepare: makes the folder, where it is a new one, and names it; called in one process only.
    """
    from gghead.training.parallel.distributed import ProcessGroup, share_of
    from gghead.training.parallel.launch import INTERRUPTED, is_launched, join_team, launch, require_gpus

    device = pick_device(options.device)
    if options.gpus > 1:
        if is_launched():
            raise ValueError("--gpus starts processes, and torchrun has started some already; use one of the two")
        if device.startswith("cuda"):
            require_gpus(options.gpus)
        share_of(config.training, config.model.discriminator, ProcessGroup(world_size=options.gpus))
        path = prepare()
        raise SystemExit(launch(["resume", str(path), *_arguments(options, device)], options.gpus))
    if is_launched() and path is None:
        raise ValueError("processes that torchrun starts can't agree on a name; name the run's folder: --out")
    with join_team(device) as team:
        share_of(config.training, config.model.discriminator, team)
        if team.is_first:
            path = prepare()
        team.wait()
        interrupted = _train(path, options, device, team)
    if interrupted:
        raise SystemExit(INTERRUPTED)


def _arguments(options: RunOptions, device: str) -> list[str]:
    """Options of the processes that are started here."""
    logs = [argument for tracker in options.trackers or ("none",) for argument in ("--log", tracker)]
    accepted = ["--accept-new-data"] if options.accept_new_data else []
    return ["--device", device.split(":")[0], "--on-nan", options.on_nan, *logs, *accepted]


def _train(
    path: Path,
    options: RunOptions,
    device: str,
    team: "ProcessGroup",  # noqa: F821 - imported when a command runs
) -> bool:
    """Trains in this process; returns whether it was interrupted."""
    from gghead.runs.run_folder import RunFolder
    from gghead.training.loop import train_claimed
    from gghead.training.observe.telemetry import NullMonitor

    run = RunFolder.open(path)
    try:
        with _claimed(run, options.trackers) if team.is_first else nullcontext(NullMonitor()) as monitor:
            outcome = train_claimed(
                run, monitor, team.device(device), team, options.on_nan, accept_new_data=options.accept_new_data
            )
    except ConnectionError as error:
        if team.is_alone:
            raise
        click.echo(f"Error: {error}", err=True)
        os._exit(1)  # an orderly exit would wait for what the lost process left undone on the GPU
    except FloatingPointError:
        if team.is_first:
            raise
        raise SystemExit(1) from None  # all find the same; the first one tells it
    if team.is_first:
        if outcome.interrupted:
            click.echo(f"go on with: gghead resume {run.path}", err=True)
        else:
            click.echo(run.snapshot(outcome.images, ".safetensors"))
    return outcome.interrupted


@contextmanager
def _claimed(run: "RunFolder", trackers: tuple[str, ...]) -> Iterator["Monitor"]:  # noqa: F821 - see above
    """Claims a run, then tells people and trackers of it: who is refused leaves no trace in them."""
    from gghead.training.observe.telemetry import console_monitor
    from gghead.training.observe.trackers import Monitors, keep_trackers, open_trackers

    total = run.config.training.total_images
    with run.claim():
        keep_trackers(run, trackers)
        with console_monitor(total) as console, open_trackers(trackers, run) as opened:
            yield Monitors([console, *opened])

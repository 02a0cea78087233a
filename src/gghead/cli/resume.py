"""gghead resume"""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import click

from gghead.cli.options import RunPath, device_option, pick_device, run_options

if TYPE_CHECKING:
    from gghead.config.training import RunConfig
    from gghead.processes.group import ProcessGroup
    from gghead.training.launch import RunOptions
    from gghead.training.loop import Outcome
    from gghead.training.resume.restore import OnNan


@click.command()
@click.argument("run", type=RunPath())
@run_options
@click.option("--accept-new-data", is_flag=True, help="Continue even if the pictures have changed meanwhile.")
@device_option
def resume(
    run: Path,
    trackers: tuple[str, ...],
    gpus: int,
    restarts: int,
    on_nan: "OnNan",
    accept_new_data: bool,
    device: str | None,
) -> None:
    """Continue a run from its newest checkpoint, on as many GPUs as you like.

    On the CPU the result is, bit for bit, that of a run that was never stopped, if the number of threads, torch and the
    kind of processor are the same; changes are reported. The log goes where it went before, or to --log.
    """
    from gghead.runs.run_folder import RunFolder
    from gghead.training.launch import RunOptions
    from gghead.training.observe.trackers import chosen_trackers, kept_trackers

    opened = RunFolder.open(run)
    given = chosen_trackers(trackers) if trackers else kept_trackers(opened)
    options = RunOptions(gpus, pick_device(device), restarts, given, on_nan, accept_new_data)
    run_to_end(opened.config, options, run, prepare=lambda: run)


def run_to_end(config: "RunConfig", options: "RunOptions", path: Path | None, prepare: Callable[[], Path]) -> None:
    """Trains with progress on stderr, in as many processes as wanted; leaves with 130 if the run was interrupted.

    Args:
        config: of the run.
        options: how to continue.
        path: folder of the run, where it is known before it is made.
        prepare: makes the folder, where it is a new one, and names it; called in one process only.
    """
    from gghead.processes.group import is_launched, join_group
    from gghead.processes.interruption import INTERRUPTED
    from gghead.runs.run_folder import RunFolder
    from gghead.training.launch import require_processes, train_in_processes
    from gghead.training.microbatches import share_of

    if is_launched() and (options.gpus > 1 or options.restarts):
        raise ValueError(
            "--gpus and --restarts start processes, and torchrun has started some already; give it --nproc-per-node "
            "and --max-restarts instead"
        )
    if is_launched() and path is None:
        raise ValueError("processes that torchrun starts can't agree on a name; name the run's folder: --out")
    tells = True
    if options.gpus > 1 or options.restarts:
        require_processes(config, options)
        path = prepare()
        outcome = train_in_processes(path, options)
    else:
        with join_group(options.device) as group:
            share_of(config.training, config.model.discriminator, group)
            tells = group.is_rank_zero
            if tells:
                path = prepare()
            group.wait()
            assert path is not None, "only rank 0 of processes that torchrun started may have none"
            outcome = _train_here(path, options, group)
    if tells and outcome.interrupted:
        click.echo(f"go on with: gghead resume {path}", err=True)
    elif tells:
        click.echo(RunFolder(path, config).snapshot(outcome.images, ".safetensors"))
    if outcome.interrupted:
        raise SystemExit(INTERRUPTED)


def _train_here(path: Path, options: "RunOptions", group: "ProcessGroup") -> "Outcome":
    """Trains in this process; only rank 0 says what all find."""
    from gghead.processes.launch import end_after_loss
    from gghead.training.launch import train_in_group

    try:
        return train_in_group(path, options, group)
    except ConnectionError as error:
        if group.is_single:
            raise
        end_after_loss(error)
    except FloatingPointError:
        if group.is_rank_zero:
            raise
        raise SystemExit(1) from None

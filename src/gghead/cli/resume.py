"""gghead resume"""

from pathlib import Path

import click

from gghead.cli.options import RunPath, device_option, log_option, pick_device


@click.command()
@click.argument("run", type=RunPath())
@log_option
@device_option
def resume(run: Path, trackers: tuple[str, ...], device: str | None) -> None:
    """Go on with a run from its newest checkpoint.

    On the CPU the result is, bit for bit, that of a run that was never stopped.
    """
    from gghead.training.run_folder import RunFolder

    run_to_end(RunFolder.open(run), trackers, device)


def run_to_end(
    run: "RunFolder",  # noqa: F821 - imported when a command runs
    trackers: tuple[str, ...],
    device: str | None,
) -> None:
    """Trains with progress on stderr; leaves with exit code 130 if the run was interrupted."""
    from gghead.training.loop import train
    from gghead.training.telemetry import console_monitor
    from gghead.training.trackers import Monitors, open_trackers

    with console_monitor(run.config.training.total_images) as console, open_trackers(trackers, run) as opened:
        outcome = train(run, Monitors([console, *opened]), pick_device(device))
    if outcome.interrupted:
        click.echo(f"saved at {outcome.images} images; go on with: gghead resume {run.path}", err=True)
        raise SystemExit(130)
    click.echo(run.snapshot(outcome.images, ".safetensors"))

"""`gghead train --dry-run`: what a run would take, told row by row as it becomes known."""

from dataclasses import replace
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from gghead.config.training import RunConfig

HOURS_OF_A_YEAR = 8766


def tell_estimate(config: "RunConfig", hourly_price: float | None, device: str, gpus: int) -> None:
    """Prints what a run would take here and, on a machine without a GPU, on GPUs that were measured.

    Without an hourly price, costs are left out. On a processor, the processes share it, and count for the GPUs alone.
    """
    import torch

    from gghead.processes.group import ProcessGroup
    from gghead.training.estimate import estimate, images_per_second
    from gghead.training.known_rates import known_rates
    from gghead.training.microbatches import share_of

    kind, batch, images = torch.device(device).type, config.training.batch_size, config.training.total_images
    share_of(config.training, config.model.discriminator, ProcessGroup(world_size=gpus))
    share = replace(config, training=replace(config.training, batch_size=batch // gpus))
    mine = share if kind == "cuda" else config
    plan = estimate(mine, kind)
    _row("generator", f"{plan.generator_parameters / 1e6:.2f} million parameters, {plan.gaussians:,} Gaussians")
    _row("discriminator", f"{plan.discriminator_parameters / 1e6:.2f} million parameters")
    _row("arithmetic", f"{plan.operations / 1e12:.3g} TFLOP a picture, in the networks")
    _row("memory", f"about {plan.memory / 2**30:.1f} GiB on {device}, {mine.training.batch_size} pictures a step")
    if kind != "cuda":
        on_gpu = estimate(share, "cuda")
        _row("", f"about {on_gpu.memory / 2**30:.1f} GiB on a GPU, {share.training.batch_size} pictures a step")
        for rate in known_rates(share, on_gpu.operations):
            _tell_speed(rate.gpu, rate.images_per_second, rate.basis, images, gpus, hourly_price)
        gpus = 1
    basis = "an estimate from some of its steps" if kind == "cuda" else "an estimate from some steps of demo"
    click.echo(f"timing some steps on {device} ...", err=True)
    try:
        _tell_speed(device, images_per_second(mine, plan.operations, device), basis, images, gpus, hourly_price)
    except torch.OutOfMemoryError:
        _row(device, "speed unknown: a step does not fit into the memory; try a smaller --batch-size")


def _tell_speed(
    where: str, images_per_second: float, basis: str, images: int, gpus: int, hourly_price: float | None
) -> None:
    """Prints pictures a second on so many devices, hours for all images, and what they cost."""
    speed = gpus * images_per_second
    hours = images / speed / 3600
    count = f"{gpus} x " if gpus > 1 else ""
    told = f"{speed:,.0f}" if speed >= 100 else f"{speed:.3g}"
    _row(f"{count}{where}", f"about {told} pictures a second, {basis}")
    if hours > HOURS_OF_A_YEAR:
        _row("", f"{images:,} pictures would take more than a year")
        return
    _row("", f"{_duration(hours)} for {images:,} pictures")
    if hourly_price is not None:
        cost = hours * gpus * hourly_price
        _row("", f"about {cost:,.2f} at {hourly_price:g} an hour and device")


def _duration(hours: float) -> str:
    """A duration in the unit that people would say it in."""
    if hours < 1 / 60:
        return "less than a minute"
    if hours < 2:
        return f"about {60 * hours:.0f} minutes"
    return f"about {hours:.1f} hours" if hours < 48 else f"about {hours / 24:,.1f} days"


def _row(name: str, text: str) -> None:
    click.echo(f"{name:16}{text}")

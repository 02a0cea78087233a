"""gghead train-encoder"""

import sys
from pathlib import Path

import click

from gghead.cli.options import (
    RunPath,
    check_output,
    device_option,
    finite,
    force_option,
    out_option,
    pick_device,
    progress_bars,
)
from gghead.runs.places import BUNDLED_MODEL, find_data
from gghead.runs.resolve import find_model

DEFAULT_IMAGES = 400_000
"""Heads that a training sees where nothing else is said."""


@click.command(name="train-encoder")
@click.argument("model", type=RunPath(), default=BUNDLED_MODEL)
@click.option("--images", type=click.IntRange(1), help=f"Heads to learn from; default: {DEFAULT_IMAGES:,}.")
@click.option(
    "--seconds",
    type=click.FloatRange(0, min_open=True),
    callback=finite("a number of seconds, like 600"),
    help="How long to train, instead of --images.",
)
@click.option("--batch-size", type=click.IntRange(1, 4096), default=32, show_default=True, help="Heads of a step.")
@click.option(
    "--data",
    multiple=True,
    type=click.Path(path_type=Path),
    help="Archive of pictures with labels and masks to learn from besides; may be repeated.",
)
@click.option("--seed", type=click.IntRange(0, 2**32 - 1), default=0, show_default=True, help="Of what is random.")
@out_option
@force_option
@device_option
def train_encoder(
    model: Path,
    images: int | None,
    seconds: float | None,
    batch_size: int,
    data: tuple[Path, ...],
    seed: int,
    out: Path,
    force: bool,
    device: str | None,
) -> None:
    """Train the encoder of a MODEL: from a photograph to a head in one pass.

    It learns from the model's own heads, so it needs no data. `gghead invert` begins with the encoder that lies beside
    a model (of heads.safetensors, heads_encoder.safetensors), or that --encoder names. Stop it at any time: the same
    command goes on.
    """
    if images is not None and seconds is not None:
        raise click.UsageError("--images and --seconds both say how long to train; expected one of them")
    if out.suffix != ".safetensors":
        raise click.UsageError(f"the output is {out}; expected a name ending in .safetensors")
    check_output(out, force)
    file, device = find_model(model), pick_device(device)
    archives = tuple(find_data(path) for path in data)

    from gghead.inference.loading import load
    from gghead.inversion.encoder.encoder_making import EncoderOrder, Interrupted, TrainingProgress, make_encoder

    if images is None and seconds is None:
        images = DEFAULT_IMAGES
    order = EncoderOrder(images, seconds, batch_size, seed, archives, file.name)
    try:
        with progress_bars() as tell:

            def told(progress: TrainingProgress) -> None:
                tell("seconds" if images is None else "heads", progress.done, progress.total)

            make_encoder(out, order, load(file, device), told, force)
    except Interrupted:
        click.echo("stopped; the same command goes on", err=True)
        sys.exit(130)
    click.echo(out)

"""gghead train-encoder"""

import sys
from pathlib import Path

import click

from gghead.cli.options import RunPath, check_file, device_option, force_option, out_option, pick_device, progress_bars
from gghead.processes.interruption import INTERRUPTED
from gghead.runs.places import BUNDLED_MODEL
from gghead.runs.resolve import find_model

DEFAULT_HEADS = 10_000
"""Heads that an encoder learns from where nothing else is said."""


@click.command(name="train-encoder")
@click.argument("model", type=RunPath(), default=BUNDLED_MODEL)
@click.option(
    "--heads",
    type=click.IntRange(1, 10**7),
    default=DEFAULT_HEADS,
    show_default=True,
    help="The model's heads to learn from.",
)
@click.option("--seed", type=click.IntRange(0, 2**32 - 1), default=0, show_default=True, help="Of what is random.")
@out_option
@force_option
@device_option
def train_encoder(model: Path, heads: int, seed: int, out: Path, force: bool, device: str | None) -> None:
    """Train the encoder of a MODEL: from a photograph to a head in one pass.

    It learns from the model's own heads, so it needs no data: half an hour on two cores. `gghead invert`
    begins with the encoder that lies beside a model (of heads.safetensors, heads_encoder.safetensors), or that
    --encoder names. Stop it at any time: the same command goes on.
    """
    if out.suffix != ".safetensors":
        raise click.UsageError(f"the output is {out}; expected a name ending in .safetensors")
    check_file(out, force)
    file, device = find_model(model), pick_device(device)

    from gghead.inference.loading import load
    from gghead.inversion.encoder.encoder_making import EncoderOrder, Interrupted, make_encoder

    try:
        with progress_bars() as tell:
            order = EncoderOrder(heads, seed, file.name)
            make_encoder(out, order, load(file, device), lambda done: tell("heads", done, heads), force)
    except Interrupted:
        click.echo("stopped; the same command goes on", err=True)
        sys.exit(INTERRUPTED)
    click.echo(out)

"""gghead invert"""

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from gghead.cli.options import RunPath, check_file, device_option, force_option, out_option, pick_device, progress_bars
from gghead.processes.interruption import INTERRUPTED
from gghead.runs.places import BUNDLED_MODEL
from gghead.runs.resolve import find_model

if TYPE_CHECKING:
    from gghead.inversion.qualities import Quality


@click.command()
@click.argument("photos", metavar="PHOTO...", nargs=-1)
@click.option(
    "--model", type=RunPath(), default=BUNDLED_MODEL, help="As in `gghead sample`; default: the bundled model."
)
@click.option(
    "--data",
    type=click.Path(path_type=Path),
    help="Archive with labels and masks, as `gghead data photos` makes it; PHOTOs are then names in it, default all.",
)
@click.option(
    "--quality",
    type=click.Choice(["encoder", "fast", "good", "best"]),
    default="good",
    show_default=True,
    help="How long it may take; encoder: a second, for models that have one (`gghead train-encoder`).",
)
@click.option("--seed", type=click.IntRange(0, 2**32 - 1), default=0, show_default=True, help="Of what is random.")
@click.option(
    "--encoder",
    "encoder_file",
    type=click.Path(path_type=Path),
    help="Encoder to begin with; default: that beside the model, if there is one.",
)
@click.option("--models", type=click.Path(path_type=Path), help="Folder of MediaPipe's face models, or of its wheel.")
@out_option
@force_option
@device_option
def invert(
    photos: tuple[str, ...],
    model: Path,
    data: Path | None,
    quality: "Quality",
    seed: int,
    encoder_file: Path | None,
    models: Path | None,
    out: Path,
    force: bool,
    device: str | None,
) -> None:
    """Find the head of a model that looks like the person in photographs.

    OUT.safetensors is a person file: `sample`, `interpolate`, `export` and `view` take it wherever they take a seed.
    OUT_preview.png shows how far it is. Several PHOTOs show one person. Stop it at any time: the same command goes on.
    """
    if data is None and not photos:
        raise click.UsageError("no photographs; expected one or more of one person, or --data ARCHIVE")
    if out.suffix != ".safetensors":
        raise click.UsageError(f"the output is {out}; expected a name ending in .safetensors")
    check_file(out, force)
    file, device = find_model(model), pick_device(device)

    import torch

    from gghead.inference.loading import load
    from gghead.inversion.encoder.encoder_file import find_encoder, load_encoder
    from gghead.inversion.inversion import Interrupted, Progress, fitted_side, prepared
    from gghead.inversion.person_making import Order, make_person
    from gghead.inversion.targets import archive_names, read_archive

    generator = load(file, device)
    encoder = find_encoder(generator, file) if encoder_file is None else load_encoder(encoder_file, generator)
    if data is None:
        pictures, names = prepared(photos, generator, models)
    else:
        names = archive_names(data, photos, fitted_side(generator))
        pictures = read_archive(data, names, fitted_side(generator))
    order = Order(pictures, names, quality, seed, file.name, encoder)
    try:
        with progress_bars() as tell:

            def told(progress: Progress) -> None:
                tell("steps", progress.done, progress.total)

            make_person(out, order, generator, told, force)
    except Interrupted:
        click.echo("stopped; the same command goes on", err=True)
        sys.exit(INTERRUPTED)
    except (MemoryError, torch.OutOfMemoryError) as error:
        raise ValueError(str(error)) from error  # it says what lowers the memory of a fit
    click.echo(out)

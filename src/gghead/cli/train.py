"""gghead train"""

from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from gghead.cli.options import RunPath, device_option, finite, pick_device, run_options, set_option
from gghead.config.presets import PRESETS, from_preset, with_batch_size, with_discriminator, with_recipe, with_settings
from gghead.config.training import TrainingConfig
from gghead.data.archive import open_archive
from gghead.runs.places import find_data, next_run, refuse_existing

if TYPE_CHECKING:
    from gghead.config.model import Sight
    from gghead.config.presets import Recipe
    from gghead.training.resume.restore import OnNan

OPTION_FIELDS = {"images": "total_images", "batch_size": "batch_size", "seed": "seed", "precision": "precision"}
"""Options of fields that --set could give, too."""


@click.command(epilog="\b\nPresets:\n" + "\n".join(f"  {name:9} {preset.summary}" for name, preset in PRESETS.items()))
@click.argument("preset", type=click.Choice(list(PRESETS)), is_eager=True)  # --set help shows its values
@click.option(
    "--data", type=click.Path(path_type=Path), help="Zip or folder, or its name in GGHEAD_DATA_PATH.  [required]"
)
@click.option(
    "--out", type=click.Path(path_type=Path), help="Folder of the run; default: GGHEAD-<next number> with other runs."
)
@click.option("--name", default="", help="Words after that number: GGHEAD-5_better-hair.")
@click.option("--init-from", type=RunPath(), help="Run, checkpoint or model file to start from; may be smaller.")
@click.option("--template", type=click.Path(path_type=Path), help="OBJ with UVs of another head; default: built in.")
@click.option(
    "--recipe",
    type=click.Choice(["paper", "consistent"]),
    help="paper: camera-conditioned; consistent: multi-view consistent; default: the preset's.",
)
@click.option(
    "--discriminator",
    type=click.Choice(["pixels", "features"]),
    default="pixels",
    help="features: looks at EfficientNet-Lite1's; goes on from a model file (experimental; extra features).",
)
@click.option(
    "--precision", type=click.Choice(["mixed", "full"]), help="On a GPU: with bfloat16 and TF32, or float32 only."
)
@click.option("--images", type=click.IntRange(1), help="Pictures to train on, instead of the preset's number.")
@click.option("--batch-size", type=click.IntRange(1), help="Pictures of a step, instead of the preset's number.")
@click.option(
    "--seed",
    default=0,
    show_default=True,
    type=click.IntRange(0, 2**63 - 1),
    help="All randomness of the run follows from it.",
)
@set_option
@run_options
@click.option(
    "--dry-run", is_flag=True, help="Only print parameters, memory, time; makes no folder and needs no --data."
)
@click.option(
    "--hourly-price",
    type=click.FloatRange(0),
    callback=finite("a number like 2.5"),
    help="Price of a GPU hour; --dry-run then prints what the run costs.",
)
@device_option
@click.pass_context
def train(
    context: click.Context,
    preset: str,
    data: Path | None,
    out: Path | None,
    name: str,
    init_from: Path | None,
    template: Path | None,
    recipe: "Recipe | None",
    discriminator: "Sight",
    precision: str | None,
    images: int | None,
    batch_size: int | None,
    seed: int,
    settings: dict[str, str],
    trackers: tuple[str, ...],
    gpus: int,
    restarts: int,
    on_nan: "OnNan",
    dry_run: bool,
    hourly_price: float | None,
    device: str | None,
) -> None:
    """Train a model on pictures with cameras.

    The run's folder is --out, or the next of GGHEAD-1, GGHEAD-2, ... in GGHEAD_MODELS_PATH (default: runs).
    Ctrl-C saves a checkpoint and stops; `gghead resume` continues from it.
    """
    refuse_twice(context, settings)
    if out is not None and name:
        raise click.UsageError("--out names the folder already; leave --name away, or --out for the next number")
    if data is None and not dry_run:
        raise click.UsageError("--data is missing; name an archive of pictures, or see what the run takes: --dry-run")
    data = find_data(data or Path("data"), PRESETS[preset].model.discriminator.resolution)
    if not dry_run:
        if out is not None:
            refuse_existing(out)
        open_archive(data).close()

    from gghead.cli.dry_run import tell_estimate
    from gghead.cli.resume import run_to_end
    from gghead.runs.run_folder import RunFolder
    from gghead.training.discriminators.choice import require_weights
    from gghead.training.launch import RunOptions
    from gghead.training.observe.trackers import chosen_trackers, require_trackers
    from gghead.training.run_pictures import check_data
    from gghead.training.transfer import continue_config, open_source

    config = from_preset(preset, str(data.absolute()), str(template.absolute()) if template else None)
    config = with_discriminator(config if recipe is None else with_recipe(config, recipe), discriminator)
    config = replace(config, training=with_options(config.training, images, batch_size, seed, precision))
    if init_from is not None:
        config = continue_config(config, open_source(init_from))
    elif PRESETS[preset].begins_with:
        click.echo(f"{preset} is meant to start from a run of {PRESETS[preset].begins_with}: --init-from RUN", err=True)
    config = replace(config, training=with_settings(config.training, settings))
    if dry_run:
        tell_estimate(config, hourly_price, pick_device(device), gpus)
        return
    require_trackers(trackers := chosen_trackers(trackers))

    def prepare() -> Path:
        require_weights(config.model.discriminator)
        check_data(config, lambda text: click.echo(text, err=True))
        with nullcontext(out) if out is not None else next_run(name) as path:
            run = RunFolder.create(path, config)
        click.echo(f"run: {run.path}", err=True)
        return run.path

    run_to_end(config, RunOptions(gpus, pick_device(device), restarts, trackers, on_nan), out, prepare)


def with_options(
    training: TrainingConfig, images: int | None, batch_size: int | None, seed: int, precision: str | None
) -> TrainingConfig:
    """The same training with the fields that have options of their own; None leaves the preset's."""
    training = with_batch_size(training, batch_size or training.batch_size)
    return replace(
        training,
        seed=seed,
        total_images=images or training.total_images,
        precision=precision or training.precision,  # type: ignore[arg-type] - click has looked at it
    )


def refuse_twice(context: click.Context, settings: dict[str, str]) -> None:
    """Raises click.UsageError if a field is given by its option and by --set, too."""
    for name, field in OPTION_FIELDS.items():
        given = context.get_parameter_source(name) is click.core.ParameterSource.COMMANDLINE
        if given and field in settings:
            option = f"--{name.replace('_', '-')}"
            raise click.UsageError(f"{option} and --set {field} say the same; leave one of them away")

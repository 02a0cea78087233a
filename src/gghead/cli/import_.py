"""gghead import"""

from pathlib import Path

import click

from gghead.cli.options import check_output, force_argument_option


@click.command("import")
@click.argument("checkpoint", type=click.Path(path_type=Path))
@click.argument("out", type=click.Path(path_type=Path), required=False)
@click.option("--check", is_flag=True, help="Say what is in the file and what would be made of it; write nothing.")
@force_argument_option
def import_(checkpoint: Path, out: Path | None, check: bool, force: bool) -> None:
    """Convert a CHECKPOINT.pkl of the official release into OUT.safetensors.

    Nothing in the file is executed. OUT holds the EMA generator, which makes heads. The generator in training and
    the discriminator come into a file OUT.training beside it, for `gghead train --init-from OUT.safetensors`.
    """
    if out is None and not check:
        raise click.UsageError("Missing argument 'OUT'; name the model to write, or only look with --check.")
    if out is not None:
        if out.suffix != ".safetensors":
            raise click.UsageError(f"the output is {out}; expected a name ending in .safetensors")
        check_output(out, force)
    if not checkpoint.is_file():
        raise FileNotFoundError(f"there is no file {checkpoint}")
    from gghead.model.continuation import TrainingNetworks, save_training, training_file
    from gghead.model.official.reader import convert, open_official
    from gghead.model.official.summary import describe_networks, describe_pickle
    from gghead.model.storage import save_generator

    if out is not None:
        check_output(training_file(out), force)
    pickle = open_official(checkpoint)
    if check:
        for line in describe_pickle(pickle):
            click.echo(line)
    official = convert(pickle)
    if check:
        for line in describe_networks(official):
            click.echo(line)
        return
    assert out is not None
    save_generator(out, official.generator_ema, overwrite=force)
    networks = TrainingNetworks(official.generator, official.discriminator)
    if networks.generator is None and networks.discriminator is None:
        if force:
            training_file(out).unlink(missing_ok=True)
    else:
        save_training(out, networks, overwrite=force)
        click.echo(f"for training: {training_file(out)}", err=True)
    for note in official.notes:
        click.echo(note, err=True)
    click.echo(out)

"""gghead import"""

from pathlib import Path

import click

from gghead.cli.options import check_output, force_argument_option


@click.command("import")
@click.argument("checkpoint", type=click.Path(path_type=Path))
@click.argument("out", type=click.Path(path_type=Path))
@force_argument_option
def import_(checkpoint: Path, out: Path, force: bool) -> None:
    """Convert a CHECKPOINT.pkl of the official release into OUT.safetensors.

    Nothing in the file is executed. Only the averaged generator is kept: it is what draws heads.
    """
    from gghead.model.official import read_official
    from gghead.model.storage import save_generator

    check_output(out, force)
    if out.suffix != ".safetensors":
        raise click.UsageError(f"the output is {out}; expected a name ending in .safetensors")
    official = read_official(checkpoint)
    save_generator(out, official.generator_ema)
    for note in official.notes:
        click.echo(note, err=True)
    click.echo(out)

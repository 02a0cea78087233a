"""gghead data synthetic"""

from pathlib import Path

import click

from gghead.cli.options import force_option, progress_counter


@click.command()
@click.argument("out", type=click.Path(path_type=Path))
@click.option("--count", default=1500, show_default=True, help="Pictures, each of another person.")
@click.option("--resolution", default=64, show_default=True, help="Side of the pictures in pixels.")
@click.option("--seed", default=0, show_default=True, help="Everything follows from it, on any number of cores.")
@click.option("--workers", type=int, help="Processes; default: one a core.")
@force_option
def synthetic(out: Path, count: int, resolution: int, seed: int, workers: int | None, force: bool) -> None:
    """Render heads with true cameras and masks into OUT.zip and OUT_masks_modnet.zip."""
    from gghead.data.synthetic import generate

    with progress_counter(count, "heads") as done:
        generate(out, count, resolution, seed, workers, done, overwrite=force)
    click.echo(out)

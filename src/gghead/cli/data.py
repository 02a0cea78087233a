"""gghead data"""

from pathlib import Path

import click

from gghead.cli.options import force_option, progress_counter


@click.group()
def data() -> None:
    """Make and check datasets of heads with cameras and masks."""


@data.command()
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


@data.command()
@click.argument("archive", type=click.Path(path_type=Path))
@click.option("--resolution", default=64, show_default=True, help="Side of the pictures that training would ask for.")
def check(archive: Path, resolution: int) -> None:
    """Read every picture and mask of an ARCHIVE and tell what is wrong; exit code 1 if something is."""
    from gghead.data.dataset import HeadDataset

    with HeadDataset.open(archive, resolution) as dataset, progress_counter(len(dataset), "pictures") as done:
        report = dataset.check(done)
    for problem in report.problems:
        click.echo(problem)
    click.echo(f"{report.pictures} pictures, {len(report.problems)} that can't be used")
    if report.problems:
        raise SystemExit(1)

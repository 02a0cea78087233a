"""gghead data check"""

from pathlib import Path

import click

from gghead.cli.options import progress_counter


@click.command()
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

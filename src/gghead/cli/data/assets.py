"""gghead data assets"""

from pathlib import Path

import click


@click.command()
@click.argument("source", type=click.Path(path_type=Path))
@click.argument("out", type=click.Path(path_type=Path))
def assets(source: Path, out: Path) -> None:
    """Make the asset pack OUT from SOURCE, a clone of makehumancommunity/makehuman-assets (CC0)."""
    from gghead.synthetic.anatomy.build_assets import build_pack

    report = build_pack(source, out, lambda name: click.echo(name, err=True))
    for line in report.left_out:
        click.echo(f"left out {line}", err=True)
    click.echo(out)

"""gghead data: the group of commands about datasets."""

import click

from gghead.cli.data.assets import assets
from gghead.cli.data.check import check
from gghead.cli.data.convert import convert
from gghead.cli.data.photos import photos
from gghead.cli.data.synthetic import synthetic


@click.group()
def data() -> None:
    """Make, check and convert datasets of heads with cameras and masks."""


for command in (photos, synthetic, assets, check, convert):
    data.add_command(command)

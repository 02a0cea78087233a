"""gghead data: the group of commands about datasets."""

import click

from gghead.cli.data_check import check
from gghead.cli.data_synthetic import synthetic


@click.group()
def data() -> None:
    """Make and check datasets of heads with cameras and masks."""


for command in (synthetic, check):
    data.add_command(command)

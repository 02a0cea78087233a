"""gghead data check"""

import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click

from gghead.cli.options import check_file, force_option, progress_bars
from gghead.runs.places import find_data

if TYPE_CHECKING:
    from gghead.data.check.inspection import Inspection
    from gghead.uv.template import HeadTemplate


@click.command()
@click.argument("archive", type=click.Path(path_type=Path))
@click.option(
    "--resolution",
    type=click.IntRange(1),
    default=64,
    show_default=True,
    help="Resolution that training would use, pixels.",
)
@click.option("--masks", type=click.Path(path_type=Path), help="Where masks are; default: ARCHIVE_masks_modnet.zip.")
@click.option("--out", type=click.Path(path_type=Path), help="PNG: pictures with the head template over them.")
@click.option("--template", type=click.Path(path_type=Path), help="OBJ to draw on the sheet, instead of the built-in.")
@force_option
def check(
    archive: Path, resolution: int, masks: Path | None, out: Path | None, template: Path | None, force: bool
) -> None:
    """Read every label, picture and mask of an ARCHIVE and report what is there and what is wrong.

    Exit code 1 if training would fail, or be in vain because the cameras are in another convention. The sheet of --out
    shows at a glance whether cameras and pictures belong together: blue outlines on the heads, marks on eyes, nose,
    mouth and chin (green on the eye at the viewer's left).
    """
    from gghead.config.model import GeneratorConfig
    from gghead.data.check.inspection import inspect
    from gghead.data.check.inspection_page import page
    from gghead.uv.bake import bake
    from gghead.uv.template import HeadTemplate

    if template is not None and out is None:
        raise click.UsageError("--template is drawn on the sheet of --out; add --out sheet.png")
    head = HeadTemplate.builtin() if template is None else HeadTemplate.from_obj(template)
    if template is not None:
        bake(head, GeneratorConfig().map_resolution)  # raises what training would
    if out is not None:
        check_file(out, force)
        if out.suffix.lower() != ".png":
            raise ValueError(f"--out is {out.name}; expected a name ending in .png")
    with progress_bars() as tell:
        inspection = inspect(find_data(archive), resolution, masks, partial(tell, "pictures"))
    click.echo(page(inspection, getattr(sys.stdout, "encoding", None) or "ascii"))
    if out is not None:
        write_sheet(inspection, out, head, force)
    if inspection.problems:
        raise SystemExit(1)


def write_sheet(inspection: "Inspection", out: Path, template: "HeadTemplate", force: bool) -> None:
    """Writes the contact sheet, unless there is no picture with a camera."""
    from gghead.checkpoint.atomic import write_file
    from gghead.data.check.contact_sheet import contact_sheet_of
    from gghead.media.images import encode_png

    sheet = contact_sheet_of(inspection, template)
    if sheet is None:
        click.echo("no contact sheet: no usable picture has a camera", err=True)
        return
    write_file(out, lambda temporary: temporary.write_bytes(encode_png(sheet)), overwrite=force)
    click.echo(out)

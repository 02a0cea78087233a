"""gghead data photos"""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from gghead.cli.options import force_option, out_option

if TYPE_CHECKING:
    from gghead.photos.settings import CropKind, Faces


@click.command()
@click.argument("photographs", metavar="PHOTOS...", nargs=-1, required=True, type=click.Path(path_type=Path))
@out_option
@click.option("--resolution", default=512, show_default=True, help="Side of the pictures in pixels.")
@click.option(
    "--crop",
    type=click.Choice(["ffhq", "wide"]),
    default="ffhq",
    show_default=True,
    help="ffhq: as official models know it; wide: with ears, hair and shoulders.",
)
@click.option(
    "--faces",
    type=click.Choice(["one", "all"]),
    default="one",
    show_default=True,
    help="one: photographs of several people are left out; all: a picture of each.",
)
@click.option("--every", default=30, show_default=True, help="Of a video one frame in so many is a photograph.")
@click.option("--max-yaw", default=60.0, show_default=True, help="Heads that are turned farther are left out, degrees.")
@click.option("--min-face", default=64, show_default=True, help="Smaller faces are left out, pixels.")
@click.option("--models", type=click.Path(path_type=Path), help="Folder of MediaPipe's models or wheel.")
@click.option("--matting", type=click.Path(path_type=Path), help="ONNX of a matting network, for better masks.")
@click.option("--workers", type=int, help="Threads; default: one for each core.")
@force_option
def photos(
    photographs: tuple[Path, ...],
    out: Path,
    resolution: int,
    crop: "CropKind",
    faces: "Faces",
    every: int,
    max_yaw: float,
    min_face: int,
    models: Path | None,
    matting: Path | None,
    workers: int | None,
    force: bool,
) -> None:
    """Make a dataset of the heads in photographs: OUT.zip, OUT_masks_modnet.zip, OUT_photos.json (where each head is,
    and why others were left out) and OUT_sheet.jpg (look at it first).

    PHOTOS are pictures, videos, folders of them, or patterns like 'holiday/*.jpg'. Stop it at any time: the same
    command continues.
    """

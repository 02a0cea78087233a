"""gghead data photos"""

from functools import partial
from pathlib import Path
from typing import Literal

import click

from gghead.cli.options import force_option, out_option, progress_bars
from gghead.processes.interruption import INTERRUPTED


@click.command()
@click.argument("photographs", metavar="PHOTOS...", nargs=-1, required=True, type=click.Path(path_type=Path))
@out_option
@click.option("--resolution", default=512, show_default=True, help="Side of the pictures in pixels.")
@click.option(
    "--crop",
    type=click.Choice(["ffhq", "wide"]),
    default="ffhq",
    show_default=True,
    help="ffhq: the square that official models know; wide: with ears, hair and shoulders.",
)
@click.option(
    "--faces",
    type=click.Choice(["one", "all"]),
    default="one",
    show_default=True,
    help="one: photographs of several people are left out; all: a picture of each.",
)
@click.option("--every", default=30, show_default=True, help="Of a video, one frame in so many is a photograph.")
@click.option("--max-yaw", default=70.0, show_default=True, help="Leave out heads that are turned farther, degrees.")
@click.option("--min-face", default=64.0, show_default=True, help="Leave out smaller faces, pixels.")
@click.option("--min-score", default=0.25, show_default=True, help="Leave out what fits worse, from 0 to 1.")
@click.option("--models", type=click.Path(path_type=Path), help="Folder of MediaPipe's face models, or of its wheel.")
@click.option("--matting", type=click.Path(path_type=Path), help="ONNX file of a matting network: better masks.")
@click.option(
    "--matting-scaling",
    type=click.Choice(["imagenet", "signed", "centered"]),
    default="imagenet",
    show_default=True,
    help="Colours that network expects: signed is -1 to 1 (MODNet), centered -1/2 to 1/2 (IS-Net).",
)
@click.option("--workers", type=int, help="Threads; default: one for each core.")
@force_option
def photos(
    photographs: tuple[Path, ...],
    out: Path,
    resolution: int,
    crop: Literal["ffhq", "wide"],
    faces: Literal["one", "all"],
    every: int,
    max_yaw: float,
    min_face: float,
    min_score: float,
    models: Path | None,
    matting: Path | None,
    matting_scaling: Literal["imagenet", "signed", "centered"],
    workers: int | None,
    force: bool,
) -> None:
    """Make a dataset of the heads in photographs: OUT.zip and OUT_masks_modnet.zip, OUT_photos.json (where each head
    was, why others were left out) and OUT_sheet.jpg, to look at first.

    PHOTOS are pictures, videos, folders of them, or patterns like 'holiday/*.jpg'. Stop it at any time: the same
    command continues.
    """
    import torch

    from gghead.photos.dataset import prepare_dataset
    from gghead.photos.head_finder import PhotoSettings

    torch.set_num_threads(1)  # photographs are worked on side by side
    settings = PhotoSettings(resolution, crop, faces, max_yaw, min_face, min_score)
    try:
        with progress_bars() as tell:
            told = partial(tell, "photographs")
            prepared = prepare_dataset(
                photographs, out, settings, every, models, matting, matting_scaling, workers, told, force
            )
    except KeyboardInterrupt:
        click.echo("stopped; the same command continues", err=True)
        raise SystemExit(INTERRUPTED) from None
    click.echo(f"{prepared.heads} heads of {prepared.photographs} photographs", err=True)
    for reason, count in prepared.refused:
        click.echo(f"left out: {count} {reason}", err=True)
    for path in prepared.paths:
        click.echo(path)

"""gghead data convert"""

from functools import partial
from pathlib import Path

import click

from gghead.cli.options import check_output, force_option, out_option, progress_bars


@click.command()
@click.argument("source", type=click.Path(path_type=Path))
@click.option(
    "--from", "convention", default="eg3d", show_default=True, help="Words joined by +, as `data check` names them."
)
@out_option
@click.option("--pictures", type=click.Path(path_type=Path), help="Zip or folder of the pictures, if SOURCE has none.")
@click.option("--side", type=click.IntRange(1), help="For --from pixels: side of all pictures; default: each its own.")
@click.option("--align", is_flag=True, help="Move, turn and scale the scene so that the cameras look at a head.")
@click.option("--skip-damaged", is_flag=True, help="Leave out what cannot be used, instead of refusing.")
@force_option
def convert(
    source: Path,
    convention: str,
    out: Path,
    pictures: Path | None,
    side: int | None,
    align: bool,
    skip_damaged: bool,
    force: bool,
) -> None:
    """Turn cameras of other conventions into EG3D's labels: OUT.json, or OUT.zip with the pictures.

    SOURCE is a dataset or a dataset.json; a COLMAP model (cameras and images as .txt or .bin) or its project; a
    transforms.json of NeRF, instant-ngp or nerfstudio. The matrices of the last two are known; of datasets, --from
    says what they are:

    \b
      opengl           cameras look along -z, y up (Blender, NeRF)
      world-to-camera  inverted matrices (COLMAP, OpenCV)
      transposed       column-major matrices
      pixels           intrinsics in pixels
      flipped-x -y -z  one axis of the camera turned round
      z-up y-down backwards mirrored-x -y -z   other axes of the world

    for example: --from opengl+z-up. Pictures are copied as they are. With --skip-damaged alone it makes a clean copy.
    """
    from gghead.conversion.conversion import convert as write_converted
    from gghead.data.conventions import Convention
    from gghead.data.dataset import masks_path

    check_output(out, force)
    packing = out.suffix.lower() == ".zip"  # labels alone take no time
    if packing:
        check_output(masks_path(out), force)
    known = Convention.parse(convention)
    with progress_bars(packing) as tell:
        told = partial(tell, "pictures")
        converted = write_converted(source, out, known, pictures, align, skip_damaged, side, told, force)
    for note in converted.notes:
        click.echo(f"note: {note}", err=True)
    for reason in converted.skipped:
        click.echo(f"left out: {reason}", err=True)
    click.echo(f"{converted.pictures} pictures, {len(converted.skipped)} left out", err=True)
    for file in converted.files:
        click.echo(file)

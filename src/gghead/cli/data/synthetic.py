"""gghead data synthetic"""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from gghead.cli.options import Reading, force_argument_option, progress_bars
from gghead.processes.interruption import INTERRUPTED
from gghead.runs.shards import Shard

if TYPE_CHECKING:
    from gghead.synthetic.render.cameras import Poses


def read_bounds(text: str) -> tuple[float, float]:
    """Two numbers, or one that is both bounds."""
    try:
        numbers = [float(part) for part in text.split(",")]
    except ValueError:
        numbers = []
    if len(numbers) not in (1, 2):
        raise ValueError(f"{text!r} are no bounds; expected one number or two, like 2.7 or 2,4")
    return numbers[0], numbers[-1]


@click.command()
@click.argument("out", type=click.Path(path_type=Path))
@click.option("--count", default=1500, show_default=True, help="Heads, each of another person.")
@click.option("--resolution", default=64, show_default=True, help="Side of the pictures in pixels.")
@click.option("--seed", default=0, show_default=True, help="Everything follows from it, on any number of cores.")
@click.option("--views", default=1, show_default=True, help="Pictures of each head, from as many cameras.")
@click.option(
    "--poses",
    type=click.Choice(["ffhq", "wide", "around"]),
    default="ffhq",
    show_default=True,
    help="ffhq: yaw to 45 degrees as in FFHQ; wide: half of the pictures evenly to 90; "
    "around: two thirds evenly over all 360.",
)
@click.option(
    "--distance",
    type=Reading("LOW,HIGH", read_bounds),
    help="Bounds of the cameras' distances from the origin; FFHQ: 2.7. Without --focal heads keep their size.",
)
@click.option(
    "--focal",
    type=Reading("LOW,HIGH", read_bounds),
    help="Bounds of focal lengths in units of the picture's side; FFHQ: 4.2647.",
)
@click.option("--assets", type=click.Path(path_type=Path), help="Folder of a MakeHuman asset pack: textured heads.")
@click.option(
    "--transparent",
    is_flag=True,
    help="Pictures with alpha instead of backgrounds and masks: nothing shines through hair.",
)
@click.option("--write-depth", is_flag=True, help="Write OUT_depth.zip, 16 bits, 1/10000 of the head's unit.")
@click.option(
    "--shard",
    type=Reading("I/N", Shard.parse),
    help="Make the I-th of N parts of --count heads, in OUT-0000I-of-0000N.zip; read together as OUT.zip.",
)
@click.option("--workers", type=int, help="Processes; default: one for each core.")
@force_argument_option
def synthetic(
    out: Path,
    count: int,
    resolution: int,
    seed: int,
    views: int,
    poses: "Poses",
    distance: tuple[float, float] | None,
    focal: tuple[float, float] | None,
    assets: Path | None,
    transparent: bool,
    write_depth: bool,
    shard: Shard | None,
    workers: int | None,
    force: bool,
) -> None:
    """Render heads with true cameras and masks into OUT.zip and OUT_masks_modnet.zip, and the ground truth into
    OUT_truth.npz.

    Stop it at any time: the same command continues.
    """
    from gghead.synthetic import Sitting, generate
    from gghead.synthetic.render.cameras import Optics

    sitting = Sitting(resolution, seed, views, poses, assets, write_depth, Optics(distance, focal), transparent)
    total = count if shard is None else len(shard.part(count))
    try:
        with progress_bars() as tell:
            generate(out, count, sitting, workers, lambda done: tell("heads", done, total), force, shard)
    except KeyboardInterrupt:
        click.echo("stopped; the same command continues", err=True)
        raise SystemExit(INTERRUPTED) from None
    click.echo(out if shard is None else shard.path(out))

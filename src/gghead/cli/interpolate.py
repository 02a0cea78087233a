"""gghead interpolate"""

from pathlib import Path

import click

from gghead.cli.looks import VIDEOS, check_backdrop, radians_of, rendering_options, target_of
from gghead.cli.options import (
    SEEDS,
    check_output,
    model_argument,
    pick_device,
    progress,
    rendering_path,
    truncation_option,
)
from gghead.runs.resolve import find_model


@click.command()
@model_argument
@click.option("--seeds", type=SEEDS, default="0-4", show_default=True, help="Heads to morph through, in this order.")
@truncation_option
@click.option(
    "--frames",
    type=click.IntRange(1),
    default=1000,
    show_default=True,
    help="Length of the loop at 24 frames a second.",
)
@rendering_options
def interpolate(
    model: Path,
    seeds: list[int],
    truncation: float,
    frames: int,
    fov: float | None,
    background: tuple[float, float, float] | None,
    resolution: int,
    out: Path | None,
    force: bool,
    device: str | None,
) -> None:
    """Make a video that morphs from head to head and back to the first.

    The camera circles once for each head, as in the paper. The name of --out ends in .mp4 (the default), .webp or .gif.
    MODEL as in `gghead sample`; default: the bundled model.
    """
    out = rendering_path(out, model, "loop.mp4")
    if out.suffix.lower() not in VIDEOS:
        raise click.UsageError(f"the output is {out}; expected a name ending in {', '.join(VIDEOS)}")
    if len(seeds) < 2:
        raise click.UsageError("one head can't become another; expected at least two --seeds, like 0-4")
    check_backdrop(out, background)
    check_output(out, force)
    file, device = find_model(model), pick_device(device)

    from gghead.geometry.cameras import Cameras
    from gghead.inference.loading import load
    from gghead.inference.outputs import save_video
    from gghead.inference.paths import loop
    from gghead.inference.pictures import morph

    generator = load(file, device)
    styles = loop(generator.styles(seeds, truncation), frames)
    cameras = Cameras.orbit(
        frames, resolution, turns=len(seeds), device=generator.device, fov=radians_of(fov), target=target_of(fov)
    )
    save_video(
        out, progress(morph(generator, styles, cameras, background=background), frames, "frames"), overwrite=force
    )
    click.echo(out)

"""gghead interpolate"""

from pathlib import Path

import click

from gghead.cli.options import (
    Seeds,
    check_output,
    device_option,
    force_option,
    model_argument,
    pick_device,
    progress,
    rendering_option,
    rendering_path,
    resolution_option,
    truncation_option,
)


@click.command()
@model_argument
@click.option("--seeds", type=Seeds(), default="0-4", show_default=True, help="Heads to pass, in this order.")
@truncation_option
@click.option(
    "--frames",
    type=click.IntRange(1),
    default=1000,
    show_default=True,
    help="Length of the loop at 24 frames a second.",
)
@resolution_option
@rendering_option
@force_option
@device_option
def interpolate(
    model: Path,
    seeds: list[int],
    truncation: float,
    frames: int,
    resolution: int,
    out: Path | None,
    force: bool,
    device: str | None,
) -> None:
    """Make a video that morphs from head to head and back to the first.

    The camera circles once for each head. MODEL as in `gghead sample`; default: the one in the box.
    """
    from gghead.geometry.cameras import Cameras
    from gghead.inference.loading import load
    from gghead.inference.outputs import save_video
    from gghead.inference.paths import loop
    from gghead.inference.pictures import morph

    out = rendering_path(out, model, "loop.mp4")
    check_output(out, force)
    generator = load(model, pick_device(device))
    styles = loop(generator.styles(seeds, truncation), frames)
    cameras = Cameras.orbit(frames, resolution, turns=len(seeds), device=generator.device)
    save_video(out, progress(morph(generator, styles, cameras), frames, "frames"))
    click.echo(out)

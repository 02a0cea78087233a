"""gghead interpolate"""

from pathlib import Path

import click

from gghead.cli.looks import VIDEOS, check_backdrop, radians_of, rendering_options, target_of
from gghead.cli.options import check_file, model_argument, pick_device, progress, rendering_path, truncation_option
from gghead.cli.persons.heads import HEADS
from gghead.runs.resolve import find_model


@click.command()
@model_argument
@click.option(
    "--seeds",
    type=HEADS,
    default="0-4",
    show_default=True,
    help="Heads to morph through, in this order; person files may stand among them: anna.safetensors,7.",
)
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
    seeds: list[int | Path],
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
    check_file(out, force)
    file, device = find_model(model), pick_device(device)

    from gghead.geometry.cameras import Cameras
    from gghead.inference.loading import load
    from gghead.inference.outputs import save_video
    from gghead.inference.pictures import morph
    from gghead.inversion.choosing import choose_heads

    generator = load(file, device)
    path = choose_heads(generator, seeds, truncation).looped(frames)
    cameras = Cameras.orbit(
        frames, resolution, turns=len(seeds), device=generator.device, fov=radians_of(fov), target=target_of(fov)
    )
    shown = morph(generator, path.styles, cameras, residuals=path.residuals, background=background)
    save_video(out, progress(shown, frames, "frames"), overwrite=force)
    click.echo(out)

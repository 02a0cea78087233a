"""gghead sample"""

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

ORBIT_FRAMES = 96


@click.command()
@model_argument
@click.option("--seeds", type=Seeds(), default="0-15", show_default=True, help="Heads to draw, like 0-15,42.")
@truncation_option
@resolution_option
@rendering_option
@force_option
@device_option
def sample(
    model: Path, seeds: list[int], truncation: float, resolution: int, out: Path | None, force: bool, device: str | None
) -> None:
    """Draw heads of a MODEL: a .safetensors file, a run's folder or its name (GGHEAD-4); default: the one in the box.

    The name of --out decides what is made: heads.png (the default) a sheet of all heads from the front, orbit.mp4 a
    video in which the camera circles in front of them (96 frames, colours frozen to the frontal view), a folder one PNG
    a seed.
    """
    import torch

    from gghead.geometry.cameras import Cameras
    from gghead.inference.loading import load
    from gghead.inference.outputs import arrange, save_picture, save_video
    from gghead.inference.pictures import portraits, turntable

    out = rendering_path(out, model, "heads.png")
    if out.suffix not in (".png", ".mp4", ""):
        raise click.UsageError(f"the output is {out}; expected a name ending in .png or .mp4, or a folder's")
    check_output(out, force)
    generator = load(model, pick_device(device))
    styles = generator.styles(seeds, truncation)
    if out.suffix == ".mp4":
        cameras = Cameras.orbit(ORBIT_FRAMES, resolution, device=generator.device)
        save_video(out, progress(map(arrange, turntable(generator, styles, cameras)), ORBIT_FRAMES, "frames"))
    else:
        heads = progress(
            portraits(generator, styles, Cameras.frontal(resolution, generator.device)), len(seeds), "heads"
        )
        if out.suffix == ".png":
            save_picture(out, arrange(torch.cat(list(heads))))
        else:
            for seed, pictures in zip(seeds, heads, strict=True):
                save_picture(out / f"seed{seed:04d}.png", pictures[0])
    click.echo(out)

"""gghead sample"""

import math
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from gghead.cli.looks import PICTURES, PITCH, VIDEOS, YAW, check_backdrop, radians_of, rendering_options, target_of
from gghead.cli.options import (
    check_file,
    check_output,
    make_folder,
    model_argument,
    pick_device,
    progress,
    rendering_path,
    truncation_option,
)
from gghead.cli.persons.heads import HEADS, head_names
from gghead.runs.resolve import find_model

if TYPE_CHECKING:
    from gghead.geometry.cameras import Cameras

ORBIT_FRAMES = 96


@click.command()
@model_argument
@click.option(
    "--seeds",
    type=HEADS,
    default="0-15",
    show_default=True,
    help="Heads to draw, like 0-15,42; person files may stand among them: 0-3,anna.safetensors.",
)
@truncation_option
@click.option(
    "--yaw",
    type=YAW,
    default="0",
    show_default=True,
    help="Degrees around the head, positive to its viewer's right; several, like -60,0,60, make a column each.",
)
@click.option("--pitch", type=PITCH, default="0", show_default=True, help="Degrees above it; one, or as many as --yaw.")
@click.option(
    "--orbit",
    type=click.FloatRange(1, 360),
    metavar="DEGREES",
    help="A video in which the camera goes round the head (360), or swings from side to side over so many degrees.",
)
@rendering_options
def sample(
    model: Path,
    seeds: list[int | Path],
    truncation: float,
    yaw: tuple[float, ...],
    pitch: tuple[float, ...],
    orbit: float | None,
    fov: float | None,
    background: tuple[float, float, float] | None,
    resolution: int,
    out: Path | None,
    force: bool,
    device: str | None,
) -> None:
    """Draw heads of a MODEL: a .safetensors file, a run's folder or name (GGHEAD-4), whose newest model is taken, or a
    checkpoint's folder; default: the bundled model.

    The name of --out decides what is made: heads.png (the default), .jpg or .webp a sheet of all heads, with several
    angles a row for each head; orbit.mp4 or .gif a video (96 frames, colours frozen to the frontal view) in which the
    camera circles in front of them as in the paper, or moves as --orbit says, then as .webp too; a folder one PNG a
    seed and angle.
    """
    out = rendering_path(out, model, "heads.png" if orbit is None else "orbit.mp4")
    moving = is_video(out, orbit)
    directions = pair_angles(yaw, pitch, moving, orbit)
    check_backdrop(out, background)
    (check_file if out.suffix else check_output)(out, force)
    file, device = find_model(model), pick_device(device)

    from gghead.geometry.cameras import Cameras
    from gghead.inference.loading import load
    from gghead.inference.outputs import arrange, save_video
    from gghead.inference.pictures import portraits, turntable
    from gghead.inversion.choosing import choose_heads

    generator = load(file, device)
    chosen = choose_heads(generator, seeds, truncation)
    if moving:
        if orbit is None:
            cameras = Cameras.orbit(ORBIT_FRAMES, resolution, fov=radians_of(fov), target=target_of(fov))
        else:
            cameras = at(swing(directions[0], orbit), fov, resolution)
        cameras = cameras.to(generator.device)
        frames = turntable(generator, chosen.styles, cameras, residuals=chosen.residuals, background=background)
        shown = progress((arrange(each, empty=background) for each in frames), ORBIT_FRAMES, "frames")
        save_video(out, shown, overwrite=force)
    else:
        cameras = at(directions, fov, resolution).to(generator.device)
        heads = portraits(generator, chosen.styles, cameras, residuals=chosen.residuals, background=background)
        require_sheet(out, len(seeds), len(directions), resolution)
        write_stills(out, seeds, directions, progress(heads, len(seeds), "heads"), background, force)
    click.echo(out)


def is_video(out: Path, orbit: float | None) -> bool:
    """Whether a file's name asks for something that moves; fails where neither pictures nor videos have that ending."""
    suffix = out.suffix.lower()
    if suffix not in (*PICTURES, *VIDEOS, ""):
        raise click.UsageError(
            f"the output is {out}; expected a name ending in .png, .jpg or .webp for pictures, .mp4 or .gif for a "
            "video, or a folder's"
        )
    if orbit is not None and suffix not in VIDEOS:
        raise click.UsageError(
            f"--orbit makes a video, and the output is {out}; expected a name ending in .mp4, .gif or .webp"
        )
    return suffix in VIDEOS if orbit is not None else suffix in (".mp4", ".gif")


def pair_angles(
    yaw: tuple[float, ...], pitch: tuple[float, ...], moving: bool, orbit: float | None
) -> list[tuple[float, float]]:
    """Yaw and pitch of each direction, degrees; fails where they do not pair, or a video takes none."""
    if moving and orbit is None and (any(yaw) or any(pitch)):
        raise click.UsageError("a video takes --yaw and --pitch with --orbit only, as the middle of its way")
    count = max(len(yaw), len(pitch))
    if {len(yaw), len(pitch)} - {1, count}:
        raise click.UsageError(f"{len(yaw)} yaws and {len(pitch)} pitches do not pair; give as many, or one of either")
    if moving and count > 1:
        raise click.UsageError("a video goes through one direction; give one --yaw and one --pitch")
    return list(zip(yaw * (count // len(yaw)), pitch * (count // len(pitch)), strict=True))


def swing(middle: tuple[float, float], orbit: float) -> list[tuple[float, float]]:
    """Directions of a video's frames, degrees: a whole turn, or from side to side, and back where they began."""
    yaw, pitch = middle
    steps = [frame / ORBIT_FRAMES for frame in range(ORBIT_FRAMES)]
    if orbit == 360:
        return [(yaw + 360 * step, pitch) for step in steps]
    return [(yaw + orbit / 2 * math.sin(2 * math.pi * step), pitch) for step in steps]


def at(directions: list[tuple[float, float]], fov: float | None, resolution: int) -> "Cameras":
    """The cameras of directions in degrees."""
    from gghead.geometry.cameras import Cameras

    yaws = [math.radians(math.remainder(yaw, 360)) for yaw, _ in directions]
    pitches = [math.radians(pitch) for _, pitch in directions]
    return Cameras.at(yaws, pitches, fov=radians_of(fov), target=target_of(fov), resolution=resolution)


def require_sheet(out: Path, heads: int, directions: int, resolution: int) -> None:
    """Raises ValueError if a sheet would be too large for its format, before any head is drawn."""
    from gghead.media.images import grid_columns, require_sides

    if out.suffix:
        columns = directions if directions > 1 else grid_columns(heads)
        require_sides(out.suffix.lower(), -(-heads * directions // columns) * resolution, columns * resolution)


def write_stills(
    out: Path,
    seeds: list[int | Path],
    directions: list[tuple[float, float]],
    heads: Iterator,
    empty: tuple[float, float, float] | None,
    force: bool,
) -> None:
    """A sheet of all heads, a row each if there are several directions; in a folder a file each.

    Places of the sheet that stay empty get the background.
    """
    import torch

    from gghead.inference.outputs import arrange, save_picture

    if out.suffix:
        pictures = torch.cat(list(heads))
        sheet = arrange(pictures, len(directions) if len(directions) > 1 else None, empty)
        save_picture(out, sheet, overwrite=force)
        return
    make_folder(out, force)
    several = len(set(directions)) > 1
    for name, pictures in zip(head_names(seeds), heads, strict=True):
        for (yaw, pitch), picture in zip(directions, pictures, strict=True):
            angle = f"_yaw{yaw:g}_pitch{pitch:g}" if several else ""
            save_picture(out / f"{name}{angle}.png", picture)

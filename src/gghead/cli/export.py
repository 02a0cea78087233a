"""gghead export"""

import logging
from pathlib import Path
from typing import TYPE_CHECKING

import click

from gghead.cli.options import (
    check_output,
    device_option,
    force_option,
    make_folder,
    model_argument,
    out_option,
    pick_device,
    progress,
    truncation_option,
)
from gghead.cli.persons.heads import HEADS, head_names
from gghead.exports.formats import format_of, require_frame
from gghead.runs.resolve import find_model

if TYPE_CHECKING:
    from gghead.gaussians.placement import Up


@click.command()
@model_argument
@click.option(
    "--seeds",
    type=HEADS,
    default="0",
    show_default=True,
    help="Heads to write, like 0-15,42; person files may stand among them: 0-3,anna.safetensors.",
)
@truncation_option
@click.option(
    "--up", type=click.Choice(["y", "-y", "z"]), help="Axis that points up; default: what the format's readers expect."
)
@click.option(
    "--scale",
    type=click.FloatRange(1e-6, 1e6),
    help="Factor from model units (a head is 0.55 high); default: 1, in .glb 0.37 for metres.",
)
@click.option("--center", is_flag=True, help="Put the origin into the middle of the head.")
@out_option
@force_option
@device_option
def export(
    model: Path,
    seeds: list[int | Path],
    truncation: float,
    up: "Up | None",
    scale: float | None,
    center: bool,
    out: Path,
    force: bool,
    device: str | None,
) -> None:
    """Write heads for other programs. MODEL as in `gghead sample`; default: the bundled model.

    The name of --out decides what is made: .ply (3D Gaussian Splatting, all of its 62 properties), .splat, .spz (a
    tenth of the size), .glb (a textured mesh), .ellipsoids.glb (the Gaussians' shapes), .html (a page that shows the
    head without a network), or a folder of .ply files. With several seeds the seed becomes part of the name: head.spz
    is written as head_seed0000.spz, head_seed0001.spz.
    """
    seeds = list(dict.fromkeys(seeds))  # a file each, whoever names one twice
    if not out.suffix or out.is_dir():
        paths = [out / f"{name}.ply" for name in head_names(seeds)]
    else:
        kind = format_of(out)
        require_frame(kind, up, scale, center)
        stem, suffix = out.name[: -len(kind.suffix)], out.name[-len(kind.suffix) :]
        paths = [out.with_name(f"{stem}_{name}{suffix}") for name in head_names(seeds)] if len(seeds) > 1 else [out]
    for path in (out, *paths):
        check_output(path, force)

    find_model(model)  # all before the seconds that torch takes

    from gghead.exports.files import export as write
    from gghead.gaussians import checks
    from gghead.inference.loading import load
    from gghead.inversion.choosing import choose_heads

    checks.log.setLevel(logging.INFO)  # who exports is told what is left out
    generator = load(model, pick_device(device))
    if people := [head for head in seeds if isinstance(head, Path)]:
        choose_heads(generator, people)  # what is refused is so before anything is written
    if paths[0].parent == out:
        make_folder(out, force)
    for seed, path in progress(zip(seeds, paths, strict=True), len(seeds), "heads"):
        heads = choose_heads(generator, [seed], truncation).decode(generator, 0)
        title = f"{path.stem}: {_told(seed)}" if len(seeds) == 1 else path.stem
        write(path, heads[0], generator, up=up, scale=scale, center=center, title=title, overwrite=force)
        click.echo(path)


def _told(seed: int | Path) -> str:
    return seed.stem if isinstance(seed, Path) else f"seed {seed}"

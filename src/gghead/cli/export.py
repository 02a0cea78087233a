"""gghead export"""

from pathlib import Path

import click

from gghead.cli.options import (
    Seeds,
    check_output,
    device_option,
    force_option,
    model_argument,
    out_option,
    pick_device,
    truncation_option,
)


@click.command()
@model_argument
@click.option("--seeds", type=Seeds(), default="0", show_default=True, help="Heads to write, like 0-15,42.")
@truncation_option
@click.option(
    "--sh-degree",
    type=click.IntRange(0, 3),
    default=3,
    show_default=True,
    help="Spherical harmonics in the file; 3 is the layout of 62 properties that strict readers expect.",
)
@out_option
@force_option
@device_option
def export(
    model: Path, seeds: list[int], truncation: float, sh_degree: int, out: Path, force: bool, device: str | None
) -> None:
    """Write heads as PLY files of 3D Gaussian Splatting.

    --out is a .ply file for one seed, else a folder. MODEL is a .safetensors file or a run folder.
    """
    from gghead.inference.loading import load

    single = out.suffix == ".ply"
    if single and len(seeds) != 1:
        raise click.UsageError(f"{len(seeds)} heads don't go into one PLY; name a folder as --out")
    check_output(out, force)
    generator = load(model, pick_device(device))
    for seed in seeds:
        path = out if single else out / f"seed{seed:04d}.ply"
        generator.sample([seed], truncation)[0].save_ply(path, sh_degree)
        click.echo(path)

"""gghead info"""

from pathlib import Path

import click

from gghead.cli.options import RunPath
from gghead.config.paths import BUNDLED_MODEL, find_data


@click.command()
@click.argument("path", type=RunPath(), default=BUNDLED_MODEL)
def info(path: Path) -> None:
    """Tell what a model file, a run folder or a dataset is; by default the model that comes with gghead."""
    if (path / "config.json").is_file():
        describe_run(path)
    elif path.suffix == ".safetensors":
        describe_model(path)
    else:
        describe_data(find_data(path))


def describe_run(path: Path) -> None:
    """Prints how far a run has come and its configuration."""
    from gghead.config.codec import to_json
    from gghead.training.run_folder import RunFolder

    run = RunFolder.open(path)
    checkpoints = run.checkpoints()
    seen = int(checkpoints[-1].name) if checkpoints else 0
    click.echo(f"run of preset {run.config.preset}: {seen} of {run.config.training.total_images} images seen")
    click.echo(to_json(run.config))


def describe_model(path: Path) -> None:
    """Prints the sizes of a model and its configuration."""
    from gghead.config.codec import to_json
    from gghead.model.storage import load_generator

    generator = load_generator(path)
    parameters = sum(parameter.numel() for parameter in generator.parameters())
    click.echo(f"generator of {len(generator.texel_uvs)} Gaussians a head, {parameters / 1e6:.1f} million parameters")
    click.echo(to_json(generator.config))


def describe_data(path: Path) -> None:
    """Prints what a dataset holds, after checking its labels but not its pictures."""
    import torch

    from gghead.data.dataset import HeadDataset
    from gghead.geometry.cameras import Cameras

    with HeadDataset.open(path, resolution=8) as dataset:
        centers = Cameras.from_labels(torch.from_numpy(dataset.labels), 1).centers()
        yaw, pitch = torch.atan2(centers[:, 0], centers[:, 2]), torch.asin(centers[:, 1] / centers.norm(dim=1))
        click.echo(f"dataset of {len(dataset)} pictures; `gghead data check {path}` looks at each")
        for name, angle in (("yaw", yaw.rad2deg()), ("pitch", pitch.rad2deg())):
            spread = (
                f"mean {angle.mean():.1f}, sd {angle.std(correction=0):.1f}, {angle.min():.0f} to {angle.max():.0f}"
            )
            click.echo(f"{name}: {spread} degrees")

"""gghead info"""

import json
from dataclasses import dataclass
from pathlib import Path

import click

from gghead.checkpoint.header import KIND_KEY, read_texts
from gghead.cli.options import RunPath
from gghead.config.printable import printable
from gghead.runs.places import BUNDLED_MODEL, find_data
from gghead.runs.resolve import (
    CONFIG,
    EMA_FILE,
    MODEL_SUFFIX,
    OTHER_KINDS,
    find_model,
    find_snapshots,
    is_checkpoint,
    is_run,
    snapshot_of,
)
from gghead.runs.shards import is_there

SHADES = {0.0: "black", 1.0: "white"}
"""Backgrounds that have a name."""


@dataclass(frozen=True)
class Description:
    """What there is to say of a file or folder.

    Attributes:
        title: what it is, in one sentence.
        facts: what and how it is, for people.
        values: the same for programs, and all settings; JSON can hold it.
    """

    title: str
    facts: tuple[tuple[str, str], ...]
    values: dict[str, object]


@click.command()
@click.argument("path", type=RunPath(), default=BUNDLED_MODEL)
@click.option("--json", "as_json", is_flag=True, help="For programs: every setting, as JSON.")
def info(path: Path, as_json: bool) -> None:
    """Print what a model, person or encoder file, a run, a checkpoint or a dataset is; by default the bundled model."""
    description = describe(path)
    if as_json:
        click.echo(json.dumps(description.values, indent=2))
        return
    click.echo(description.title)
    for name, fact in description.facts:
        click.echo(f"  {name:<11}{fact}")


def describe(path: Path) -> Description:
    """What stands at a path.

    Raises:
        FileNotFoundError: nothing does.
        ValueError: it is damaged, or of no kind that can be described.
    """
    from gghead.data.archive import LABELS_NAME

    if (path / CONFIG).is_file():
        return describe_run(path)
    if path.suffix == MODEL_SUFFIX and path.is_file():
        describe_kind = BESIDE_MODELS.get(read_texts(path).get(KIND_KEY, ""))
        if describe_kind is not None:
            return describe_kind(path)
    is_model = path.suffix == MODEL_SUFFIX or (path.suffix in OTHER_KINDS and path.suffix != ".zip")
    if is_model or is_checkpoint(path) or is_run(path):
        return describe_model(find_model(path))
    data = find_data(path)
    if not is_there(data):
        raise FileNotFoundError(
            f"there is nothing at {path}; expected a model file, a run's folder or name, a checkpoint, or a dataset"
        )
    if data.is_dir() and not (data / LABELS_NAME).exists():
        raise ValueError(f"{path} is none of a run, a checkpoint and a dataset, which has a {LABELS_NAME}")
    return describe_data(data)


def describe_run(path: Path) -> Description:
    """How far a run has come, how it trains, and what can be done with it."""
    from gghead.config.codec import to_json
    from gghead.runs.run_folder import RunFolder

    run = RunFolder.open(path)
    training, side = run.config.training, run.config.model.discriminator.resolution
    checkpoints, models = run.checkpoints(), find_snapshots(path)
    snapshots = [model.path.name for model in models if model.path.name != EMA_FILE]
    seen = int(checkpoints[-1].name) if checkpoints else 0
    begun = f", from {run.config.init_from}" if run.config.init_from else ""
    shade = SHADES.get(training.background, f"grey {training.background:g}")
    background = "fields of random colours" if training.random_background else shade
    facts = [
        ("progress", f"{seen} of {training.total_images} images seen"),
        ("pictures", f"{side} x {side} on {background}, of {run.config.data}"),
        ("steps", f"{training.batch_size} pictures, {training.views} of each generated head{begun}"),
        ("kept", f"snapshots (models): {len(snapshots)}; checkpoints to go on from: {len(checkpoints)}"),
        ("use", f"gghead sample {path}, gghead view {path}" if models else f"gghead resume {path}"),
    ]
    if models and seen < training.total_images:
        facts.append(("", f"gghead resume {path} goes on, gghead view {path} --follow watches"))
    values = {
        "kind": "run",
        "images": seen,
        "snapshots": snapshots,
        "checkpoints": [folder.name for folder in checkpoints],
        "config": json.loads(to_json(run.config)),
    }
    return Description(f"{path.name}: a run of preset {run.config.preset}", tuple(facts), values)


def describe_model(path: Path) -> Description:
    """What a model makes, how large it is, where it comes from, and what can be done with it."""
    from gghead.config.codec import to_json
    from gghead.model.continuation import training_file
    from gghead.model.storage import load_generator

    generator = load_generator(path)
    config, beside = generator.config, training_file(path)
    continuation = ("training", f"gghead train PRESET --init-from {path} goes on with {beside.name}")
    parameters = sum(parameter.numel() for parameter in generator.parameters())
    side = config.picture_resolution
    larger = f", drawn {config.supersampling} times as large and averaged" if config.supersampling > 1 else ""
    colors = "one colour from all sides" if config.sh_degree == 0 else f"colours of degree {config.sh_degree}"
    camera = "seen by the network; sampling tells it the frontal one" if config.camera_conditioned else (
        "not seen by the network: one head for all views"
    )  # fmt: skip
    facts = (
        ("makes", f"{len(generator.texel_uvs):,} Gaussians a head, {colors}, from {config.z_size} numbers"),
        ("pictures", f"learned from {side} x {side}{larger}" if side else "the size that it learned from is not known"),
        (
            "network",
            f"{parameters / 1e6:.1f} million parameters, UV maps of {config.map_resolution} x {config.map_resolution}",
        ),
        ("camera", camera),
        *origin_of(path, config.quaternion_order == "zwxy"),
        *([continuation] if beside.is_file() else []),
        ("use", f"gghead sample{'' if path == BUNDLED_MODEL else f' {path}'} --seeds 0-15 --out heads.png"),
        ("in Python", f"gghead.load({'' if path == BUNDLED_MODEL else repr(str(path))})"),
    )
    values = {
        "kind": "generator",
        "bytes": path.stat().st_size,
        "gaussians": len(generator.texel_uvs),
        "parameters": parameters,
        "config": json.loads(to_json(config)),
    }
    return Description(f"{path.name}: a generator of 3D heads, {path.stat().st_size / 2**20:.1f} MiB", facts, values)


def describe_person(path: Path) -> Description:
    """Which photographs of which model's head a person file holds, and what can be done with it."""
    from gghead.inversion.person_file import load_person

    person = load_person(path)
    count, size = len(person.pictures), path.stat().st_size
    facts = (
        ("pictures", f"{count}: {', '.join(map(printable, person.pictures))}"),
        ("model", f"{printable(person.model)} (SHA-256 {person.model_hash[:12]}); it means nothing to another"),
        ("use", f"gghead view {path}, and wherever a seed may stand: gghead sample --seeds {path} --orbit 60"),
    )
    values = {
        "kind": "person",
        "bytes": size,
        "pictures": list(person.pictures),
        "model": person.model,
        "model_hash": person.model_hash,
    }
    return Description(f"{path.name}: the head of a person, {size / 2**20:.1f} MiB", facts, values)


def describe_encoder(path: Path) -> Description:
    """Of which model an encoder file is."""
    from gghead.checkpoint.tensors import load_tensors
    from gghead.inversion.encoder.encoder_file import encoder_path, read_record

    load_tensors(path)  # whole
    record, size = read_record(path), path.stat().st_size
    beside = encoder_path(Path("MODEL.safetensors"))
    facts = (
        ("model", f"{printable(record.model)} (SHA-256 {record.model_hash[:12]}); it means nothing to another"),
        ("use", f"gghead invert --encoder {path}, or beside its model as {beside}, where it is found"),
    )
    values = {"kind": "encoder", "bytes": size, "model": record.model, "model_hash": record.model_hash}
    return Description(f"{path.name}: an encoder, from a photograph to a head, {size / 2**20:.1f} MiB", facts, values)


BESIDE_MODELS = {"person": describe_person, "encoder": describe_encoder}
"""Kinds of files of a model's suffix that hold none."""


def origin_of(path: Path, official: bool) -> tuple[tuple[str, str], ...]:
    """How a model was trained and what may be done with it, as far as its place and its form tell."""
    if path == BUNDLED_MODEL:
        return (
            ("trained", "by gghead on computer-made people; it is nobody's likeness"),
            ("licence", "CC0 1.0, as is all that it learned from"),
            ("card", str(path.with_name("README.md"))),
        )
    snapshot = snapshot_of(path)
    if snapshot is not None and (snapshot.run / CONFIG).is_file():
        return (
            ("trained", f"in the run {snapshot.run}, with {snapshot.images} images seen (gghead info {snapshot.run})"),
        )
    if official:
        return (("trained", "by the official release, or from a model of it; model and template have its licences"),)
    return (("trained", "the file does not say how; its licence is that of who made it and of the pictures"),)


def describe_data(path: Path) -> Description:
    """What a dataset holds, after checking its labels but not its pictures."""
    import torch

    from gghead.data.dataset import HeadDataset
    from gghead.geometry.cameras import Cameras

    facts: list[tuple[str, str]] = []
    values: dict[str, object] = {"kind": "dataset"}
    with HeadDataset.open(path, resolution=8) as dataset:
        centers = Cameras.from_labels(torch.from_numpy(dataset.labels), 1).centers()
        count = values["pictures"] = len(dataset)
    yaw, pitch = torch.atan2(centers[:, 0], centers[:, 2]), torch.asin(centers[:, 1] / centers.norm(dim=1))
    for name, angle in (("yaw", yaw.rad2deg()), ("pitch", pitch.rad2deg())):
        mean, sd, low, high = (
            float(value) for value in (angle.mean(), angle.std(correction=0), angle.min(), angle.max())
        )
        facts.append((name, f"mean {mean:.1f}, sd {sd:.1f}, {low:.0f} to {high:.0f} degrees"))
        values[name] = {"mean": mean, "sd": sd, "min": low, "max": high}
    facts.append(("use", f"gghead data check {path} looks at each picture, gghead train PRESET --data {path}"))
    return Description(f"{path.name}: a dataset of {count} pictures", tuple(facts), values)

"""A run that starts from another: its networks get weights by name, its discriminator blocks on top."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from pathlib import Path

from torch import Tensor, nn

from gghead.checkpoint.atomic import write_file
from gghead.checkpoint.store import load_checkpoint
from gghead.checkpoint.tensors import load_tensors
from gghead.config.codec import to_json
from gghead.config.model import DiscriminatorConfig, GeneratorConfig
from gghead.config.training import RunConfig
from gghead.training.run_folder import RunFolder
from gghead.training.state import TrainingState, read_template
from gghead.training.telemetry import Monitor
from gghead.uv.bake import bake
from gghead.uv.texels import place_texels

MAY_DIFFER = ("grid_size", "picture_resolution", "resolution", "grown_from")
"""Fields of the networks' configurations in which a run may differ from the one that it starts from."""
TEMPLATE_TOLERANCE = 1e-4
"""Surfaces this far apart are the same template, world units."""


@dataclass(frozen=True)
class Source:
    """Where weights come from: a checkpoint's folder, and the configuration of its run."""

    checkpoint: Path
    config: RunConfig


@dataclass(frozen=True)
class Transfer:
    """What a run took from another.

    Attributes:
        source: the checkpoint's folder.
        images: real pictures that it had seen.
        fresh: tensors of the new run that were not transferred, `<network>/<name>`.
        unused: tensors of the source that were left behind.
    """

    source: str
    images: int
    fresh: tuple[str, ...]
    unused: tuple[str, ...]


def open_source(path: Path) -> Source:
    """Finds the checkpoint that a path means: that of a checkpoint's folder, or a run's newest.

    Raises:
        FileNotFoundError: there is no run, or it has no checkpoint.
        ValueError: the run's configuration can't be read.
    """
    if path.parent.name == "checkpoints" and path.is_dir():
        return Source(path.absolute(), RunFolder.open(path.parent.parent).config)
    run = RunFolder.open(path)
    checkpoints = run.checkpoints()
    if not checkpoints:
        raise FileNotFoundError(f"{path} has no checkpoint yet; let it reach one with `gghead resume {path}`")
    return Source(checkpoints[-1].absolute(), run.config)


def continue_config(config: RunConfig, source: Source) -> RunConfig:
    """The configuration of a run that starts from another: fades of a beginner off, the discriminator grown.

    The running average starts from the source's, so its ramp-up is off too: it would forget it in the first step.

    Args:
        config: of the new run, as its preset says.
        source: where it starts from.

    Raises:
        FileNotFoundError: the source's checkpoint lacks its generator.
        ValueError: the networks differ in more than grid and resolution, the resolution would shrink, or the template
            is another one.
    """
    _require_same(config.model.generator, source.config.model.generator, "generator", source)
    _require_same(config.model.discriminator, source.config.model.discriminator, "discriminator", source)
    _require_same_template(config, source)
    before, after = source.config.model.discriminator, config.model.discriminator
    if after.resolution < before.resolution:
        raise ValueError(
            f"{source.checkpoint} is of pictures of {before.resolution} x {before.resolution}, and preset "
            f"{config.preset} has {after.resolution} x {after.resolution}; a run can only grow: take a larger preset, "
            "or start from a run of a smaller one"
        )
    grown = before.grown_from + ((before.resolution,) if after.resolution > before.resolution else ())
    training = replace(config.training, blur_fade_images=0, swap_fade_images=0, ema_rampup=0.0)
    if after.resolution == before.resolution:
        training = replace(training, growth_fade_images=0)
    model = replace(config.model, discriminator=replace(after, grown_from=grown))
    return replace(config, model=model, training=training, init_from=str(source.checkpoint))


def transfer(config: RunConfig, state: TrainingState) -> Transfer:
    """Gives fresh networks the weights of the run that theirs starts from, in place; optimizers stay fresh.

    Args:
        config: as `continue_config` made it.
        state: as `new_state` made it.

    Raises:
        FileNotFoundError: the checkpoint is gone, or lacks a network.
        ValueError: the checkpoint is damaged.
    """
    assert config.init_from is not None
    checkpoint = load_checkpoint(Path(config.init_from))
    missing = [name for name in state.networks if name not in checkpoint.files]
    if missing:
        raise FileNotFoundError(f"{config.init_from} lacks {', '.join(missing)}; start from another checkpoint")
    before = open_source(Path(config.init_from)).config.model.discriminator.resolution
    added = int(math.log2(config.model.discriminator.resolution // before))
    fresh: list[str] = []
    unused: list[str] = []
    for name, network in state.networks.items():
        tensors = checkpoint.files[name].tensors
        if name == "discriminator" and added:
            tensors = {_grown_name(tensor, added, before): value for tensor, value in tensors.items()}
        new, old = _fill(network, tensors)
        fresh += [f"{name}/{tensor}" for tensor in new]
        unused += [f"{name}/{tensor}" for tensor in old]
    for block in state.discriminator.critic.blocks[:added]:
        nn.init.zeros_(block.conv1.weight)
    unused += [name for name in checkpoint.files if name not in state.networks]
    return Transfer(config.init_from, checkpoint.images, tuple(fresh), tuple(unused))


def note_transfer(run: RunFolder, taken: Transfer, monitor: Monitor) -> None:
    """Tells what was taken and what was not, and keeps the list in the run's transfer.json."""
    write_file(run.transfer, lambda temporary: temporary.write_text(to_json(taken) + "\n"))
    monitor.event(f"starts with the weights of {taken.source}, which had seen {taken.images} images")
    monitor.event(f"not transferred, fresh: {', '.join(taken.fresh) or 'nothing'}")
    monitor.event(f"left behind: {', '.join(taken.unused) or 'nothing'}")


def _grown_name(name: str, added: int, resolution: int) -> str:
    """What a tensor of a discriminator is called after blocks were added on top of it."""
    if name.startswith("critic.from_picture."):
        return name.replace("from_picture", f"from_smaller.{resolution}")
    if name.startswith("critic.blocks."):
        block, _, rest = name.removeprefix("critic.blocks.").partition(".")
        return f"critic.blocks.{int(block) + added}.{rest}"
    return name


def _fill(network: nn.Module, tensors: Mapping[str, Tensor]) -> tuple[list[str], list[str]]:
    """Takes the tensors whose name and shape fit; returns the network's others and the source's others."""
    own = network.state_dict()
    taken = {name: value for name, value in tensors.items() if name in own and value.shape == own[name].shape}
    network.load_state_dict(own | taken)
    return [name for name in own if name not in taken], [name for name in tensors if name not in taken]


def _require_same(
    new: GeneratorConfig | DiscriminatorConfig,
    old: GeneratorConfig | DiscriminatorConfig,
    network: str,
    source: Source,
) -> None:
    for name in (field.name for field in fields(new) if field.name not in MAY_DIFFER):
        if getattr(new, name) != getattr(old, name):
            raise ValueError(
                f"the {network} of {source.checkpoint} has {name} {getattr(old, name)!r}, and the preset "
                f"{getattr(new, name)!r}; expected the same widths and ranges: take a preset of the family of "
                f"{source.config.preset}, or start from another run"
            )


def _require_same_template(config: RunConfig, source: Source) -> None:
    tensors = load_tensors(source.checkpoint / "generator_ema.safetensors").tensors
    old = source.config.model.generator
    texels = place_texels(bake(read_template(config), old.map_resolution), old.grid_size)
    found = tensors["template_positions"]
    same = texels.positions.shape == found.shape
    if not same or float((texels.positions - found).abs().max()) > TEMPLATE_TOLERANCE:
        theirs, ours = (run.template or "the built-in one" for run in (source.config, config))
        raise ValueError(
            f"{source.checkpoint} models heads on another template: its run was started with {theirs}, this one is to "
            f"take {ours}; name the same head with --template"
        )

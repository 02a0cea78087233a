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
from gghead.model.storage import load_generator
from gghead.training.run_folder import RunFolder
from gghead.training.state import TrainingState, read_template
from gghead.training.telemetry import Monitor
from gghead.uv.bake import bake
from gghead.uv.texels import place_texels

MAY_DIFFER = ("grid_size", "picture_resolution", "supersampling", "resolution", "grown_from")
"""Fields of the networks' configurations in which a run may differ from the one that it starts from."""
TEMPLATE_TOLERANCE = 1e-4
"""Surfaces this far apart are the same template, world units."""


@dataclass(frozen=True)
class Source:
    """Where weights come from.

    Attributes:
        path: a checkpoint's folder, or a model file, which holds an averaged generator and nothing else.
        generator: what it is like.
        discriminator: likewise, or None if there is none.
        template: of its run as named there, or None for the built-in one or an unknown one.
    """

    path: Path
    generator: GeneratorConfig
    discriminator: DiscriminatorConfig | None
    template: str | None

    def load(self) -> tuple[dict[str, Mapping[str, Tensor]], int | None]:
        """Tensors by network, or what else they belong to, and the images that had been seen, if known.

        Raises:
            FileNotFoundError: there is nothing any more, or it lacks a network.
            ValueError: it is damaged.
        """
        if self.discriminator is None:
            tensors = load_generator(self.path).state_dict()
            return {"generator": tensors, "generator_ema": tensors}, None
        checkpoint = load_checkpoint(self.path)
        missing = [name for name in ("generator", "generator_ema", "discriminator") if name not in checkpoint.files]
        if missing:
            raise FileNotFoundError(f"{self.path} lacks {', '.join(missing)}; start from another checkpoint")
        return {name: file.tensors for name, file in checkpoint.files.items()}, checkpoint.images


@dataclass(frozen=True)
class Transfer:
    """What a run took from another.

    Attributes:
        source: the checkpoint's folder, or the model file.
        images: real pictures that it had seen, or None if nobody knows.
        fresh: tensors of the new run that were not transferred, `<network>/<name>`.
        unused: tensors of the source that were left behind.
    """

    source: str
    images: int | None
    fresh: tuple[str, ...]
    unused: tuple[str, ...]


def open_source(path: Path) -> Source:
    """Finds what a path means: a model file, the checkpoint of its folder, or a run's newest.

    Raises:
        FileNotFoundError: there is no run, or it has no checkpoint.
        ValueError: the run's configuration, or the file, can't be read.
    """
    if path.is_file() and path.suffix != ".safetensors":
        raise ValueError(
            f"{path} is no model; expected a run, a checkpoint's folder, or a .safetensors file, which `gghead import` "
            "makes of an official checkpoint"
        )
    if path.suffix == ".safetensors":
        return Source(path.absolute(), load_generator(path).config, None, None)
    if path.parent.name == "checkpoints" and path.is_dir():
        run, checkpoint = RunFolder.open(path.parent.parent), path
    else:
        run = RunFolder.open(path)
        if not run.checkpoints():
            raise FileNotFoundError(f"{path} has no checkpoint yet; let it reach one with `gghead resume {path}`")
        checkpoint = run.checkpoints()[-1]
    model = run.config.model
    return Source(checkpoint.absolute(), model.generator, model.discriminator, run.config.template)


def continue_config(config: RunConfig, source: Source) -> RunConfig:
    """The configuration of a run that starts from another: fades of a beginner off, the discriminator grown.

    The running average starts from the source's, so its ramp-up is off too: it would forget it in the first step.
    Where there is no discriminator, a fresh one learns together with the generator: one that learned by itself first
    would know nothing but faults that the generator leaves behind with its first steps (docs/experiments.md).

    Args:
        config: of the new run, as its preset says.
        source: where it starts from.

    Raises:
        FileNotFoundError: the source lacks its generator.
        ValueError: the networks differ in more than grid and resolution, the resolution would shrink, or the template
            is another one.
    """
    _require_same(config.model.generator, source.generator, "generator", source)
    _require_same_template(config, source)
    training = replace(config.training, blur_fade_images=0, swap_fade_images=0, ema_rampup=0.0)
    config = replace(config, init_from=str(source.path))
    before, after = source.discriminator, config.model.discriminator
    if before is None:
        return replace(config, training=training)
    _require_same(after, before, "discriminator", source)
    if after.resolution < before.resolution:
        raise ValueError(
            f"{source.path} is of pictures of {before.resolution} x {before.resolution}, and preset "
            f"{config.preset} has {after.resolution} x {after.resolution}; a run can only grow: take a larger preset, "
            "or start from a run of a smaller one"
        )
    grown = before.grown_from + ((before.resolution,) if after.resolution > before.resolution else ())
    if after.resolution == before.resolution:
        training = replace(training, growth_fade_images=0)
    model = replace(config.model, discriminator=replace(after, grown_from=grown))
    return replace(config, model=model, training=training)


def transfer(config: RunConfig, state: TrainingState) -> Transfer:
    """Gives fresh networks the weights of the run that theirs starts from, in place; optimizers stay fresh.

    Args:
        config: as `continue_config` made it.
        state: as `new_state` made it.

    Raises:
        FileNotFoundError: the source is gone, or lacks a network.
        ValueError: the source is damaged.
    """
    assert config.init_from is not None
    source = open_source(Path(config.init_from))
    given, images = source.load()
    resolution = config.model.discriminator.resolution
    before = resolution if source.discriminator is None else source.discriminator.resolution
    added = int(math.log2(resolution // before))
    fresh: list[str] = []
    unused: list[str] = []
    for name, network in state.networks.items():
        tensors = given.get(name, {})
        if name == "discriminator" and added:
            tensors = {_grown_name(tensor, added, before): value for tensor, value in tensors.items()}
        new, old = _fill(network, tensors)
        fresh += [f"{name}/{tensor}" for tensor in new]
        unused += [f"{name}/{tensor}" for tensor in old]
    for block in state.discriminator.critic.blocks[:added]:
        nn.init.zeros_(block.conv1.weight)
    unused += [name for name in given if name not in state.networks]
    return Transfer(config.init_from, images, tuple(fresh), tuple(unused))


def note_transfer(run: RunFolder, taken: Transfer, monitor: Monitor) -> None:
    """Tells what was taken and what was not, and keeps the list in the run's transfer.json."""
    write_file(run.transfer, lambda temporary: temporary.write_text(to_json(taken) + "\n"))
    seen = "" if taken.images is None else f", which had seen {taken.images} images"
    monitor.event(f"starts with the weights of {taken.source}{seen}")
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
                f"the {network} of {source.path} has {name} {getattr(old, name)!r}, and the preset "
                f"{getattr(new, name)!r}; expected the same widths and ranges: take another preset, or start from "
                "another run"
            )


def _require_same_template(config: RunConfig, source: Source) -> None:
    path = source.path if source.discriminator is None else source.path / "generator_ema.safetensors"
    tensors, old = load_tensors(path).tensors, source.generator
    texels = place_texels(bake(read_template(config), old.map_resolution), old.grid_size)
    found = tensors["template_positions"]
    same = texels.positions.shape == found.shape
    if not same or float((texels.positions - found).abs().max()) > TEMPLATE_TOLERANCE:
        unnamed = "one that the file does not name" if source.discriminator is None else "the built-in one"
        theirs, ours = source.template or unnamed, config.template or "the built-in one"
        raise ValueError(
            f"{source.path} models heads on another template: its run was started with {theirs}, this one is to "
            f"take {ours}; name the same head with --template"
        )

"""A run that starts from another: its networks get weights by name, and blocks more where it has larger sides."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from pathlib import Path

import torch
from torch import Tensor, nn

from gghead.checkpoint.atomic import write_file
from gghead.checkpoint.store import load_checkpoint
from gghead.config.codec import to_json
from gghead.config.model import DiscriminatorConfig, GeneratorConfig
from gghead.config.printable import listed
from gghead.config.training import RunConfig
from gghead.model.continuation import TrainingNetworks, load_training, training_file
from gghead.model.discriminator import Discriminator
from gghead.model.storage import load_generator
from gghead.runs.resolve import EMA_FILE, MODEL_SUFFIX, find_start
from gghead.runs.run_folder import RunFolder
from gghead.training.checkpoints import EMA_NAME
from gghead.training.observe.telemetry import Monitor
from gghead.training.state import TrainingState, new_state, read_texels, samples_of
from gghead.uv.bake import bake
from gghead.uv.samples import UVSamples, place_uv_samples
from gghead.uv.template import HeadTemplate

MAY_DIFFER = (
    *("map_resolution", "grid_size", "picture_resolution", "supersampling", "resolution", "grown_from"),
    *("max_log_scale", "log_scale_offset"),
)
"""Fields of the networks' configurations in which a run may differ from the one that it starts from."""
TEMPLATE_TOLERANCE = 1e-4
"""Surfaces this far apart are the same template, world units."""
NETWORKS = ("generator", EMA_NAME, "discriminator")


@dataclass(frozen=True)
class Source:
    """Where weights come from, read and checked.

    Attributes:
        path: a checkpoint's folder, or a model file, which holds an EMA generator; the networks in training may be in a
            file beside it.
        generator: what it is like.
        discriminator: likewise, or None if there is none.
        template: as in a run's configuration.
        samples: where its Gaussians are.
        tensors: by network, or by what else they belong to.
        images: real pictures seen, or None if nobody knows.
    """

    path: Path
    generator: GeneratorConfig
    discriminator: DiscriminatorConfig | None
    template: str | None
    samples: UVSamples
    tensors: Mapping[str, Mapping[str, Tensor]]
    images: int | None


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
    """Reads where weights come from: the checkpoint that a path means, or the model file.

    Raises:
        FileNotFoundError: there is none, or it lacks a network.
        ValueError: it is damaged, or the run's configuration can't be read.
    """
    start = find_start(path).absolute()
    return _open_checkpoint(start) if start.is_dir() else _open_model(start)


def _open_checkpoint(folder: Path) -> Source:
    run = RunFolder.open(folder.parent.parent)
    checkpoint = load_checkpoint(folder)
    missing = [name for name in NETWORKS if name not in checkpoint.files]
    if missing:
        raise FileNotFoundError(f"{folder} lacks {', '.join(missing)}; start from another checkpoint")
    model, template = run.config.model, run.config.template
    if template is not None and Path(template).suffix == MODEL_SUFFIX:
        template = str(folder / EMA_FILE)  # of the model that it came from, which may be gone
    samples = samples_of(folder / EMA_FILE, checkpoint.files[EMA_NAME])
    tensors = {name: file.tensors for name, file in checkpoint.files.items()}
    return Source(folder, model.generator, model.discriminator, template, samples, tensors, checkpoint.images)


def _open_model(path: Path) -> Source:
    """A model file and what stands beside it; its EMA generator learns where there is no other.

    It does not name its template, which is the built-in one, or known by the places of its Gaussians.
    """
    average = load_generator(path)
    beside = load_training(path) or TrainingNetworks(None, None)
    config, generator, discriminator = average.config, beside.generator or average, beside.discriminator
    if generator.config != config:
        raise ValueError(
            f"the generator in {training_file(path)} is of another size than that in {path}; import "
            "the checkpoint again"
        )
    builtin = place_uv_samples(bake(HeadTemplate.builtin(), config.map_resolution), config.grid_size)
    template = None if _is_near(builtin.positions, average.template_positions) else str(path)
    samples = UVSamples(average.texel_uvs, average.template_positions)
    tensors = {"generator": generator.state_dict(), EMA_NAME: average.state_dict()}
    if discriminator is not None:
        tensors["discriminator"] = discriminator.state_dict()
    return Source(path, config, discriminator and discriminator.config, template, samples, tensors, images=None)


def continue_config(config: RunConfig, source: Source) -> RunConfig:
    """The configuration of a run that starts from another: fades of a beginner off, the discriminator grown.

    The EMA generator starts from the source's, so its ramp-up is off too: it would forget it in the first step.
    Where there is no discriminator, a fresh one learns together with the generator: one that learned by itself first
    would know nothing but faults that the generator leaves behind with its first steps (docs/experiments.md).
    The template stays that of the source if none is named, and an official model keeps its order of quaternions,
    and a model with style bounds keeps them.

    Args:
        config: of the new run, as its preset says.
        source: where it starts from.

    Raises:
        FileNotFoundError: the source lacks its generator.
        ValueError: the networks differ in more than grid and resolutions, a resolution would shrink, or the template is
            another one.
    """
    kept = {name: getattr(source.generator, name) for name in ("quaternion_order", "style_bounds")}
    generator = replace(config.model.generator, **kept)
    config = replace(
        config, template=config.template or source.template, model=replace(config.model, generator=generator)
    )
    _require_same(config.model.generator, source.generator, "generator", source)
    _require_growth("UV maps", generator.map_resolution, source.generator.map_resolution, config, source)
    _require_same_template(config, source)
    training = replace(config.training, blur_fade_images=0, swap_fade_images=0, ema_rampup=0.0)
    config = replace(config, init_from=str(source.path))
    before, after = source.discriminator, config.model.discriminator
    if before is None or "features" in (before.looks_at, after.looks_at):  # none, or of one size
        return replace(config, training=training)
    _require_same(after, before, "discriminator", source)
    _require_growth("pictures", after.resolution, before.resolution, config, source)
    grown = before.grown_from + ((before.resolution,) if after.resolution > before.resolution else ())
    if after.resolution == before.resolution:
        training = replace(training, growth_fade_images=0)
    model = replace(config.model, discriminator=replace(after, grown_from=grown))
    return replace(config, model=model, training=training)


def transfer(config: RunConfig, device: torch.device | str) -> tuple[TrainingState, Transfer]:
    """Fresh networks with the weights of the run that theirs starts from; optimizers stay fresh.

    Blocks that are added to the synthesis network add nothing to the UV maps at first: these are the source's,
    upsampled where each block adds to the output of those before it (Karras et al. 2020, section 4.2). Blocks on top of
    the discriminator are faded in.

    Args:
        config: as `continue_config` made it.
        device: where the networks are to be.

    Raises:
        FileNotFoundError: the source is gone, or lacks a network.
        ValueError: the source is damaged.
    """
    assert config.init_from is not None
    source = open_source(Path(config.init_from))
    state = new_state(config, device, source.samples if _has_its_own_template(config, source) else None)
    known, wanted = source.discriminator, config.model.discriminator
    before = wanted.resolution
    if known is not None and known.looks_at == wanted.looks_at == "pixels":
        before = known.resolution
    added = _doublings(before, wanted.resolution)
    fresh: list[str] = []
    unused: list[str] = []
    for name, network in state.networks.items():
        tensors = source.tensors.get(name, {})
        if name == "discriminator" and added:
            tensors = {_grown_name(tensor, added, before): value for tensor, value in tensors.items()}
        new, old = _fill(network, tensors)
        fresh += [f"{name}/{tensor}" for tensor in new]
        unused += [f"{name}/{tensor}" for tensor in old]
    if isinstance(state.discriminator, Discriminator):
        for block in state.discriminator.critic.blocks[:added]:
            nn.init.zeros_(block.conv1.weight)
    larger = _doublings(source.generator.map_resolution, config.model.generator.map_resolution)
    for generator in (state.generator, state.generator_ema):
        for block in generator.synthesis.blocks[len(generator.synthesis.blocks) - larger :]:
            nn.init.zeros_(block.to_output.weight)
    unused += [name for name in source.tensors if name not in state.networks]
    return state, Transfer(config.init_from, source.images, tuple(fresh), tuple(unused))


def note_transfer(run: RunFolder, taken: Transfer, monitor: Monitor) -> None:
    """Tells what was taken and what was not, and keeps the list in the run's transfer.json."""
    write_file(run.transfer, lambda temporary: temporary.write_text(to_json(taken) + "\n", encoding="utf-8"))
    seen = "" if taken.images is None else f", which had seen {taken.images} images"
    monitor.event(f"starts with the weights of {taken.source}{seen}")
    monitor.event(f"not transferred, fresh: {listed(taken.fresh) or 'nothing'}")
    monitor.event(f"left behind: {listed(taken.unused) or 'nothing'}")


def _doublings(before: int, after: int) -> int:
    """How often a side was doubled, of two that are powers of two."""
    return int(math.log2(after // before))


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
    new: GeneratorConfig | DiscriminatorConfig, old: GeneratorConfig | DiscriminatorConfig, network: str, source: Source
) -> None:
    for name in (field.name for field in fields(new) if field.name not in MAY_DIFFER):
        if getattr(new, name) != getattr(old, name):
            raise ValueError(
                f"the {network} of {source.path} has {name} {getattr(old, name)!r}, and the preset "
                f"{getattr(new, name)!r}; expected the same widths and ranges: take another preset, or start from "
                "another run"
            )


def _require_growth(what: str, after: int, before: int, config: RunConfig, source: Source) -> None:
    if after < before:
        raise ValueError(
            f"{source.path} is of {what} of {before} x {before}, and preset {config.preset} has {after} x {after}; "
            "a run can only grow: take a larger preset, or start from a run of a smaller one"
        )


def _has_its_own_template(config: RunConfig, source: Source) -> bool:
    """Whether a run is on a template that is known by the places of the source's Gaussians alone."""
    return config.template == source.template and Path(config.template or "").suffix == MODEL_SUFFIX


def _require_same_template(config: RunConfig, source: Source) -> None:
    if _has_its_own_template(config, source):
        return
    theirs = source.generator
    generator = replace(config.model.generator, map_resolution=theirs.map_resolution, grid_size=theirs.grid_size)
    texels = read_texels(replace(config, model=replace(config.model, generator=generator)))
    if not _is_near(texels.positions, source.samples.positions):
        its_own, ours = source.template or "the built-in one", config.template or "the built-in one"
        raise ValueError(
            f"{source.path} models heads on another template: its own is {its_own}, this run is to take {ours}; "
            "leave --template away, or name the same head with it"
        )


def _is_near(one: Tensor, other: Tensor) -> bool:
    """Whether two lists of points are those of the same template."""
    return one.shape == other.shape and float((one - other).abs().max()) <= TEMPLATE_TOLERANCE

"""Import of the official release's checkpoints: pickled modules, read as data and never executed.

The modules' tensors are renamed into our networks, of which the parity test shows that they are the same function.
Whatever is in the file and has no place in ours stops the import by name; nothing is dropped in silence.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import torch
from torch import Tensor

from gghead.checkpoint.inert_pickle import Record
from gghead.checkpoint.inert_tensors import read_tensor_pickle
from gghead.checkpoint.tensors import TensorFile
from gghead.config.model import DiscriminatorConfig, GeneratorConfig
from gghead.model.discriminator import Discriminator
from gghead.model.generator import Generator
from gghead.model.official_config import OfficialSettings, read_settings
from gghead.model.official_names import (
    IGNORED_TENSORS,
    discriminator_names,
    generator_names,
)
from gghead.model.storage import mismatches
from gghead.stylegan.resampling import TAPS
from gghead.uv.texels import Texels, sample_maps

N = TypeVar("N", Generator, Discriminator)

PACKAGES = ("gghead", "eg3d", "gaussian_splatting", "torch_utils", "training", "elias", "dreifus", "src")
"""Top-level packages whose classes official checkpoints contain."""
PICKLE = b"\x80"
"""First byte of every pickle of protocol 2 and later."""
DEEPEST_MODULE = 32
"""Modules nested deeper than this are refused; the official ones reach 5."""


@dataclass(frozen=True)
class OfficialCheckpoint:
    """The networks of an official checkpoint.

    Attributes:
        generator_ema: the averaged generator, the one to sample from.
        generator: the generator in training, or None if the file has none.
        discriminator: or None if the file has none, or one that was grown to a higher resolution.
        notes: what could not be imported and why, one sentence each.
    """

    generator_ema: Generator
    generator: Generator | None
    discriminator: Discriminator | None
    notes: tuple[str, ...]


@dataclass(frozen=True)
class OfficialModule:
    """A pickled module: its tensors by dotted names, and the plain attributes of the modules, by the modules' names."""

    tensors: Mapping[str, Tensor]
    attributes: Mapping[str, Mapping[object, object]]


def read_official(path: Path) -> OfficialCheckpoint:
    """Reads an official checkpoint (network-snapshot-*.pkl).

    Args:
        path: the pickle; nothing in it is executed.

    Raises:
        FileNotFoundError: there is no such file.
        UnsafePickleError: the pickle tries something that no checkpoint needs; the message names it.
        ValueError: it is damaged, no GGHead checkpoint, or uses settings or tensors that gghead does not know.
    """
    if not path.is_file():
        raise FileNotFoundError(f"there is no file {path}")
    try:
        with path.open("rb") as stream:
            start = stream.read(2)
            if start[:1] != PICKLE:
                kind = "a zip archive" if start == b"PK" else "no pickle"
                raise ValueError(f"it is {kind}; expected network-snapshot-*.pkl of the official release")
            stream.seek(0)
            content = read_tensor_pickle(stream, PACKAGES)
        return _convert(content)
    except ValueError as error:
        raise type(error)(f"{path} can't be imported: {error}") from error


def _convert(content: object) -> OfficialCheckpoint:
    if not isinstance(content, dict) or not isinstance(content.get("G_ema"), Record):
        raise ValueError("it holds no network G_ema; expected an official checkpoint of GGHead")
    ema = _generator(_read_module(content["G_ema"]), "G_ema")
    current, critic = content.get("G"), content.get("D")
    generator = _generator(_read_module(current), "G") if isinstance(current, Record) else None
    if not isinstance(critic, Record):
        return OfficialCheckpoint(ema, generator, None, ("the file holds no discriminator",))
    module = _read_module(critic)
    clamped = any(attributes.get("conv_clamp") is not None for attributes in module.attributes.values())
    notes = ("the discriminator's clamp of activations, a guard of half precision, was left out",) if clamped else ()
    try:
        return OfficialCheckpoint(ema, generator, _discriminator(module), notes)
    except ValueError as error:
        return OfficialCheckpoint(ema, generator, None, (f"the discriminator was left out: {error}",))


def _read_module(root: Record) -> OfficialModule:
    """The tensors and attributes of a module and all modules inside of it."""
    tensors: dict[str, Tensor] = {}
    attributes: dict[str, Mapping[object, object]] = {}
    pending = [("", root, 0)]
    while pending:
        prefix, record, depth = pending.pop()
        state = _state(record)
        if depth > DEEPEST_MODULE or not isinstance(state, dict):
            raise ValueError(f"its module {prefix or 'at the top'!r} has no state that could be read")
        attributes[prefix.removesuffix(".")] = state
        for group in ("_parameters", "_buffers"):
            for name, value in _members(state, group):
                if isinstance(value, Tensor):
                    tensors[f"{prefix}{name}"] = value
                elif value is not None:
                    raise ValueError(f"its {prefix}{name} is no tensor")
        for name, value in _members(state, "_modules"):
            if isinstance(value, Record):
                pending.append((f"{prefix}{name}.", value, depth + 1))
    return OfficialModule(tensors, attributes)


def _state(record: Record) -> object:
    """The attributes of a pickled module: its state, or that inside of the wrapper that carries its source text."""
    if record.state is None and record.arguments and isinstance(record.arguments[0], dict):
        return record.arguments[0].get("state")
    return record.state


def _members(state: Mapping[object, object], group: str) -> list[tuple[str, object]]:
    members = state.get(group, {})
    if not isinstance(members, dict) or not all(isinstance(name, str) for name in members):
        raise ValueError(f"a module's {group} are damaged")
    return list(members.items())


def _generator(module: OfficialModule, name: str) -> Generator:
    """One of the two generators of a checkpoint."""
    config = _generator_config(read_settings(module.attributes[""]), module)
    tensors = _rename(module, generator_names(config), name)
    uvs = tensors.pop("_uv_grid").reshape(-1, 2)
    texels = Texels(uvs, sample_maps(tensors.pop("_uv_position_map"), uvs))
    tensors["position_weight"] = tensors["position_weight"].flatten(1)
    tensors |= {"texel_uvs": texels.uvs, "template_positions": texels.positions}
    return _fill(Generator(config, texels, seed=None), tensors, name)


def _generator_config(settings: OfficialSettings, module: OfficialModule) -> GeneratorConfig:
    layers = sum(name.startswith("backbone.mapping.fc") and name.endswith(".weight") for name in module.tensors)
    return GeneratorConfig(
        z_size=settings.z_size,
        style_size=settings.style_size,
        mapping_layers=layers,
        camera_conditioned="backbone.mapping.embed.weight" in module.tensors,
        map_resolution=settings.map_resolution,
        channel_base=settings.channel_base,
        channel_max=settings.channel_max,
        grid_size=settings.grid_size,
        sh_degree=settings.sh_degree,
        position_range=settings.position_range,
        max_log_scale=settings.max_log_scale,
        log_scale_offset=settings.log_scale_offset,
        quaternion_order="zwxy",
    )


def _discriminator(module: OfficialModule) -> Discriminator:
    """The discriminator, unless it is one that was grown: its blocks are not described anywhere we may read."""
    if module.attributes[""].get("pretrained_resolution") not in (None, 0):
        raise ValueError(
            f"it was grown from {module.attributes['']['pretrained_resolution']} pixels, which is not known here"
        )
    sides = [int(name.split(".")[0][1:]) for name in module.tensors if name.endswith(".fromrgb.weight")]
    if len(sides) != 1:
        raise ValueError(f"it reads pictures at {len(sides)} resolutions; one is known")
    first, last = module.tensors[f"b{sides[0]}.fromrgb.weight"], module.tensors.get("b4.out.weight")
    if last is None:
        raise ValueError("it has no tensor b4.out.weight")
    config = DiscriminatorConfig(
        resolution=sides[0],
        # Any base that gives these channels is the same network.
        channel_base=len(first) * sides[0],
        channel_max=len(last),
        mapping_layers=sum(name.startswith("mapping.fc") and name.endswith(".weight") for name in module.tensors),
        group_size=_group_size(module),
    )
    return _fill(Discriminator(config, seed=None), _rename(module, discriminator_names(config), "D"), "D")


def _group_size(module: OfficialModule) -> int:
    size = module.attributes.get("b4.mbstd", {}).get("group_size")
    if not isinstance(size, int):
        raise ValueError("it states no group size for the minibatch standard deviation")
    return size


def _rename(module: OfficialModule, names: Mapping[str, str], network: str) -> dict[str, Tensor]:
    """Tensors under our names; refuses any that has none, and resampling filters other than ours."""
    taps = torch.tensor(TAPS)
    tensors: dict[str, Tensor] = {}
    unknown = []
    for name, tensor in module.tensors.items():
        if name in names:
            tensors[names[name]] = tensor
        elif name.split(".")[-1] == "resample_filter":
            if tensor.shape != (4, 4) or not torch.allclose(tensor, taps.outer(taps)):
                raise ValueError(f"its tensor {network}.{name} is another filter than [1, 3, 3, 1]")
        elif name not in IGNORED_TENSORS:
            unknown.append(name)
    missing = [name for name in names if name not in module.tensors]
    if unknown or missing:
        parts = [f"unknown tensors {', '.join(unknown)}"] if unknown else []
        parts += [f"no tensors {', '.join(missing)}"] if missing else []
        raise ValueError(f"its network {network} has {' and '.join(parts)}; it is no variant that gghead knows")
    return tensors


def _fill(network: N, tensors: dict[str, Tensor], name: str) -> N:
    """Gives a network copies of the tensors, of which several may share a storage in the file."""
    problems = mismatches(network, TensorFile(tensors, {}))
    if problems:
        raise ValueError(f"the tensors of its network {name} do not fit its configuration: {problems}")
    network.load_state_dict({key: tensor.clone() for key, tensor in tensors.items()}, assign=True)
    return network

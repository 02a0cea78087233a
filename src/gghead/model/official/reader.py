"""Import of the official release's checkpoints: pickled modules, read as data and never executed.

The modules' tensors are renamed into our networks, of which the parity test shows that they are the same function. A
parameter or a setting that ours do not have stops the import by name; whatever else is left aside is told.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import torch
from torch import Tensor

from gghead.checkpoint.tensors import TensorFile
from gghead.config.printable import listed
from gghead.model.discriminator import Discriminator
from gghead.model.generator import Generator
from gghead.model.official.discriminator import NO_FADE, discriminator_config, discriminator_notes
from gghead.model.official.layers import DISCRIMINATOR_RULES, GENERATOR_RULES, is_clamped, require_layers, unread_parts
from gghead.model.official.module import OfficialModule, class_name, read_module, single
from gghead.model.official.names import DISCRIMINATOR_IGNORED, GENERATOR_IGNORED, discriminator_names, generator_names
from gghead.model.official.pickled_tensors import check_sharing, read_tensor_pickle
from gghead.model.official.safe_pickle import Record
from gghead.model.official.settings import read_settings
from gghead.model.official.template import read_texels
from gghead.model.storage import NOTHING_ALLOCATED, mismatches
from gghead.uv.samples import UVSamples

N = TypeVar("N", Generator, Discriminator)

PACKAGES = ("gghead", "eg3d", "gaussian_splatting", "torch_utils", "training", "dnnlib", "elias", "dreifus", "src")
"""Top-level packages whose classes official checkpoints contain."""
PICKLE = b"\x80"
"""First byte of every pickle of protocol 2 and later."""
NETWORKS = ("G_ema", "G", "D")
PARTS = (*NETWORKS, "augment_pipe", "training_set_kwargs")
"""What the official training loop writes into a checkpoint."""


@dataclass(frozen=True)
class OfficialPickle:
    """An official checkpoint as it was read, before anything of it is compared with our networks.

    Attributes:
        path: of the file.
        networks: its modules by the names G_ema, G and D, as far as it has them.
        unreadable: why others of them could not be read, by the same names.
        training_set: what it says of its training set.
        notes: what else is in the file and is left out, one sentence each.
    """

    path: Path
    networks: Mapping[str, OfficialModule]
    unreadable: Mapping[str, str]
    training_set: Mapping[object, object]
    notes: tuple[str, ...]


@dataclass(frozen=True)
class OfficialCheckpoint:
    """The networks of an official checkpoint.

    Attributes:
        generator_ema: the EMA generator, the one to sample from.
        generator: the generator in training, or None if the file has none.
        discriminator: or None if the file has none, or one that gghead does not know.
        notes: what could not be imported and why, and what was left aside, one sentence each.
    """

    generator_ema: Generator
    generator: Generator | None
    discriminator: Discriminator | None
    notes: tuple[str, ...]


def open_official(path: Path) -> OfficialPickle:
    """Reads the modules of an official checkpoint (network-snapshot-*.pkl).

    Raises:
        FileNotFoundError: there is no such file.
        UnsafePickleError: the pickle tries something that no checkpoint needs; the message names it.
        ValueError: it is damaged or no GGHead checkpoint.
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
        return _modules(path, content)
    except ValueError as error:
        raise type(error)(f"{path} can't be imported: {error}") from error


def convert(pickle: OfficialPickle) -> OfficialCheckpoint:
    """Gives our networks the tensors of an official checkpoint.

    Raises:
        ValueError: a generator has settings or parameters that gghead does not know. A discriminator that it does not
            know is left out with a note.
    """
    try:
        ema, notes = _named_generator(pickle, "G_ema")
        generator = None
        if "G" in pickle.networks or "G" in pickle.unreadable:
            generator, more = _named_generator(pickle, "G")
            notes += more
            if generator.config != ema.config:
                raise ValueError("its networks G and G_ema have different configurations")
    except ValueError as error:
        raise ValueError(f"{pickle.path} can't be imported: {error}") from error
    told = [f"generator: {note}" for note in dict.fromkeys(notes)]
    if generator is None:
        told.append("the file holds no generator in training, G; training would go on from the averaged one")
    discriminator, notes = _discriminator_or_none(pickle, ema.config.channel_base)
    return OfficialCheckpoint(ema, generator, discriminator, (*told, *notes, *pickle.notes))


def _modules(path: Path, content: object) -> OfficialPickle:
    if not isinstance(content, dict) or not isinstance(content.get("G_ema"), Record):
        raise ValueError("it holds no network G_ema; expected an official checkpoint of GGHead")
    networks, unreadable = {}, {}
    for name in NETWORKS:
        record = content.get(name)
        try:
            if isinstance(record, Record):
                networks[name] = read_module(record)
            elif record is not None:
                unreadable[name] = "it is no module"
        except ValueError as error:
            unreadable[name] = str(error)
    notes = []
    augmentation = content.get("augment_pipe")
    if augmentation is not None:
        kind = f" {class_name(augmentation)}" if isinstance(augmentation, Record) else ""
        notes.append(f"its augmentation{kind} was left out: it belongs to training, and gghead has none")
    others = [key if isinstance(key, str) else "one without a name" for key in content if key not in PARTS]
    if others:
        notes.append(f"parts of the file that gghead does not know were left out: {listed(others)}")
    training_set = content.get("training_set_kwargs")
    return OfficialPickle(
        path, networks, unreadable, training_set if isinstance(training_set, dict) else {}, tuple(notes)
    )


def _named_generator(pickle: OfficialPickle, name: str) -> tuple[Generator, list[str]]:
    """One of the two generators of a checkpoint, and what is to be told of it."""
    try:
        if name in pickle.unreadable:
            raise ValueError(pickle.unreadable[name])
        return _generator(pickle.networks[name])
    except ValueError as error:
        raise ValueError(f"its network {name} is no generator that gghead knows: {error}") from error


def _generator(module: OfficialModule) -> tuple[Generator, list[str]]:
    config, notes = read_settings(module)
    ours = generator_names(config)
    unread = unread_parts(module, ours, GENERATOR_IGNORED)
    require_layers(module, GENERATOR_RULES)
    tensors = _renamed(module, ours)
    texels, template_notes = read_texels(module, tensors.pop("_uv_grid"), config.grid_size)
    if tensors["position_weight"].shape[2:] == (1, 1):  # a convolution of single texels there
        tensors["position_weight"] = tensors["position_weight"].flatten(1)
    tensors |= {"texel_uvs": texels.uvs, "template_positions": texels.positions}
    with NOTHING_ALLOCATED:
        empty = UVSamples(torch.empty(texels.uvs.shape), torch.empty(texels.positions.shape))
        generator = Generator(config, empty, seed=None)
    _fill(generator, tensors)
    return generator, [*notes, *_unread_notes(unread), *template_notes, *_precision_notes(module)]


def _discriminator_or_none(pickle: OfficialPickle, channel_base: int) -> tuple[Discriminator | None, list[str]]:
    """The discriminator, unless it is missing or unknown, and what is to be told of it."""
    try:
        if "D" in pickle.unreadable:
            raise ValueError(pickle.unreadable["D"])
        if "D" not in pickle.networks:
            return None, ["the file holds no discriminator, D"]
        module = pickle.networks["D"]
        config = discriminator_config(module, channel_base)
        ours = discriminator_names(config)
        unread = unread_parts(module, ours, DISCRIMINATOR_IGNORED)
        require_layers(module, DISCRIMINATOR_RULES)
        tensors = _renamed(module, ours)
        if config.grown_from:
            tensors["critic.fade"] = torch.tensor(NO_FADE)
        with NOTHING_ALLOCATED:
            discriminator = Discriminator(config, seed=None)
        _fill(discriminator, tensors)
    except ValueError as error:
        return None, [f"the discriminator was left out: {error}"]
    notes = [*discriminator_notes(module, config), *_unread_notes(unread), *_precision_notes(module)]
    return discriminator, [f"discriminator: {note}" for note in notes]


def _unread_notes(unread: tuple[str, ...]) -> list[str]:
    found = listed(list(unread))
    return [f"its buffers or parts {found} are unknown; nothing that gghead computes reads them"] if unread else []


def _precision_notes(module: OfficialModule) -> list[str]:
    kinds = {str(tensor.dtype).removeprefix("torch.") for tensor in module.tensors.values()} - {"float32"}
    notes = [f"tensors stored as {', '.join(sorted(kinds))} are float32 here"] if kinds else []
    if is_clamped(module):
        notes.append(
            "its clamp of activations at 256 or more, a guard of half precision that trained networks do not reach, "
            "was left out"
        )
    return notes


def _renamed(module: OfficialModule, ours: Mapping[str, str]) -> dict[str, Tensor]:
    """Copies of the tensors, of which several may share a storage in the file, under our names."""
    found = module.tensors
    check_sharing({official: found[official] for official in ours})
    return {name: single(official, found[official]) for official, name in ours.items()}


def _fill(network: N, tensors: dict[str, Tensor]) -> N:
    problems = mismatches(network, TensorFile(tensors, {}))
    if problems:
        raise ValueError(f"its tensors do not fit its configuration: {problems}")
    network.load_state_dict(tensors, assign=True)
    return network

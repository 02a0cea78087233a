"""What training goes on from, beside a model file: MODEL.training with the generator in training and the discriminator.

A model file holds the EMA generator, all that sampling needs. The other networks are twice its size, so they have
a file of their own, which may be deleted. It names its model by the hash of its content.
"""

import os
from dataclasses import dataclass
from pathlib import Path

from gghead.checkpoint.header import stated_hash
from gghead.checkpoint.tensors import TensorFile, load_tensors, save_tensors
from gghead.model.discriminator import Discriminator
from gghead.model.generator import Generator
from gghead.model.storage import network_texts, read_discriminator, read_generator

SUFFIX = ".training"
MODEL_KEY = "gghead.model"
"""Key of the hash of the model that the networks belong to."""


@dataclass(frozen=True)
class TrainingNetworks:
    """The networks that learn; either may be unknown."""

    generator: Generator | None
    discriminator: Discriminator | None


def training_file(model: Path) -> Path:
    """Where the networks in training of a model file are."""
    return model.with_suffix(SUFFIX)


def save_training(model: Path, networks: TrainingNetworks, overwrite: bool = True) -> None:
    """Writes the networks in training beside a model file that stands already, atomically.

    Raises:
        FileExistsError: something stands there and shall stay; says where the file is kept.
        OSError: the disk is full or not writable.
    """
    tensors, texts = {}, {MODEL_KEY: stated_hash(model)}
    for name, network in (("generator", networks.generator), ("discriminator", networks.discriminator)):
        if network is not None:
            tensors |= {f"{name}/{key}": value for key, value in network.state_dict().items()}
            texts |= {f"{name}/{key}": text for key, text in network_texts(name, network).items()}
    save_tensors(training_file(model), TensorFile(tensors, texts), overwrite)


def load_training(model: Path) -> TrainingNetworks | None:
    """Reads the networks in training of a model file, onto the CPU; None if there are none beside it.

    Raises:
        FileNotFoundError: something stands there that is no file.
        ValueError: the file is damaged, or belongs to another model.
    """
    path = training_file(model)
    if not os.path.lexists(path):
        return None
    content = load_tensors(path)
    if content.texts.get(MODEL_KEY) != stated_hash(model):
        raise ValueError(
            f"{path} belongs to another model than {model}; import its checkpoint again, or move {path.name} away to "
            "start with a fresh discriminator"
        )
    generator, discriminator = _part(content, "generator"), _part(content, "discriminator")
    return TrainingNetworks(
        read_generator(path, generator) if generator.tensors else None,
        read_discriminator(path, discriminator) if discriminator.tensors else None,
    )


def _part(content: TensorFile, name: str) -> TensorFile:
    """What of a file belongs to one of its networks."""
    prefix = f"{name}/"
    return TensorFile(
        {key.removeprefix(prefix): value for key, value in content.tensors.items() if key.startswith(prefix)},
        {key.removeprefix(prefix): text for key, text in content.texts.items() if key.startswith(prefix)},
    )

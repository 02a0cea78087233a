"""A published network is one .safetensors file: the weights, and the configuration as JSON in the metadata."""

from pathlib import Path
from typing import TypeVar

import torch
from torch import Tensor, nn

from gghead.checkpoint.header import KIND_KEY, read_texts, with_article
from gghead.checkpoint.tensors import TensorFile, load_tensors, save_tensors
from gghead.config.codec import from_json, to_json
from gghead.config.model import DiscriminatorConfig, GeneratorConfig
from gghead.config.printable import listed, printable
from gghead.model.discriminator import Discriminator
from gghead.model.generator import Generator
from gghead.uv.samples import UVSamples

FORMAT_VERSION = "1"
"""Raised when the names or the meaning of the tensors change."""
VERSION_KEY = "gghead.version"
CONFIG_KEY = "gghead.config"
ADDED_FIELDS = {"style_bounds": 0}
"""Fields that configurations of networks have got since, which are left out at these values: files, and the hashes by
which persons and encoders know their model, stay what they were."""
GEOMETRY = ("texel_uvs", "template_positions")
"""Tensors of a generator that stay exact: where its Gaussians are on the template."""
NOTHING_ALLOCATED = torch.device("meta")
"""Where a network is made before its file's tensors, which take no more memory than the file, are compared with it."""

C = TypeVar("C", GeneratorConfig, DiscriminatorConfig)


def save_generator(
    path: Path, generator: Generator, dtype: torch.dtype = torch.float32, overwrite: bool = True
) -> None:
    """Writes a generator as one file, atomically.

    Args:
        path: of the file.
        generator: what to write, in single precision whatever its own is.
        dtype: of the weights: float32, or float16 for half the size; they are read as float32 again.
        overwrite: whether what stands there is replaced.

    Raises:
        FileExistsError: something stands there and shall stay; says where the file is kept.
        OSError: the disk is full or not writable.
        ValueError: another type.
    """
    content = generator_content(generator)
    if dtype not in (torch.float32, torch.float16):
        raise ValueError(f"the dtype is {dtype}; expected torch.float32 or torch.float16")
    if dtype == torch.float16:
        tensors = {name: value if name in GEOMETRY else _halved(value) for name, value in content.tensors.items()}
        content = TensorFile(tensors, content.texts)
    save_tensors(path, content, overwrite)


def generator_content(generator: Generator) -> TensorFile:
    """What the model file of a generator holds: its tensors in single precision, and its configuration."""
    tensors = {name: value.float() for name, value in generator.state_dict().items()}
    return TensorFile(tensors, network_texts("generator", generator))


def load_generator(path: Path) -> Generator:
    """Reads what `save_generator` wrote, onto the CPU.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: the file is damaged, holds no generator, is of another version, its tensors do not fit its
            configuration, or are not all finite.
    """
    return read_generator(path, load_tensors(path))


def read_generator_config(path: Path) -> GeneratorConfig:
    """What a file says of its generator, without reading the weights; errors as of `load_generator`."""
    return _read_config(path, TensorFile({}, read_texts(path)), "generator", GeneratorConfig)


def read_generator(path: Path, content: TensorFile) -> Generator:
    """The generator of a file's content; errors as of `load_generator`."""
    config = _read_config(path, content, "generator", GeneratorConfig)
    tensors = {name: value.float() if value.dtype == torch.half else value for name, value in content.tensors.items()}
    uvs = tensors.get("texel_uvs", torch.empty(0))
    count = len(uvs) if uvs.ndim else 0
    if not 0 < count <= config.grid_size**2:
        raise ValueError(
            f"{path} has {count} Gaussians a head; expected 1 to {config.grid_size**2}, the points of its grid: "
            "use another copy"
        )
    with NOTHING_ALLOCATED:
        generator = Generator(config, UVSamples(torch.empty(count, 2), torch.empty(count, 3)), seed=None)
    return _fill(path, generator, TensorFile(tensors, content.texts))


def read_discriminator(path: Path, content: TensorFile) -> Discriminator:
    """The discriminator of a file's content; errors as of `load_generator`."""
    config = _read_config(path, content, "discriminator", DiscriminatorConfig)
    with NOTHING_ALLOCATED:
        discriminator = Discriminator(config, seed=None)
    return _fill(path, discriminator, content)


PLACES = {
    "person": " - a person stands where a seed does: --seeds FILE, and MODEL is what it was fitted with",
    "encoder": " - name the model that it was trained for; --encoder FILE of `gghead invert` takes it",
}
"""What to do with files that are no networks."""


def network_texts(kind: str, network: Generator | Discriminator) -> dict[str, str]:
    """What a file says of the network in it."""
    absent = [name for name, value in ADDED_FIELDS.items() if getattr(network.config, name, value) == value]
    return {KIND_KEY: kind, VERSION_KEY: FORMAT_VERSION, CONFIG_KEY: to_json(network.config, without=absent)}


def _read_config(path: Path, content: TensorFile, kind: str, cls: type[C]) -> C:
    found = content.texts.get(KIND_KEY)
    if found != kind:
        raise ValueError(
            f"{path} holds {with_article(found) if found else 'no network of gghead'}; expected a {kind}"
            + PLACES.get(found or "", "")
        )
    version = content.texts.get(VERSION_KEY)
    if version != FORMAT_VERSION:
        raise ValueError(
            f"{path} has format version {printable(version or 'none')}; this gghead reads version {FORMAT_VERSION}: "
            "use the gghead that wrote it"
        )
    try:
        return from_json(cls, content.texts.get(CONFIG_KEY, ""))
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from error


N = TypeVar("N", Generator, Discriminator)


def _fill(path: Path, network: N, content: TensorFile) -> N:
    """Gives a network its tensors after checking that names, shapes and types agree, and that they are numbers."""
    problems = mismatches(network, content)
    if problems:
        raise ValueError(f"the tensors in {path} do not fit its configuration: {problems}; use another copy")
    broken = [name for name, tensor in content.tensors.items() if not _is_finite(tensor)]
    if broken:
        raise ValueError(
            f"{path} holds NaN or infinite values in {listed(broken)}; its training diverged: use an earlier snapshot"
        )
    network.load_state_dict(dict(content.tensors), assign=True)
    return network


def mismatches(network: nn.Module, content: TensorFile) -> str:
    """What differs between a network's tensors and a file's, in words; empty if nothing does."""
    expected, found = network.state_dict(), content.tensors
    problems = [f"{name} is missing" for name in expected if name not in found]
    problems += [f"{printable(name)} is unknown" for name in found if name not in expected]
    problems += [
        f"{name} is {_form(found[name])} instead of {_form(tensor)}"
        for name, tensor in expected.items()
        if name in found and _form(found[name]) != _form(tensor)
    ]
    shown = ", ".join(problems[:5])
    return shown + (f" and {len(problems) - 5} more" if len(problems) > 5 else "")


def _form(tensor: Tensor) -> str:
    return f"{str(tensor.dtype).removeprefix('torch.')} {tuple(tensor.shape)}"


def _is_finite(tensor: Tensor) -> bool:
    # A sum takes a fifth of the time; it is finite unless a value is not, or all of them together are too large.
    return bool(tensor.sum().isfinite() or tensor.isfinite().all())


def _halved(tensor: Tensor) -> Tensor:
    """In 16 bits, if they hold every value."""
    half = tensor.half()
    return half if half.isfinite().all() else tensor

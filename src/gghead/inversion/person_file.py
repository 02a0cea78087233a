"""Person files: a .safetensors file whose content is checked before anything believes it."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from gghead.checkpoint.header import KIND_KEY, read_texts, with_article
from gghead.checkpoint.tensors import TensorFile, load_tensors, save_tensors
from gghead.config.codec import from_json, to_json
from gghead.config.printable import listed, printable
from gghead.inversion.person import Person
from gghead.inversion.targets import MAX_PICTURES
from gghead.model.storage import VERSION_KEY

KIND = "person"
FORMAT_VERSION = "1"
"""Raised when the names or the meaning of the tensors change."""
RECORD_KEY = "gghead.person"
SHAPES = {"styles": 2, "residual": 3, "expressions": 4, "gains": 2, "labels": 2}
"""Tensors and their axes."""
MAX_VALUE = 1e4
"""Of any number; a style is some 30, a residual some 3."""


@dataclass(frozen=True)
class PersonRecord:
    """Where a person comes from, in words.

    Attributes:
        model: name of the generator's file.
        model_hash: SHA-256 of the generator.
        pictures: names of the photographs.
    """

    model: str
    model_hash: str
    pictures: tuple[str, ...]


def save_person(path: str | Path, person: Person, overwrite: bool = True) -> None:
    """Writes a person file, whole or not at all; maps in 16 bits.

    Args:
        path: of the file, ending in .safetensors.
        person: what to write.
        overwrite: whether what stands there is replaced.

    Raises:
        FileExistsError: something stands there and shall stay; says where the file is kept.
        OSError: the disk is full or not writable.
        ValueError: another ending.
    """
    path = Path(path)
    if path.suffix != ".safetensors":
        raise ValueError(f"the person file is to be {path}; expected a name ending in .safetensors")
    tensors = {
        "styles": person.styles.float(),
        "residual": person.residual.half(),
        "expressions": person.expressions.half(),
        "gains": person.gains.float(),
        "labels": person.labels.float(),
    }
    record = PersonRecord(person.model, person.model_hash, person.pictures)
    texts = {KIND_KEY: KIND, VERSION_KEY: FORMAT_VERSION, RECORD_KEY: to_json(record)}
    save_tensors(path, TensorFile(tensors, texts), overwrite)


def is_person(path: Path) -> bool:
    """Whether a file says that it holds a person; one that can't be read does not."""
    try:
        return path.suffix == ".safetensors" and read_texts(path).get(KIND_KEY) == KIND
    except (OSError, ValueError):
        return False


def load_person(path: str | Path) -> Person:
    """Reads a person file, onto the CPU.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: it is damaged, cut off, holds no person, is of another version, or its numbers can't be a head's.
    """
    path = Path(path)
    content = load_tensors(path)
    require_format(path, content, KIND, FORMAT_VERSION, "a person file, as `gghead invert` writes it")
    try:
        record = from_json(PersonRecord, content.texts.get(RECORD_KEY, "{}"))
    except ValueError as error:
        raise ValueError(f"{path}: {error}; use another copy") from error
    problem = _problem(content.tensors, len(record.pictures))
    if problem:
        raise ValueError(f"{path} holds no head of a person: {problem}; invert the photographs again")
    found = {name: content.tensors[name].float() for name in SHAPES}
    return Person(**found, pictures=record.pictures, model=record.model, model_hash=record.model_hash)


def require_format(path: Path, content: TensorFile, kind: str, version: str, expected: str) -> None:
    """Fails unless a file holds what it should, in the form that is read here.

    Args:
        path: of the file.
        content: what was read.
        kind: what it must say that it holds.
        version: of its form.
        expected: the kind and who writes it, in words.

    Raises:
        ValueError: another kind or version.
    """
    held, written = content.texts.get(KIND_KEY), content.texts.get(VERSION_KEY)
    if held != kind:
        raise ValueError(f"{path} holds {with_article(held) if held else 'something else'}; expected {expected}")
    if written != version:
        raise ValueError(
            f"{path} has format version {printable(written or 'none')}; this gghead reads version {version}: use the "
            "gghead that wrote it"
        )


def _problem(found: Mapping[str, Tensor], count: int) -> str:
    """What is wrong with the tensors of a file, in words; empty if nothing is."""
    if set(found) != set(SHAPES):
        return f"it has the tensors {listed(sorted(map(printable, found))) or 'none'} instead of {', '.join(SHAPES)}"
    for name, axes in SHAPES.items():
        tensor = found[name]
        if tensor.ndim != axes or not tensor.numel() or tensor.dtype not in (torch.float32, torch.float16):
            return f"{name} is {tensor.dtype} {list(tensor.shape)}"
        if not bool((tensor.abs() <= MAX_VALUE).all()):
            return f"{name} has values that are NaN, infinite or above {MAX_VALUE:g}"
    pictures = {len(found[name]) for name in ("expressions", "gains", "labels")}
    if pictures != {count} or not 1 <= count <= MAX_PICTURES:
        return f"it names {count} pictures and has numbers of {sorted(pictures)}"
    if found["gains"].shape[1] != 3 or found["labels"].shape[1] != 25:
        return "its gains or labels have another length"
    maps, coarse = found["residual"].shape, found["expressions"].shape
    if maps[1] != maps[2] or coarse[2] != coarse[3] or coarse[1] != maps[0] or coarse[2] > maps[1]:
        return f"its residual is {list(maps)} and its expressions are {list(coarse)}"
    return ""

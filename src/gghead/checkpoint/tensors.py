"""One file of named tensors with text beside them: safetensors plus a hash of everything in it."""

import hashlib
import json
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import safetensors
import torch
from safetensors.torch import save_file
from torch import Tensor

from gghead.checkpoint.atomic import write_file
from gghead.checkpoint.header import HASH_KEY, read_header
from gghead.config.printable import printable


@dataclass(frozen=True)
class TensorFile:
    """What a file of tensors holds: tensors by name and texts by key."""

    tensors: Mapping[str, Tensor]
    texts: Mapping[str, str]


def save_tensors(path: Path, content: TensorFile, overwrite: bool = True) -> str:
    """Writes a .safetensors file atomically; the old file survives a failure. The same content is the same bytes.

    Args:
        path: of the file.
        content: what to write.
        overwrite: whether what stands there is replaced.

    Returns:
        The hash of the content, which the file states, too.

    Raises:
        FileExistsError: something stands there and shall stay; says where the file is kept.
        OSError: the disk is full or not writable.
    """
    tensors = {name: tensor.detach().cpu().contiguous() for name, tensor in content.tensors.items()}
    digest = content_hash(TensorFile(tensors, content.texts))
    texts = dict(content.texts) | {HASH_KEY: digest}

    def write(temporary: Path) -> None:
        temporary.touch()
        mode = temporary.stat().st_mode  # the library makes a file that only its owner can read
        try:
            save_file(tensors, temporary, metadata=texts)
            temporary.chmod(mode)
            _sort_texts(temporary)
        except safetensors.SafetensorError as error:
            raise OSError(f"{path} could not be written: {error}; is the disk full?") from error

    write_file(path, write, overwrite)
    return digest


def _sort_texts(path: Path) -> None:
    """Puts the texts of a file, which the library writes in an order of chance, into that of their keys."""
    with path.open("r+b") as file:
        (length,) = struct.unpack("<Q", file.read(8))
        header = json.loads(file.read(length))
        header["__metadata__"] = dict(sorted(header["__metadata__"].items()))
        text = json.dumps(header, separators=(",", ":"), ensure_ascii=False).encode()
        assert len(text) <= length, "the same values take the same room"
        file.seek(8)
        file.write(text.ljust(length))


def load_tensors(path: Path, expected_hash: str | None = None) -> TensorFile:
    """Reads a .safetensors file and checks its hash.

    Args:
        path: of the file.
        expected_hash: of its content, if somebody else knows it; None if the one that the file states will do.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: the file is cut off, is no safetensors file, or its content does not match its hash.
    """
    read_header(path)  # before a library believes it
    try:
        with safetensors.safe_open(path, framework="pt") as file:
            texts = dict(file.metadata() or {})
            stated = texts.pop(HASH_KEY, None)
            if stated is None:  # before gigabytes of another program's file are read
                raise ValueError(f"{path} states no hash of its content; it was not written by gghead")
            if expected_hash not in (None, stated):
                raise ValueError(f"{path} is damaged, or another file: its SHA-256 is not the expected one")
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - not a mapping
    except (safetensors.SafetensorError, AttributeError, TypeError, RuntimeError, OverflowError) as error:
        # All but the first are what torch says of types and sizes that it has not.
        raise ValueError(
            f"{path} is no readable .safetensors file ({printable(str(error), 200)}); it is cut off or damaged: use "
            "another copy"
        ) from error
    content = TensorFile(tensors, texts)
    if stated != content_hash(content):
        raise ValueError(f"{path} is damaged: its content does not match the hash stated in it; use another copy")
    return content


def content_hash(content: TensorFile) -> str:
    """SHA-256 over names, types, shapes, values and texts, in hexadecimal."""
    digest = hashlib.sha256()
    for key, text in sorted(content.texts.items()):
        digest.update(f"{key}\0{text}\0".encode())
    for name, tensor in sorted(content.tensors.items()):
        digest.update(f"{name}\0{tensor.dtype}\0{tuple(tensor.shape)}\0".encode())
        digest.update(tensor.contiguous().cpu().flatten().view(torch.uint8).numpy().data)
    return digest.hexdigest()

"""A checkpoint: a folder of tensor files and a manifest with the hash of each, written whole or not at all."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from gghead.checkpoint.atomic import new_folder
from gghead.checkpoint.tensors import TensorFile, load_tensors, save_tensors

MANIFEST = "manifest.json"
VERSION = 1


@dataclass(frozen=True)
class Checkpoint:
    """Tensor files by name, how many images were seen when they were written, and other numbers by name."""

    files: Mapping[str, TensorFile]
    images: int
    numbers: Mapping[str, int] = field(default_factory=dict)


def save_checkpoint(folder: Path, checkpoint: Checkpoint) -> None:
    """Writes `<name>.safetensors` for each file and `manifest.json`, then gives the folder its name.

    Raises:
        FileExistsError: the folder exists.
        OSError: the disk is full or not writable; nothing is left behind.
    """
    with new_folder(folder) as temporary:
        hashes = {}
        for name, content in checkpoint.files.items():
            path = temporary / f"{name}.safetensors"
            save_tensors(path, content)
            hashes[path.name] = file_hash(path)
        manifest = {"version": VERSION, "images": checkpoint.images, "numbers": dict(checkpoint.numbers)}
        manifest |= {"sha256": hashes}
        (temporary / MANIFEST).write_text(json.dumps(manifest, indent=2) + "\n", encoding="utf-8")


def load_checkpoint(folder: Path) -> Checkpoint:
    """Reads a checkpoint and checks every file against the manifest.

    Raises:
        FileNotFoundError: no manifest, or a file that it lists is missing.
        ValueError: a file is cut off or changed, or the manifest is of another version.
    """
    path = folder / MANIFEST
    if not path.is_file():
        raise FileNotFoundError(f"{folder} is no checkpoint: it has no {MANIFEST}")
    try:
        manifest = json.loads(path.read_text(encoding="utf-8"))
        version, images, hashes = manifest["version"], manifest["images"], manifest["sha256"]
        numbers = {str(name): int(value) for name, value in manifest.get("numbers", {}).items()}
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"{path} is damaged; remove {folder} to go on from the checkpoint before it") from error
    if version != VERSION:
        raise ValueError(f"{path} is of version {version}; this gghead reads version {VERSION}")
    files = {}
    for name, stated in hashes.items():
        file = folder / name
        if not file.is_file():
            raise FileNotFoundError(f"{file} is missing; remove {folder} to go on from the checkpoint before it")
        if file_hash(file) != stated:
            raise ValueError(
                f"{file} is damaged: its SHA-256 is not the one in {MANIFEST}; "
                f"remove {folder} to go on from the checkpoint before it"
            )
        files[file.stem] = load_tensors(file)
    return Checkpoint(files, images, numbers)


def file_hash(path: Path) -> str:
    """SHA-256 of a file, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()

"""A checkpoint: a folder of tensor files and a manifest with the hash of each and of itself, written whole or not at
all."""

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any

from gghead.checkpoint.atomic import link_or_copy, new_folder
from gghead.checkpoint.naming import MANIFEST, checkpoint_name
from gghead.checkpoint.tensors import TensorFile, load_tensors, save_tensors

VERSION = 3
"""2 had hashes of whole files, which had been hashed before for what they state themselves; 1 had no hash of the
manifest either, and no texts. Both are still read."""
CONTENT_HASHES, FILE_HASHES = "content_sha256", "sha256"
"""Keys of the hashes by file: of contents, as the files state them too; before version 3 of files."""
MANIFEST_HASH = "manifest_sha256"
MAX_NUMBER = 2**53
"""No number of a manifest is larger: beyond it, readers of JSON disagree."""
FILE_NAME = re.compile(r"\w[\w.-]*\.safetensors", re.ASCII)
SHA256 = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True)
class Checkpoint:
    """What is needed to go on.

    Attributes:
        files: tensor files by name.
        images: real pictures seen when they were written; the folder's name is this number.
        numbers: other whole numbers by name, from 0.
        texts: texts by name.
    """

    files: Mapping[str, TensorFile]
    images: int
    numbers: Mapping[str, int] = field(default_factory=dict)
    texts: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class _Manifest:
    """The manifest with its parts checked."""

    images: int
    numbers: dict[str, int]
    texts: dict[str, str]
    hashes: dict[str, str]
    are_of_contents: bool


def save_checkpoint(folder: Path, checkpoint: Checkpoint, links: Mapping[str, Path] = MappingProxyType({})) -> None:
    """Writes `<name>.safetensors` for each file and `manifest.json`, then gives the folder its name.

    Args:
        folder: where to write; its name is `checkpoint_name` of the images.
        checkpoint: what to write.
        links: by name of a file, another path that it shall have: a hard link, which outlives the checkpoint. It is
            there before the checkpoint is, and replaces what stands there.

    Raises:
        FileExistsError: the folder exists.
        OSError: the disk is full or not writable; nothing is left behind.
    """
    assert folder.name == checkpoint_name(checkpoint.images), "a checkpoint is found by its name"
    with new_folder(folder) as temporary:
        hashes = {}
        for name, content in checkpoint.files.items():
            path = temporary / f"{name}.safetensors"
            hashes[path.name] = save_tensors(path, content)
        manifest: dict[str, Any] = {"version": VERSION, "images": checkpoint.images}
        manifest |= {"numbers": dict(checkpoint.numbers), "texts": dict(checkpoint.texts), CONTENT_HASHES: hashes}
        manifest[MANIFEST_HASH] = _manifest_hash(manifest)
        (temporary / MANIFEST).write_text(json.dumps(manifest, indent=2) + "\n", encoding="utf-8")
        for name, path in links.items():
            link_or_copy(temporary / f"{name}.safetensors", path)


def load_checkpoint(folder: Path) -> Checkpoint:
    """Reads a checkpoint and checks every file against the manifest, and the manifest against its own hash.

    Raises:
        FileNotFoundError: no manifest, or a file that it lists is missing.
        ValueError: a file is cut off or changed, or the manifest is damaged, of another version, or of another
            checkpoint than the folder's name says.
        OSError: a file can't be read.
    """
    manifest = _read_manifest(folder)
    files = {}
    for name, stated in manifest.hashes.items():
        file = folder / name
        if not file.is_file():
            raise FileNotFoundError(f"{file} is missing; {_remedy(folder)}")
        if not manifest.are_of_contents and file_hash(file) != stated:
            raise ValueError(f"{file} is damaged: its SHA-256 is not the one in {MANIFEST}; {_remedy(folder)}")
        try:
            files[file.stem] = load_tensors(file, stated if manifest.are_of_contents else None)
        except ValueError as error:
            raise ValueError(f"{error}; or {_remedy(folder)}") from error
    return Checkpoint(files, manifest.images, manifest.numbers, manifest.texts)


def file_hash(path: Path) -> str:
    """SHA-256 of a file, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _read_manifest(folder: Path) -> _Manifest:
    path = folder / MANIFEST
    if not path.is_file():
        what = "has no manifest.json" if folder.is_dir() else "is no folder"
        raise FileNotFoundError(f"{folder} is no checkpoint, it {what}; {_remedy(folder)}")
    try:
        data = json.loads(path.read_bytes())
        version = data["version"]
    except (ValueError, RecursionError, KeyError, TypeError) as error:
        raise ValueError(f"{path} is damaged: it is no JSON of a manifest; {_remedy(folder)}") from error
    if version not in range(1, VERSION + 1) or isinstance(version, bool):
        raise ValueError(
            f"{path} is of version {str(version)[:20]}; this gghead reads 1 to {VERSION}: use the one that wrote it, "
            f"or {_remedy(folder)}"
        )
    try:
        stated = data.pop(MANIFEST_HASH, None)
        if stated != (None if version == 1 else _manifest_hash(data)):
            raise ValueError("it does not match its own hash")
        manifest = _checked(data)
    except (ValueError, KeyError, RecursionError) as error:
        raise ValueError(f"{path} is damaged ({error}); {_remedy(folder)}") from error
    if folder.name != checkpoint_name(manifest.images):
        raise ValueError(
            f"{path} is of a checkpoint of {manifest.images} images, and its folder is called {folder.name}; if it was "
            f"renamed, call it {checkpoint_name(manifest.images)} again, else {_remedy(folder)}"
        )
    return manifest


def _checked(data: dict[str, Any]) -> _Manifest:
    """A manifest whose parts are what they must be.

    Raises:
        KeyError, ValueError: one is missing, or something else.
    """
    hash_key = CONTENT_HASHES if data["version"] == VERSION else FILE_HASHES
    numbers, texts, hashes = data.get("numbers", {}), data.get("texts", {}), data[hash_key]
    for part in (numbers, texts, hashes):
        if not isinstance(part, dict):
            raise ValueError(f"numbers, texts or {hash_key} is no object")
    for name, value in {"images": data["images"], **numbers}.items():
        if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= MAX_NUMBER:
            raise ValueError(f"{name[:40]!r} is no whole number from 0")
    if not all(isinstance(text, str) for text in texts.values()):
        raise ValueError("a text is none")
    for name, value in hashes.items():
        # A name that leads elsewhere would have other files read.
        if not FILE_NAME.fullmatch(name) or not isinstance(value, str) or not SHA256.fullmatch(value):
            raise ValueError(f"{hash_key} holds something else than hashes of files")
    return _Manifest(data["images"], numbers, texts, hashes, hash_key == CONTENT_HASHES)


def _manifest_hash(manifest: Mapping[str, Any]) -> str:
    """SHA-256 of a manifest without its hash: of its values, not of the spaces between them."""
    text = json.dumps(manifest, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def _remedy(folder: Path) -> str:
    return f"remove {folder} to go on from the checkpoint before it"

"""What a .safetensors file states of itself, read from its header: without its tensors, and without torch."""

import json
from pathlib import Path

from gghead.config.printable import printable

HASH_KEY = "sha256"
"""Key of the hash of a file's content."""
KIND_KEY = "gghead.kind"
"""Key of what a file holds; only a network's says it."""
MAX_HEADER = 16 * 2**20
"""Bytes of a header: of names, sizes and texts. Ours have some 20,000; a reader takes dozens of times its size."""


def with_article(kind: str) -> str:
    """A kind that a file says that it holds, for a message."""
    return f"{'an' if kind[:1] in tuple('aeiou') else 'a'} {printable(kind)}"


def read_header(path: Path) -> bytes:
    """The header of a file, JSON if the file is what its name says.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: the first eight bytes, the header's size, lie or ask for hours.
    """
    if not path.is_file():
        raise FileNotFoundError(f"there is no file {path}")
    with path.open("rb") as file:
        start, size = file.read(8), path.stat().st_size
        length = int.from_bytes(start, "little")
        if len(start) < 8 or length > min(size - 8, MAX_HEADER):
            raise ValueError(
                f"{path} is no readable .safetensors file: of {size} bytes, {length} would be its header; it is cut "
                "off or damaged, or of another kind: use another copy"
            )
        return file.read(length)


def read_texts(path: Path) -> dict[str, str]:
    """The texts of a file by key, unverified: `load_tensors` compares them with the file's hash.

    Raises:
        FileNotFoundError, ValueError: there is no such file, or its header can't be read.
    """
    header = read_header(path)
    try:
        return dict(json.loads(header).get("__metadata__", {}))
    except (AttributeError, TypeError, ValueError, RecursionError) as error:
        raise ValueError(
            f"{path} is no readable .safetensors file: its header is no JSON; it is damaged: use another copy"
        ) from error


def stated_hash(path: Path) -> str:
    """The hash that a file states of its content, unverified.

    Raises:
        FileNotFoundError, ValueError: there is no such file, or it states none.
    """
    try:
        return read_texts(path)[HASH_KEY]
    except KeyError as error:
        raise ValueError(f"{path} states no hash of its content; it was not written by gghead") from error

"""Heads as options name them: seeds, ranges of seeds, and person files."""

import re
from collections.abc import Sequence
from itertools import chain, count
from pathlib import Path

from gghead.cli.options import MAX_SEEDS, Reading, read_seeds

PERSON_SUFFIX = ".safetensors"


def read_heads(text: str) -> list[int | Path]:
    """Seeds and person files: `0-3,anna.safetensors,42`; a file's name may have commas, after what is no seed."""
    heads: list[int | Path] = []
    begun = ""
    for part in text.split(","):
        begun += part
        if begun.strip().lower().endswith(PERSON_SUFFIX):
            heads.append(Path(begun.strip()).expanduser())
            begun = ""
        elif re.fullmatch(r"\s*\d[\d-]*\s*", begun):
            heads.extend(read_seeds(begun))
            begun = ""
        else:
            begun += ","
    if begun:
        raise ValueError(
            f"{begun.removesuffix(',')!r} is no seed and no person file; expected numbers and ranges from 0 up, "
            f"and files ending in {PERSON_SUFFIX} as `gghead invert` writes them, like 0-15,42,anna{PERSON_SUFFIX}"
        )
    if len(heads) > MAX_SEEDS:
        raise ValueError(f"these are {len(heads)} heads; expected at most {MAX_SEEDS} at a time")
    return heads


def head_names(heads: Sequence[int | Path]) -> list[str]:
    """What files of heads are called: the same name for the same head, and another one for every other."""
    names: dict[int | Path, str] = {}
    taken: set[str] = set()  # in lower case, as some file systems see them
    for head in dict.fromkeys(heads):
        name = head.stem if isinstance(head, Path) else f"seed{head:04d}"
        numbered = (f"{name}-{number}" for number in count(2))
        names[head] = next(each for each in chain([name], numbered) if each.lower() not in taken)
        taken.add(names[head].lower())
    return [names[head] for head in heads]


HEADS = Reading("heads", read_heads)

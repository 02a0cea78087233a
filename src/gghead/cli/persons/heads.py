"""Heads as options name them: seeds, ranges of seeds, and person files."""

from pathlib import Path

from gghead.cli.options import MAX_SEEDS, Reading, read_seeds

PERSON_SUFFIX = ".safetensors"


def read_heads(text: str) -> list[int | Path]:
    """Seeds and person files: `0-3,anna.safetensors,42`."""
    heads: list[int | Path] = []
    for part in text.split(","):
        if part.strip().lower().endswith(PERSON_SUFFIX):
            heads.append(Path(part.strip()).expanduser())
        else:
            heads.extend(read_seeds(part))
    if len(heads) > MAX_SEEDS:
        raise ValueError(f"these are {len(heads)} heads; expected at most {MAX_SEEDS} at a time")
    return heads


def head_name(head: int | Path) -> str:
    """What files of a head are called."""
    return head.stem if isinstance(head, Path) else f"seed{head:04d}"


HEADS = Reading("heads", read_heads)

"""The logs of a run, log.jsonl and metrics.jsonl: a line of JSON for a number of images, `{"images": 4000, ...}`.

A log is a convenience: a line that is none, whoever wrote it, is passed over and stops nothing.
"""

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from gghead.checkpoint.atomic import append_line, write_file
from gghead.config.training import MAX_NUMBER

NAMED_LINES = 3
"""Lines that are named when some are passed over."""


@dataclass(frozen=True)
class LogLine:
    """A line of a log.

    Attributes:
        images: real pictures that had been seen.
        values: numbers by name, in their order; NaN for what is no finite number.
    """

    images: int
    values: Mapping[str, float]


def read_log(path: Path) -> list[LogLine]:
    """The lines of a log in their order; none of a missing file."""
    found = (_parse(line) for line in path.read_bytes().split(b"\n")) if path.is_file() else ()
    return [line for line in found if line is not None]


def append_values(path: Path, images: int, values: Mapping[str, float]) -> None:
    """Adds a line to a log; what is not finite becomes null, as JSON has no word for it.

    Raises:
        OSError: the disk is full or not writable.
    """
    line = {name: value if math.isfinite(value) else None for name, value in values.items()}
    append_line(path, json.dumps({"images": images} | line))


def forget_after(path: Path, images: int) -> str:
    """Drops the lines that a resumed run will write again, and the end of one that was cut off.

    Returns:
        What to tell of lines that are none, which stay as they are; empty if there are none.

    Raises:
        OSError: the file can't be read or written.
    """
    if not path.is_file():
        return ""
    content = path.read_bytes()
    *lines, end = content.split(b"\n")
    if _parse(end) is not None:  # whole, but for the end of the line
        lines.append(end)
    found = [_parse(line) for line in lines]
    odd = [number for number, line in enumerate(lines, start=1) if found[number - 1] is None and line.strip()]
    kept = [line for line, entry in zip(lines, found, strict=True) if entry is None or entry.images <= images]
    new = b"".join(line + b"\n" for line in kept)
    if new != content:
        write_file(path, lambda temporary: temporary.write_bytes(new))
    if not odd:
        return ""
    named = ", ".join(map(str, odd[:NAMED_LINES])) + (
        f" and {len(odd) - NAMED_LINES} more" if odd[NAMED_LINES:] else ""
    )
    return f"{path}: what stands in line {named} is no entry of a log and is passed over"


def _parse(line: bytes) -> LogLine | None:
    try:
        data = json.loads(line)
    except (ValueError, RecursionError):
        return None
    if not isinstance(data, dict):
        return None
    images = data.pop("images", None)
    if not isinstance(images, int) or isinstance(images, bool) or not 0 <= images <= MAX_NUMBER:
        return None
    return LogLine(images, {name: _number(value) for name, value in data.items()})


def _number(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return math.nan
    return float(value) if abs(value) < 1e300 else math.nan

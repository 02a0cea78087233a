"""Results of benchmarks: one line of JSON each, with what it takes to get the number again."""

import json
import subprocess
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

RESULTS = Path(__file__).parent / "results"


@dataclass(frozen=True)
class Spread:
    """Milliseconds of repeated runs."""

    median: float
    p20: float
    p80: float


def spread_of(milliseconds: list[float]) -> Spread:
    """Percentiles, in tenths of a microsecond."""
    p20, median, p80 = (round(float(value), 4) for value in np.percentile(milliseconds, [20, 50, 80]))
    return Spread(median, p20, p80)


def append(name: str, row: Any) -> None:
    """Adds a dataclass as a line to results/<name>.jsonl and prints it."""
    line = json.dumps(asdict(row))
    with (RESULTS / f"{name}.jsonl").open("a", encoding="utf-8") as file:
        file.write(line + "\n")
    print(line, flush=True)


def commit() -> str:
    """The commit of this checkout, marked where files differ from it."""
    here = Path(__file__).parent
    done = subprocess.run(["git", "rev-parse", "HEAD"], cwd=here, capture_output=True, text=True, check=False)
    changed = subprocess.run(["git", "status", "--porcelain"], cwd=here, capture_output=True, text=True, check=False)
    return (done.stdout.strip() if done.returncode == 0 else "none") + ("+changes" if changed.stdout else "")

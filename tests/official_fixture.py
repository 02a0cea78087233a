"""Finds what the official release computed from a tiny checkpoint: test data that is not part of this repository."""

import os
from pathlib import Path

import numpy as np
import pytest


def official_file(name: str) -> Path:
    """A file of the fixtures' folder, which GGHEAD_FIXTURES names; skips the test where it is absent."""
    folder = os.environ.get("GGHEAD_FIXTURES")
    if not folder:
        pytest.skip(f"the official fixture {name} is not here; set GGHEAD_FIXTURES to the folder that has it")
    path = Path(folder) / name
    if not path.is_file():
        pytest.skip(f"the official fixture {name} is not in {folder}; set GGHEAD_FIXTURES to the folder that has it")
    return path


def official_arrays() -> dict[str, np.ndarray]:
    """All arrays of official_a.npz by name; skips the test where the file is absent."""
    with np.load(official_file("official_a.npz"), allow_pickle=False) as file:
        return {name: file[name] for name in file.files}

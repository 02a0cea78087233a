"""Functions that numba compiles: kept where that is possible, compiled anew when what they were made of has changed."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

MODULE = """
from pathlib import Path

import constants
from gghead.config.compiled import compiled


@compiled([Path(constants.__file__)])
def scaled(x):
    return constants.FACTOR * x


print(scaled(3))
"""


def run(folder: Path, **environment: str) -> str:
    path = os.pathsep.join([str(folder), *sys.path])
    command = [sys.executable, "-B", str(folder / "module.py")]
    result = subprocess.run(
        command, env=os.environ | {"PYTHONPATH": path} | environment, capture_output=True, text=True, check=True
    )
    return result.stdout.strip()


@pytest.mark.slow
def test_a_changed_constant_of_another_file_is_noticed(tmp_path: Path) -> None:
    (tmp_path / "module.py").write_text(MODULE)
    (tmp_path / "constants.py").write_text("FACTOR = 2\n")
    assert run(tmp_path) == "6"
    assert list((tmp_path / "__pycache__").glob("*.nbi"))
    (tmp_path / "constants.py").write_text("FACTOR = 5\n")
    assert run(tmp_path) == "15"


def test_without_a_folder_to_write_to_it_is_compiled_anew(tmp_path: Path) -> None:
    (tmp_path / "module.py").write_text(MODULE)
    (tmp_path / "constants.py").write_text("FACTOR = 2\n")
    # Files where folders would be made can't be written into, even by root.
    (tmp_path / "__pycache__").write_text("")
    (tmp_path / "home").write_text("")
    home = str(tmp_path / "home")
    assert run(tmp_path, HOME=home, XDG_CACHE_HOME=home, LOCALAPPDATA=home, NUMBA_CACHE_DIR="") == "6"

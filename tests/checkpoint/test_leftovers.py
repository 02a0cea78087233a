"""What processes that were killed leave behind is found and removed; what others still write is not."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from gghead.checkpoint.atomic import new_folder, write_file
from gghead.checkpoint.leftovers import is_abandoned, is_being_written, sweep_once, temporary_path

KILLED = """
import os, signal, sys
from pathlib import Path
from gghead.checkpoint.atomic import write_file
def write(temporary):
    temporary.write_text("half")
    os.kill(os.getpid(), signal.SIGKILL)
write_file(Path(sys.argv[1]), write)
"""


@pytest.fixture(autouse=True)
def _sweeps_again() -> None:
    sweep_once.cache_clear()


@pytest.mark.skipif(os.name == "nt", reason="asking whether a process lives would end it")
def test_what_a_killed_process_left_goes_with_the_next_file(tmp_path: Path) -> None:
    subprocess.run([sys.executable, "-c", KILLED, str(tmp_path / "killed.png")], check=False)
    (left,) = tmp_path.iterdir()
    assert is_abandoned(left)
    write_file(tmp_path / "next.png", lambda temporary: temporary.write_text("whole"))
    assert [path.name for path in tmp_path.iterdir()] == ["next.png"]


def test_what_others_write_is_let_be(tmp_path: Path) -> None:
    own = temporary_path(tmp_path / "own.png")
    machine = own.name.split(".")[-2].split("-")[0]
    others = [
        f".b.png.{machine}-{os.getppid() or 1}-7.tmp",  # a process that lives
        ".a.png.00000000-999999999-7.tmp",  # another machine's
        f"visible.png.{machine}-999999999-7.tmp",
        ".somebody.else.tmp",
    ]
    for name in (own.name, *others):
        (tmp_path / name).write_text("half")
    assert is_being_written(own)
    write_file(tmp_path / "next.png", lambda temporary: temporary.write_text("whole"))
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted([own.name, *others, "next.png"])


def test_long_names_have_temporary_ones(tmp_path: Path) -> None:
    path = tmp_path / ("ä" * 120 + ".png")
    write_file(path, lambda temporary: temporary.write_text("whole"))
    with new_folder(tmp_path / ("b" * 250)) as folder:
        (folder / "file").write_text("whole")
    assert sorted(len(path.name.encode()) for path in tmp_path.iterdir()) == [244, 250]

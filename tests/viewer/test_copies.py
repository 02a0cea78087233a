"""Copies of --out replace nothing, and visitors can't fill the disk."""

import threading
from pathlib import Path

import pytest

from gghead.viewer.copies import Copies, Limits
from gghead.viewer.downloads import Download

FILE = Download("seed0006.ply", b"12345")


def test_visitors_who_save_at_once_keep_a_copy_each(tmp_path: Path) -> None:
    barrier, copies = threading.Barrier(8), Copies(tmp_path)

    def save(number: int) -> None:
        barrier.wait()
        copies.keep(number, Download("seed0006.ply", b"%d" % number))

    threads = [threading.Thread(target=save, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(path.read_bytes() for path in tmp_path.iterdir()) == [b"%d" % number for number in range(8)]
    assert {path.name for path in tmp_path.iterdir()} >= {"seed0006.ply", "seed0006-2.ply", "seed0006-8.ply"}


def test_a_link_to_nowhere_stays(tmp_path: Path) -> None:
    (tmp_path / FILE.name).symlink_to(tmp_path / "gone")
    assert Copies(tmp_path).keep(0, FILE).name == "seed0006-2.ply"
    assert (tmp_path / FILE.name).is_symlink()


@pytest.mark.parametrize(
    ("limits", "words"),
    [
        (Limits(files=2), "a page keeps 2 files"),
        (Limits(size=14), "load the page again"),
        (Limits(files_in_all=2), "a viewer keeps 2 files"),
        (Limits(size_in_all=14), "start it again"),
    ],
)
def test_the_third_file_is_too_much(tmp_path: Path, limits: Limits, words: str) -> None:
    copies = Copies(tmp_path / "out", limits)
    for _ in range(2):
        copies.keep(0, FILE)
    with pytest.raises(ValueError, match=words):
        copies.keep(0, FILE)
    assert len(list((tmp_path / "out").iterdir())) == 2


def test_limits_of_a_visitor_are_not_those_of_another(tmp_path: Path) -> None:
    copies = Copies(tmp_path, Limits(files=1, files_in_all=2))
    copies.keep(0, FILE)
    copies.keep(1, FILE)
    with pytest.raises(ValueError, match="start it again"):
        copies.keep(2, FILE)


def test_space_stays_free_on_the_disk(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="less than"):
        Copies(tmp_path / "out", Limits(free=10**18)).keep(0, FILE)
    assert not (tmp_path / "out").exists()

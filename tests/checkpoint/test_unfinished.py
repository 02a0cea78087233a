"""What is half made is one process's at a time, goes on with the same settings only, and appears in a chosen order."""

import os
from pathlib import Path

import pytest

from gghead.checkpoint.unfinished import UnfinishedFolder


def begin(out: Path, settings: str = "a", overwrite: bool = False) -> UnfinishedFolder:
    return UnfinishedFolder(out, settings, overwrite)


@pytest.fixture
def out(tmp_path: Path) -> Path:
    return tmp_path / "new" / "heads.zip"


def test_what_was_left_is_found_again(out: Path) -> None:
    folder = begin(out)
    (folder.path / "heads.zip").write_text("half")
    folder.release()
    again = begin(out)
    assert (again.path / "heads.zip").read_text() == "half"
    again.publish([out])
    assert out.read_text() == "half"
    again.remove()
    assert list(out.parent.iterdir()) == [out]


def test_a_second_process_is_told_and_leaves_the_first_its_folder(out: Path) -> None:
    first = begin(out)
    with pytest.raises(BlockingIOError, match="another process is making"):
        begin(out)
    assert first.held
    first.release()
    begin(out).release()


def test_other_settings_do_not_go_on_with_what_was_made(out: Path) -> None:
    folder = begin(out)
    (folder.path / "heads.zip").write_text("half")
    folder.release()
    with pytest.raises(FileExistsError, match=r"unfinished heads\.zip of other settings .*\(a\).*--force"):
        begin(out, "b")
    begin(out).release()
    other = begin(out, "b", overwrite=True)
    assert not (other.path / "heads.zip").exists()
    other.release()
    with pytest.raises(FileExistsError, match=r"\(b\)"):
        begin(out, "a")


def test_a_file_that_came_meanwhile_stays_and_what_was_to_come_after_it_does_not_appear(out: Path) -> None:
    folder = begin(out)
    masks = out.with_name("masks.zip")
    for name in ("heads.zip", "masks.zip"):
        (folder.path / name).write_text("new")
    masks.write_text("of somebody else")
    with pytest.raises(FileExistsError, match="made by somebody else meanwhile"):
        folder.publish([masks, out])
    assert not out.exists()
    folder.release()
    folder = begin(out, overwrite=True)
    folder.publish([masks, out])
    assert masks.read_text() == out.read_text() == "new"
    folder.remove()


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="asks for a folder that is not ours to write")
def test_a_folder_that_is_not_ours_is_named_with_a_remedy(out: Path) -> None:
    out.parent.mkdir(mode=0o500)
    with pytest.raises(OSError, match=r"heads\.zip\.unfinished could not be written: .*name another folder"):
        begin(out)


def test_a_file_in_the_place_of_a_folder_is_named_with_a_remedy(out: Path) -> None:
    out.parent.write_text("a file")
    with pytest.raises(OSError, match=r"heads\.zip\.unfinished could not be written: .*name another folder"):
        begin(out)


def test_settings_that_differ_are_named(out: Path) -> None:
    hashed = "0123456789abcdef" * 4
    begin(out, f'{{"quality": "good", "seed": 0, "model": "{hashed}"}}').release()
    with pytest.raises(
        FileExistsError, match=r'\(quality "good" instead of "fast", model 0123456789ab instead of null\)'
    ):
        begin(out, '{"quality": "fast", "seed": 0}')


def test_a_folder_that_stands_there_is_not_replaced(out: Path) -> None:
    out.mkdir(parents=True)
    with pytest.raises(OSError, match=r"heads\.zip could not be written: .*; a folder stands there: name another file"):
        begin(out, overwrite=True)
    assert list(out.parent.iterdir()) == [out]

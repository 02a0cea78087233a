"""Files that appear whole, whoever else writes them, on whatever system."""

import errno
import os
import threading
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest

from gghead.checkpoint import atomic
from gghead.checkpoint.atomic import append_line, new_folder, write_file


def at_once(work: Callable[[int], None]) -> None:
    """Does it in four threads."""
    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def test_threads_that_write_the_same_file_do_not_disturb_each_other(tmp_path: Path) -> None:
    barrier, written = threading.Barrier(4), []

    def work(number: int) -> None:
        def write(temporary: Path) -> None:
            temporary.write_text(str(number))
            barrier.wait()

        write_file(tmp_path / "file", write)
        written.append(number)

    at_once(work)
    assert sorted(written) == [0, 1, 2, 3]
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_files_are_opened_as_windows_wants_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Windows waits for the disk only through a handle that may write, and opens no folders."""
    fcntl = pytest.importorskip("fcntl", reason="tells how a file was opened")
    waited_for = []

    def fsync(descriptor: int) -> None:
        if fcntl.fcntl(descriptor, fcntl.F_GETFL) & os.O_ACCMODE == os.O_RDONLY:
            raise OSError(errno.EBADF, os.strerror(errno.EBADF))
        waited_for.append(descriptor)

    monkeypatch.setattr(atomic, "os", SimpleNamespace(**vars(os) | {"name": "nt", "fsync": fsync}))
    write_file(tmp_path / "file", lambda temporary: temporary.write_bytes(b"content"))
    with atomic.new_folder(tmp_path / "folder") as folder:
        (folder / "file").write_bytes(b"content")
    assert [path.read_bytes() for path in (tmp_path / "file", tmp_path / "folder" / "file")] == [b"content"] * 2
    assert len(waited_for) == 2


def write_text(text: str) -> Callable[[Path], None]:
    return lambda temporary: temporary.write_text(text)


def test_of_four_that_may_not_overwrite_one_wins_and_nothing_is_lost(tmp_path: Path) -> None:
    barrier, told = threading.Barrier(4), []

    def work(number: int) -> None:
        def write(temporary: Path) -> None:
            temporary.write_text(str(number))
            barrier.wait()

        try:
            write_file(tmp_path / "x.png", write, overwrite=False)
        except FileExistsError as error:
            told.append(str(error))

    at_once(work)
    kept = sorted(path.name for path in tmp_path.iterdir())
    assert kept == ["x-2.png", "x-3.png", "x-4.png", "x.png"]
    assert sorted((tmp_path / name).read_text() for name in kept) == ["0", "1", "2", "3"]
    assert len(told) == 3
    assert all("exists already" in text and "kept as" in text for text in told)


@pytest.mark.parametrize("links", [True, False])
def test_nothing_that_stands_there_is_replaced_unless_wanted(
    links: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not links:  # FAT, and some network file systems

        def link(*_: object) -> None:
            raise OSError(errno.EPERM, os.strerror(errno.EPERM))

        monkeypatch.setattr(atomic.os, "link", link)
    file, dangling = tmp_path / "file", tmp_path / "dangling"
    file.write_text("old")
    dangling.symlink_to(tmp_path / "nowhere")
    for path in (file, dangling):
        with pytest.raises(FileExistsError, match=f"{path} exists already.*kept as {path}-2"):
            write_file(path, write_text("new"), overwrite=False)
        assert Path(f"{path}-2").read_text() == "new"
    assert file.read_text() == "old"
    assert dangling.is_symlink()
    write_file(tmp_path / "free", write_text("new"), overwrite=False)
    assert (tmp_path / "free").read_text() == "new"
    write_file(dangling, write_text("new"))
    assert dangling.read_text() == "new"
    assert not list(tmp_path.glob(".*"))


def test_a_folder_replaces_nothing(tmp_path: Path) -> None:
    (tmp_path / "dangling").symlink_to(tmp_path / "nowhere")
    with pytest.raises(FileExistsError, match="exists already"), new_folder(tmp_path / "dangling"):
        pass
    barrier, told = threading.Barrier(4), []

    def work(number: int) -> None:
        try:
            with new_folder(tmp_path / "run") as folder:
                (folder / "file").write_text(str(number))
                barrier.wait()
        except FileExistsError as error:
            told.append(str(error))

    at_once(work)
    assert [path.name for path in (tmp_path / "run").iterdir()] == ["file"]
    assert len(told) == 3
    assert all("run exists already" in text for text in told)
    assert not list(tmp_path.glob(".*"))


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EIO])
def test_errors_of_the_disk_name_the_file_and_the_remedy(number: int, tmp_path: Path) -> None:
    def fail(temporary: Path) -> None:
        temporary.write_text("half")
        raise OSError(number, os.strerror(number))

    told = f"{tmp_path / 'file'} could not be written: {os.strerror(number)}; "
    with pytest.raises(OSError, match=told):
        write_file(tmp_path / "file", fail)
    with pytest.raises(OSError, match=told.replace("/file", "/folder/file")), new_folder(tmp_path / "folder") as folder:
        write_file(folder / "file", fail)
    assert not list(tmp_path.iterdir())


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="a disk that is always full")
def test_a_line_for_a_full_disk_names_the_file() -> None:
    with pytest.raises(OSError, match="/dev/full could not be written: No space left on device; the disk is full"):
        append_line(Path("/dev/full"), "line")


def test_errors_about_other_files_stay_as_they_are(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="source"):
        write_file(tmp_path / "file", lambda temporary: (tmp_path / "source").read_bytes())
    (tmp_path / "parent").write_text("a file")
    with pytest.raises(OSError, match=r"parent/file could not be written.*a folder of its path is a file"):
        write_file(tmp_path / "parent" / "file", write_text("new"))

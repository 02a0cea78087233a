"""Files that appear whole, whoever else writes them, on whatever system."""

import errno
import os
import threading
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest

from gghead.checkpoint import atomic
from gghead.checkpoint.atomic import write_file


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

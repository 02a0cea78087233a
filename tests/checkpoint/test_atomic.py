"""Files that appear whole, whoever else writes them."""

import threading
from collections.abc import Callable
from pathlib import Path

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

"""Functions compiled by numba at their first call, and where the result is kept.

Imported only by modules that have such functions.

They copy arrays in loops: for the error of `a[:] = b` numba would compile the formatting of text, 4 s each time.
"""

import hashlib
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numba


def compiled(sources: Iterable[Path] = (), **flags: Any) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """A decorator like numba.njit, which keeps its results on disk where there is a folder for them.

    Args:
        sources: files with constants or functions that are compiled into the result. numba takes what it kept for
            current as long as the function's own file is unchanged; so the others become part of the name it is kept
            under.
        flags: of numba.njit.
    """
    digest = hashlib.sha256(b"".join(path.read_bytes() for path in sorted(sources))).hexdigest()[:12]

    def compile_later(function: Callable[..., Any]) -> Callable[..., Any]:
        function.__qualname__ += f"_{digest}"
        try:
            return numba.njit(cache=True, **flags)(function)
        except RuntimeError:  # no folder can be written, beside the file or at home: compiled anew in each process
            return numba.njit(**flags)(function)

    return compile_later

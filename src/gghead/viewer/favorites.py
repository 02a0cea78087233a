"""Heads that visitors want to see again; with a file they outlive the viewer."""

import base64
import json
import threading
from dataclasses import dataclass
from pathlib import Path

from gghead.checkpoint.atomic import write_file
from gghead.viewer.library import BUNDLED
from gghead.viewer.state import HeadChoice, View, format_view, parse_view

FILE = "favourites.json"
"""Its name in the folder of --out."""
MAX_FAVORITES = 24
"""Favourites that are kept of one model file."""
MAX_FILE_BYTES = 64 * 2**20
"""Largest file that is read; 24 favourites take 0.3 MB."""


@dataclass(frozen=True)
class Favorite:
    """A head to come back to.

    Attributes:
        path: model file that it is of, absolute.
        head: which of its heads.
        picture: PNG of it, as it was when it was kept.
    """

    path: Path
    head: HeadChoice
    picture: bytes


class Favorites:
    """The favourites of all visitors. Its methods may be called from any thread.

    Args:
        file: where they are kept; None keeps them for as long as the viewer runs.

    Raises:
        OSError: the file can't be read.
        ValueError: it holds something else.
    """

    def __init__(self, file: Path | None = None) -> None:
        self._file = file
        self._kept: tuple[Favorite, ...] = ()
        self._lock = threading.Lock()
        self.all()

    @property
    def lasting(self) -> bool:
        """Whether they outlive the viewer."""
        return self._file is not None

    def all(self) -> tuple[Favorite, ...]:
        """All of them, oldest first; errors as of the constructor, for somebody may have edited the file."""
        with self._lock:
            return self._read()

    def add(self, favorite: Favorite) -> None:
        """Keeps another.

        Raises:
            OSError: it can't be written; the file is as before.
            ValueError: the head is a favourite already, or its model has as many as there may be.
        """
        with self._lock:
            kept = self._read()
            heads = [other.head for other in kept if other.path == favorite.path]
            if favorite.head in heads:
                raise ValueError("this head is a favourite already")
            if len(heads) >= MAX_FAVORITES:
                raise ValueError(f"there are {MAX_FAVORITES} favourites of this model already; remove one first")
            self._write((*kept, favorite))

    def remove(self, favorite: Favorite) -> None:
        """Forgets one; nothing happens if it is gone already. Errors as of `add`."""
        with self._lock:
            self._write(tuple(other for other in self._read() if other != favorite))

    def _read(self) -> tuple[Favorite, ...]:
        if self._file is not None and self._file.exists():
            if not self._file.is_file() or self._file.stat().st_size > MAX_FILE_BYTES:
                raise ValueError(f"{self._file} holds no favourites; move it away to start anew")
            self._kept = decode(self._file.read_bytes(), str(self._file))
        return self._kept

    def _write(self, kept: tuple[Favorite, ...]) -> None:
        if self._file is not None:
            content = encode(kept)
            write_file(self._file, lambda temporary: temporary.write_bytes(content))
        self._kept = kept


def absolute(path: Path) -> Path:
    """The path of a model file wherever the viewer is started; that of the bundled model is no file's."""
    return path if path == BUNDLED else path.absolute()


def encode(favorites: tuple[Favorite, ...]) -> bytes:
    """Favourites as JSON; heads are written as the command line of a view writes them."""
    rows = [
        {
            "model": str(favorite.path),
            "head": format_view(View(favorite.head)),
            "picture": base64.b64encode(favorite.picture).decode(),
        }
        for favorite in favorites
    ]
    return (json.dumps({"favourites": rows}, indent=1) + "\n").encode()


def decode(content: bytes, name: str) -> tuple[Favorite, ...]:
    """Reads what `encode` wrote; errors call the file by its name.

    Raises:
        ValueError: it is something else.
    """
    try:
        rows = json.loads(content)["favourites"]
        return tuple(
            Favorite(Path(row["model"]), parse_view(row["head"]).head, base64.b64decode(row["picture"], validate=True))
            for row in rows
        )
    except (AttributeError, KeyError, TypeError, ValueError, RecursionError) as error:
        reason = ascii(error)[:200]
        raise ValueError(f"{name} holds no favourites ({reason}); mend it, or move it away to start anew") from error

"""How many pixels pictures have, from their headers."""

from pathlib import Path

from gghead.data.archive import LEADS_OUT, Archive
from gghead.media.encoded import picture_size


class PictureSizes:
    """Sizes of pictures by their names in an archive, or in a folder that nobody has walked through."""

    def __init__(self, place: Archive | Path) -> None:
        self._archive = place if isinstance(place, Archive) else None
        self._folder = place.path if isinstance(place, Archive) else place

    @property
    def path(self) -> Path:
        """Where the pictures are looked for."""
        return self._folder

    def of(self, name: str) -> tuple[int, int] | None:
        """Width and height as stored; None if there is no such picture.

        Raises:
            ValueError: there is a file, and it is no picture.
            PermissionError: it can't be read.
        """
        if LEADS_OUT.search(name):
            return None
        try:
            if self._archive is not None:
                return picture_size(self._archive.read(name))
            return picture_size((self._folder / name).read_bytes())
        except PermissionError:
            raise
        except OSError:  # names of files may be too long to be one, or lead through one
            return None
        except ValueError as error:
            raise ValueError(f"{name} in {self._folder}: {error}") from error

    def side(self, name: str) -> int | None:
        """Width and height of a square picture; None if there is no such picture.

        Raises:
            ValueError: it is no picture, or not square.
        """
        size = self.of(name)
        if size is None:
            return None
        if size[0] != size[1]:
            raise ValueError(
                f"{name} is {size[0]} x {size[1]} pixels; expected a square picture: crop it, and move the principal "
                "point by what was cut off"
            )
        return size[0]

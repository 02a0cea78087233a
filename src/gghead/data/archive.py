"""Files by name from a zip or a folder, behind one interface; any number of threads may read."""

import threading
import zipfile
import zlib
from abc import ABC, abstractmethod
from pathlib import Path


class Archive(ABC):
    """A read-only set of files with names like "00000/img00000000.png": always "/", never back-slashes.

    Attributes:
        path: where it lies, for messages.
    """

    path: Path

    @abstractmethod
    def names(self) -> tuple[str, ...]:
        """Names of all files, sorted."""

    @abstractmethod
    def read(self, name: str) -> bytes:
        """Content of a file.

        Raises:
            FileNotFoundError: there is no file of that name.
            ValueError: its content is damaged.
        """

    @abstractmethod
    def close(self) -> None:
        """Lets go of the file handle; reading afterwards is a mistake of the caller."""

    def __enter__(self) -> "Archive":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class ZipArchive(Archive):
    """A zip. One handle under a lock: reading is short beside decoding, which runs outside of the lock."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock = threading.Lock()
        try:
            self._zip = zipfile.ZipFile(path)
        except (zipfile.BadZipFile, OSError, ValueError) as error:
            raise ValueError(
                f"{path} is no readable zip ({error}); it may be cut off - fetch or make it anew"
            ) from error
        # Archives packed on Windows may hold back-slashes, which zipfile turns around on Windows only.
        self._members = {
            member.filename.replace("\\", "/"): member for member in self._zip.infolist() if not member.is_dir()
        }

    def names(self) -> tuple[str, ...]:
        return tuple(sorted(self._members))

    def read(self, name: str) -> bytes:
        if name not in self._members:
            raise FileNotFoundError(f"{self.path} holds no {name}")
        try:
            with self._lock:
                return self._zip.read(self._members[name])
        except (zipfile.BadZipFile, zlib.error, EOFError, OSError, NotImplementedError, RuntimeError) as error:
            raise ValueError(f"{name} in {self.path} is damaged ({error}); fetch or make the archive anew") from error

    def close(self) -> None:
        self._zip.close()


class FolderArchive(Archive):
    """A folder with everything below it."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def names(self) -> tuple[str, ...]:
        return tuple(sorted(file.relative_to(self.path).as_posix() for file in self.path.rglob("*") if file.is_file()))

    def read(self, name: str) -> bytes:
        file = self.path / name
        if not file.is_file():
            raise FileNotFoundError(f"{self.path} holds no {name}")
        return file.read_bytes()

    def close(self) -> None:
        """A folder has nothing to close."""


def open_archive(path: Path) -> Archive:
    """A zip or a folder.

    Raises:
        FileNotFoundError: there is neither.
        ValueError: the file is not a zip, or is cut off.
    """
    if path.is_dir():
        return FolderArchive(path)
    if path.is_file():
        return ZipArchive(path)
    raise FileNotFoundError(
        f"there is no {path}; expected a zip or a folder with pictures and dataset.json "
        "(`gghead data synthetic OUT.zip` makes one)"
    )

"""Files from the network, into a cache, believed only if their SHA-256 is the expected one."""

import shutil
import urllib.request
from dataclasses import dataclass
from pathlib import Path

from gghead.checkpoint.atomic import write_file
from gghead.checkpoint.store import file_hash

TIMEOUT_SECONDS = 30


@dataclass(frozen=True)
class RemoteFile:
    """A published file: its name in the cache, where it is, and the SHA-256 of its content."""

    name: str
    url: str
    sha256: str


def fetch(file: RemoteFile, folder: Path) -> Path:
    """The file in a cache folder; downloaded if it is not there.

    Raises:
        FileNotFoundError: it is not there and can't be downloaded.
        ValueError: what is there, or what came, is another file.
    """
    path = folder / file.name
    if not path.is_file():

        def download(temporary: Path) -> None:
            with urllib.request.urlopen(file.url, timeout=TIMEOUT_SECONDS) as answer, temporary.open("wb") as target:
                shutil.copyfileobj(answer, target)
            require_hash(temporary, file.sha256)

        try:
            write_file(path, download)
        except OSError as error:
            raise FileNotFoundError(
                f"{file.url} can't be fetched ({error}); fetch it on another machine and put it to {path}"
            ) from error
    require_hash(path, file.sha256)
    return path


def require_hash(path: Path, expected: str) -> None:
    """Raises ValueError unless a file has the expected SHA-256."""
    found = file_hash(path)
    if found != expected:
        raise ValueError(
            f"{path.name} has the SHA-256 {found}; expected {expected}: it is cut off or another file - remove {path} "
            "and fetch it again"
        )

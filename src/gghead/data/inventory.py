"""Which pictures a dataset is made of, so that a run can tell when they are not the same any more.

Known are the size and the CRC-32 of each picture and mask, and the numbers of its camera. A zip states them in its
directory. The files of a folder are read, all the first time and afterwards those whose times have changed: a file that
was only touched is the same, one that was replaced by another of the same time is not (but on Windows, which keeps no
time of its own for each change).
"""

import hashlib
import json
import time
import zlib
from collections.abc import Callable, Mapping
from dataclasses import astuple, dataclass
from pathlib import Path

from gghead.checkpoint.atomic import write_file
from gghead.data.archive import Checksum, FolderArchive
from gghead.data.dataset import HeadDataset
from gghead.data.parallel import in_order

FORMAT = 1
SECONDS_BETWEEN_NEWS = 10


@dataclass(frozen=True)
class Item:
    """What a run sees of one picture: its file, its mask if there is one, and a CRC-32 of its camera's numbers."""

    picture: Checksum
    mask: Checksum | None
    camera: int

    @property
    def parts(self) -> tuple[str, str, str]:
        """Content of picture, mask and camera, without the times of their files."""
        return self.picture.content, "" if self.mask is None else self.mask.content, str(self.camera)


@dataclass(frozen=True)
class Inventory:
    """The pictures of a dataset by name, in their order."""

    items: Mapping[str, Item]

    @property
    def identity(self) -> str:
        """A short text that is another one when a picture, a mask or a camera is another one, or their order."""
        digest = hashlib.sha256()
        for name, item in self.items.items():
            digest.update(repr((name, *item.parts)).encode(errors="surrogatepass"))
        return digest.hexdigest()

    def changes_since(self, before: "Inventory") -> str:
        """What is not as it was, with numbers, for people."""
        old, new = before.items, self.items
        both = [name for name in new if name in old]
        counts = {"new": len(new) - len(both), "missing": len(old) - len(both)} | {
            f"with another {what}": sum(new[name].parts[part] != old[name].parts[part] for name in both)
            for part, what in enumerate(("content", "mask", "camera"))
        }
        told = [f"{count} {what}" for what, count in counts.items() if count]
        return f"of {len(old)} pictures, {', '.join(told) or 'the order has changed'}"


def take_inventory(
    dataset: HeadDataset, known: Inventory | None = None, on_event: Callable[[str], None] = lambda text: None
) -> Inventory:
    """Looks at every file of a dataset.

    Args:
        dataset: stays open.
        known: an earlier inventory; files that have the times that it says are not read again.
        on_event: is told how far it is when it takes long.

    Raises:
        FileNotFoundError: a file vanished from a folder since it was opened.
        ValueError: a file can't be read, or is larger than a picture may be.
    """
    files, count = dataset.files, len(dataset)
    earlier = {} if known is None else known.items

    def item(index: int) -> Item:
        name = dataset.names[index]
        before = earlier.get(name)
        picture = files.pictures.checksum(name, None if before is None else before.picture)
        mask = None
        if files.masks is not None:
            mask = files.masks.checksum(files.mask_names[name], None if before is None else before.mask)
        return Item(picture, mask, zlib.crc32(dataset.labels[index].astype("<f4").tobytes()))

    in_folders = isinstance(files.pictures, FolderArchive) or isinstance(files.masks, FolderArchive)
    looked_at = in_order(item, range(count)) if in_folders else map(item, range(count))
    items: dict[str, Item] = {}
    told = time.monotonic()
    for name, found in zip(dataset.names, looked_at, strict=True):
        items[name] = found
        if time.monotonic() - told > SECONDS_BETWEEN_NEWS:
            told = time.monotonic()
            on_event(f"looked at the content of {len(items)} of {count} pictures, to know them again")
    return Inventory(items)


def write_inventory(path: Path, inventory: Inventory) -> None:
    """Writes an inventory as JSON, a line a picture.

    Raises:
        OSError: the disk is full or not writable.
    """
    rows = [
        json.dumps([name, astuple(item.picture), None if item.mask is None else astuple(item.mask), item.camera])
        for name, item in inventory.items.items()
    ]
    text = f'{{"format": {FORMAT}, "pictures": [\n' + ",\n".join(rows) + "\n]}\n"
    write_file(path, lambda temporary: temporary.write_text(text, encoding="utf-8"))


def read_inventory(path: Path) -> Inventory | None:
    """Reads what `write_inventory` wrote; None if there is none, or it can't be read."""
    try:
        data = json.loads(path.read_bytes())
        if data["format"] != FORMAT:
            return None
        return Inventory({name: _item(*row) for name, *row in data["pictures"]})
    except (OSError, ValueError, TypeError, KeyError, RecursionError):
        return None


def _item(picture: list, mask: list | None, camera: int) -> Item:
    return Item(_checksum(*picture), None if mask is None else _checksum(*mask), int(camera))


def _checksum(size: int, crc: int, times: str) -> Checksum:
    return Checksum(int(size), int(crc), str(times))

"""Shards: heads.zip may lie in heads-00001-of-00064.zip to heads-00064-of-00064.zip, each a dataset by itself.

What belongs to a shard is called after it (heads-00001-of-00064_masks_modnet.zip). The name of a shard is that of the
whole with its number in it, so `heads_masks_modnet.zip` is found in shards as `heads.zip` is.
"""

import json
import re
import zipfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from gghead.config.numbers import require_whole
from gghead.config.printable import listed, printable, shown

SHARDS_NAME = "shards.json"
"""The file of a shard that says what the whole was made with; of the same content in all shards."""
MAX_SHARDS = 99_999
"""As many as five digits number."""
MAX_STATEMENT = 400
"""Characters of it that a message shows."""
MAX_STATEMENT_BYTES = 2**16
"""Of a SHARDS_NAME; ours have some 300."""
IN_NAME = re.compile(r"-(\d{5})-of-(\d{5})(?=[_.]|$)")
"""What the name of a shard has, and that of the whole has not."""


@dataclass(frozen=True)
class Shard:
    """One of several parts of a dataset.

    Attributes:
        number: which, from 1 as job arrays usually count.
        count: how many there are.
    """

    number: int
    count: int

    def __post_init__(self) -> None:
        """Raises ValueError for a number that is none of 1 to count."""
        require_whole("number of shards", self.count, 1, MAX_SHARDS)
        require_whole("number of the shard", self.number, 1, self.count)

    @classmethod
    def parse(cls, text: str) -> "Shard":
        """A shard from a text like "3/64".

        Raises:
            ValueError: it is none.
        """
        number, slash, count = text.partition("/")
        if not (slash and number.isdecimal() and count.isdecimal() and 1 <= int(number) <= int(count) <= MAX_SHARDS):
            raise ValueError(
                f"the shard is {shown(text)}; expected I/N with I from 1 to N, like 3/64 for the third of 64 (N up to "
                f"{MAX_SHARDS})"
            )
        return cls(int(number), int(count))

    def path(self, whole: Path) -> Path:
        """Where this shard of a file is: heads.zip -> heads-00003-of-00064.zip."""
        return whole.with_name(f"{whole.stem}-{self.number:05d}-of-{self.count:05d}{whole.suffix}")

    def part(self, total: int) -> range:
        """The numbers of this shard's heads: consecutive, of all shards together 0 to total - 1, one more or less."""
        return range(total * (self.number - 1) // self.count, total * self.number // self.count)


def without_shard(path: Path) -> Path:
    """The name of the whole: heads-00003-of-00064_depth.zip -> heads_depth.zip; another name stays as it is."""
    return path.with_name(IN_NAME.sub("", path.name, count=1))


def find_shards(path: Path) -> tuple[Path, ...]:
    """The shards in which a zip lies, in their order; none if there are none, or if it is there as a whole.

    Raises:
        FileNotFoundError: some are missing. Names them.
        ValueError: there are shards of several divisions, or more than they say.
    """
    found = {} if path.exists() else _files_of_shards(path)
    if not found:
        return ()
    counts = sorted({int(match[2]) for name in found if (match := IN_NAME.search(name))})
    if len(counts) > 1:
        raise ValueError(
            f"of {path} there are shards of divisions into {' and into '.join(map(str, counts))}; expected those of "
            "one - move the others away, or make the dataset anew under another name"
        )
    names = [IN_NAME.sub(f"-{number:05d}-of-{counts[0]:05d}", min(found), 1) for number in range(1, counts[0] + 1)]
    missing = [name for name in names if name not in found]
    if missing:
        raise FileNotFoundError(
            f"{len(missing)} of the {counts[0]} shards of {path} are missing: {listed(missing)}; expected all of them "
            "beside one another - make or fetch these, too"
        )
    if len(found) > len(names):
        unknown = sorted(set(found) - set(names))
        raise ValueError(f"{listed(unknown)} is none of the {counts[0]} shards of {path}; move it away or rename it")
    return tuple(found[name] for name in names)


def refuse_hidden(path: Path) -> None:
    """Fails where a whole would hide shards of its name, which would never be read again.

    Raises:
        FileExistsError: there are some, be they all or not.
    """
    if shards := _files_of_shards(path):
        raise FileExistsError(
            f"{listed(sorted(shards))} would be hidden by {path}, which is read instead of its shards; move them away, "
            "or name another file"
        )


def require_own(path: Path, companion: Path) -> None:
    """Makes sure that what lies beside a dataset in shards, like masks, is of the same pictures.

    Args:
        path: of a dataset; of one that lies in one piece nothing is known.
        companion: zip or folder with files of the same names.

    Raises:
        ValueError: it was made with other settings, or is there as a whole and in shards.
    """
    if not (shards := find_shards(path) or ((path,) if without_shard(path) != path and path.is_file() else ())):
        return
    if companion.is_file() and _files_of_shards(companion):
        raise ValueError(
            f"{companion} is there as a whole and in shards, beside {path} in shards; expected one of both - move the "
            "one away that is of other pictures"
        )
    parts = find_shards(companion) or ((companion,) if companion.is_file() else ())
    said = {part: _statement(part) for part in (*shards[:1], *parts[:1])}
    if None not in said.values():
        require_same_dataset(path, said)


def is_there(path: Path) -> bool:
    """Whether a file or folder stands at a path, or a zip in shards.

    Raises:
        FileNotFoundError, ValueError: the shards are not all there, as of `find_shards`.
    """
    return path.exists() or bool(find_shards(path))


def require_same_dataset(path: Path, statements: Mapping[Path, bytes | None]) -> None:
    """Makes sure that shards are parts of one dataset.

    Args:
        path: of the whole.
        statements: the SHARDS_NAME of each shard, or None where it has none.

    Raises:
        ValueError: two say different things.
    """
    (first, expected), *others = statements.items()
    for shard, statement in others:
        if statement != expected:
            raise ValueError(
                f"the shards of {path} are of different datasets: {first.name} was made with {_told(expected)}, "
                f"{shard.name} with {_told(statement)}; expected the same settings - make one of them anew with the "
                "command of the others"
            )


def join_labels(files: Mapping[Path, bytes]) -> bytes:
    """One dataset.json of those of several shards, in their order.

    Raises:
        ValueError: one is not {"labels": [...]}. Names it.
    """
    joined: list[object] = []
    for path, text in files.items():
        try:
            content = json.loads(text)
        except (ValueError, RecursionError) as error:
            raise ValueError(f"the labels of {path} are not JSON ({error}); make this shard anew") from error
        labels = content.get("labels") if isinstance(content, dict) else None
        if not isinstance(labels, list):
            raise ValueError(f'{path} holds no labels; expected {{"labels": [...]}} - make this shard anew')
        joined += labels
    return json.dumps({"labels": joined}).encode()


def _files_of_shards(path: Path) -> dict[str, Path]:
    """Files beside a path that are called like its shards, by name."""
    if path.suffix != ".zip" or not path.parent.is_dir():
        return {}
    return {file.name: file for file in path.parent.glob("*-of-*.zip") if without_shard(file) == path != file}


def _statement(part: Path) -> bytes | None:
    """What a zip says that it was made with; None if it says nothing that can be read."""
    try:
        with zipfile.ZipFile(part) as archive:
            member = archive.getinfo(SHARDS_NAME)
            return archive.read(member) if member.file_size <= MAX_STATEMENT_BYTES else None
    except (KeyError, OSError, ValueError, RuntimeError, NotImplementedError, zipfile.BadZipFile, zlib.error):
        return None


def _told(statement: bytes | None) -> str:
    return "settings unknown" if statement is None else printable(statement.decode(errors="replace"), MAX_STATEMENT)

"""Names of photographs in an archive, from their paths: unique, the same every time, fit for every system.

A name comes from the path alone, so that adding or removing a file leaves all others as they are; the ending is a part
of it (x.jpg becomes x_jpg), so that x.png beside it has another one. Where something of a path can't be kept, the name
ends in a hash of the path.
"""

import hashlib
import os
import re
import unicodedata
from pathlib import PurePath

KEPT = " -_.()+,=@#"
"""Signs that every file system and zip program takes; letters and digits of all scripts beside them."""
MAX_PART_BYTES, MAX_NAME_BYTES = 100, 180
"""Of a folder's or file's name, and of all of it, in UTF-8: file systems take 255, and Windows 260 of a whole path."""
HASH_DIGITS = 8
DEVICES = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\..*)?", re.IGNORECASE)
"""Names that belong to devices on Windows, whatever the ending."""


def archive_name(path: PurePath) -> str:
    """The name of a file by its path below what the user named.

    Example:
        >>> archive_name(PurePath("beach/IMG_1.jpg"))
        'beach/IMG_1_jpg'
    """
    *folders, file = path.parts
    stem, ending = os.path.splitext(file)
    wanted = [*folders, f"{stem}_{ending[1:]}" if ending else stem]
    parts = [_fit(part) for part in wanted]
    while len("/".join(parts).encode()) > MAX_NAME_BYTES and len(parts) > 1:
        del parts[0]
    same = [unicodedata.normalize("NFC", part) for part in wanted] == parts
    return "/".join(parts) if same and ending else hashed("/".join(parts), path)


def hashed(name: str, path: PurePath) -> str:
    """A name that no other path has."""
    return f"{name}-{hashlib.sha256(os.fsencode(path.as_posix())).hexdigest()[:HASH_DIGITS]}"


def text_of(path: PurePath) -> str:
    """A path for people to read, also where it is not valid UTF-8."""
    return os.fsencode(path).decode("utf-8", "backslashreplace")


def _fit(part: str) -> str:
    """A folder's or file's name with what systems dislike replaced."""
    text = "".join(c if c in KEPT or c.isalnum() else "_" for c in unicodedata.normalize("NFC", part))
    text = text.encode("utf-8", "replace")[:MAX_PART_BYTES].decode("utf-8", "ignore")
    text = re.sub(r"^[. ]|[. ]$", "_", text)
    return f"{text}_" if DEVICES.fullmatch(text) else text

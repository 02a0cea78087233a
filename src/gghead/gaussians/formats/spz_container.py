"""What .spz files of version 1 to 4 are packed in: headers, streams, sizes; `spz` knows what the bytes mean.

Versions 1 to 3 are one gzip stream of a header of 16 bytes and the attributes, one after another. Version 4 has a
header of 32 bytes, records of extensions, a table of sizes, and a zstandard stream for each attribute. What one of them
unpacks to is compared with the header before more is read than it announces.

Source: the format's description by Niantic and its library's declarations, https://github.com/nianticlabs/spz.
"""

import io
import struct
import zlib
from dataclasses import dataclass
from itertools import accumulate

import zstandard

from gghead.geometry.spherical_harmonics import num_coefficients

MAGIC = 0x5053474E
HEADER = struct.Struct("<IIIBBBB")
"""Magic, version, number of Gaussians, SH degree, fractional bits, flags, reserved."""
LATEST_VERSION = 4
LARGEST_DEGREE = 4
LONG_HEADER = struct.Struct("<IIIBBBBI12x")
"""Version 4: the last byte of the short header is the number of streams, then the place of their table."""
SIZES = struct.Struct("<QQ")
"""Bytes of a stream as it is stored, and unpacked."""
RECORD = struct.Struct("<II")
"""Kind and length of an extension."""
ANTIALIASED, EXTENDED = 1, 2
"""Flags."""
COORDINATE_SYSTEM = 0xADBE0003
"""Kind of the extension that names the file's frame, as a whole number."""
Turn = tuple[float, float, float, float]
TURNS: dict[int, Turn] = {
    0: (1.0, 0.0, 0.0, 0.0),
    1: (0.0, 0.0, 0.0, 1.0),
    4: (1.0, 0.0, 0.0, 0.0),
    6: (0.0, 1.0, 0.0, 0.0),
    7: (0.0, 0.0, 1.0, 0.0),
}
"""Rotations (w, x, y, z) to "right, up, back" from: unspecified, LDB, RUB, RDF and LUF."""
MOST_RATIO, ALWAYS_UNPACKED = 20, 2**24
"""A file may unpack to 16 MB, or to 20 times its size; real ones do to 1.5 times. More is an attack."""
MAX_FRACTIONAL_BITS = 24
MAX_WINDOW = 2**27
"""Bytes that a zstandard stream may ask to be kept."""
STEP = 2**20
"""Bytes unpacked at a time."""


@dataclass(frozen=True)
class Header:
    """What a file announces: version, number of Gaussians, SH degree, fractional bits of positions, flags."""

    version: int
    count: int
    degree: int
    bits: int
    flags: int

    def sizes(self) -> tuple[int, ...]:
        """Bytes of positions, opacities, colours, scales, rotations and harmonics."""
        position, rotation = (6 if self.version == 1 else 9), (3 if self.version < 3 else 4)
        rest = 3 * (num_coefficients(self.degree) - 1)
        return tuple(self.count * size for size in (position, 1, 3, 3, rotation, rest))


def read_attributes(content: bytes, name: str) -> tuple[Header, list[bytes], Turn]:
    """Header of an .spz file, bytes of each attribute, and the rotation to "right, up, back" from its frame.

    Raises:
        ValueError: no .spz, a version or frame that is not known, or damaged.
    """
    if content[:4] == MAGIC.to_bytes(4, "little"):
        return _read_streams(content, name)
    if content[:2] == b"\x1f\x8b":
        return *_read_gzip(content, name), TURNS[0]
    raise ValueError(f"{name} is no .spz file: it is neither a gzip stream nor has it the mark of version 4")


def _read_gzip(content: bytes, name: str) -> tuple[Header, list[bytes]]:
    """Header and attributes of a file of version 1 to 3."""
    stream = zlib.decompressobj(wbits=31)
    try:
        head = stream.decompress(content, HEADER.size)
        if len(head) < HEADER.size:
            raise ValueError(f"{name} is cut off: it has no whole header")
        magic, version, count, degree, bits, flags, _ = HEADER.unpack(head)
        header = _checked(Header(version, count, degree, bits, flags), magic, (1, 2, 3), len(content), name)
        sizes = header.sizes()
        body = stream.decompress(stream.unconsumed_tail, sum(sizes) + 1)
    except zlib.error as error:
        raise ValueError(f"{name} is damaged: its gzip stream ends in an error ({error})") from error
    if len(body) < sum(sizes):
        raise ValueError(f"{name} is cut off: {count} Gaussians need {sum(sizes)} bytes, {len(body)} are there")
    if len(body) == sum(sizes) and not stream.eof:
        raise ValueError(f"{name} is cut off: its gzip stream has no end")
    if len(body) > sum(sizes) and not flags & EXTENDED:
        raise ValueError(f"{name} is damaged: more bytes than its {count} Gaussians need")
    return header, [body[end - size : end] for size, end in zip(sizes, accumulate(sizes), strict=True)]


def _read_streams(content: bytes, name: str) -> tuple[Header, list[bytes], Turn]:
    """Header, attributes and rotation of a file of version 4."""
    if len(content) < LONG_HEADER.size:
        raise ValueError(f"{name} is cut off: it has no whole header")
    magic, version, count, degree, bits, flags, streams, table = LONG_HEADER.unpack_from(content)
    header = _checked(Header(version, count, degree, bits, flags), magic, (LATEST_VERSION,), len(content), name)
    start = table + streams * SIZES.size
    if table < LONG_HEADER.size or start > len(content):
        raise ValueError(f"{name} is damaged: its table of {streams} streams at byte {table} is outside of the file")
    turned = _declared_turn(content[LONG_HEADER.size : table], name) if flags & EXTENDED else TURNS[0]
    parts: list[bytes] = []
    for number, expected in enumerate(header.sizes()):
        stored, unpacked = SIZES.unpack_from(content, table + number * SIZES.size) if number < streams else (0, 0)
        if unpacked != expected or start + stored > len(content):
            raise ValueError(
                f"{name} is cut off or damaged: stream {number} has {unpacked} bytes, {stored} of them stored, for "
                f"{count} Gaussians; expected {expected}"
            )
        parts.append(_unpack(content[start : start + stored], expected, name) if expected else b"")
        start += stored
    return header, parts, turned


def _checked(header: Header, magic: int, versions: tuple[int, ...], size: int, name: str) -> Header:
    """The header, if it makes sense for a file of this size."""
    if magic != MAGIC:
        raise ValueError(f"{name} is no .spz file: it does not start with its mark")
    if header.version not in versions:
        raise ValueError(f"{name} is .spz of version {header.version}; versions 1 to {LATEST_VERSION} are read")
    if header.degree > LARGEST_DEGREE or header.bits > MAX_FRACTIONAL_BITS:
        raise ValueError(
            f"{name} is damaged: SH degree {header.degree} and {header.bits} fractional bits; expected at most "
            f"{LARGEST_DEGREE} and {MAX_FRACTIONAL_BITS}"
        )
    most = max(ALWAYS_UNPACKED, MOST_RATIO * size)
    if sum(header.sizes()) > most:
        raise ValueError(
            f"{name} announces {header.count} Gaussians in {size} bytes, {sum(header.sizes())} unpacked; it is damaged"
        )
    return header


def _unpack(stored: bytes, expected: int, name: str) -> bytes:
    """A zstandard stream of a known size; no more than that is unpacked."""
    reader = zstandard.ZstdDecompressor(max_window_size=MAX_WINDOW).stream_reader(io.BytesIO(stored))
    found = bytearray()
    try:
        while len(found) <= expected and (step := reader.read(min(STEP, expected + 1 - len(found)))):
            found += step
    except zstandard.ZstdError as error:
        raise ValueError(f"{name} is damaged: a zstandard stream ends in an error ({error})") from error
    if len(found) != expected:
        raise ValueError(f"{name} is damaged: a stream unpacks to other than the {expected} bytes that it announces")
    return bytes(found)


def _declared_turn(records: bytes, name: str) -> Turn:
    """Rotation to "right, up, back" from the frame that the extensions name, if they do."""
    start = 0
    while start + RECORD.size <= len(records):
        kind, size = RECORD.unpack_from(records, start)
        value = records[start + RECORD.size : start + RECORD.size + size]
        start += RECORD.size + size
        if kind == COORDINATE_SYSTEM:
            frame = int.from_bytes(value[:4], "little")
            if frame not in TURNS:
                raise ValueError(
                    f"{name} is in the frame number {frame} of the SPZ library, which is mirrored or has z up; only "
                    "RUB, RDF, LUF and LDB are read: convert it to RUB with the tool that made it"
                )
            return TURNS[frame]
    return TURNS[0]

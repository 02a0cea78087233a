"""Encoded pictures: what a PNG, JPEG or WebP says about itself, and its pixels."""

import io
import struct
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
from jaxtyping import UInt8, UInt16
from PIL import ExifTags, Image, UnidentifiedImageError

FORMATS = ("PNG", "JPEG", "WEBP")
"""Files are told apart by their content, whatever their names say; Pillow's other readers are never reached."""
MAX_SIDE = 8192
"""Pictures with more pixels a side are refused by their header, before memory is taken for them."""
SIXTEEN_BIT_MODES = ("I", "I;16", "I;16B", "I;16L")
"""Pillow's modes of grey pictures with more than 8 bits; it would clip them to 255 instead of scaling them."""
PNG_START = b"\x89PNG\r\n\x1a\n\0\0\0\x0d"
PNG_HEADER = struct.Struct(">12s4sII5sI")
"""PNG_START, "IHDR", width, height, how pixels are stored, CRC-32 (PNG specification, 11.2.1)."""
BAND_PIXELS = 2**20
"""Pixels that are copied or computed at a time, so that a large picture does not need several times its memory."""
# Pillow tells of damaged files by any of these, depending on where the damage is.
FAILURES = (OSError, SyntaxError, ValueError, EOFError, IndexError, KeyError, TypeError, OverflowError, zlib.error)
BOMBS = (MemoryError, struct.error, Image.DecompressionBombError, Image.DecompressionBombWarning)


@dataclass(frozen=True)
class Traits:
    """What a file says about its picture.

    Attributes:
        kind: format and mode, "PNG RGB" say.
        orientation: how EXIF data would have it turned, 1 (as it is stored) to 8.
        frames: pictures in the file; the first is used.
        profiled: whether it has a colour profile that does not call itself sRGB.
    """

    kind: str
    orientation: int
    frames: int
    profiled: bool


@dataclass(frozen=True)
class EncodedPicture:
    """A decoded file.

    Attributes:
        rgb: colours, 0 to 255, not multiplied by the opacity.
        opacity: 0 to 255; None where the picture is opaque everywhere.
        traits: what the file says about it.
    """

    rgb: UInt8[np.ndarray, "H W 3"]
    opacity: UInt8[np.ndarray, "H W"] | None
    traits: Traits


def decode_picture(data: bytes) -> EncodedPicture:
    """Colours and opacity of an encoded picture of any kind.

    Raises:
        ValueError: the bytes are not a picture, or are cut off or damaged, or it is larger than `MAX_SIDE`.
    """
    with opened(data) as picture:
        traits = traits_of(picture)
        if picture.mode in SIXTEEN_BIT_MODES:
            return EncodedPicture(np.repeat(to_8_bits(levels(picture))[..., None], 3, axis=2), None, traits)
        opacity = opacity_of(picture)
        if picture.mode in ("P", "PA", "LA"):
            picture = picture.convert("RGBA")  # keeps the colours of what is transparent
        if picture.mode not in ("RGB", "RGBA"):
            picture = picture.convert("RGB")
        return EncodedPicture(_copied(picture, np.uint8, 3), opacity, traits)


def picture_size(data: bytes) -> tuple[int, int]:
    """Width and height of an encoded picture from its header.

    Raises:
        ValueError: the bytes are not a picture, or it is larger than `MAX_SIDE`.
    """
    # Pillow takes 0.1 ms for that and holds Python's lock meanwhile, for which threads that decode would wait.
    if data[:12] == PNG_START and len(data) >= PNG_HEADER.size:
        _, kind, width, height, _, checksum = PNG_HEADER.unpack_from(data)
        is_whole = kind == b"IHDR" and zlib.crc32(data[12:29]) == checksum
        if is_whole and 0 < min(width, height) <= max(width, height) <= MAX_SIDE:
            return width, height
    with opened(data, load=False) as picture:
        return picture.size


@contextmanager
def opened(data: bytes, load: bool = True) -> Iterator[Image.Image]:
    """An encoded picture in Pillow's hands.

    Raises:
        ValueError: as `decode_picture`; also for what Pillow says of it inside of the block.
    """
    try:
        with Image.open(io.BytesIO(data), formats=FORMATS) as picture:
            if max(picture.size) > MAX_SIDE:
                raise ValueError(f"it declares {picture.width} x {picture.height} pixels, more than {MAX_SIDE} a side")
            if load:
                picture.load()
            yield picture
    except UnidentifiedImageError as error:  # its text is an address in memory
        raise ValueError("not a readable picture; expected an undamaged PNG, JPEG or WebP") from error
    except FAILURES + BOMBS as error:
        raise ValueError(f"not a readable picture ({error}); expected an undamaged PNG, JPEG or WebP") from error


def traits_of(picture: Image.Image) -> Traits:
    """What a file says about its picture; EXIF data that can't be read say nothing."""
    try:
        orientation = picture.getexif().get(ExifTags.Base.Orientation, 1)
    except FAILURES + BOMBS:
        orientation = 1
    profile = picture.info.get("icc_profile") or b"sRGB"
    named = b"sRGB" in profile or "sRGB".encode("utf-16-be") in profile
    # JPEGs of telephones hold previews and depth behind the picture itself.
    frames = 1 if picture.format in ("JPEG", "MPO") else getattr(picture, "n_frames", 1)
    known = isinstance(orientation, int) and 1 <= orientation <= 8
    return Traits(f"{picture.format} {picture.mode}", orientation if known else 1, frames, not named)


def opacity_of(picture: Image.Image) -> UInt8[np.ndarray, "H W"] | None:
    """The alpha of a picture, by a channel, a palette or a transparent colour; None where all of it is opaque."""
    if not picture.has_transparency_data or picture.mode in SIXTEEN_BIT_MODES:
        return None
    opacity = levels((picture if "A" in picture.mode else picture.convert("RGBA")).getchannel("A"))
    return None if opacity.min() == 255 else opacity


def levels(picture: Image.Image) -> UInt8[np.ndarray, "H W *C"] | UInt16[np.ndarray, "H W"]:
    """Pixels of a grey or RGB picture of 8 bits, or of a grey one of 16 bits."""
    return _copied(picture, np.uint16 if picture.mode in SIXTEEN_BIT_MODES else np.uint8, len(picture.getbands()))


def to_8_bits(deep: UInt16[np.ndarray, "H W"]) -> UInt8[np.ndarray, "H W"]:
    """0 to 65535 -> 0 to 255, rounded."""
    pixels = np.empty(deep.shape, np.uint8)
    rows = max(1, BAND_PIXELS // deep.shape[1])
    for top in range(0, len(deep), rows):
        pixels[top : top + rows] = (deep[top : top + rows].astype(np.float32) / 257).round()
    return pixels


def _copied(picture: Image.Image, dtype: type, channels: int) -> np.ndarray:
    """The first channels, copied a few rows at a time: for a picture as a whole Pillow takes three times its memory."""
    pixels = np.empty((picture.height, picture.width, channels)[: 2 + (channels > 1)], dtype)
    rows = max(1, BAND_PIXELS // picture.width)
    for top in range(0, picture.height, rows):
        bottom = min(top + rows, picture.height)
        whole = bottom - top == picture.height
        part = np.asarray(picture if whole else picture.crop((0, top, picture.width, bottom)))
        pixels[top:bottom] = part[..., :channels] if channels > 1 else part
    return pixels

"""Photographs as cameras, telephones, scanners and editors write them, as upright pixels in sRGB.

Datasets take PNG, JPEG and WebP as they are stored (media/encoded.py); here a picture is turned as its EXIF data say,
its colours are converted by its profile, and what is transparent lies on white.
"""

import io
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
from jaxtyping import UInt8
from PIL import Image, ImageCms, JpegImagePlugin

from gghead.config.printable import printable
from gghead.data.memory import BYTES_PER_PIXEL, DECODING
from gghead.media.encoded import BOMBS, FAILURES, SIXTEEN_BIT_MODES, levels, to_8_bits, traits_of

FORMATS = ("JPEG", "PNG", "WEBP", "AVIF", "TIFF", "BMP")
"""What Pillow reads here; AVIF from Pillow 11.3 on. HEIC needs the package pillow-heif."""
EXPECTED = "expected a JPEG, PNG, WebP, AVIF, HEIC, TIFF or BMP"
MAX_PIXELS = 2**28
"""16,384 x 16,384: telephones of 200 megapixels (16,320 x 12,240) and every WebP are below it; more is refused by its
header, since decoding takes up to 8 bytes a pixel."""
FULL_PIXELS = 2**26
"""8192 x 8192: larger photographs are read at half their size, which costs a JPEG a quarter of the time and memory."""
PREFIX_BYTES = 512
"""Of a file, by which its format is recognized: more than the brands of a HEIC take."""
HEIC_BRANDS = {b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs"}
"""Brands of files with pictures coded by HEVC (ISO/IEC 23008-12, annex B)."""
TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
"""What makes a picture upright, by its EXIF orientation (CIPA DC-008, tag 274)."""
PREVIEW, DNG_VERSION = 254, 50706
"""Tags of TIFF: that a picture is a smaller copy of another; that the file is raw data of a camera in Adobe's DNG."""
MAX_IDENTITY_CHANGE = 1
"""Levels of 255 by which a profile may move colours and still count as sRGB."""


def read_photograph(data: bytes, max_pixels: int = MAX_PIXELS) -> UInt8[np.ndarray, "H W 3"]:
    """Upright pixels in sRGB of an encoded photograph, the first where a file holds several.

    Takes JPEG (grey, YCbCr, CMYK, YCCK), PNG, WebP, AVIF, TIFF and BMP of 1 to 16 bits, and HEIC where the package
    pillow-heif is installed. Colours are converted by the embedded profile; one that is damaged, or made for another
    kind of picture, is ignored, as are the transfer functions of HDR. What is transparent lies on white.

    Args:
        data: content of the file.
        max_pixels: photographs of more are refused by their header.

    Returns:
        Display colours, 0 to 255. A photograph of more than `FULL_PIXELS` is read at half its size.

    Raises:
        ValueError: the bytes are no picture, or cut off or damaged, or it has more than `max_pixels`.
    """
    with _opened(data, max_pixels) as picture:
        large = picture.width * picture.height > FULL_PIXELS
        if large:
            picture.draft(None, (picture.width // 2, picture.height // 2))  # JPEGs decode smaller; others do nothing
        with DECODING.hold(len(data) + picture.width * picture.height * BYTES_PER_PIXEL):
            return _upright_pixels(picture)


def photograph_pixels(picture: Image.Image) -> UInt8[np.ndarray, "H W 3"]:
    """The same of a picture that Pillow has opened: turned, its colours converted, on white, as `read_photograph` does.

    Raises:
        ValueError: it is cut off or damaged, too large, or of 32 bits.
    """
    with _explained(picture.format or "picture"):
        _require_photograph(picture, MAX_PIXELS)
        with DECODING.hold(picture.width * picture.height * BYTES_PER_PIXEL):
            return _upright_pixels(picture)


def _upright_pixels(picture: Image.Image) -> UInt8[np.ndarray, "H W 3"]:
    picture.load()
    upright = TURNS.get(traits_of(picture).orientation)  # known of some formats only when they are loaded
    colors = _displayed(picture, picture.info.get("icc_profile"))
    colors = colors.reduce(2) if picture.width * picture.height > FULL_PIXELS else colors
    return levels(colors if upright is None else colors.transpose(upright))


@contextmanager
def _opened(data: bytes, max_pixels: int) -> Iterator[Image.Image]:
    """A photograph of which only the header has been read.

    Raises:
        ValueError: as `read_photograph`; also for what Pillow says of it inside of the block.
    """
    if not data:
        raise ValueError(f"the file is empty; {EXPECTED} - copy it again from where it came")
    kind = _format_of(data)
    with _explained(kind), _open(kind, data) as picture:
        _require_photograph(picture, max_pixels)
        yield picture


@contextmanager
def _explained(kind: str) -> Iterator[None]:
    """Errors about a picture of a kind, in words.

    Raises:
        ValueError: instead of what Pillow raises inside of the block, or of `_Unfit`.
    """
    try:
        yield
    except _Unfit as error:
        raise ValueError(str(error)) from None
    except (RuntimeError, *FAILURES, *BOMBS) as error:  # the first of AVIF
        raise ValueError(
            f"the {kind} can't be read ({printable(str(error))}); expected a whole picture of 8 or 16 bits - copy it "
            "again from where it came, or export it as JPEG from a program that opens it"
        ) from error


class _Unfit(Exception):
    """A picture is whole, but none that can be used."""


def _format_of(data: bytes) -> str:
    """Which of FORMATS, or HEIC, by the content, whatever the file's name says."""
    prefix = data[:PREFIX_BYTES]
    if prefix[4:8] == b"ftyp":  # a box of its length, type, and brands (ISO/IEC 14496-12, 4.3)
        brands = prefix[8 : int.from_bytes(prefix[:4], "big")]
        if HEIC_BRANDS & {brands[at : at + 4] for at in range(0, len(brands), 4)}:
            return "HEIC"
    Image.init()
    for kind in FORMATS:
        _, accepts = Image.OPEN.get(kind, (None, None))
        if accepts is not None and accepts(prefix) is True:
            return kind
    start = printable(prefix[:8].decode("latin-1"))
    raise ValueError(
        f"the file is no picture of a known kind (it begins with '{start}'); {EXPECTED} - export it as JPEG"
    )


def _open(kind: str, data: bytes) -> Image.Image:
    """Not by Image.open, which warns from 89 megapixels on and refuses 200; previews behind a JPEG are left alone."""
    if kind == "HEIC":
        try:
            from pillow_heif import HeifImageFile  # pyright: ignore[reportMissingImports]
        except ImportError as error:
            raise _Unfit(
                "HEIC needs the package pillow-heif, which is not installed: pip install pillow-heif, or export the "
                "photographs as JPEG"
            ) from error
        return HeifImageFile(io.BytesIO(data))
    factory = JpegImagePlugin.JpegImageFile if kind == "JPEG" else Image.OPEN[kind][0]
    return factory(io.BytesIO(data), "")


def _require_photograph(picture: Image.Image, max_pixels: int) -> None:
    pixels = picture.width * picture.height
    if pixels > max_pixels:
        raise _Unfit(
            f"it declares {picture.width} x {picture.height} pixels; expected at most {max_pixels / 1e6:.0f} million - "
            "make it smaller, or cut the heads out"
        )
    if picture.mode in ("I", "F"):
        raise _Unfit("its pixels have 32 bits, and nothing says what is white; expected 8 or 16 - export it as JPEG")
    tags = getattr(picture, "tag_v2", {})  # of TIFF
    if tags.get(PREVIEW, 0) & 1 or DNG_VERSION in tags:
        raise _Unfit("it is raw data of a camera; expected a developed photograph - export it as JPEG")


def _displayed(picture: Image.Image, profile: bytes | None) -> Image.Image:
    """A picture of any mode as RGB in sRGB on white."""
    if picture.mode in SIXTEEN_BIT_MODES:
        picture = Image.fromarray(to_8_bits(levels(picture)))
    opacity = None
    if picture.has_transparency_data:
        picture = picture.convert("RGBA")
        opacity = picture.getchannel("A")
    if picture.mode not in ("L", "RGB", "CMYK"):
        picture = picture.convert("L" if picture.mode == "1" else "RGB")
    colors = _to_srgb(picture, profile)
    if opacity is None:
        return colors
    on_white = Image.new("RGB", colors.size, "white")
    on_white.paste(colors, mask=opacity)
    return on_white


def _to_srgb(picture: Image.Image, profile: bytes | None) -> Image.Image:
    """A grey, RGB or CMYK picture as RGB, by its profile where that can be used."""
    try:
        if profile:
            transform = ImageCms.buildTransform(
                ImageCms.ImageCmsProfile(io.BytesIO(profile)),
                ImageCms.createProfile("sRGB"),
                picture.mode,
                "RGB",
                ImageCms.Intent.RELATIVE_COLORIMETRIC,
                ImageCms.Flags.BLACKPOINTCOMPENSATION,  # else the black of ink is a grey of displays
            )
            if not _changes_nothing(picture.mode, transform):
                converted = ImageCms.applyTransform(picture, transform)
                assert converted is not None  # it is only where pictures change in place
                return converted
    except (ImageCms.PyCMSError, *FAILURES):
        pass  # damaged, or a profile of CMYK in a picture of RGB
    return picture.convert("RGB")


def _changes_nothing(mode: str, transform: ImageCms.ImageCmsTransform) -> bool:
    """Whether a transform leaves colours of sRGB as they are: most profiles are sRGB under one of many names."""
    if mode != "RGB":
        return False
    steps = np.linspace(0, 255, 9).astype(np.uint8)
    colors = np.stack(np.meshgrid(steps, steps, steps), -1).reshape(27, 27, 3)
    converted = ImageCms.applyTransform(Image.fromarray(colors), transform)
    return bool(np.abs(np.asarray(converted).astype(int) - colors).max() <= MAX_IDENTITY_CHANGE)

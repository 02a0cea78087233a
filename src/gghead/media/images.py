"""Pictures: PNG and other files, resizing, grids, and the three ranges in which colours are held.

Files and datasets hold uint8 HWC in display sRGB; renderers and users hold [0, 1] HWC; networks hold [-1, 1] CHW.
"""

import io
import math

import numpy as np
import torch
from jaxtyping import Float, Shaped, UInt8
from PIL import Image
from torch import Tensor
from torch.nn import functional

RESIZE_FILTER = Image.Resampling.LANCZOS
"""Antialiased by Pillow when it makes a picture smaller. FID depends on it: report it with the number."""
PNG_COMPRESSION = 2
"""zlib level; pinned, so that the same picture gives the same bytes. 6 takes 3.5 times as long for a tenth less."""
PICTURE_SUFFIXES = (".png", ".jpg", ".jpeg", ".webp")
"""Endings of the files that `encode_picture` makes."""
MAX_SIDES = {".jpg": 65500, ".jpeg": 65500, ".webp": 16383}
"""Pixels that these formats hold a side."""
JPEG_QUALITY, WEBP_QUALITY = 95, 92
"""Of 100: no blocks can be seen in skin and hair."""


def encode_png(pixels: Shaped[np.ndarray, "..."]) -> bytes:
    """PNG of uint8 RGB or RGBA [H, W, 3 or 4], uint8 grey or bool [H, W] pixels, the same bytes for the same pixels."""
    buffer = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(pixels)).save(buffer, "PNG", compress_level=PNG_COMPRESSION)
    return buffer.getvalue()


def encode_picture(pixels: UInt8[np.ndarray, "H W C"], suffix: str, jpeg_quality: int = JPEG_QUALITY) -> bytes:
    """PNG, JPEG or WebP of RGB pixels, or PNG or WebP of RGBA pixels, as the end of a file's name says.

    Raises:
        ValueError: another ending, a JPEG with transparency, or more pixels than the format allows.
    """
    if suffix not in PICTURE_SUFFIXES:
        raise ValueError(f"{suffix!r} is no picture's ending; expected {', '.join(PICTURE_SUFFIXES)}")
    require_sides(suffix, *pixels.shape[:2])
    if suffix == ".png":
        return encode_png(pixels)
    buffer, picture = io.BytesIO(), Image.fromarray(np.ascontiguousarray(pixels))
    if suffix == ".webp":
        picture.save(buffer, "WEBP", quality=WEBP_QUALITY, method=4)
        return buffer.getvalue()
    if picture.mode == "RGBA":
        raise ValueError("a JPEG has no transparency; expected .png or .webp, or a background with a colour")
    picture.save(buffer, "JPEG", quality=jpeg_quality, subsampling=0)
    return buffer.getvalue()


def require_sides(suffix: str, height: int, width: int) -> None:
    """Raises ValueError if a format holds no picture of this size."""
    longest = MAX_SIDES.get(suffix)
    if longest is not None and max(height, width) > longest:
        raise ValueError(
            f"the picture is {width} x {height} pixels, and a {suffix} has at most {longest} a side; make it smaller, "
            "or a .png"
        )


def resize(pixels: UInt8[np.ndarray, "..."], side: int) -> UInt8[np.ndarray, "..."]:
    """RGB or grey pixels scaled to side x side with `RESIZE_FILTER`; unchanged where they have that size."""
    if pixels.shape[:2] == (side, side):
        return pixels
    return np.array(Image.fromarray(pixels).resize((side, side), RESIZE_FILTER))


def thumbnails(pictures: UInt8[np.ndarray, "N H W 3"], side: int) -> UInt8[np.ndarray, "N h w 3"]:
    """Pictures scaled with `RESIZE_FILTER` until neither side is longer; unchanged where that is so."""
    height, width = pictures.shape[1:3]
    if max(height, width) <= side:
        return pictures
    share = side / max(height, width)
    size = (max(round(width * share), 1), max(round(height * share), 1))
    return np.stack([np.array(Image.fromarray(picture).resize(size, RESIZE_FILTER)) for picture in pictures])


def resize_bands(pixels: UInt8[np.ndarray, "H W 4"], side: int) -> UInt8[np.ndarray, "R R 4"]:
    """`resize` of four bands that know nothing of each other."""
    if pixels.shape[:2] == (side, side):
        return pixels
    # "RGBX", because Pillow would multiply the first bands of "RGBA" by the fourth.
    picture = Image.frombuffer("RGBX", pixels.shape[1::-1], pixels, "raw", "RGBX", 0, 1)
    return np.array(picture.resize((side, side), RESIZE_FILTER))


def to_uint8(pictures: Float[Tensor, "*N C"]) -> UInt8[np.ndarray, "*N C"]:
    """[0, 1] -> 0 to 255, rounded; values outside are clamped, NaN is 0."""
    return (pictures.detach().float().nan_to_num(0).clamp(0, 1) * 255).round().to(torch.uint8).cpu().numpy()


def to_unit(pictures: UInt8[np.ndarray, "*N H W C"]) -> Float[Tensor, "*N H W C"]:
    """0 to 255 -> [0, 1]."""
    return torch.from_numpy(np.ascontiguousarray(pictures)).float() / 255


def to_network(pictures: UInt8[Tensor, "*N H W 3"]) -> Float[Tensor, "*N 3 H W"]:
    """0 to 255, channels last -> [-1, 1], channels first: what the discriminator sees."""
    return (pictures.float() / 127.5 - 1).movedim(-1, -3)


def averaged(pictures: Float[Tensor, "*N H W C"], side: int) -> Float[Tensor, "*N R S C"]:
    """Means of squares of pixels, so that pictures get a width of which theirs is a multiple."""
    count = pictures.shape[-2] // side
    if count == 1:
        return pictures
    *batch, height, width, channels = pictures.shape
    flat = pictures.reshape(math.prod(batch), height, width, channels).permute(0, 3, 1, 2)
    return functional.avg_pool2d(flat, count).permute(0, 2, 3, 1).reshape(*batch, height // count, side, channels)


def tile(
    pictures: UInt8[np.ndarray, "N H W C"], columns: int | None = None, empty: int | UInt8[np.ndarray, " C"] = 255
) -> UInt8[np.ndarray, "rows cols C"]:
    """One picture of N pictures in a grid, row by row.

    Args:
        pictures: at least one.
        columns: pictures of a row; by default a grid about as high as wide, wider where that leaves no gaps.
        empty: colour of the places that stay empty; white unless told.

    Raises:
        ValueError: there is no picture, or there are no columns.
    """
    count, height, width, channels = pictures.shape
    columns = grid_columns(count) if columns is None else columns
    if count < 1 or columns < 1:
        raise ValueError(f"{count} pictures in {columns} columns make no grid; expected at least one of each")
    rows = -(-count // columns)
    grid = np.full((rows * columns, height, width, channels), empty, np.uint8)
    grid[:count] = pictures
    grid = grid.reshape(rows, columns, height, width, channels).swapaxes(1, 2)
    return grid.reshape(rows * height, columns * width, channels)


def grid_columns(count: int) -> int:
    """4 for 8 pictures, 3 for 7: at most twice as wide as high."""
    square = math.ceil(math.sqrt(count))
    full = (columns for columns in range(max(square, 1), math.isqrt(2 * count) + 1) if count % columns == 0)
    return next(full, square)

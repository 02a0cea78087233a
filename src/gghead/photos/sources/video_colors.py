"""From a decoder's colours to those of displays: matrices and ranges of YCbCr, high dynamic range.

Telephones record high dynamic range unless they are told otherwise. Shown as it is coded, skin is grey; so its light is
computed and what a display of sRGB can show of it is kept as it is, up to a shoulder for what is brighter than paper.

Source: ITU-R BT.2100-3, tables 4 and 5 (PQ, HLG); ITU-R BT.2408, 5.1 (203 cd/m2 for diffuse white); ITU-R BT.2087.
"""

from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Float, UInt8
from PIL import Image, ImageFilter

if TYPE_CHECKING:
    from av import VideoFrame

MATRICES = {1: "ITU709", 4: "FCC", 5: "ITU601", 6: "ITU601", 7: "SMPTE240M", 9: "BT2020", 10: "BT2020"}
"""PyAV's names of the matrices that H.273 counts."""
HD_HEIGHT = 720
"""From here on videos that don't say are coded by BT.709, smaller ones by BT.601."""
FULL_RANGE = 2
PQ, HLG = 16, 18
"""Transfer functions of high dynamic range by H.273."""
PEAK, WHITE = 1000, 203
"""Light of the brightest HLG and of diffuse white, cd/m2."""
SYSTEM_GAMMA = 1.2
"""From light of the scene to that of a display of 1000 cd/m2, in HLG."""
SHOULDER = 0.8
"""Light above is compressed, in units of diffuse white; faces are below."""
LUMINANCE = np.array([0.2627, 0.6780, 0.0593])
"""Of red, green and blue by BT.2020."""
FROM_BT2020 = np.array([[1.6605, -0.5876, -0.0728], [-0.1246, 1.1329, -0.0083], [-0.0182, -0.1006, 1.1187]])
"""Linear colours by the primaries of BT.2020 to those of BT.709 and sRGB."""
TABLE_SIDE = 65
"""Colours along each side of the table by which whole frames are converted: the most that Pillow takes."""


def display_colors(image: "VideoFrame", width: int, transfer: int) -> UInt8[np.ndarray, "H W 3"]:
    """A frame in sRGB.

    Args:
        image: as it was decoded.
        width: of the result, pixels.
        transfer: by which the video's colours are coded, as H.273 counts them.

    Returns:
        Colours, 0 to 255, of the frame's height.
    """
    options: dict[str, Any] = {}
    if not image.format.is_rgb:
        full = image.color_range == FULL_RANGE or image.format.name.startswith("yuvj")
        options = {"src_colorspace": _matrix_of(image), "src_color_range": "JPEG" if full else "MPEG"}
        options["dst_color_range"] = "JPEG"
    pixels = image.reformat(width, image.height, "rgb24", **options).to_ndarray()
    if transfer in (PQ, HLG):
        return np.array(Image.fromarray(pixels).filter(_table(transfer)))
    return pixels


def _matrix_of(image: "VideoFrame") -> str:
    from av.video.reformatter import Colorspace

    usual = "ITU709" if image.height >= HD_HEIGHT else "ITU601"
    name = MATRICES.get(int(image.colorspace), usual)
    return name if name in Colorspace.__members__ else "ITU709"  # older ones don't know the newest


@cache
def _table(transfer: int) -> ImageFilter.Color3DLUT:
    steps = np.linspace(0, 1, TABLE_SIDE)
    blue, green, red = np.meshgrid(steps, steps, steps, indexing="ij")
    colors = _tone_mapped(np.stack([red, green, blue], -1), transfer)
    return ImageFilter.Color3DLUT(TABLE_SIDE, colors.astype(np.float32).ravel())  # pyright: ignore[reportArgumentType]


def _tone_mapped(coded: Float[np.ndarray, "*N 3"], transfer: int) -> Float[np.ndarray, "*N 3"]:
    """Colours of high dynamic range, 0 to 1, in sRGB, 0 to 1."""
    light = (_light_of_pq(coded) if transfer == PQ else _light_of_hlg(coded)) / WHITE
    light = np.maximum(light @ FROM_BT2020.T, 0)
    excess = np.maximum(light - SHOULDER, 0) / (1 - SHOULDER)
    light = np.where(excess > 0, SHOULDER + (1 - SHOULDER) * (1 - np.exp(-excess)), light)
    return np.where(light <= 0.0031308, 12.92 * light, 1.055 * np.maximum(light, 0.0031308) ** (1 / 2.4) - 0.055)


def _light_of_hlg(coded: Float[np.ndarray, "*N 3"]) -> Float[np.ndarray, "*N 3"]:
    """cd/m2 of a display of `PEAK`."""
    a, b, c = 0.17883277, 0.28466892, 0.55991073
    scene = np.where(coded <= 0.5, coded**2 / 3, (np.exp((coded - c) / a) + b) / 12)
    return PEAK * scene * (scene @ LUMINANCE)[..., None] ** (SYSTEM_GAMMA - 1)


def _light_of_pq(coded: Float[np.ndarray, "*N 3"]) -> Float[np.ndarray, "*N 3"]:
    """cd/m2."""
    m1, m2, c1, c2, c3 = 2610 / 16384, 2523 / 32, 3424 / 4096, 2413 / 128, 2392 / 128
    root = coded ** (1 / m2)
    return 10_000 * (np.maximum(root - c1, 0) / (c2 - c3 * root)) ** (1 / m1)

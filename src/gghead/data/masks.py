"""What a mask file says: it is asked what it is before it becomes numbers from 0 (background) to 255 (person)."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Shaped, UInt8
from PIL import Image

from gghead.media.encoded import SIXTEEN_BIT_MODES, Traits, levels, opacity_of, opened, to_8_bits, traits_of

BLACK, WHITE = 10, 245
"""What masks reach at least where there is nobody, and where the person is; JPEGs and resizing blur both a little."""
MIN_BINARY_SHARE = 0.9
"""Share of the opaque pixels that are black or white in a mask that has an alpha besides; photographs have 0.5."""
MIN_CLASS_SHARE = 0.02
"""Share of them that are black, or white, below which they are a rim and not a mask."""
COLOR_NOISE = 32
"""Largest difference of a pixel's channels that is no colour: grey masks in a JPEG have up to some 10 levels."""


@dataclass(frozen=True)
class Mask:
    """A decoded mask.

    Attributes:
        coverage: 255 where the person is, 0 where the background is.
        said_by: what of the file says so: "grey", "alpha", "grey and alpha" or "two colours".
        traits: what the file says about its picture.
    """

    coverage: UInt8[np.ndarray, "H W"]
    said_by: str
    traits: Traits


def decode_mask(data: bytes) -> Mask:
    """A mask from an encoded picture.

    Where the file is transparent somewhere, its opacity is the mask: cut-outs of matting tools, white with alpha. If
    what is opaque is a mask in black and white itself (of an editor that made a rim transparent, say), the person is
    where both say so. Else it is grey, white = person. A file of exactly two values, one of them black, has the person
    in the other, be it 1, 200 or a colour of a palette. Files of more colours are maps of classes or photographs, and
    refused.

    Raises:
        ValueError: the bytes are no undamaged picture, or it is coloured.
    """
    with opened(data) as picture:
        traits = traits_of(picture)
        if picture.mode in SIXTEEN_BIT_MODES:
            return Mask(_stretched(levels(picture)), "grey", traits)
        opacity = opacity_of(picture)
        if opacity is not None:
            coverage = _stretched(opacity)
            gray = _gray_beside(picture.convert("RGBA").convert("RGB"), opacity)
            if gray is None:
                return Mask(coverage, "alpha", traits)
            return Mask(np.minimum(gray, coverage), "grey and alpha", traits)
        if picture.mode in ("1", "L", "LA"):
            return Mask(_stretched(levels(picture.convert("L"))), "grey", traits)
        colors = picture.convert("RGB")
        pixels = levels(colors)
        if _colorfulness(pixels) <= COLOR_NOISE:
            return Mask(_stretched(levels(colors.convert("L"))), "grey", traits)
    coverage = _other_than_black(pixels)
    if coverage is None:
        raise ValueError(
            "the mask is coloured, as maps of classes and photographs are; expected grey, white where the person is "
            "and black elsewhere (or two colours, one of them black, or the mask as alpha)"
        )
    return Mask(coverage, "two colours", traits)


def _stretched(values: Shaped[np.ndarray, "H W"]) -> UInt8[np.ndarray, "H W"]:
    """The values of 8 bits; 255 for the brighter one where there are two and the other is 0."""
    full, brightest = np.iinfo(values.dtype).max, values.max()
    if 0 < brightest < full and values.min() == 0 and ((values == 0) | (values == brightest)).all():
        return np.where(values == 0, np.uint8(0), np.uint8(255))
    return to_8_bits(values) if values.dtype == np.uint16 else values


def _gray_beside(colors: Image.Image, opacity: UInt8[np.ndarray, "H W"]) -> UInt8[np.ndarray, "H W"] | None:
    """The grey values of a file that has an opacity, too, if they are a mask where it is opaque."""
    gray = _stretched(levels(colors.convert("L")))
    opaque = gray[opacity > 0]
    if not len(opaque):
        return None
    black, white = float((opaque <= BLACK).mean()), float((opaque >= WHITE).mean())
    if black + white < MIN_BINARY_SHARE or min(black, white) < MIN_CLASS_SHARE:
        return None
    return gray if _colorfulness(levels(colors)) <= COLOR_NOISE else None


def _colorfulness(pixels: UInt8[np.ndarray, "H W 3"]) -> int:
    """Largest difference of a pixel's channels."""
    red, green, blue = pixels[..., 0], pixels[..., 1], pixels[..., 2]
    return max(int((np.maximum(a, b) - np.minimum(a, b)).max()) for a, b in ((red, green), (green, blue), (red, blue)))


def _other_than_black(pixels: UInt8[np.ndarray, "H W 3"]) -> UInt8[np.ndarray, "H W"] | None:
    """255 where a picture of black and one colour is not black; None if there are more colours."""
    colored = pixels.any(axis=2)
    first = pixels.reshape(-1, 3)[int(colored.argmax())]
    if not ((pixels == first).all(axis=2) == colored).all() or colored.all():
        return None
    return np.where(colored, np.uint8(255), np.uint8(0))

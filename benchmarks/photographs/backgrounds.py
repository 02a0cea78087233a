"""What synthetic people stand in front of: noise at several scales, shapes, and parts of photographs without people."""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float32, UInt8
from PIL import Image, ImageDraw
from scipy.ndimage import gaussian_filter

PHOTOGRAPHED = 0.6
"""Share of backgrounds that are parts of photographs, where there are any."""
OUT_OF_FOCUS = 0.012
"""Largest blur of a background: standard deviation as a share of its longer side."""
OCTAVES = 6


def random_background(
    rng: np.random.Generator, width: int, height: int, photographs: Sequence[UInt8[np.ndarray, "h w 3"]]
) -> Float32[np.ndarray, "H W 3"]:
    """A background of values in [0, 1], the same for the same state of `rng` and the same photographs."""
    if photographs and rng.random() < PHOTOGRAPHED:
        field = _part(rng, width, height, photographs[rng.integers(len(photographs))])
    elif rng.random() < 0.5:
        field = _noise(rng, width, height)
    else:
        field = _shapes(rng, width, height)
    contrast, light = rng.uniform(0.6, 1.1), rng.uniform(-0.15, 0.15) + rng.normal(0, 0.04, 3)
    field = (field - field.mean()) * contrast + field.mean() + light
    blur = OUT_OF_FOCUS * max(width, height) * rng.random() ** 2
    return np.clip(gaussian_filter(field, (blur, blur, 0)), 0, 1).astype(np.float32)


def _part(
    rng: np.random.Generator, width: int, height: int, photograph: UInt8[np.ndarray, "h w 3"]
) -> Float32[np.ndarray, "H W 3"]:
    """A random part of a photograph, mirrored or not."""
    rows, columns = photograph.shape[:2]
    share = rng.uniform(0.5, 1.0) * min(columns / width, rows / height)
    across, down = share * width, share * height
    left, top = rng.uniform(0, columns - across), rng.uniform(0, rows - down)
    picture = Image.fromarray(photograph[:, :: rng.choice([-1, 1])])
    box = (left, top, left + across, top + down)
    part = picture.resize((width, height), Image.Resampling.BICUBIC, box=box)
    return np.asarray(part, np.float32) / 255


def _noise(rng: np.random.Generator, width: int, height: int) -> Float32[np.ndarray, "H W 3"]:
    """Noise at scales from the whole picture to a few pixels, with a little color at each."""
    field, strength, fall = np.full((height, width, 3), rng.uniform(0.2, 0.8), np.float32), 0.2, rng.uniform(0.5, 0.9)
    for octave in range(1, OCTAVES + 1):
        cells = (3 * 2**octave, 3 * 2**octave)
        coarse = rng.normal(0, 1, (*cells, 1)) + rng.normal(0, 0.4, (*cells, 3))
        for channel in range(3):
            layer = Image.fromarray(coarse[..., channel].astype(np.float32)).resize(
                (width, height), Image.Resampling.BICUBIC
            )
            field[..., channel] += strength * np.asarray(layer)
        strength *= fall
    return field


def _shapes(rng: np.random.Generator, width: int, height: int) -> Float32[np.ndarray, "H W 3"]:
    """Overlapping plain rectangles and ellipses with fine noise, as of walls, shelves and lamps."""
    picture = Image.new("RGB", (width, height), _color(rng))
    draw = ImageDraw.Draw(picture)
    for _ in range(int(rng.integers(5, 40))):
        x, y = rng.uniform(-0.2, 1.0) * width, rng.uniform(-0.2, 1.0) * height
        box = (x, y, x + rng.uniform(0.02, 0.6) * width, y + rng.uniform(0.02, 0.6) * height)
        (draw.rectangle if rng.random() < 0.7 else draw.ellipse)(box, fill=_color(rng))
    grain = rng.normal(0, rng.uniform(0.0, 0.06), (height, width, 1))
    return (np.asarray(picture, np.float32) / 255 + grain).astype(np.float32)


def _color(rng: np.random.Generator) -> tuple[int, int, int]:
    """A color of a room: most are not strong."""
    red, green, blue = np.clip(rng.uniform(20, 235) + rng.normal(0, 25, 3), 0, 255).astype(int)
    return int(red), int(green), int(blue)

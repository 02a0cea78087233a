"""Moving pictures that need no player: animated WebP and GIF."""

from collections.abc import Iterable
from itertools import pairwise
from pathlib import Path

from jaxtyping import Float
from PIL import Image
from torch import Tensor

from gghead.config.numbers import require_finite
from gghead.media.images import WEBP_QUALITY, to_uint8

TICKS = {".webp": 1, ".gif": 10}
"""Milliseconds that the duration of a frame is counted in."""
FASTEST = 50
"""Frames a second; browsers show faster GIFs at ten."""


def encode_animation(path: Path, frames: Iterable[Float[Tensor, "H W C"]], fps: float, suffix: str) -> int:
    """Writes an animation that repeats for ever; all of its frames are in memory at once, 8 bits a colour.

    Args:
        path: file to write; not atomic, see `checkpoint.atomic.write_file`.
        frames: display colours in [0, 1], clamped; all of one size. A fourth channel is opacity, for WebP alone.
        fps: frames a second; single durations are rounded, their sum is right.
        suffix: ".webp" or ".gif".

    Returns:
        Number of frames written.

    Raises:
        ValueError: there are no frames, they differ in size, or fps is out of range.
    """
    fps = require_finite(
        "fps", fps, 0.1, FASTEST, f"expected a number from 0.1 to {FASTEST}, like 24; an .mp4 may be faster"
    )
    pictures = [Image.fromarray(to_uint8(frame)) for frame in frames]
    if not pictures:
        raise ValueError("an animation needs at least one frame")
    if len({picture.size for picture in pictures}) > 1:
        raise ValueError("the frames differ in size; expected frames of one size")
    tick = TICKS[suffix]
    ends = [round(count * 1000 / fps / tick) * tick for count in range(len(pictures) + 1)]
    durations = [end - start for start, end in pairwise(ends)]
    how = {"quality": WEBP_QUALITY, "method": 4} if suffix == ".webp" else {}
    pictures[0].save(
        path, suffix[1:].upper(), save_all=True, append_images=pictures[1:], duration=durations, loop=0, **how
    )
    return len(pictures)

"""Pictures as people keep them: looked at in a notebook, written as a file, several in one, moving."""

from collections.abc import Iterable
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float, Shaped
from PIL import Image
from torch import Tensor

from gghead.checkpoint.atomic import write_file
from gghead.media.animations import TICKS, encode_animation
from gghead.media.images import encode_picture, tile, to_uint8, to_unit
from gghead.media.video import encode_video
from gghead.rasterizer import Rendering

VIDEO_SUFFIXES = (".mp4", *TICKS)
"""Endings of the files that `save_video` makes."""
BRIGHTEST = 64
"""Colours above this are no display colours; Gaussians may be somewhat brighter than 1."""

Pictures = Rendering | Shaped[Tensor, "*P H W C"] | Shaped[np.ndarray, "*P H W C"]
"""A rendering, or display colours, channels last: floating point in [0, 1], or uint8; 1, 3 or 4 channels."""


def arrange(
    pictures: Float[Tensor, "*P H W C"],
    columns: int | None = None,
    empty: tuple[float, float, float] | None = (1.0, 1.0, 1.0),
) -> Float[Tensor, "rows cols C"]:
    """All pictures of a batch in one: the batch's last axis runs to the right, or a square grid if there is one axis.

    Args:
        pictures: display colours in [0, 1].
        columns: pictures of a row, if another number than that.
        empty: colour of places that stay empty; nothing is seen there if there is a fourth channel, opacity.

    Example:
        >>> arrange(torch.ones(2, 3, 8, 8, 3)).shape
        torch.Size([16, 24, 3])
    """
    if columns is None and pictures.ndim > 4:
        columns = pictures.shape[-4]
    flat = to_uint8(pictures.reshape(-1, *pictures.shape[-3:]))
    fill = 0 if flat.shape[-1] == 4 or empty is None else to_uint8(torch.tensor(empty))
    return to_unit(tile(flat, columns, fill))


def show(pictures: Pictures) -> Image.Image:
    """One picture of all pictures; a notebook displays it when it is the last value of a cell.

    Args:
        pictures: a rendering, or display colours in [0, 1], channels last; see `arrange` for their places.

    Raises:
        ValueError: no pictures, or tensors of another shape or range.

    Example:
        >>> import gghead, torch
        >>> gghead.show(torch.ones(2, 3, 8, 8, 3)).size
        (24, 16)
    """
    return Image.fromarray(to_uint8(arrange(display_colors(pictures))))


def save_picture(path: str | Path, picture: Pictures, overwrite: bool = True) -> None:
    """Writes a picture, whole or not at all.

    Args:
        path: file to write, ending in .png, .jpg or .webp.
        picture: display colours in [0, 1]; with a fourth channel for opacity in .png and .webp.
        overwrite: whether what stands there is replaced.

    Raises:
        FileExistsError: something stands there and shall stay; says where the picture is kept.
        ValueError: another ending, shape or range.
    """
    pixels = display_colors(picture)
    if pixels.ndim != 3:
        raise ValueError(f"a picture is {list(pixels.shape)}; expected [H, W, 3]; gghead.show puts several in one")
    content = encode_picture(to_uint8(pixels), Path(path).suffix.lower())
    write_file(Path(path), lambda temporary: temporary.write_bytes(content), overwrite)


def save_video(
    path: str | Path, frames: Pictures | Iterable[Pictures], fps: float = 24, overwrite: bool = True
) -> None:
    """Writes a video, whole or not at all.

    Args:
        path: file to write: .mp4 (H.264, plays in browsers), or an animation that repeats: .webp, .gif (256 colours).
        frames: display colours in [0, 1]: a rendering or tensor [F, H, W, 3], or anything that yields pictures. An .mp4
            has even sides: where one is odd its last row or column is there twice.
        fps: frames a second.
        overwrite: whether what stands there is replaced.

    Raises:
        FileExistsError: something stands there and shall stay; says where the video is kept.
        ValueError: another ending, no frames, frames of another shape or range, or fps out of range.
        OSError: the file can't be written, or no encoder takes frames of this size.

    Example:
        >>> import gghead
        >>> generator = gghead.load()
        >>> cameras = gghead.Cameras.orbit(frames=4, resolution=64)
        >>> gghead.save_video("orbit.mp4", gghead.render(generator.sample(seeds=[7])[0], cameras))
    """
    suffix = Path(path).suffix.lower()
    if suffix not in VIDEO_SUFFIXES:
        raise ValueError(f"the video is to be {path}; expected a name ending in {', '.join(VIDEO_SUFFIXES)}")
    if isinstance(frames, Rendering):
        frames = frames.rgb
    if not isinstance(frames, Iterable) or getattr(frames, "ndim", 4) < 4:
        raise ValueError("a video is made of frames, [F, H, W, 3]; this is one picture: gghead.show(picture).save(...)")
    pictures = (_frame(frame, with_alpha=suffix == ".webp") for frame in frames)
    if suffix == ".mp4":
        write_file(Path(path), lambda temporary: encode_video(temporary, pictures, fps), overwrite)
    else:
        write_file(Path(path), lambda temporary: encode_animation(temporary, pictures, fps, suffix), overwrite)


def display_colors(pictures: Pictures) -> Float[Tensor, "*P H W D"]:
    """What people hand in as pictures, as display colours in [0, 1] with 3 or 4 channels.

    Raises:
        ValueError: it is nothing of the kind; says what it may be, and how to mend it.
    """
    if isinstance(pictures, Rendering):
        return pictures.rgb
    if isinstance(pictures, np.ndarray):
        if pictures.dtype.kind not in "fiub":
            raise ValueError(f"pictures are an array of {pictures.dtype}; expected floating point in [0, 1], or uint8")
        pictures = torch.from_numpy(np.ascontiguousarray(pictures))
    if not isinstance(pictures, Tensor):
        raise ValueError(f"pictures are a {type(pictures).__name__}; expected a rendering, or its .rgb")
    if pictures.layout != torch.strided or pictures.is_meta:
        raise ValueError(f"pictures are on {pictures.device} ({pictures.layout}); expected dense numbers")
    if pictures.ndim < 3 or pictures.shape[-1] not in (1, 3, 4):
        first = pictures.ndim >= 3 and pictures.shape[-3] in (1, 3, 4)
        hint = "; their channels come first: pictures.movedim(-3, -1)" if first else ""
        raise ValueError(f"pictures are {list(pictures.shape)}; expected [*batch, H, W, 3], or 1 or 4 channels{hint}")
    if not pictures.numel():
        raise ValueError(f"pictures are {list(pictures.shape)}: there are none, or they have no pixels")
    if pictures.dtype == torch.uint8:
        pictures = pictures / 255
    if not pictures.is_floating_point():
        raise ValueError(f"pictures are of {pictures.dtype}; expected floating point in [0, 1], or uint8")
    low, high = (float(bound) for bound in pictures.detach().aminmax())
    if not (low >= -0.01 and high <= BRIGHTEST):
        remedy = "(pictures + 1) / 2" if low >= -1.5 and high <= 1.5 else "pictures / 255, or .clamp(0, 1)"
        raise ValueError(f"pictures have values from {low:.3g} to {high:.3g}; expected [0, 1]: {remedy}")
    return pictures.expand(*pictures.shape[:-1], 3) if pictures.shape[-1] == 1 else pictures


def _frame(frame: Pictures, with_alpha: bool) -> Float[Tensor, "H W D"]:
    picture = display_colors(frame)
    if picture.ndim != 3:
        raise ValueError(f"a frame is {list(picture.shape)}; expected [H, W, 3]; of several heads index one: .rgb[0]")
    if picture.shape[-1] == 4 and not with_alpha:
        raise ValueError(
            "a frame has a fourth channel, and such videos no transparency; expected .webp, or frames[..., :3]"
        )
    return picture

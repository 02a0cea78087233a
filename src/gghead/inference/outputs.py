"""Pictures as people keep them: looked at in a notebook, written as PNG or MP4, several in one."""

from collections.abc import Iterable
from pathlib import Path

from jaxtyping import Float
from PIL import Image
from torch import Tensor

from gghead.checkpoint.atomic import write_file
from gghead.media.images import encode_png, tile, to_uint8, to_unit
from gghead.media.video import encode_video


def arrange(pictures: Float[Tensor, "*P H W 3"]) -> Float[Tensor, "rows cols 3"]:
    """All pictures of a batch in one: the batch's last axis runs to the right, or a square grid if there is one axis.

    Example:
        >>> arrange(torch.ones(2, 3, 8, 8, 3)).shape
        torch.Size([16, 24, 3])
    """
    columns = pictures.shape[-4] if pictures.ndim > 4 else None
    return to_unit(tile(to_uint8(pictures.reshape(-1, *pictures.shape[-3:])), columns))


def show(pictures: Float[Tensor, "*P H W 3"]) -> Image.Image:
    """One picture of all pictures; a notebook displays it when it is the last value of a cell.

    Args:
        pictures: display colours in [0, 1]; see `arrange` for their places.

    Example:
        >>> show(torch.ones(2, 3, 8, 8, 3)).size
        (24, 16)
    """
    return Image.fromarray(to_uint8(arrange(pictures)))


def save_picture(path: str | Path, picture: Float[Tensor, "H W 3"]) -> None:
    """Writes a PNG; replaces an existing file, whole or not at all.

    Args:
        path: file to write, ending in .png.
        picture: display colours in [0, 1].
    """
    content = encode_png(to_uint8(picture))
    write_file(Path(path), lambda temporary: temporary.write_bytes(content))


def save_video(path: str | Path, frames: Iterable[Float[Tensor, "H W 3"]], fps: float = 24) -> None:
    """Writes an MP4 (H.264) that plays in browsers; replaces an existing file, whole or not at all.

    Args:
        path: file to write, ending in .mp4.
        frames: display colours in [0, 1], a tensor [F, H, W, 3] or anything that yields pictures.
        fps: frames a second.

    Raises:
        ValueError: another ending, no frames, frames of another shape or below 2 x 2 pixels, or fps out of range.
        OSError: the file can't be written, or no encoder takes frames of this size.
    """
    if Path(path).suffix != ".mp4":
        raise ValueError(f"the video is to be {path}; expected a name ending in .mp4")
    write_file(Path(path), lambda temporary: encode_video(temporary, frames, fps))

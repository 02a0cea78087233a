"""Videos that play in browsers: H.264 in MP4, 4:2:0, colours as of HD (BT.709), index at the front."""

import logging
from collections.abc import Iterable
from fractions import Fraction
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, cast

import numpy as np
from jaxtyping import Float
from torch import Tensor

from gghead.config.numbers import require_finite
from gghead.media.images import to_uint8

if TYPE_CHECKING:
    import av
    from av.container import OutputContainer

CODECS = ("libx264", "libopenh264", "h264_videotoolbox", "libvpx-vp9")
"""Encoders in the order of preference: what an FFmpeg build offers depends on how it was licensed."""
BT709, MPEG_RANGE = 1, 1
"""Codes of H.264: without them players guess the colours from the height of the picture."""
QUALITY = {"crf": "18", "preset": "medium"}

log = logging.getLogger(__name__)


def encode_video(path: Path, frames: Iterable[Float[Tensor, "H W 3"]], fps: float = 24) -> int:
    """Writes a video, frame by frame; needs no more memory than one frame and the encoder's delay.

    Args:
        path: file to write, ending in .mp4; not atomic, see `checkpoint.atomic.write_file`.
        frames: display colours in [0, 1], clamped; all of one size. 4:2:0 asks for even sides: where one is odd
            its last row or column is there twice, and the log says so.
        fps: frames a second.

    Returns:
        Number of frames written.

    Raises:
        ValueError: there are no frames, or frames of another shape, or fps is out of range, or the package av is
            missing.
        OSError: the file can't be written, or no encoder takes frames of this size.
    """
    av = _import_av()
    fps = require_finite("fps", fps, 0.001, 1000, "expected a number from 0.001 to 1000, like 24 or 29.97")
    count = 0
    path.touch()  # FFmpeg would tell of a folder that can't be written to only after many frames, and not name it
    # "12:30.mp4" is an address for FFmpeg, of the protocol "12".
    with av.open(str(path.absolute()), "w", format="mp4", options={"movflags": "+faststart"}) as container:
        stream = None
        for frame in frames:
            pixels = _even(frame)
            if stream is None:
                stream = _open_stream(container, pixels.shape[1], pixels.shape[0], fps)
                if pixels.shape != tuple(frame.shape):
                    log.warning(
                        "Frames of %d x %d pixels become a video of %d x %d: its sides must be even.",
                        *frame.shape[1::-1], *pixels.shape[1::-1],
                    )  # fmt: skip
            if pixels.shape[:2] != (stream.height, stream.width):
                raise ValueError(
                    f"frame {count} is {pixels.shape[1]} x {pixels.shape[0]} pixels, those before {stream.width} x "
                    f"{stream.height}; expected frames of one size"
                )
            picture = av.VideoFrame.from_ndarray(pixels, format="rgb24").reformat(
                format="yuv420p", src_colorspace="ITU709", dst_colorspace="ITU709", dst_color_range="MPEG"
            )
            container.mux(stream.encode(picture))
            count += 1
        if stream is None:
            raise ValueError("a video needs at least one frame")
        container.mux(stream.encode(None))
    return count


def _import_av() -> ModuleType:
    """The package av, which only videos need; importing it takes a tenth of a second."""
    try:
        import av
    except ImportError as error:
        raise ValueError(
            f"videos (.mp4) need the package av ({error}): pip install av; .webp, .gif and pictures do without"
        ) from error
    return av


def _open_stream(container: "OutputContainer", width: int, height: int, fps: float) -> "av.VideoStream":
    import av
    from av.error import FFmpegError

    codec = next((name for name in CODECS if name in av.codecs_available), None)
    if codec is None:
        raise ValueError(f"this FFmpeg has none of the encoders {', '.join(CODECS)}; reinstall av from its wheels")
    stream = cast("av.VideoStream", container.add_stream(codec, rate=Fraction(fps).limit_denominator(1001)))
    context = stream.codec_context
    context.colorspace = context.color_primaries = context.color_trc = BT709
    context.color_range = MPEG_RANGE
    stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
    if codec == "libx264":
        context.options = QUALITY
    try:
        context.open()
    except FFmpegError as error:
        raise OSError(
            f"a video of {width} x {height} pixels can't be encoded ({error.strerror}); make its frames smaller"
        ) from error
    return stream


def _even(frame: Float[Tensor, "H W 3"]) -> np.ndarray:
    if frame.ndim != 3 or frame.shape[-1] != 3 or not frame.numel():
        raise ValueError(
            f"a frame is {list(frame.shape)}; expected [H, W, 3]; of several heads index the head: .rgb[0]"
        )
    height, width, _ = frame.shape
    return np.pad(to_uint8(frame), ((0, height % 2), (0, width % 2), (0, 0)), mode="edge")

"""Photographs out of videos: each so-manyth frame, upright, in sRGB.

A first pass over the packets, which decodes one frame, finds the times of all frames. So the photographs and their
names are known before they are decoded, and are the same however far a run came before it was interrupted.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from fractions import Fraction
from functools import cached_property
from hashlib import sha256
from pathlib import Path, PurePath
from typing import TYPE_CHECKING, Any, cast

import numpy as np
from jaxtyping import Int64, UInt8

from gghead.config.printable import printable
from gghead.photos.reading import FULL_PIXELS
from gghead.photos.sources.shots import MissingShot, Shot
from gghead.photos.sources.video_colors import display_colors

if TYPE_CHECKING:
    from av import VideoFrame, VideoStream
    from av.container import InputContainer

VIDEO_ENDINGS = (".mp4", ".mov", ".m4v", ".avi", ".mkv", ".webm")
CONTAINERS = "mov,mp4,matroska,webm,avi,mpegts,mpeg"
"""What FFmpeg may take a file for; playlists, which have it open other files and addresses, are not among them."""
EXPECTED = "expected a whole video that FFmpeg can play"
REMEDY = "copy it again from where it came, or convert it to MP4 (H.264)"
PROBED_PACKETS = 300
"""Packets of which one must give a picture: ten seconds."""
MISSING_SECONDS = 0.5
"""A video that ends so much earlier than its header says is cut."""
MICROSECONDS = 1_000_000
"""FFmpeg's unit for files as a whole."""
WIDEST_PIXEL = 4
"""Pixels are not wider than this times their height; a header that says so is damaged."""


def is_video(path: PurePath) -> bool:
    """Whether a file's name ends as those of videos do."""
    return path.name.lower().endswith(VIDEO_ENDINGS)


@dataclass(frozen=True)
class FrameShot(Shot):
    """A frame of a video, in the decoder's colours until it is read.

    Attributes:
        image: as it was decoded.
        pixel_aspect: width of a pixel over its height.
        transfer: by which the colours are coded (video_colors.py).
    """

    image: "VideoFrame" = field(repr=False)
    pixel_aspect: Fraction
    transfer: int

    def read(self) -> UInt8[np.ndarray, "H W 3"]:
        width = max(1, round(self.image.width * self.pixel_aspect))
        return np.ascontiguousarray(_upright(display_colors(self.image, width, self.transfer), self.image))

    def digest(self) -> str:
        try:
            pixels = self.image.to_ndarray()
        except ValueError:  # PyAV has no array for some kinds
            pixels = self.read()
        described = f"{self.image.format.name} {self.image.width} x {self.image.height}"
        return sha256(described.encode() + pixels.tobytes()).hexdigest()


@dataclass(frozen=True)
class Video:
    """A video as a row of photographs.

    Attributes:
        path: of the file.
        name: in the archive, that of its photographs before the slash.
        source: the file as the user named it.
        every: one in so many frames is a photograph.
    """

    path: Path
    name: str
    source: str
    every: int

    def __len__(self) -> int:
        """Photographs, and one more that can't be read where the video is cut or unreadable."""
        return len(self._wanted) + (self._contents.problem is not None)

    def since(self, first: int) -> Iterator[Shot]:
        """The photographs from number `first` on, decoded as they are asked for."""
        number = first
        if number < len(self._wanted):
            for shot in self._decoded(first):
                yield shot
                number += 1
        for missed in range(number, len(self._wanted)):
            reason = f"frame {missed * self.every} of the video can't be decoded; {EXPECTED} - {REMEDY}"
            yield MissingShot(self._name_of(missed), self.source, missed * self.every, reason)
        if self._contents.problem is not None and first < len(self):
            yield MissingShot(self._end_name, self.source, None, self._contents.problem)

    def identities(self) -> Iterator[tuple[str, str, int | None]]:
        """Name, source and frame of each photograph; decodes none."""
        for number in range(len(self._wanted)):
            yield self._name_of(number), self.source, number * self.every
        if self._contents.problem is not None:
            yield self._end_name, self.source, None

    def _decoded(self, first: int) -> Iterator[Shot]:
        """A photograph for each wanted time: the first whole frame that is not shown before it.

        Decoded from the start on even where only the last ones are wanted: after a leap within the file some decoders
        give slightly other pixels.
        """
        times, wanted = self._contents.times, self._wanted
        number, count = 0, 0
        try:
            with _opened(self.path) as (container, stream):
                aspect = _pixel_aspect(stream)
                for image in _frames(container, stream):
                    # Some files don't say when; then frames are counted.
                    time = image.pts if image.pts is not None else times[min(count, len(times) - 1)]
                    count += 1
                    transfer = int(stream.codec_context.color_trc)  # some say it in the first frame
                    while number < len(wanted) and time >= wanted[number]:
                        if number >= first:
                            yield FrameShot(
                                self._name_of(number), self.source, number * self.every, image, aspect, transfer
                            )
                        number += 1
                    if number >= len(wanted):
                        return
        except _Unreadable:
            return  # it was readable a moment ago; those that are missing say so

    @property
    def _end_name(self) -> str:
        return f"{self.name}/end"

    def _name_of(self, number: int) -> str:
        return f"{self.name}/{number * self.every:06d}"

    @property
    def _wanted(self) -> Int64[np.ndarray, " N"]:
        return self._contents.times[:: self.every]

    @cached_property
    def _contents(self) -> "_Contents":
        try:
            with _opened(self.path) as (container, stream):
                return _contents_of(container, stream)
        except _Unreadable as error:
            return _Contents(np.empty(0, np.int64), str(error))


@dataclass(frozen=True)
class _Contents:
    """Times of all frames that are there, sorted, in the stream's unit; why there are no more, if there should be."""

    times: Int64[np.ndarray, " N"]
    problem: str | None


class _Unreadable(Exception):
    """A video of which nothing can be had; the text is fact, expectation and remedy."""


@contextmanager
def _opened(path: Path) -> Iterator[tuple["InputContainer", "VideoStream"]]:
    """A video and the stream of its pictures.

    Raises:
        _Unreadable: it can't be opened, or there are no pictures in it; also for what FFmpeg says within the block.
    """
    import av  # takes a tenth of a second, and most people have photographs
    from av.error import FFmpegError

    try:
        # By a file: names that are no UTF-8, or look like addresses ("12:30.mp4"), are not FFmpeg's to read.
        with (
            path.open("rb") as file,
            av.open(file, "r", options={"format_whitelist": CONTAINERS}, metadata_errors="replace") as container,
        ):
            stream = container.streams.best("video")
            if stream is None or stream.codec_context is None:
                raise _Unreadable(f"the video holds no pictures that can be decoded; {EXPECTED} - {REMEDY}")
            yield container, stream  # pyright: ignore[reportReturnType]
    except (FFmpegError, OSError, ValueError) as error:
        fact = printable(getattr(error, "strerror", None) or str(error) or type(error).__name__)
        raise _Unreadable(f"the video can't be opened ({fact}); {EXPECTED} - {REMEDY}") from error


def _contents_of(container: "InputContainer", stream: "VideoStream") -> _Contents:
    from av.error import FFmpegError

    times: list[int] = []
    end, packets, decoding_time, cut, shown = 0.0, 0, None, False, False
    try:
        for packet in container.demux():
            if packet.pts is not None and packet.time_base is not None:
                end = max(end, float((packet.pts + (packet.duration or 0)) * packet.time_base))
            if packet.stream_index != stream.index or (packet.dts is None and not packet.size):  # the last asks for all
                continue
            cut = packet.is_corrupt
            if cut:
                break
            packets += 1
            decoding_time = packet.dts if packet.dts is not None else decoding_time
            if not packet.size or packet.is_discard:
                continue
            time = packet.pts if packet.pts is not None else packet.dts
            times.append(time if time is not None else len(times))
            shown = shown or (len(times) <= PROBED_PACKETS and bool(_whole_frames(packet.decode)))
    except FFmpegError:
        cut = True
    if not shown and not _whole_frames(stream.decode):
        raise _Unreadable(f"no frame of the video can be decoded; {EXPECTED} - {REMEDY}")
    started, declared = (container.start_time or 0) / MICROSECONDS, (container.duration or 0) / MICROSECONDS
    lasting = end - started
    exact = "mov" in container.format.name  # others count by their length, or not at all
    fewer = stream.frames - packets > (0 if exact else MISSING_SECONDS * (stream.average_rate or 0))
    sorted_times = np.sort(np.array(times, np.int64))
    if not (cut or fewer or lasting < declared - MISSING_SECONDS):
        return _Contents(sorted_times, None)
    if decoding_time is not None:  # of frames that are shown later, some before them may be missing
        sorted_times = sorted_times[sorted_times <= decoding_time]
    seconds = f"{lasting:.1f} of {max(declared, lasting):.1f} seconds"
    return _Contents(sorted_times, f"the video is cut off: {seconds} are there; {EXPECTED} - {REMEDY}")


def _frames(container: "InputContainer", stream: "VideoStream") -> Iterator["VideoFrame"]:
    """The whole frames of a stream in the order in which they are shown; what is damaged is left out."""
    from av.error import FFmpegError

    try:
        for packet in container.demux(stream):
            if packet.is_corrupt:
                break
            yield from _whole_frames(packet.decode)
    except FFmpegError:
        pass  # the end of what is there
    yield from _whole_frames(stream.decode)


def _whole_frames(decode: Callable[[], list[Any]]) -> list["VideoFrame"]:
    """What a decoder gives of a packet, or still holds at the end."""
    from av.error import FFmpegError

    try:
        return [frame for frame in decode() if not frame.is_corrupt and frame.width * frame.height <= FULL_PIXELS]
    except FFmpegError:
        return []


def _pixel_aspect(stream: "VideoStream") -> Fraction:
    """Width over height of a pixel; 1 where the stream doesn't say, or says what can't be."""
    aspect = stream.sample_aspect_ratio
    return aspect if aspect and 1 / WIDEST_PIXEL <= aspect <= WIDEST_PIXEL else Fraction(1)


def _upright(pixels: UInt8[np.ndarray, "H W 3"], image: "VideoFrame") -> UInt8[np.ndarray, "H2 W2 3"]:
    """Turned and mirrored as the display matrix of a frame says, (x, y) -> (a x + c y, b x + d y)."""
    try:
        # PyAV's types know of motion vectors alone.
        matrix = np.frombuffer(bytes(cast(Any, image.side_data)["DISPLAYMATRIX"]), np.int32)
    except KeyError:
        return pixels
    a, b, _, c, d = matrix[:5]
    if abs(int(a)) < abs(int(b)):
        pixels, a, d = pixels.transpose(1, 0, 2), c, b
    return pixels[:: -1 if d < 0 else 1, :: -1 if a < 0 else 1]

import re
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import av
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

from gghead.photos.sources import find_shots
from gghead.photos.sources.shots import MissingShot, Shot
from gghead.photos.sources.video_colors import FROM_BT2020, HLG, LUMINANCE, PQ, display_colors
from tolerances import VIDEO_COLORS

WIDTH, HEIGHT = 96, 64
ENCODERS = {".mp4": "libx264", ".mov": "libx264", ".m4v": "libx264", ".mkv": "libx264", ".avi": "mpeg4"}
ENCODERS |= {".webm": "libvpx-vp9"}


def frame(number: int) -> np.ndarray:
    """Its brightness tells the number, the corners which way is up."""
    pixels = np.full((HEIGHT, WIDTH, 3), 40 + 3 * number, np.uint8)
    pixels[: HEIGHT // 2, : WIDTH // 2] = [200, 40, 40]
    pixels[HEIGHT // 2 :, WIDTH // 2 :] = [40, 40, 200]
    return pixels


def video(path: Path, count: int = 30, times: list[int] | None = None, faststart: bool = True, **codec: object) -> Path:
    """Frames at 30 a second, or at the given thirtieths of a second."""
    name = ENCODERS[path.suffix]
    if name not in av.codecs_available:
        pytest.skip(f"this FFmpeg has no {name}")
    options = {"movflags": "+faststart"} if faststart and path.suffix in (".mp4", ".mov", ".m4v") else {}
    with av.open(str(path), "w", options=options) as container:
        stream = container.add_stream(name, rate=30)
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        stream.codec_context.time_base = Fraction(1, 30)
        stream.options = {"crf": "10", "b": "4M"} if name != "mpeg4" else {"qscale": "2", "b": "4M"}
        for key, value in codec.items():
            setattr(stream.codec_context, key, value)
        matrix = {1: "ITU709", 5: "ITU601"}[codec.get("colorspace", 5)]
        for number in range(count):
            image = av.VideoFrame.from_ndarray(frame(number)).reformat(
                format="yuv420p", dst_colorspace=matrix, dst_color_range="MPEG"
            )
            image.pts, image.time_base = times[number] if times else number, Fraction(1, 30)
            container.mux(stream.encode(image))
        container.mux(stream.encode(None))
    return path


def shots_of(path: Path, every: int) -> list[Shot]:
    shots = find_shots([path], every)
    listed = list(shots)
    assert len(shots) == len(listed)
    assert list(shots.identities()) == [(shot.name, shot.source, shot.frame) for shot in listed]
    return listed


def number_of(pixels: np.ndarray) -> int:
    return round((float(pixels[: HEIGHT // 4, -WIDTH // 4 :].mean()) - 40) / 3)


@pytest.mark.parametrize("suffix", ENCODERS)
def test_each_so_manyth_frame(tmp_path: Path, suffix: str) -> None:
    path = video(tmp_path / f"clip{suffix}")
    shots = shots_of(path, every=12)
    place = f"{tmp_path.name}/clip_{suffix[1:]}"
    assert [shot.name for shot in shots] == [f"{place}/{number:06d}" for number in (0, 12, 24)]
    assert [shot.frame for shot in shots] == [0, 12, 24]
    assert {shot.source for shot in shots} == {str(path)}
    for shot in shots:
        pixels = shot.read()
        assert pixels.shape == (HEIGHT, WIDTH, 3)
        edges = np.abs(pixels.astype(int) - frame(shot.frame))
        assert np.median(edges) <= VIDEO_COLORS
        assert number_of(pixels) == shot.frame
    assert len({shot.digest() for shot in shots}) == 3
    assert shots[0].digest() == next(iter(find_shots([path], 12))).digest()


def test_going_on_within_a_video_gives_the_same_pixels(tmp_path: Path) -> None:
    for name in ("a.mp4", "b.mp4"):
        video(tmp_path / name)
    shots = find_shots([tmp_path], every=4)
    digests = [shot.digest() for shot in shots]
    for first in (0, 3, 7, 8, 9, 16):
        assert [shot.digest() for shot in shots.since(first)] == digests[first:]


def test_variable_frame_rates(tmp_path: Path) -> None:
    path = video(tmp_path / "clip.mp4", 10, times=[0, 1, 2, 10, 11, 40, 41, 42, 90, 91])
    assert [number_of(shot.read()) for shot in shots_of(path, every=3)] == [0, 3, 6, 9]


@pytest.mark.parametrize("colorspace", [1, 5])
def test_colors_are_those_that_the_video_declares(tmp_path: Path, colorspace: int) -> None:
    path = video(tmp_path / "clip.mp4", 2, colorspace=colorspace, color_range=1)
    red = shots_of(path, every=1)[0].read()[8:24, 8:40].mean((0, 1))
    assert np.abs(red - [200, 40, 40]).max() <= VIDEO_COLORS


def coded_for_hdr(srgb: np.ndarray, transfer: int) -> np.ndarray:
    """Colours of paper and skin as a telephone codes them: the inverse of what BT.2100 says, white at 203 cd/m2."""
    values = srgb / 255
    linear = np.where(values <= 0.04045, values / 12.92, ((values + 0.055) / 1.055) ** 2.4)
    light = 203 * linear @ np.linalg.inv(FROM_BT2020).T
    if transfer == PQ:
        power = (light / 10_000) ** (2610 / 16384)
        return ((3424 / 4096 + 2413 / 128 * power) / (1 + 2392 / 128 * power)) ** (2523 / 32)
    display = light / 1000
    scene = display * (display @ LUMINANCE)[..., None] ** (1 / 1.2 - 1)
    bright = 0.17883277 * np.log(np.maximum(12 * scene, 1) - 0.28466892) + 0.55991073
    return np.where(scene <= 1 / 12, np.sqrt(3 * scene), bright)


@pytest.mark.parametrize("transfer", [PQ, HLG])
def test_high_dynamic_range_becomes_what_a_display_shows(tmp_path: Path, transfer: int) -> None:
    skin = np.array([[[200, 150, 120], [120, 80, 60], [60, 45, 40], [210, 210, 210], [70, 110, 60]]], np.uint8)
    coded = coded_for_hdr(skin, transfer).repeat(32, 0).repeat(32, 1)
    path = tmp_path / "clip.mp4"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=30)
        stream.height, stream.width, stream.pix_fmt = *coded.shape[:2], "yuv420p10le"
        context = stream.codec_context
        context.options = {"crf": "1"}
        context.color_primaries, context.color_trc, context.colorspace, context.color_range = 9, transfer, 9, 1
        image = av.VideoFrame.from_ndarray((coded * 65535).round().astype(np.uint16), format="rgb48le")
        image = image.reformat(format="yuv420p10le", dst_colorspace="BT2020", dst_color_range="MPEG")
        container.mux(stream.encode(image))
        container.mux(stream.encode(None))
    read = shots_of(path, every=1)[0].read()[16, 16::32]
    assert np.abs(read.astype(int) - skin[0]).max() <= VIDEO_COLORS
    grays = np.arange(256, dtype=np.uint8)[None, :, None].repeat(3, 2)
    shown = display_colors(av.VideoFrame.from_ndarray(grays), 256, transfer)[0].astype(int)
    assert shown[0].max() == 0
    assert shown[-1].min() >= 255 - VIDEO_COLORS
    assert np.diff(shown, axis=0).min() >= -1  # a table holds some of the colours, and mixes the others


# x' = a x + c y, y' = b x + d y with y down, as ISO/IEC 14496-12 writes it: a, b, u, c, d, v, x, y, w.
MATRICES = {
    "half a turn": ((-1, 0, 0, -1), lambda pixels: np.rot90(pixels, 2)),
    "clockwise": ((0, 1, -1, 0), lambda pixels: np.rot90(pixels, -1)),
    "anticlockwise": ((0, -1, 1, 0), lambda pixels: np.rot90(pixels, 1)),
    "mirrored": ((-1, 0, 0, 1), lambda pixels: pixels[:, ::-1]),
    "mirrored and turned": ((0, 1, 1, 0), lambda pixels: pixels.transpose(1, 0, 2)),
}


@pytest.mark.parametrize("turn", MATRICES)
def test_videos_of_turned_telephones_are_upright(tmp_path: Path, turn: str) -> None:
    (a, b, c, d), turned = MATRICES[turn]
    path = video(tmp_path / "clip.mp4", 3)
    plain = shots_of(path, every=1)[2].read()
    data = bytearray(path.read_bytes())
    matrix = np.array([a << 16, b << 16, 0, c << 16, d << 16, 0, 0, 0, 1 << 30], ">i4").tobytes()
    place = data.index(b"tkhd") + 4 + 40  # the header's fields before the matrix, in version 0
    data[place : place + 36] = matrix
    path.write_bytes(data)
    assert np.array_equal(shots_of(path, every=1)[2].read(), turned(plain))


def test_pixels_that_are_no_squares(tmp_path: Path) -> None:
    path = video(tmp_path / "clip.mp4", 2, sample_aspect_ratio=Fraction(3, 2))
    assert shots_of(path, every=1)[0].read().shape == (HEIGHT, WIDTH * 3 // 2, 3)


@pytest.mark.parametrize("suffix", [".mp4", ".mkv", ".avi", ".webm"])
def test_a_cut_video_gives_the_frames_that_are_there(tmp_path: Path, suffix: str) -> None:
    path = video(tmp_path / f"clip{suffix}", 60)
    data = path.read_bytes()
    path.write_bytes(data[: len(data) * 6 // 10])
    *whole, last = shots_of(path, every=2)
    assert 5 < len(whole) < 30
    for shot in whole:
        assert number_of(shot.read()) == shot.frame
    assert last.name.endswith("/end")
    for use in (last.read, last.digest):
        with pytest.raises(ValueError, match=r"cut off: \d\.\d of \d\.\d seconds are there; expected .* copy it again"):
            use()


def test_unreadable_videos_are_one_shot(tmp_path: Path) -> None:
    whole = video(tmp_path / "index_behind.mp4", faststart=False)
    whole.write_bytes(whole.read_bytes()[:-400])
    (tmp_path / "empty.mp4").touch()
    (tmp_path / "playlist.mp4").write_text("#EXTM3U\n#EXTINF:1,\nindex_behind.mp4\n", encoding="ascii")
    (tmp_path / "text.mkv").write_text("no video", encoding="ascii")
    with av.open(str(tmp_path / "sound.mp4"), "w") as container:
        stream = container.add_stream("aac", rate=44100)
        sound = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), "fltp", "mono")
        sound.sample_rate = 44100
        container.mux(stream.encode(sound))
        container.mux(stream.encode(None))
    shots = shots_of(tmp_path, every=1)
    assert [shot.name.split("/")[1] for shot in shots] == [
        "empty_mp4", "index_behind_mp4", "playlist_mp4", "sound_mp4", "text_mkv",
    ]  # fmt: skip
    for shot in shots:
        with pytest.raises(ValueError, match=r"the video (can't be opened|holds no pictures).*; expected .* - copy"):
            shot.read()


def test_names_that_look_like_addresses(tmp_path: Path) -> None:
    path = video(tmp_path / "clip.mp4", 2).rename(tmp_path / "12:30.mp4")
    assert number_of(shots_of(path, every=1)[1].read()) == 1


@given(st.data())
@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_damaged_videos_are_no_crash(tmp_path: Path, data: st.DataObject) -> None:
    path = tmp_path / "clip.mp4"
    if not (tmp_path / "whole.mp4").exists():
        video(tmp_path / "whole.mp4", 20)
    content = bytearray((tmp_path / "whole.mp4").read_bytes())
    for _ in range(data.draw(st.integers(0, 20))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    path.write_bytes(content[: data.draw(st.integers(0, len(content)))])
    shots = shots_of(path, every=3)
    assert len({shot.name for shot in shots}) == len(shots)
    for shot in shots:
        if isinstance(shot, MissingShot):
            assert re.search("; expected .* - copy it again", shot.reason)
        else:
            assert shot.read().shape[2] == 3
    frames = [shot.frame for shot in shots if shot.frame is not None]
    assert all(later - earlier == 3 for earlier, later in pairwise(frames))

import io

import numpy as np
import pytest
import torch
from hypothesis import given, strategies as st
from PIL import Image

from gghead.media.encoded import Traits, decode_picture, picture_size
from gghead.media.images import encode_png, resize, resize_bands, tile, to_network, to_uint8, to_unit
from tolerances import EXACT_FLOAT32


def encoded(picture: Image.Image) -> bytes:
    buffer = io.BytesIO()
    picture.save(buffer, "PNG")
    return buffer.getvalue()


def gray_ramp() -> np.ndarray:
    return np.arange(0, 256, dtype=np.uint8).reshape(16, 16)


def test_every_kind_of_png_gives_its_colours() -> None:
    ramp = gray_ramp()
    color = np.stack([ramp, ramp.T, 255 - ramp], -1)
    assert np.array_equal(decode_picture(encoded(Image.fromarray(color))).rgb, color)
    assert np.array_equal(decode_picture(encoded(Image.fromarray(ramp))).rgb, np.repeat(ramp[..., None], 3, 2))
    transparent = np.dstack([color, ramp])
    assert np.array_equal(decode_picture(encoded(Image.fromarray(transparent))).rgb, color)
    few = (color // 128) * 255
    palette = Image.fromarray(few).convert("P", palette=Image.Palette.ADAPTIVE, colors=8)
    assert np.array_equal(decode_picture(encoded(palette)).rgb, few)
    palette.info["transparency"] = 0
    assert np.array_equal(decode_picture(encoded(palette)).rgb, few)


def test_grey_of_1_8_and_16_bits_uses_the_whole_range() -> None:
    ramp = gray_ramp()
    assert np.array_equal(decode_picture(encoded(Image.fromarray(ramp))).rgb[..., 0], ramp)
    assert np.array_equal(
        decode_picture(encoded(Image.fromarray(ramp > 100))).rgb[..., 0], (ramp > 100) * np.uint8(255)
    )
    deep = ramp.astype(np.uint16) * 257
    assert np.array_equal(decode_picture(encoded(Image.fromarray(deep))).rgb[..., 0], ramp)
    assert np.array_equal(decode_picture(encoded(Image.fromarray(deep))).rgb[..., 1], ramp)


@pytest.mark.parametrize("damage", ["cut", "noise", "empty", "flipped"])
def test_damaged_files_are_a_named_error(damage: str) -> None:
    data = encode_png(np.random.default_rng(0).integers(0, 256, (32, 32, 3), np.uint8))
    middle = len(data) // 2
    broken = {
        "cut": data[:middle],
        "noise": b"no picture at all",
        "empty": b"",
        "flipped": data[:middle] + bytes([data[middle] ^ 255]) + data[middle + 1 :],
    }[damage]
    with pytest.raises(ValueError, match="not a readable picture"):
        decode_picture(broken)


def test_png_is_lossless_and_deterministic() -> None:
    pixels = np.random.default_rng(1).integers(0, 256, (9, 7, 3), np.uint8)
    assert np.array_equal(decode_picture(encode_png(pixels)).rgb, pixels)
    assert encode_png(pixels) == encode_png(pixels)
    assert np.array_equal(decode_picture(encode_png(pixels[..., 0])).rgb[..., 0], pixels[..., 0])


def test_resizing_bands_is_resizing_each() -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (40, 40, 4), np.uint8)
    pixels[:20, :, 3] = 0  # where a fourth band that weighed the others would blacken them
    small = resize_bands(pixels, 16)
    assert np.array_equal(small[..., :3], resize(np.ascontiguousarray(pixels[..., :3]), 16))
    assert np.array_equal(small[..., 3], resize(np.ascontiguousarray(pixels[..., 3]), 16))
    assert resize_bands(pixels, 40) is pixels


def test_resize_is_antialiased() -> None:
    stripes = np.zeros((64, 64, 3), np.uint8)
    stripes[:, ::2] = 255
    small = resize(stripes, 16)
    assert small.shape == (16, 16, 3)
    assert abs(small[2:-2, 2:-2].astype(float) - 127.5).max() < 6
    assert resize(stripes, 64) is stripes


def test_ranges_round_trip() -> None:
    pixels = np.arange(256, dtype=np.uint8).repeat(3).reshape(1, 16, 16, 3)
    assert np.array_equal(to_uint8(to_unit(pixels)), pixels)
    network = to_network(torch.from_numpy(pixels))
    assert network.shape == (1, 3, 16, 16)
    assert (float(network.min()), float(network.max())) == (-1, 1)
    torch.testing.assert_close((network.movedim(-3, -1) + 1) / 2, to_unit(pixels), **EXACT_FLOAT32._asdict())


def test_to_uint8_rounds_and_clamps() -> None:
    values = torch.tensor([-0.5, 0.4999 / 255, 0.5001 / 255, 1.5]).reshape(2, 2, 1).expand(2, 2, 3)
    assert to_uint8(values)[..., 0].ravel().tolist() == [0, 0, 1, 255]


@given(count=st.integers(1, 12), columns=st.one_of(st.none(), st.integers(1, 5)))
def test_tile_puts_each_picture_in_its_place(count: int, columns: int | None) -> None:
    pictures = np.arange(count, dtype=np.uint8)[:, None, None, None] * np.ones((1, 2, 3, 3), np.uint8)
    grid = tile(pictures, columns)
    across = grid.shape[1] // 3
    assert grid.shape[0] == -(-count // across) * 2
    for index in range(count):
        row, column = divmod(index, across)
        assert (grid[row * 2 : row * 2 + 2, column * 3 : column * 3 + 3] == index).all()


@pytest.mark.parametrize(("count", "columns"), [(1, 1), (3, 2), (7, 3), (8, 4), (15, 5), (16, 4)])
def test_tile_leaves_no_gaps_where_it_can(count: int, columns: int) -> None:
    assert tile(np.zeros((count, 1, 1, 1), np.uint8)).shape[1] == columns


def test_tile_of_nothing_is_an_error() -> None:
    with pytest.raises(ValueError, match="at least one"):
        tile(np.zeros((0, 2, 2, 3), np.uint8))


def test_opacity_is_that_of_the_file_or_none() -> None:
    ramp = gray_ramp()
    color = np.dstack([ramp, ramp.T, 255 - ramp])
    transparent = decode_picture(encoded(Image.fromarray(np.dstack([color, ramp]))))
    assert np.array_equal(transparent.rgb, color), "not multiplied in"
    assert np.array_equal(transparent.opacity, ramp)
    assert decode_picture(encoded(Image.fromarray(color))).opacity is None
    opaque = np.dstack([color, np.full_like(ramp, 255)])
    assert decode_picture(encoded(Image.fromarray(opaque))).opacity is None
    keyed = Image.fromarray(ramp)
    keyed.info["transparency"] = 7
    assert np.array_equal(decode_picture(encoded(keyed)).opacity == 0, ramp == 7)
    palette = Image.fromarray((color // 128) * 255).convert("P", palette=Image.Palette.ADAPTIVE, colors=8)
    buffer = io.BytesIO()
    palette.save(buffer, "PNG", transparency=bytes([0, 128] + [255] * 6))
    expected = np.choose(np.asarray(palette).clip(0, 2), [0, 128, 255])
    assert np.array_equal(decode_picture(buffer.getvalue()).opacity, expected)


def test_a_large_picture_is_copied_by_bands(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(0)
    pictures = [rng.integers(0, 256, (50, 30, channels), np.uint8).squeeze() for channels in (1, 3, 4)]
    whole = [decode_picture(encoded(Image.fromarray(pixels))) for pixels in pictures]
    deep = rng.integers(0, 65536, (50, 30)).astype(np.uint16)
    whole_deep = decode_picture(encoded(Image.fromarray(deep))).rgb[..., 0]
    monkeypatch.setattr("gghead.media.encoded.BAND_PIXELS", 7 * 30)
    for pixels, expected in zip(pictures, whole, strict=True):
        banded = decode_picture(encoded(Image.fromarray(pixels)))
        assert np.array_equal(banded.rgb, expected.rgb)
        assert np.array_equal(banded.opacity, expected.opacity)
    assert np.array_equal(decode_picture(encoded(Image.fromarray(deep))).rgb[..., 0], whole_deep)


@pytest.mark.filterwarnings("ignore:Corrupt EXIF data")
def test_what_a_file_says_about_its_picture() -> None:
    picture = Image.new("RGB", (8, 8))
    tags = Image.Exif()
    tags[0x0112] = 6
    assert decode_picture(encoded(picture)).traits == Traits("PNG RGB", orientation=1, frames=1, profiled=False)
    for kind in ("PNG", "JPEG", "WEBP"):
        buffer = io.BytesIO()
        picture.save(buffer, kind, exif=tags, icc_profile=b"Display P3")
        traits = decode_picture(buffer.getvalue()).traits
        assert (traits.orientation, traits.profiled) == (6, True), kind
        buffer = io.BytesIO()
        picture.save(buffer, kind, exif=b"Exif\0\0MM\0*\xff\xff\xff\xff", icc_profile=b"sRGB IEC61966-2.1")
        traits = decode_picture(buffer.getvalue()).traits
        assert (traits.orientation, traits.profiled) == (1, False), kind
    for kind in ("PNG", "WEBP"):
        buffer = io.BytesIO()
        other = Image.new("RGB", (8, 8), (255, 0, 0))
        picture.save(buffer, kind, save_all=True, append_images=[other], lossless=True)
        first = decode_picture(buffer.getvalue())
        assert first.traits.frames == 2
        assert not first.rgb.any(), "the first picture is used"


@pytest.mark.parametrize("kind", ["GIF", "BMP", "TIFF", "PPM", "EPS"])
def test_other_formats_are_refused_whatever_their_names_say(kind: str) -> None:
    buffer = io.BytesIO()
    Image.new("RGB", (8, 8)).save(buffer, kind)
    with pytest.raises(ValueError, match="expected an undamaged PNG, JPEG or WebP"):
        decode_picture(buffer.getvalue())


@pytest.mark.parametrize(("width", "height"), [(8193, 8), (8, 8193), (20_000, 20_000)])
def test_pictures_are_refused_by_their_header_when_they_are_too_large(width: int, height: int) -> None:
    with pytest.raises(ValueError, match=r"8192 a side|exceeds limit"):
        decode_picture(encoded(Image.new("1", (width, height))))


def test_the_size_of_a_picture_is_what_its_header_says_and_damaged_headers_say_nothing() -> None:
    data = encode_png(np.zeros((3, 7, 3), np.uint8))
    assert picture_size(data) == (7, 3)
    assert picture_size(data[:33]) == (7, 3), "pixels are not looked at"
    for place in range(12, 33):
        with pytest.raises(ValueError, match="not a readable picture"):
            picture_size(data[:place] + bytes([data[place] ^ 0x40]) + data[place + 1 :])

import builtins
import io
import struct
import zlib

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st
from PIL import Image, ImageCms, ImageOps

from gghead.photos import reading
from gghead.photos.reading import photograph_pixels, read_photograph
from photos.color_profiles import DISPLAY_P3, SRGB, display_profile, ink_profile
from tolerances import CONVERTED_COLORS, JPEG_COLORS

FORMATS = {"JPEG": {"quality": 95, "subsampling": 0}, "PNG": {}, "WEBP": {"lossless": True}, "TIFF": {}}
FORMATS |= {"AVIF": {"quality": 95, "subsampling": "4:4:4"}, "BMP": {}}


def photograph(width: int = 48, height: int = 32) -> np.ndarray:
    """Smooth, with other colours in each corner."""
    y, x = np.mgrid[0:height, 0:width]
    return np.stack([255 * x / (width - 1), 255 * y / (height - 1), 60 + 0 * x], -1).astype(np.uint8)


def encoded(pixels: np.ndarray | Image.Image, kind: str, **options: object) -> bytes:
    picture = Image.fromarray(pixels) if isinstance(pixels, np.ndarray) else pixels
    buffer = io.BytesIO()
    picture.save(buffer, kind, **{**FORMATS[kind], **options})
    return buffer.getvalue()


def difference(left: np.ndarray, right: np.ndarray) -> int:
    assert left.shape == right.shape
    return int(np.abs(left.astype(int) - right).max())


@pytest.mark.parametrize("kind", FORMATS)
def test_every_format_gives_its_colors(kind: str) -> None:
    read = read_photograph(encoded(photograph(), kind))
    assert difference(read, photograph()) <= (JPEG_COLORS if kind in ("JPEG", "AVIF") else 0)
    assert read.flags.c_contiguous
    assert read.flags.writeable


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF", "AVIF"])
def test_photographs_are_upright(kind: str, orientation: int) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    # What a camera turned so would have stored: the inverse of what makes it upright.
    inverse = {1: None, 2: 0, 3: 3, 4: 1, 5: 5, 6: 2, 7: 6, 8: 4}[orientation]
    picture = Image.fromarray(photograph())
    stored = picture if inverse is None else picture.transpose(Image.Transpose(inverse))
    read = read_photograph(encoded(stored, kind, exif=exif))
    assert difference(read, photograph()) <= (JPEG_COLORS if kind in ("JPEG", "AVIF") else 0)


@pytest.mark.filterwarnings("ignore:Corrupt EXIF data:UserWarning")
def test_damaged_exif_data_turn_nothing() -> None:
    data = encoded(photograph(), "JPEG", exif=b"Exif\0\0MM\0*\0\0\0\x08\0\x03\x01\x12\0\x03")
    assert difference(read_photograph(data), photograph()) <= JPEG_COLORS


def test_progressive_grey_and_subsampled_jpegs() -> None:
    assert difference(read_photograph(encoded(photograph(), "JPEG", progressive=True)), photograph()) <= JPEG_COLORS
    grey = photograph()[..., 0]
    assert difference(read_photograph(encoded(grey, "JPEG")), np.repeat(grey[..., None], 3, 2)) <= JPEG_COLORS


@pytest.mark.parametrize("ycck", [False, True])
def test_inks_without_a_profile_give_the_colors_that_they_were_made_from(ycck: bool) -> None:
    inks = Image.fromarray(255 - photograph()).convert("RGB")
    cmyk = Image.merge("CMYK", (*inks.split(), Image.new("L", inks.size, 0)))
    data = encoded(cmyk, "JPEG", subsampling=0)
    assert b"Adobe" in data  # inverted, as Photoshop and Pillow write them
    if ycck:
        data = as_ycck(inks)
    assert difference(read_photograph(data), photograph()) <= JPEG_COLORS


def as_ycck(inks: Image.Image) -> bytes:
    """Inks without black, stored as YCCK: libjpeg takes red for the inverse of cyan, which is inverted in the file.

    Pillow writes CMYK alone, inverted, so it is given the inverse of the planes; the marker says that they are YCCK.
    """
    y, cb, cr = inks.convert("YCbCr").split()
    planes = Image.merge("CMYK", [ImageOps.invert(plane) for plane in (y, cb, cr)] + [Image.new("L", inks.size, 0)])
    data = bytearray(encoded(planes, "JPEG", subsampling=0))
    place = data.index(b"Adobe") + 11
    assert data[place] == 0
    data[place] = 2
    return bytes(data)


def test_inks_are_mixed_as_their_profile_says() -> None:
    corners = np.random.default_rng(0).integers(20, 230, (2, 2, 2, 2, 3), np.uint8)
    corners[0, 0, 0, 0], corners[1, 1, 1, 1] = 255, 0
    to_lab = ImageCms.buildTransform(ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB"), "RGB", "LAB")
    lab = np.asarray(ImageCms.applyTransform(Image.fromarray(corners.reshape(4, 4, 3)), to_lab)).reshape(16, 3)
    lab = np.concatenate([lab[:, :1] / 2.55, lab[:, 1:].astype(np.int8)], -1)
    inks = np.stack(np.meshgrid(*[[0, 255]] * 4, indexing="ij"), -1).astype(np.uint8).reshape(4, 4, 4)
    picture = Image.fromarray(inks, "CMYK").resize((64, 64), Image.Resampling.NEAREST)
    profile = ink_profile(lab.reshape(2, 2, 2, 2, 3))
    for kind in ("TIFF", "JPEG"):
        read = read_photograph(encoded(picture, kind, icc_profile=profile))[8::16, 8::16]
        assert difference(read, corners.reshape(4, 4, 3)) <= JPEG_COLORS, kind


def linear(encoded_colors: np.ndarray) -> np.ndarray:
    values = encoded_colors / 255
    return np.where(values <= 0.04045, values / 12.92, ((values + 0.055) / 1.055) ** 2.4)


def display(linear_colors: np.ndarray) -> np.ndarray:
    values = linear_colors.clip(0, 1)
    return (255 * np.where(values <= 0.0031308, values * 12.92, 1.055 * values ** (1 / 2.4) - 0.055)).round()


@pytest.mark.parametrize("kind", ["PNG", "TIFF", "WEBP"])
def test_colors_of_display_p3_become_srgb(kind: str) -> None:
    dull = photograph() // 2 + 64  # inside of what sRGB can show
    expected = display(linear(dull) @ DISPLAY_P3.T @ np.linalg.inv(SRGB).T)
    read = read_photograph(encoded(dull, kind, icc_profile=display_profile(DISPLAY_P3)))
    assert difference(read, expected.astype(int)) <= CONVERTED_COLORS
    assert difference(read, dull) > 10 * CONVERTED_COLORS


def test_srgb_by_whatever_profile_stays_to_the_last_bit() -> None:
    for profile in (display_profile(SRGB), ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()):
        assert np.array_equal(read_photograph(encoded(photograph(), "PNG", icc_profile=profile)), photograph())


@pytest.mark.parametrize("profile", [b"sRGB or so", display_profile(DISPLAY_P3)[:200], bytes(3000)])
def test_a_damaged_profile_is_ignored(profile: bytes) -> None:
    assert np.array_equal(read_photograph(encoded(photograph(), "PNG", icc_profile=profile)), photograph())


def test_a_profile_for_another_kind_of_picture_is_ignored() -> None:
    profile = ink_profile(np.zeros((2, 2, 2, 2, 3)))
    assert np.array_equal(read_photograph(encoded(photograph(), "PNG", icc_profile=profile)), photograph())


def test_transparent_colors_lie_on_white() -> None:
    opacity = np.zeros((32, 48), np.uint8)
    opacity[:16], opacity[16:24] = 255, 51
    read = read_photograph(encoded(np.dstack([photograph(), opacity]), "PNG"))
    assert np.array_equal(read[:16], photograph()[:16])
    assert difference(read[16:24], (255 - (255 - photograph()[16:24].astype(float)) / 5).round().astype(int)) <= 1
    assert (read[24:] == 255).all()
    palette = Image.fromarray((photograph() // 128) * 255).convert("P", palette=Image.Palette.ADAPTIVE, colors=8)
    absent = int(np.asarray(palette)[0, 0])
    read = read_photograph(encoded(palette, "PNG", transparency=absent))
    assert (read[np.asarray(palette) == absent] == 255).all()
    assert not (read == 255).all()


def png_of_16_bits(pixels: np.ndarray) -> bytes:
    """Of colours, which Pillow doesn't write (PNG, third edition, 11.2)."""
    height, width, _ = pixels.shape
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in pixels)

    def chunk(kind: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    header = struct.pack(">IIBBBBB", width, height, 16, 2, 0, 0, 0)
    parts = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + parts


def test_deep_pictures_use_the_whole_range() -> None:
    deep = photograph().astype(np.uint16) * 257
    assert np.array_equal(read_photograph(png_of_16_bits(deep)), photograph())
    for kind in ("PNG", "TIFF"):
        grey = read_photograph(encoded(np.ascontiguousarray(deep[..., 0]), kind))
        assert np.array_equal(grey, np.repeat(photograph()[..., :1], 3, 2))
    black = Image.fromarray(photograph()[..., 0] > 127)
    assert set(np.unique(read_photograph(encoded(black, "PNG")))) == {0, 255}


def png_header(width: int, height: int) -> bytes:
    content = b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    start = b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + content + struct.pack(">I", zlib.crc32(content))
    return start + struct.pack(">I", 4) + b"IDAT" + bytes(8)


def test_too_large_pictures_are_refused_by_their_header() -> None:
    with pytest.raises(ValueError, match=r"declares 30000 x 30000 pixels; expected at most 268 million"):
        read_photograph(png_header(30_000, 30_000))
    with pytest.raises(ValueError, match="can't be read"):  # of 200 megapixels, and cut
        read_photograph(png_header(16_320, 12_240))


@pytest.mark.parametrize("kind", ["JPEG", "PNG"])
def test_large_photographs_are_read_at_half_their_size(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "FULL_PIXELS", 1000)
    pixels = photograph(49, 33)
    read = read_photograph(encoded(pixels, kind))
    assert read.shape == (17, 25, 3)
    assert difference(read[:16, :24], pixels[:32, :48].reshape(16, 2, 24, 2, 3).mean((1, 3)).astype(int)) <= JPEG_COLORS


@pytest.mark.slow  # decodes 101 megapixels
def test_photographs_larger_than_pillow_likes() -> None:
    assert read_photograph(encoded(Image.new("L", (12_000, 8_400), 100), "JPEG")).shape == (4200, 6000, 3)


@pytest.mark.filterwarnings("ignore::UserWarning:PIL")  # of damaged tags
@pytest.mark.parametrize("kind", FORMATS)
@given(st.data())
@settings(max_examples=15)
def test_cut_or_damaged_files_are_a_sentence(kind: str, data: st.DataObject) -> None:
    whole = encoded(photograph(), kind)
    cut = whole[: data.draw(st.integers(0, len(whole) - 1))]
    place = data.draw(st.integers(0, len(whole) - 1))
    flipped = whole[:place] + bytes([whole[place] ^ data.draw(st.integers(1, 255))]) + whole[place + 1 :]
    for broken in (cut, flipped):
        # Some damage only changes colours, or cuts what stands behind the pixels.
        read, problem = tried(broken)
        assert read is None or read.shape[2] == 3
        assert problem is None or ("expected" in problem and "\n" not in problem)


def tried(data: bytes) -> tuple[np.ndarray | None, str | None]:
    try:
        return read_photograph(data), None
    except ValueError as error:
        return None, str(error)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "AVIF"])
def test_half_a_file_is_refused(kind: str) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8)
    data = encoded(noise, kind)
    with pytest.raises(ValueError, match=f"the {kind} can't be read"):
        read_photograph(data[: len(data) // 2])


@given(st.binary(max_size=100))
def test_what_is_no_picture_is_a_sentence(data: bytes) -> None:
    with pytest.raises(ValueError, match="expected a"):
        read_photograph(data)


def test_previews_of_raw_photographs_are_refused() -> None:
    with pytest.raises(ValueError, match="raw data of a camera"):
        read_photograph(encoded(photograph(), "TIFF", tiffinfo={reading.PREVIEW: 1}))
    with pytest.raises(ValueError, match="32 bits"):
        read_photograph(encoded(Image.new("F", (8, 8)), "TIFF"))


HEIC = b"\0\0\0\x18ftypmif1\0\0\0\0mif1heic" + bytes(100)


def test_heic_without_its_package_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    def without(name: str, *arguments: object, **options: object) -> object:
        if name == "pillow_heif":
            raise ImportError(f"No module named '{name}'")
        return importing(name, *arguments, **options)

    importing = builtins.__import__
    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(ValueError, match="pip install pillow-heif"):
        read_photograph(HEIC)


def test_heic() -> None:
    heif = pytest.importorskip("pillow_heif", reason="needs the package pillow-heif, whose wheels hold parts under GPL")
    file = heif.from_pillow(Image.fromarray(photograph(64, 64)).transpose(Image.Transpose.ROTATE_90))
    exif = Image.Exif()
    exif[0x0112] = 6
    buffer = io.BytesIO()
    file.save(buffer, quality=95, chroma=444, exif=exif.tobytes())
    assert difference(read_photograph(buffer.getvalue()), photograph(64, 64)) <= JPEG_COLORS
    with pytest.raises(ValueError, match="the HEIC can't be read"):
        read_photograph(buffer.getvalue()[:-200])
    with pytest.raises(ValueError, match="the HEIC can't be read"):
        read_photograph(HEIC)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_picture_that_pillow_opened_is_read_as_its_file(orientation: int) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    data = encoded(photograph(), "PNG", exif=exif, icc_profile=display_profile(DISPLAY_P3))
    assert np.array_equal(photograph_pixels(Image.open(io.BytesIO(data))), read_photograph(data))


def test_pictures_of_pillow_of_other_kinds_are_seen_as_they_look() -> None:
    grey = np.linspace(0, 65535, 32 * 32).astype(np.uint16).reshape(32, 32)
    assert difference(photograph_pixels(Image.fromarray(grey))[..., 0], (grey / 257).astype(np.uint8)) <= 1
    assert (photograph_pixels(Image.new("RGBA", (8, 8), (0, 0, 0, 0))) == 255).all()
    with pytest.raises(ValueError, match="its pixels have 32 bits"):
        photograph_pixels(Image.new("F", (8, 8)))

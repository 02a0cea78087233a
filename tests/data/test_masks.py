"""What files of masks say, whatever tool wrote them."""

import io
import itertools
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st
from PIL import Image

from gghead.data.check.inspection import inspect
from gghead.data.check.inspection_page import page
from gghead.data.masks import decode_mask
from gghead.media.images import encode_png
from tiny_archive import COUNT, SIDE, picture_name, write_zip

Files = dict[str, bytes]
HALF = np.zeros((SIDE, SIDE), bool)
HALF[:, : SIDE // 2] = True
SOFT = np.linspace(0, 255, SIDE).round().astype(np.uint8)[None].repeat(SIDE, 0)
COLORS = np.random.default_rng(0).integers(1, 256, (SIDE, SIDE, 3), np.uint8)


def saved(picture: Image.Image, kind: str = "PNG", **options: object) -> bytes:
    buffer = io.BytesIO()
    picture.save(buffer, kind, **options)
    return buffer.getvalue()


def palette_of(colors: dict[int, tuple[int, int, int]], indices: np.ndarray, **options: object) -> bytes:
    picture = Image.fromarray(indices.astype(np.uint8)).convert("L")
    picture = Image.frombytes("P", picture.size, picture.tobytes())
    picture.putpalette(list(itertools.chain.from_iterable(colors.get(index, (9, 99, 199)) for index in range(256))))
    return saved(picture, **options)


HALF_MASKS: dict[str, tuple[bytes, str]] = {
    "grey": (encode_png(HALF * np.uint8(255)), "grey"),
    "1 bit": (encode_png(HALF), "grey"),
    "grey, person 200": (encode_png(HALF * np.uint8(200)), "grey"),
    "grey, person 1": (encode_png(HALF * np.uint8(1)), "grey"),
    "16 bits": (encode_png(HALF * np.uint16(65535)), "grey"),
    "16 bits, person 255": (encode_png(HALF * np.uint16(255)), "grey"),
    "RGB": (encode_png((HALF * np.uint8(255))[..., None].repeat(3, 2)), "grey"),
    "opaque RGBA": (encode_png(np.dstack([HALF * np.uint8(255)] * 3 + [np.full_like(SOFT, 255)])), "grey"),
    "opaque grey and alpha": (encode_png(np.dstack([HALF * np.uint8(255), np.full_like(SOFT, 255)])), "grey"),
    "cut-out": (encode_png(np.dstack([COLORS, HALF * np.uint8(255)])), "alpha"),
    "white with alpha": (encode_png(np.dstack([np.full_like(COLORS, 255), HALF * np.uint8(255)])), "alpha"),
    "black with alpha": (encode_png(np.dstack([np.zeros_like(COLORS), HALF * np.uint8(255)])), "alpha"),
    "grey with alpha": (encode_png(np.dstack([COLORS[..., 0], HALF * np.uint8(255)])), "alpha"),
    "cut-out in WebP": (saved(Image.fromarray(np.dstack([COLORS, HALF * np.uint8(255)])), "WEBP"), "alpha"),
    "palette, grey": (palette_of({0: (0, 0, 0), 1: (255, 255, 255)}, HALF), "grey"),
    "palette, one class": (palette_of({0: (0, 0, 0), 15: (192, 128, 128)}, HALF * 15), "two colours"),
    "palette with transparency": (
        palette_of({0: (10, 20, 30), 1: (40, 80, 20)}, HALF * 1, transparency=b"\0\xff"),
        "alpha",
    ),
    "grey in a transparent frame": (
        encode_png(
            np.dstack([HALF * np.uint8(255)] * 3 + [np.pad(np.full((SIDE, SIDE - 2), 255, np.uint8), [(0, 0), (0, 2)])])
        ),
        "grey and alpha",
    ),
    "grey, hardly transparent in one place": (
        encode_png(
            np.dstack(
                [
                    HALF * np.uint8(255),
                    np.where(np.arange(SIDE * SIDE) == 9, 254, 255).reshape(SIDE, SIDE).astype(np.uint8),
                ]
            )
        ),
        "grey and alpha",
    ),
    "red": (encode_png(np.dstack([HALF * np.uint8(255), HALF * np.uint8(0), HALF * np.uint8(0)])), "two colours"),
}


@pytest.mark.parametrize("kind", HALF_MASKS)
def test_every_way_to_say_that_the_left_half_is_person(kind: str) -> None:
    data, said_by = HALF_MASKS[kind]
    mask = decode_mask(data)
    assert np.array_equal(mask.coverage, HALF * np.uint8(255))
    assert mask.said_by == said_by


@pytest.mark.parametrize(
    "data",
    [
        encode_png(SOFT),
        encode_png(SOFT.astype(np.uint16) * 257),
        encode_png(np.dstack([SOFT] * 3)),
        encode_png(np.dstack([COLORS, SOFT])),
        encode_png(np.dstack([COLORS[..., 0], SOFT])),
        saved(Image.fromarray(SOFT).convert("P")),
    ],
)
def test_soft_masks_keep_their_values(data: bytes) -> None:
    assert np.array_equal(decode_mask(data).coverage, SOFT)


@pytest.mark.parametrize("kind", ["JPEG", "WEBP"])
@pytest.mark.parametrize("mode", ["L", "RGB"])
def test_lossy_masks_are_grey_up_to_their_noise(kind: str, mode: str) -> None:
    large = Image.fromarray((HALF * np.uint8(255)).repeat(8, 0).repeat(8, 1)).convert(mode)
    mask = decode_mask(saved(large, kind, quality=75))
    assert mask.said_by == "grey"
    assert np.abs(mask.coverage.astype(int) - np.asarray(large.convert("L"))).max() <= 16


@pytest.mark.parametrize(
    "data",
    [
        encode_png(COLORS),
        saved(Image.fromarray(COLORS), "JPEG"),
        palette_of({0: (0, 0, 0), 1: (128, 0, 0), 2: (0, 128, 0)}, HALF * 1 + np.triu(HALF)),
        palette_of({0: (0, 128, 0), 1: (128, 0, 0)}, HALF),
        encode_png(np.full((SIDE, SIDE, 3), [128, 0, 0], np.uint8)),
    ],
)
def test_maps_of_classes_and_photographs_are_refused_by_name(data: bytes) -> None:
    with pytest.raises(ValueError, match=r"the mask is coloured.*expected grey"):
        decode_mask(data)


def checked(tmp_path: Path, files: Files, masks: list[bytes]) -> str:
    write_zip(tmp_path / "heads_masks_modnet.zip", {picture_name(i): mask for i, mask in enumerate(masks)})
    return page(inspect(write_zip(tmp_path / "heads.zip", files), 8))


def test_the_check_names_what_masks_are_and_counts_odd_ones(files: Files, tmp_path: Path) -> None:
    kinds = [HALF_MASKS[kind][0] for kind in ("grey", "cut-out", "palette, one class")]
    translucent, colored = encode_png((SOFT * 0.8).astype(np.uint8)), encode_png(COLORS)
    text = checked(tmp_path, files, [*kinds, translucent, colored])
    assert "PNG L by grey: 2; PNG RGBA by alpha: 1; PNG P by two colours: 1" in text
    assert (
        f"note: 1 masks never reach white (255), so that the person would be translucent; that of {picture_name(3)} "
        in text
    )
    assert f"problem: {picture_name(4)} in {tmp_path / 'heads_masks_modnet.zip'}: the mask is coloured" in text
    text = checked(tmp_path, files, [kinds[0], kinds[1], translucent, translucent, translucent])
    assert "problem: 3 masks never reach white (255)" in text


def written(mask: np.ndarray, container: str) -> bytes:
    """A mask as one of the kinds of files that tools write."""
    if container == "16 bits":
        return encode_png(mask.astype(np.uint16) * 257)
    channels: dict[str, Callable[[], list[np.ndarray]]] = {
        "grey": lambda: [mask],
        "RGB": lambda: [mask] * 3,
        "cut-out": lambda: [*COLORS.transpose(2, 0, 1), mask],
        "grey with alpha": lambda: [COLORS[..., 0], mask],
        "opaque RGBA": lambda: [mask] * 3 + [np.full_like(mask, 255)],
    }
    return encode_png(np.dstack(channels[container]()).squeeze())


@settings(max_examples=100, deadline=None)
@given(
    container=st.sampled_from(["grey", "16 bits", "RGB", "cut-out", "grey with alpha", "opaque RGBA"]),
    levels=st.lists(st.integers(0, 255), min_size=1, max_size=6),
    seed=st.integers(0, 2**32 - 1),
)
def test_any_values_in_any_kind_of_file_are_the_mask(container: str, levels: list[int], seed: int) -> None:
    mask = np.random.default_rng(seed).choice(np.array(levels, np.uint8), (SIDE, SIDE))
    found = decode_mask(written(mask, container)).coverage
    if set(np.unique(mask)) in ({0, value} for value in range(1, 256)):
        assert np.array_equal(found, (mask > 0) * np.uint8(255)), "of two values the other than black is the person"
    elif "alpha" in container or container == "cut-out":
        opaque = (mask == 255).all()
        assert opaque or np.array_equal(found, mask)
    else:
        assert np.array_equal(found, mask)


def test_a_set_of_everything_is_used_as_it_is_told(files: Files, tmp_path: Path) -> None:
    assert len(files) == COUNT + 1
    text = checked(tmp_path, files, [HALF_MASKS["grey"][0]] * COUNT)
    assert "covering 50 on average, 50 to 50 % of a picture; PNG L by grey: 5" in text
    assert "note" not in text

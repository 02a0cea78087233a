"""Premultiplied foreground and alpha: what compositing gives of them, on any background."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis.extra.numpy import arrays

from gghead.data.dataset import HeadDataset
from gghead.data.pixels import composite, foreground, foreground_colors, premultiply
from gghead.media.encoded import decode_picture
from gghead.media.images import encode_png, resize
from tiny_archive import COUNT, SIDE, picture_name
from tolerances import RIM_LEFT

ALPHA, LEVEL = np.mgrid[:256, :256].astype(np.uint8)
"""Every alpha with every colour."""
COLORS = np.dstack((LEVEL, 255 - LEVEL, LEVEL))


def on(background: float, colors: np.ndarray, alpha: np.ndarray) -> np.ndarray:
    """The formula, rounded once."""
    share = alpha[..., None] / 255
    return (share * colors + (1 - share) * (background * 255)).round()


def composited(pixels: np.ndarray, background: float) -> np.ndarray:
    return composite(torch.from_numpy(pixels)[None], background)[0].numpy().astype(int)


def test_premultiplied_is_the_product_and_alpha() -> None:
    pixels = premultiply(COLORS, ALPHA)
    assert np.array_equal(pixels[..., 0], (ALPHA / 255 * LEVEL).round())
    assert np.array_equal(pixels[..., 3], ALPHA)


@pytest.mark.parametrize("background", [0.0, 1.0])
def test_on_black_and_white_stored_pictures_are_composited_without_a_difference(background: float) -> None:
    assert np.array_equal(composited(premultiply(COLORS, ALPHA), background), on(background, COLORS, ALPHA))


def test_on_any_background_stored_pictures_are_composited_within_a_level() -> None:
    pixels = premultiply(COLORS, ALPHA)
    for background in np.random.default_rng(0).random(50):
        found, expected = composited(pixels, float(background)), on(float(background), COLORS, ALPHA)
        assert np.abs(found - expected).max() <= 1
        assert np.array_equal(found[[0, -1]], expected[[0, -1]]), "nothing or all of it is background"


def test_each_picture_has_a_background_of_its_own() -> None:
    pixels = torch.from_numpy(premultiply(COLORS, ALPHA))[None].expand(2, -1, -1, -1)
    colors = torch.tensor([[0.2, 0.4, 0.9], [1.0, 0.0, 0.5]])
    behind = colors[:, None, None].repeat(1, *pixels.shape[1:3], 1)
    behind[:, 0, 0] = 0.7
    found = composite(pixels, behind)
    for picture, values in zip(found, colors.tolist(), strict=True):
        for channel, value in enumerate(values):
            expected = composite(pixels[:1], value)[0, ..., channel]
            expected[0, 0] = composite(pixels[:1], 0.7)[0, 0, 0, channel]
            assert torch.equal(picture[..., channel], expected)


@pytest.mark.parametrize("resolution", [SIDE, 8])
@pytest.mark.parametrize("background", [0.0, 0.3, 1.0])
def test_opaque_pictures_are_what_they_are(resolution: int, background: float) -> None:
    colors = np.random.default_rng(0).integers(0, 256, (SIDE, SIDE, 3), np.uint8)
    pixels = foreground(colors, np.full((SIDE, SIDE), 255, np.uint8), resolution)
    assert (pixels[..., 3] == 255).all()
    assert np.array_equal(composited(pixels, background), resize(colors, resolution))


def test_what_rings_at_an_edge_is_clamped_and_never_wraps_around() -> None:
    """A filter with negative lobes makes white brighter than white, next to an edge: on white it is white."""
    alpha = np.zeros((64, 64), np.uint8)
    alpha[:, 21:] = 255
    pixels = foreground(np.full((64, 64, 3), 255, np.uint8), alpha, 16)
    assert (composited(pixels, 1.0) >= 250).all()
    assert (composited(pixels, 0.0)[:, :4] <= 5).all()


def test_resizing_is_linear_where_nothing_is_clamped() -> None:
    """Compositing afterwards is compositing before, but for roundings: the filter does the same to all four bands."""
    rng = np.random.default_rng(0)
    coarse = rng.integers(60, 200, (8, 8, 4), np.uint8)
    smooth = np.stack([resize(np.ascontiguousarray(coarse[..., band]), 64) for band in range(4)], axis=2)
    colors, alpha = np.ascontiguousarray(smooth[..., :3]), np.ascontiguousarray(smooth[..., 3])
    pixels = foreground(colors, alpha, 16)
    for background in (0.0, 0.4, 1.0):
        before = resize(on(background, colors, alpha).astype(np.uint8), 16).astype(int)
        assert np.abs(composited(pixels, background) - before).max() <= 2


def test_one_set_of_pixels_serves_all_backgrounds(
    files: dict[str, bytes], masks: dict[str, bytes], write_set: Callable[[dict[str, bytes]], Path]
) -> None:
    rng = np.random.default_rng(1)
    soft = {picture_name(i): rng.integers(0, 256, (SIDE, SIDE), np.uint8) for i in range(COUNT)}
    masks |= {name: encode_png(mask) for name, mask in soft.items()}
    with HeadDataset.open(write_set(files), SIDE) as dataset:
        for index, (name, mask) in enumerate(soft.items()):
            colors = foreground_colors(decode_picture(files[name]).rgb, mask)
            for background, levels in ((0.0, 0), (0.3, 1), (1.0, 0)):
                found = dataset.read(index, background).astype(int)
                assert np.abs(found - on(background, colors, mask)).max() <= levels


def test_no_background_stays_in_the_rim_of_a_mask() -> None:
    """A disc of one colour with a soft rim, before a background of another, both with some shading."""
    side = 200
    y, x = np.mgrid[:side, :side] / side
    alpha = (255 * np.clip(0.5 - (np.hypot(x - 0.5, y - 0.5) - 0.3) * 20, 0, 1)).round().astype(np.uint8)
    person = np.stack([120 + 60 * x, 80 + 40 * y, 60 + 20 * x], axis=-1)
    behind = np.stack([20 + 30 * y, 160 + 60 * x, 40 + 30 * y], axis=-1)
    share = alpha[..., None] / 255
    picture = (share * person + (1 - share) * behind).round().astype(np.uint8)
    found = foreground_colors(picture, alpha)
    rim = (alpha > 0) & (alpha < 255)
    assert np.array_equal(found[~rim], picture[~rim])
    shone = np.abs(share * picture - share * person)[rim].mean()
    left = np.abs(share * found - share * person)[rim].mean()
    assert left < RIM_LEFT * shone


@given(arrays(np.uint8, (9, 9, 4)))
def test_colors_of_the_foreground_are_colors(pixels: np.ndarray) -> None:
    colors, alpha = pixels[..., :3], pixels[..., 3]
    found = foreground_colors(colors, alpha)
    sure = (alpha == 0) | (alpha == 255)
    assert np.array_equal(found[sure], colors[sure])
    assert found.dtype == np.uint8

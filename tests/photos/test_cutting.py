"""A crop is cut at exact places, without aliasing, and goes on by reflection beyond the photograph."""

import math
import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st
from PIL import Image

from gghead.photos.crop import Crop
from gghead.photos.cutting import cut
from tolerances import CUT_LEVELS, CUT_PLACES, CUT_PSNR

WIDTH, HEIGHT = 300, 200
WAVES = (6, 4)
"""Half periods across and down; whole numbers of them are their own reflection at both edges."""


def wave(points: np.ndarray, axis: int) -> np.ndarray:
    """Brightness of the pattern, 0 to 255, at places in pixels."""
    frequency = math.pi * WAVES[axis] / (WIDTH, HEIGHT)[axis]
    return 127.5 + 120 * np.cos(frequency * points[..., axis])


def pixel_centers(width: int, height: int) -> np.ndarray:
    return np.stack(np.meshgrid(np.arange(width) + 0.5, np.arange(height) + 0.5), -1)


def pattern() -> np.ndarray:
    """Red tells x, green tells y."""
    places = pixel_centers(WIDTH, HEIGHT)
    return np.stack([wave(places, 0), wave(places, 1), np.zeros((HEIGHT, WIDTH))], -1).round().astype(np.uint8)


def shifts(seen: np.ndarray, places: np.ndarray, axis: int) -> float:
    """How far the pattern lies beside its place, pixels of the photograph: least squares."""
    step = 1e-3 * np.eye(2)[axis]
    slope = (wave(places + step, axis) - wave(places - step, axis)) / 2e-3
    return float((slope * (seen - wave(places, axis))).sum() / (slope**2).sum())


@settings(max_examples=30)
@given(
    x=st.floats(-700, 900),
    y=st.floats(-700, 900),
    side=st.floats(30, 700),
    roll=st.floats(-math.pi, math.pi),
    resolution=st.integers(64, 200),
)
def test_everything_is_at_its_place_also_in_the_reflections(
    x: float, y: float, side: float, roll: float, resolution: int
) -> None:
    crop = Crop((x, y), side, roll)
    picture, inside = cut(pattern(), crop, resolution)
    places = crop.to_photograph((pixel_centers(resolution, resolution) / resolution).reshape(-1, 2))
    places = places.reshape(resolution, resolution, 2)
    for axis in (0, 1):
        assert np.abs(picture[..., axis] - wave(places, axis)).max() < CUT_LEVELS
    depth = np.minimum(places, [WIDTH, HEIGHT] - places).min(-1)
    on_the_edge = np.abs(depth) < 1e-9  # where rounding decides
    np.testing.assert_array_equal(inside[~on_the_edge], depth[~on_the_edge] > 0)


@pytest.mark.parametrize("roll", [0.0, 0.3, -2.0, math.pi / 2])
@pytest.mark.parametrize(("side", "resolution"), [(150, 512), (150, 150), (150, 100), (190, 41)])
def test_places_are_exact_to_a_fiftieth_of_a_pixel(roll: float, side: float, resolution: int) -> None:
    crop = Crop((151.3, 98.6), side, roll)
    picture, _ = cut(pattern(), crop, resolution)
    places = crop.to_photograph((pixel_centers(resolution, resolution) / resolution).reshape(-1, 2))
    for axis in (0, 1):
        assert abs(shifts(picture[..., axis].ravel().astype(float), places, axis)) < CUT_PLACES


def test_the_middle_of_a_photograph_at_its_own_size_is_the_photograph() -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (90, 120, 3), np.uint8)
    picture, inside = cut(pixels, Crop((60, 45), 64, 0.0), 64)
    np.testing.assert_array_equal(picture, pixels[13:77, 28:92])
    assert inside.all()


def test_beyond_the_edges_the_photograph_is_reflected_again_and_again() -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (6, 10, 3), np.uint8)
    picture, inside = cut(pixels, Crop((5, 3), 40, 0.0), 40)
    np.testing.assert_array_equal(picture, np.pad(pixels, ((17, 17), (15, 15), (0, 0)), "symmetric"))
    assert inside[17:23, 15:25].all()
    assert inside.sum() == 60


@pytest.mark.parametrize("roll", [0.0, 0.4])
def test_what_is_too_fine_for_the_result_is_averaged(roll: float) -> None:
    stripes = np.broadcast_to((np.arange(4200) % 3 == 0)[None, :, None] * np.uint8(255), (4200, 4200, 3))
    crop = Crop((2100, 2100), 4000 if roll == 0 else 3000, roll)
    picture, _ = cut(stripes, crop, 64)
    assert np.abs(picture.astype(int) - 85).max() <= 1


def clouds(side: int) -> np.ndarray:
    """As natural pictures have it: half the height at twice the frequency."""
    frequency = np.hypot(np.fft.fftfreq(side)[:, None], np.fft.fftfreq(side))
    spectrum = np.fft.fft2(np.random.default_rng(0).normal(size=(side, side))) / (frequency + 1 / side)
    field = np.fft.ifft2(spectrum).real
    gray = 127 + 25 * (field - field.mean()) / field.std()
    return np.repeat(gray.clip(0, 255).astype(np.uint8)[..., None], 3, axis=2)


@pytest.mark.parametrize("resolution", [64, 200, 330])
def test_an_upright_crop_is_as_good_as_resizing_by_lanczos(resolution: int) -> None:
    pixels = clouds(512)
    picture, _ = cut(pixels, Crop((260, 250), 400, 0.0), resolution)
    box = (60, 50, 460, 450)
    want = Image.fromarray(pixels).resize((resolution, resolution), Image.Resampling.LANCZOS, box)
    error = np.square(picture.astype(float) - np.asarray(want)).mean()
    assert 10 * math.log10(255**2 / error) > CUT_PSNR


def test_an_upright_crop_is_magnified_as_by_bicubic_resizing() -> None:
    pixels = clouds(128)
    picture, _ = cut(pixels, Crop((70, 60), 50, 0.0), 160)
    want = Image.fromarray(pixels).resize((160, 160), Image.Resampling.BICUBIC, (45, 35, 95, 85))
    assert np.abs(picture.astype(int) - np.asarray(want)).max() <= 1


def test_a_small_crop_of_a_huge_photograph_takes_little_memory() -> None:
    huge = np.broadcast_to(np.uint8(9), (10_000, 10_000, 3))
    for center in [(5000, 5000), (9950, 9950)]:
        tracemalloc.start()
        picture, _ = cut(huge, Crop(center, 300, 0.1), 128)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert peak < 10e6
        assert (picture == 9).all()


def test_a_photograph_of_one_pixel() -> None:
    picture, inside = cut(np.full((1, 1, 3), 77, np.uint8), Crop((0.5, 0.5), 100.0, 0.2), 50)
    assert (picture == 77).all()
    assert inside.sum() <= 1

"""Masks follow the person, be the crop turned, at the photograph's edge or wide, and are good on people rendered."""

import io
import math

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st
from PIL import Image

from face_models import face_models
from gghead.geometry.canonical_head import FFHQ_FOCAL
from gghead.photos.crop import Crop
from gghead.photos.cutting import cut
from gghead.photos.masks.guided_filter import guided_filter
from gghead.photos.masks.matting import SelfieMatting
from gghead.synthetic.people.portraits import Sitting, draw_head, head_maker
from tolerances import MASK_OF_SHARP, MASK_OVERLAP

RESOLUTION = 128


def red_is_person(pixels: np.ndarray) -> np.ndarray:
    """A segmenter as coarse as the real one."""
    red = (pixels[..., 0] > pixels[..., 1]).astype(np.float32) * 255
    coarse = Image.fromarray(red).resize((64, 64), Image.Resampling.BOX)
    return np.asarray(coarse.resize((256, 256), Image.Resampling.BICUBIC)).clip(0, 255) / np.float32(255)


def photograph(side: int = 300) -> tuple[np.ndarray, np.ndarray]:
    """A red person, an ellipse on a body, on textured green, and the true mask."""
    rng = np.random.default_rng(0)
    x, y = np.meshgrid(np.arange(side) / side - 0.5, np.arange(side) / side - 0.5)
    person = (np.square(x / 0.13) + np.square(y / 0.18) < 1) | ((y > 0.15) & (np.abs(x) < 0.3))
    colors = np.where(person[..., None], (150, 50, 50), (0, 120, 0))
    return (colors + rng.integers(0, 40, (side, side, 3))).astype(np.uint8), person


def overlap(alpha: np.ndarray, truth: np.ndarray) -> float:
    seen = alpha > 0.5
    return float((seen & truth).sum() / (seen | truth).sum())


@pytest.mark.parametrize("focal", [FFHQ_FOCAL, 2.4])
@pytest.mark.parametrize(
    "crop",
    [Crop((150.0, 150.0), 160.0, 0.0), Crop((155.0, 140.0), 170.0, 0.4), Crop((150.0, 140.0), 500.0, -0.2)],
    ids=["upright", "turned", "beyond the edges"],
)
def test_the_mask_lies_on_the_person(crop: Crop, focal: float) -> None:
    pixels, person = photograph()
    alpha = SelfieMatting(red_is_person).alpha(pixels, crop, RESOLUTION, focal)
    truth, inside = cut(np.repeat(person[..., None] * np.uint8(255), 3, axis=2), crop, RESOLUTION)
    assert alpha.min() >= 0
    assert alpha.max() <= 1
    assert not alpha[~inside].any()
    assert overlap(alpha, (truth[..., 0] > 127) & inside) > MASK_OF_SHARP


@settings(max_examples=25)
@given(
    width=st.integers(1, 90),
    height=st.integers(1, 90),
    x=st.floats(-100, 200),
    y=st.floats(-100, 200),
    side=st.floats(2, 400),
    roll=st.floats(-math.pi, math.pi),
    resolution=st.integers(8, 150),
    focal=st.sampled_from([1.0, 2.4, FFHQ_FOCAL, 8.0]),
)
def test_any_crop_of_any_photograph_has_a_mask(
    width: int, height: int, x: float, y: float, side: float, roll: float, resolution: int, focal: float
) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (height, width, 3), np.uint8)
    pixels[height // 4 :, width // 4 :] = (200, 20, 20)
    crop = Crop((x, y), side, roll)
    alpha = SelfieMatting(red_is_person).alpha(pixels, crop, resolution, focal)
    _, inside = cut(pixels, crop, resolution)
    assert alpha.shape == (resolution, resolution)
    assert alpha.dtype == np.float32
    assert ((alpha >= 0) & (alpha <= 1)).all()
    assert not alpha[~inside].any()


def test_where_nobody_is_the_mask_is_empty() -> None:
    pixels = np.full((200, 300, 3), (10, 150, 20), np.uint8)
    assert not SelfieMatting(red_is_person).alpha(pixels, Crop((150.0, 100.0), 120.0, 0.0), RESOLUTION).any()


def test_a_segmenter_that_leans_to_one_side_is_asked_from_both() -> None:
    pixels, _ = photograph()
    crop = Crop((150.0, 150.0), 160.0, 0.0)
    ramp = np.linspace(0.6, 1.0, 256, dtype=np.float32)
    leaning = SelfieMatting(lambda picture: red_is_person(picture) * ramp)
    alpha = leaning.alpha(pixels, crop, RESOLUTION)
    other = leaning.alpha(np.ascontiguousarray(pixels[:, ::-1]), crop, RESOLUTION)
    np.testing.assert_allclose(alpha, other[:, ::-1], atol=0.05)


def test_the_guided_filter_moves_a_blurred_rim_to_the_edge() -> None:
    truth = np.zeros((64, 64), np.float32)
    truth[:, 37:] = 1
    guide = np.repeat((truth * 200 + 20).astype(np.uint8)[..., None], 3, axis=2)
    coarse = np.tile(np.linspace(0, 1, 64, dtype=np.float32), (64, 1))
    coarse = ((coarse - 0.3) / 0.4).clip(0, 1)
    filtered = guided_filter(guide, coarse, radius=12, epsilon=1e-4)
    # In windows around the edge it is a step as the guide is; the ramp of 26 pixels had half of its height in 13.
    assert filtered[:, 37].min() - filtered[:, 36].max() > 0.4
    np.testing.assert_allclose(filtered[:, :6], 0, atol=0.02)


def test_the_guided_filter_keeps_what_is_linear_in_the_colors() -> None:
    guide = np.random.default_rng(0).integers(0, 256, (48, 48, 3), np.uint8)
    values = (guide @ np.array([0.2, 0.5, 0.1]) / 255 + 0.1).astype(np.float32)
    np.testing.assert_allclose(guided_filter(guide, values, 3, 1e-9), values, atol=1e-3)


@pytest.mark.slow
def test_masks_of_rendered_people() -> None:
    """`python -m benchmarks.photographs` measures it on more people over harder backgrounds."""
    models, sitting = face_models(), Sitting(256, seed=3)
    maker, matting, overlaps = head_maker(sitting), SelfieMatting(models.segment), []
    for number in range(4):
        portrait = draw_head(maker, sitting, number)[1][0]
        stream = io.BytesIO()
        Image.fromarray(portrait.pixels).save(stream, "JPEG", quality=80)
        crop = Crop((128.0, 128.0), 300.0, math.radians(4 * number - 6))
        alpha = matting.alpha(np.asarray(Image.open(stream)), crop, 256, FFHQ_FOCAL * 300 / 256)
        truth, inside = cut(np.repeat(portrait.mask[..., None], 3, axis=2), crop, 256)
        overlaps.append(overlap(alpha, (truth[..., 0] > 127) & inside))
    assert np.median(overlaps) > MASK_OVERLAP, overlaps

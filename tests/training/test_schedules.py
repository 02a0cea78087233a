"""Schedules at their ends and in their middle."""

import pytest

from gghead.config.training import TrainingConfig
from gghead.training.schedules import blur_sigma, ema_decay, growth_fade, is_due, swap_probability

OFFICIAL = TrainingConfig()


@pytest.mark.parametrize(
    ("every", "expected"), [(8, [8, 16, 24]), (10, [12, 20]), (2, [4, 8, 12, 16, 20, 24]), (0, [])]
)
def test_what_comes_every_so_many_images_is_due_once_for_each_multiple(every: int, expected: list[int]) -> None:
    assert [images for images in range(4, 28, 4) if is_due(images, every, batch_size=4)] == expected
    assert is_due(0, every, batch_size=4) == (every > 0)


@pytest.mark.parametrize(("images", "sigma"), [(0, 10), (100_000, 5), (200_000, 0), (10**7, 0)])
def test_blur(images: int, sigma: float) -> None:
    assert blur_sigma(OFFICIAL, images) == pytest.approx(sigma)


@pytest.mark.parametrize(("images", "probability"), [(0, 1), (500_000, 0.75), (1_000_000, 0.5), (10**7, 0.5)])
def test_swap(images: int, probability: float) -> None:
    assert swap_probability(OFFICIAL, images) == pytest.approx(probability)


def test_fades_may_be_switched_off() -> None:
    config = TrainingConfig(blur_fade_images=0, swap_fade_images=0)
    assert blur_sigma(config, 0) == 0
    assert swap_probability(config, 0) == 0.5
    assert growth_fade(TrainingConfig(growth_fade_images=0), 0) == 1
    assert ema_decay(TrainingConfig(ema_rampup=0), 0) ** (10_000 / 32) == pytest.approx(0.5)


@pytest.mark.parametrize(("images", "share"), [(0, 0), (250_000, 0.25), (1_000_000, 1), (10**7, 1)])
def test_growth(images: int, share: float) -> None:
    assert growth_fade(OFFICIAL, images) == pytest.approx(share)


@pytest.mark.parametrize(("images", "half_life"), [(20_000, 1_000), (200_000, 10_000), (10**7, 10_000)])
def test_ema_forgets_half_in_a_half_life(images: int, half_life: int) -> None:
    assert ema_decay(OFFICIAL, images) ** (half_life / 32) == pytest.approx(0.5)


def test_ema_starts_as_a_copy() -> None:
    assert ema_decay(OFFICIAL, 0) == 0

"""Differences of pictures: nothing for the same, more for the more different, and the published index."""

import pytest
import torch

from gghead.inversion.losses import dimmed_to_white, feature_difference, feature_maps, multiscale_ssim
from gghead.metrics.efficientnet import feature_distance, load_efficientnet
from tolerances import EXACT_FLOAT32


def noise(seed: int, side: int) -> torch.Tensor:
    return torch.rand(2, 3, side, side, generator=torch.Generator().manual_seed(seed))


def test_the_index_is_one_for_the_same_and_falls() -> None:
    picture = noise(0, 48)
    assert torch.allclose(multiscale_ssim(picture, picture), torch.ones(2))
    near, far = (multiscale_ssim(picture, picture.lerp(noise(1, 48), share)) for share in (0.2, 0.8))
    assert (near > far).all()


def test_a_single_scale_is_the_published_index() -> None:
    """Equation 13 of Wang et al. 2004, window by window."""
    first, second = noise(0, 16).double(), noise(0, 16).lerp(noise(1, 16), 0.3).double()
    places = torch.arange(-5.0, 6, dtype=torch.float64)
    weights = torch.exp(-(places[:, None].square() + places.square()) / (2 * 1.5**2))
    weights = (weights / weights.sum()).reshape(1, 1, -1, 1)
    x, y = (torch.nn.functional.unfold(each, 11).reshape(2, 3, 121, -1) for each in (first, second))

    def mean(values: torch.Tensor) -> torch.Tensor:
        return (weights * values).sum(dim=2, keepdim=True)

    variances = mean((x - mean(x)) ** 2) + mean((y - mean(y)) ** 2)
    covariance, both = mean((x - mean(x)) * (y - mean(y))), mean(x) * mean(y)
    index = (2 * both + 0.01**2) * (2 * covariance + 0.03**2)
    index = index / ((mean(x) ** 2 + mean(y) ** 2 + 0.01**2) * (variances + 0.03**2))
    found = multiscale_ssim(first.float(), second.float())
    torch.testing.assert_close(found.double(), index.mean(dim=(1, 2, 3)), rtol=1e-4, atol=1e-5)


def test_opposed_pictures_have_finite_gradients() -> None:
    first = noise(0, 48).requires_grad_()
    multiscale_ssim(first, 1 - first.detach()).sum().backward()
    assert first.grad is not None
    assert first.grad.isfinite().all()


def test_features_differ_as_the_metric_says() -> None:
    try:
        network = load_efficientnet()
    except FileNotFoundError:
        pytest.skip("the weights of EfficientNet-Lite0 are not installed")
    first, second = ((noise(seed, 32) * 255).round() for seed in (0, 1))
    expected = feature_distance(network, first.byte(), second.byte())
    found = feature_difference(feature_maps(network, first / 255), feature_maps(network, second / 255))
    torch.testing.assert_close(found, expected, rtol=1e-3, atol=EXACT_FLOAT32.atol)


def test_only_where_a_picture_is_white_may_a_head_be_brighter() -> None:
    white, grey, nobody = [0.5, 0.5, 0.5, 0.5], [0.3, 0.3, 0.3, 0.5], [0.0] * 4
    pixels = torch.tensor([white, grey, nobody])[None, None]
    alpha = torch.full((1, 1, 3, 1), 0.5)
    bright, dark = torch.full((1, 1, 3, 3), 0.9), torch.full((1, 1, 3, 3), 0.1)
    assert dimmed_to_white(bright, alpha, pixels)[0, 0, :, 0].tolist() == pytest.approx([0.5, 0.9, 0.9])
    assert torch.equal(dimmed_to_white(dark, alpha, pixels), dark)

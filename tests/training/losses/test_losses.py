"""Every loss term against a case computed by hand."""

import math

import pytest
import torch

from gghead.config.model import GeneratorConfig
from gghead.model.decoder import log_scales
from gghead.training.losses.adversarial import discriminator_loss, generator_loss, gradient_penalty
from gghead.training.losses.blur import blur_matrix, gaussian_blur
from gghead.training.losses.regularizers import FLAT, beta_loss, mean_norm, saturation, uv_total_variation


def test_logistic_losses() -> None:
    logits = torch.tensor([0.0, 2.0])
    expected = torch.tensor([math.log(2), math.log(1 + math.exp(-2))])
    torch.testing.assert_close(generator_loss(logits), expected)
    torch.testing.assert_close(discriminator_loss(logits, torch.ones_like(logits)), expected)
    torch.testing.assert_close(discriminator_loss(-logits, torch.zeros_like(logits)), expected)


def test_hinge_losses() -> None:
    logits = torch.tensor([[0.0, 2.0], [-3.0, 0.5]])
    torch.testing.assert_close(generator_loss(logits, "hinge"), torch.tensor([-1.0, 1.25]))
    real, fake = torch.ones(2), torch.zeros(2)
    torch.testing.assert_close(discriminator_loss(logits, real, "hinge"), torch.tensor([0.5, 2.25]))
    torch.testing.assert_close(discriminator_loss(logits, fake, "hinge"), torch.tensor([2.0, 0.75]))


def test_losses_of_heads_are_averaged() -> None:
    logits = torch.tensor([[0.0, 2.0]])
    mean = (math.log(2) + math.log(1 + math.exp(-2))) / 2
    torch.testing.assert_close(generator_loss(logits), torch.tensor([mean]))


def test_r1_of_a_linear_critic_is_the_squared_norm_of_its_weights() -> None:
    weights = torch.tensor([1.0, -2.0, 3.0]).reshape(1, 3, 1, 1).requires_grad_()
    pictures = torch.randn(2, 3, 4, 4, requires_grad=True)
    penalty = gradient_penalty((pictures * weights).sum(dim=(1, 2, 3)), [pictures])
    torch.testing.assert_close(penalty, torch.full((2,), 14.0 * 16))
    penalty.mean().backward()
    torch.testing.assert_close(weights.grad.flatten(), 2 * 16 * weights.detach().flatten())


def test_mean_norm() -> None:
    raw = torch.tensor([[[3.0, 4.0, 0.0], [0.0, 0.0, 1.0]], [[0.0, 0.0, 0.0], [0.0, 2.0, 0.0]]])
    torch.testing.assert_close(mean_norm(raw), torch.tensor([3.0, 1.0]))


def test_saturation_begins_where_activations_keep_a_twentieth_of_their_slope_and_pulls_back_from_there() -> None:
    raw = torch.linspace(-9, 9, 3 * 601, requires_grad=True)
    config = GeneratorConfig()

    def steepness(activated: torch.Tensor) -> torch.Tensor:
        (slope,) = torch.autograd.grad(activated.sum(), raw)
        return slope / slope.max()

    def pull(**where: torch.Tensor) -> torch.Tensor:
        nothing = torch.zeros(1, 601, 3)
        attributes = {"positions": nothing, "scales": nothing, "opacities": nothing} | where
        (gradient,) = torch.autograd.grad(saturation(**attributes, config=config), raw)
        return gradient

    shaped = raw.reshape(1, 601, 3)
    for found, flat in (
        (pull(positions=shaped), steepness(raw.tanh()) < FLAT),
        (pull(scales=shaped), steepness(log_scales(shaped, config)) < FLAT),
        (pull(opacities=shaped), steepness(raw.sigmoid()) < FLAT),
    ):
        assert flat.any()
        assert torch.equal(found != 0, flat)
        assert torch.equal(found[flat].sign(), raw[flat].sign())
    edge = math.atanh(math.sqrt(1 - FLAT))
    positions = torch.tensor([[[edge + 2, 0.0, -edge - 1]]])
    found = saturation(positions, torch.zeros(1, 1, 3), torch.zeros(1, 1), config)
    assert float(found) == pytest.approx((2**2 + 1**2) / 3)


def test_beta_loss_vanishes_at_the_ends_and_peaks_in_the_middle() -> None:
    assert float(beta_loss(torch.tensor([[0.0, 1.0]]))) == pytest.approx(0, abs=1e-5)
    assert float(beta_loss(torch.tensor([[0.5]]))) == pytest.approx(2 * math.log(0.6) + 2.20727, abs=1e-5)


def test_uv_variation_of_a_ramp() -> None:
    u = torch.arange(4.0).expand(3, 4) * 0.1
    uv = torch.stack([u, torch.zeros(3, 4)], dim=-1)[None]
    half = torch.full((1, 3, 4, 1), 0.5)
    # Divided by the coverage, u rises by 0.2 a pixel; the other two channels of the mean and all downwards by nothing.
    assert float(uv_total_variation(uv, half)) == pytest.approx(0.2 / 3, abs=1e-6)


def test_uv_variation_ignores_pairs_with_an_empty_pixel() -> None:
    uv = torch.tensor([[0.0, 9.0, 1.0, 1.5]]).reshape(1, 1, 4, 1).expand(1, 1, 4, 2)
    coverage = torch.tensor([1.0, 0.0, 1.0, 1.0]).reshape(1, 1, 4, 1)
    assert float(uv_total_variation(uv, coverage)) == pytest.approx(2 * 0.5 / 3)


def test_uv_variation_of_nothing_is_zero_and_differentiable() -> None:
    uv = torch.zeros(1, 3, 3, 2, requires_grad=True)
    loss = uv_total_variation(uv, torch.zeros(1, 3, 3, 1))
    loss.backward()
    assert float(loss.detach()) == 0
    assert torch.isfinite(uv.grad).all()


def test_blur_keeps_the_mean_and_spreads_a_point() -> None:
    picture = torch.zeros(1, 3, 41, 41)
    picture[:, :, 20, 20] = 1
    blurred = gaussian_blur(picture, blur_matrix(3.0, 41))
    torch.testing.assert_close(blurred.sum(dim=(2, 3)), torch.ones(1, 3))
    offsets = torch.arange(41.0) - 20
    variance = (blurred[0, 0].sum(dim=0) * offsets.square()).sum()
    assert float(variance) == pytest.approx(9, rel=0.05)
    assert gaussian_blur(picture, None) is picture
    torch.testing.assert_close(gaussian_blur(torch.ones(1, 3, 8, 8), blur_matrix(10.0, 8)), torch.ones(1, 3, 8, 8))
    assert torch.equal(gaussian_blur(picture, blur_matrix(0.2, 41)), picture)

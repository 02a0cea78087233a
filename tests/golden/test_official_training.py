"""Pictures, losses and gradients of an imported official checkpoint against what the official code computed."""

import copy
from dataclasses import dataclass

import numpy as np
import pytest
import torch

from gghead.config.training import TrainingConfig
from gghead.gaussians.scene import Gaussians
from gghead.gaussians.shading import freeze_colors
from gghead.geometry.cameras import Cameras
from gghead.model.discriminator import Discriminator
from gghead.model.generator import Generator
from gghead.rasterizer import Rendering, render
from gghead.training.losses import terms as terms_module
from gghead.training.losses.regularizers import uv_total_variation
from gghead.training.losses.terms import GeneratorTerms, generator_terms
from model.official.official_import import read_official
from official_backward import with_official_backward
from official_fixture import official_arrays, official_file
from tolerances import (
    DIFFERENCE_QUOTIENT,
    OFFICIAL_DEEP_GRADIENT,
    OFFICIAL_GRADIENT,
    OFFICIAL_LOSS,
    OFFICIAL_POSITION_GRADIENT,
    OFFICIAL_PSNR,
    OFFICIAL_ROTATION_GRADIENT,
    OFFICIAL_SCALE_GRADIENT,
)

CONFIG = TrainingConfig(position_weight=0.1, scale_weight=0.05, uv_variation_weight=100.0, beta_weight=1.0)


@dataclass(frozen=True)
class Official:
    """Networks, inputs and expected values."""

    generator: Generator
    discriminator: Discriminator
    arrays: dict[str, np.ndarray]

    def tensor(self, name: str) -> torch.Tensor:
        """An array of the fixture as a tensor."""
        return torch.from_numpy(self.arrays[name])


@pytest.fixture(scope="module")
def official() -> Official:
    arrays = official_arrays()
    checkpoint = read_official(official_file("official_a.pkl"))
    assert checkpoint.discriminator is not None
    return Official(checkpoint.generator_ema, checkpoint.discriminator, arrays)


@pytest.fixture(scope="module")
def terms(official: Official) -> GeneratorTerms:
    labels = official.tensor("c_render")
    styles = official.generator.map_styles(official.tensor("z"), Cameras.from_labels(labels, 1))
    return generator_terms(official.generator, official.discriminator, CONFIG, styles, labels)


@pytest.fixture(scope="module")
def gradients(official: Official) -> dict[str, torch.Tensor]:
    """Of the generator's parameters by name, with the release's backward pass of scales and rotations."""

    def render_officially(heads: Gaussians, *arguments: object, **named: object) -> Rendering:
        return render(with_official_backward(heads), *arguments, **named)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(terms_module, "render", render_officially)
        labels = official.tensor("c_render")
        styles = official.generator.map_styles(official.tensor("z"), Cameras.from_labels(labels, 1))
        terms = generator_terms(official.generator, official.discriminator, CONFIG, styles, labels)
        named = dict(official.generator.named_parameters())
        found = torch.autograd.grad(terms.total(CONFIG), list(named.values()), allow_unused=True)
    return {name: gradient for name, gradient in zip(named, found, strict=True) if gradient is not None}


def psnr(picture: torch.Tensor, expected: torch.Tensor) -> float:
    """Peak signal-to-noise ratio of pictures whose range is 2, dB."""
    return float(10 * torch.log10(4 / (picture - expected).square().mean()))


def test_pictures(official: Official) -> None:
    heads = official.generator.decode(official.tensor("ws_psi0.7"), noise="none")
    cameras = Cameras.from_labels(official.tensor("c_render"), 128)
    with torch.no_grad():
        drawn = render(heads, cameras, pairwise=True)
        frozen = render(freeze_colors(heads, cameras[0]), cameras, pairwise=True)
    assert psnr(drawn.rgb.permute(0, 3, 1, 2) * 2 - 1, official.tensor("image")) >= OFFICIAL_PSNR
    assert psnr(drawn.alpha.permute(0, 3, 1, 2) * 2 - 1, official.tensor("mask")) >= OFFICIAL_PSNR
    assert psnr(frozen.rgb.permute(0, 3, 1, 2) * 2 - 1, official.tensor("image_sh_ref_cam0")) >= OFFICIAL_PSNR


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        ("logits", "loss/Loss/scores/fake"),
        ("adversarial", "loss/Loss/G/loss"),
        ("position", "loss/Loss/G/reg_raw_gaussian_position"),
        ("scale", "loss/Loss/G/reg_raw_gaussian_scale"),
        ("beta", "loss/Loss/G/beta_loss"),
        ("uv_variation", "loss/Loss/G/reg_tv_uv_rendering"),
    ],
)
def test_every_loss_term(ours: str, theirs: str, official: Official, terms: GeneratorTerms) -> None:
    value, expected = getattr(terms, ours).detach(), official.tensor(theirs)
    expected = expected.reshape(value.shape) if value.ndim else expected.mean()
    torch.testing.assert_close(value, expected, **OFFICIAL_LOSS._asdict())


def relative_error(value: torch.Tensor, expected: torch.Tensor) -> float:
    """Difference in norm."""
    return float((value - expected).norm() / expected.norm())


@pytest.mark.parametrize(
    ("channels", "bound"),
    [
        (slice(0, 3), OFFICIAL_POSITION_GRADIENT),
        (slice(3, 6), OFFICIAL_SCALE_GRADIENT),
        (slice(6, 9), OFFICIAL_ROTATION_GRADIENT),
        (slice(9, 21), OFFICIAL_GRADIENT),
        (slice(21, 22), OFFICIAL_GRADIENT),
    ],
    ids=["position", "scale", "rotation", "colour", "opacity"],
)
def test_gradient_of_the_output_channels(
    channels: slice, bound: float, official: Official, gradients: dict[str, torch.Tensor]
) -> None:
    gradient = gradients["synthesis.blocks.4.to_output.weight"].reshape(22, -1)
    expected = official.tensor("gradG/backbone.synthesis.b64.torgb.weight").reshape(22, -1)
    assert relative_error(gradient[channels], expected[channels]) < bound


@pytest.mark.parametrize(
    ("ours", "theirs", "bound"),
    [
        ("position_weight", "_zero_conv_position.weight", OFFICIAL_POSITION_GRADIENT),
        ("synthesis.blocks.1.conv0.weight", "backbone.synthesis.b8.conv0.weight", OFFICIAL_DEEP_GRADIENT),
        ("mapping.layers.0.weight", "backbone.mapping.fc0.weight", OFFICIAL_DEEP_GRADIENT),
    ],
)
def test_gradients_below_the_output_channels(
    ours: str, theirs: str, bound: float, official: Official, gradients: dict[str, torch.Tensor]
) -> None:
    gradient = gradients[ours]
    assert relative_error(gradient, official.tensor(f"gradG/{theirs}").reshape(gradient.shape)) < bound


def test_norm_of_all_gradients(official: Official, gradients: dict[str, torch.Tensor]) -> None:
    norm = torch.stack([gradient.norm() for gradient in gradients.values()]).norm()
    assert float(norm) == pytest.approx(float(official.arrays["gradG_norm"]), rel=OFFICIAL_GRADIENT)


def test_gradients_of_scales_and_rotations_are_the_derivative_of_the_loss(official: Official) -> None:
    """Ours, not the release's, are confirmed by central differences in double precision."""
    generator = copy.deepcopy(official.generator).double()
    weight = generator.get_parameter("synthesis.blocks.4.to_output.weight")
    labels = official.tensor("c_render").double()[:1]
    styles = generator.map_styles(official.tensor("z").double()[:1], Cameras.from_labels(labels, 1)).detach()

    def loss() -> torch.Tensor:
        drawn = render(
            generator.decode(styles, noise="none"),
            Cameras.from_labels(labels, 128),
            features=generator.texel_uvs[None],
            pairwise=True,
        )
        return 100 * uv_total_variation(drawn.features, drawn.alpha)

    (gradient,) = torch.autograd.grad(loss(), weight)
    for channel in (3, 4, 5, 6, 7, 8):
        direction = torch.zeros_like(weight)
        direction[channel] = gradient[channel] / gradient[channel].norm()
        with torch.no_grad():
            values = []
            for step in (1e-7, -1e-7):
                weight += step * direction
                values.append(float(loss()))
                weight -= step * direction
        slope = (values[0] - values[1]) / 2e-7
        assert slope == pytest.approx(float(gradient[channel].norm()), rel=DIFFERENCE_QUOTIENT), channel

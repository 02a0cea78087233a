"""Scale - convolution - scale is the modulated convolution of the paper, picture by picture."""

import math

import pytest
import torch
from torch.nn.functional import conv2d, leaky_relu

from gghead.stylegan.layers import initialize
from gghead.stylegan.modulation import Filled, Modulator, StyledConv, ToOutput, at_once, demodulation, energy
from gghead.stylegan.resampling import upsampling_conv
from tolerances import EXACT_FLOAT64


@pytest.mark.parametrize("upsampled", [False, True])
def test_styled_conv_is_the_loop_over_pictures(upsampled: bool) -> None:
    side = 8 if upsampled else 4
    layer = StyledConv(3, 5, 6, side, upsampled)
    initialize(layer, seed=1)
    layer.double()
    with torch.no_grad():
        layer.noise_strength.fill_(0.3)
        layer.bias.normal_()
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(4, 3, 4, 4, generator=generator, dtype=torch.float64)
    style = torch.randn(4, 6, generator=generator, dtype=torch.float64)
    noise = torch.randn(4, 1, side, side, generator=generator, dtype=torch.float64)
    expected = []
    for picture, scale, grain in zip(x, layer.affine(style), noise, strict=True):
        weight = layer.weight * scale.view(1, -1, 1, 1)
        weight = weight / (weight.square().sum(dim=(1, 2, 3), keepdim=True) + 1e-8).sqrt()
        y = (
            upsampling_conv(picture[None], weight.transpose(0, 1))
            if upsampled
            else conv2d(picture[None], weight, padding=1)
        )
        y = y + grain * layer.noise_strength + layer.bias.view(1, -1, 1, 1)
        expected.append(leaky_relu(y, 0.2) * math.sqrt(2))
    scale, following = layer.affine(style), torch.randn(4, 5, generator=generator, dtype=torch.float64)
    features, scaled = layer(x * scale[..., None, None], demodulation(energy(layer.weight), scale), noise, following)
    torch.testing.assert_close(features, torch.cat(expected), **EXACT_FLOAT64._asdict())
    torch.testing.assert_close(scaled, features * following[..., None, None], **EXACT_FLOAT64._asdict())


def test_to_output_is_not_demodulated() -> None:
    layer = ToOutput(3, 2, 6)
    initialize(layer, seed=1)
    layer.double()
    x, style = torch.randn(2, 3, 4, 4, dtype=torch.float64), torch.randn(2, 6, dtype=torch.float64)
    weights = layer.scaled_weight() * layer.affine(style)[:, None]
    scale = layer.affine(style) / math.sqrt(3)
    expected = [conv2d(p[None], layer.weight * s.view(1, -1, 1, 1), layer.bias) for p, s in zip(x, scale, strict=True)]
    torch.testing.assert_close(layer(x, weights), torch.cat(expected), **EXACT_FLOAT64._asdict())
    torch.testing.assert_close(layer(x[:1], weights[:1]), expected[0], **EXACT_FLOAT64._asdict())


def test_a_frozen_network_modulates_all_layers_at_once() -> None:
    convs = [StyledConv(3, 5, 6, 4, False), StyledConv(5, 2, 6, 8, True), StyledConv(2, 2, 6, 8, False)]
    outputs = [ToOutput(5, 1, 6), ToOutput(2, 1, 6)]
    for i, layer in enumerate((*convs, *outputs)):
        initialize(layer, seed=i)
    styles = torch.randn(5, 4, 6)
    expected = Modulator()(convs, outputs, styles)
    found = at_once(convs, outputs, styles, Filled.of(convs, outputs))
    for ours, theirs in zip(found, expected, strict=True):
        assert [tensor.shape for tensor in ours] == [tensor.shape for tensor in theirs]
        for own, other in zip(ours, theirs, strict=True):
            torch.testing.assert_close(own, other)

"""How different two pictures are, differentiably: absolute, in structure, and to a network."""

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional

from gghead.gaussians.scene import Gaussians
from gghead.geometry.cameras import Cameras
from gghead.geometry.spherical_harmonics import basis, degree_of
from gghead.metrics.efficientnet import EfficientNetLite

SSIM_WINDOW, SSIM_SIGMA = 11, 1.5
SSIM_C1, SSIM_C2 = 0.01**2, 0.03**2
"""Constants of the index for values in [0, 1]."""
SCALE_WEIGHTS = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)
"""Of the scales, finest first; where a picture is too small for all, the first of them are used."""
MIN_MAP = 1e-6
"""Keeps a pixel in which no channel of a feature map speaks from an infinite gradient."""


def gaussian_window(device: torch.device) -> Float[Tensor, " K"]:
    """The window of the index along an axis."""
    places = torch.arange(SSIM_WINDOW, device=device) - SSIM_WINDOW // 2
    window = torch.exp(-places.square() / (2 * SSIM_SIGMA**2))
    return window / window.sum()


def multiscale_ssim(first: Float[Tensor, "B 3 H W"], second: Float[Tensor, "B 3 H W"]) -> Float[Tensor, " B"]:
    """Multi-scale structural similarity of pictures in [0, 1], 1 for the same.

    Args:
        first: pictures, `SSIM_WINDOW` pixels a side or more.
        second: what they are compared with.

    Source: Wang et al. 2003, "Multi-scale structural similarity for image quality assessment", equation 7.
    """
    smallest = min(first.shape[-2:])
    scales = max(1, min(len(SCALE_WEIGHTS), (smallest // SSIM_WINDOW).bit_length()))
    weights = [weight / sum(SCALE_WEIGHTS[:scales]) for weight in SCALE_WEIGHTS[:scales]]
    window = gaussian_window(first.device)
    result = first.new_ones(len(first))
    for scale in range(scales):
        structure, luminance = _ssim_terms(first, second, window)
        term = structure * luminance if scale == scales - 1 else structure
        # Negative where structures are opposed, of which no fractional power is a number.
        value = term.mean(dim=(1, 2, 3)).clamp_min(1e-3)
        result = result * value ** weights[scale]
        if scale < scales - 1:
            first, second = functional.avg_pool2d(first, 2), functional.avg_pool2d(second, 2)
    return result


def _ssim_terms(first: Tensor, second: Tensor, window: Float[Tensor, " K"]) -> tuple[Tensor, Tensor]:
    stack = torch.cat([first, second, first * first, second * second, first * second], dim=1)
    mean1, mean2, square1, square2, product = blurred(stack, window).split(first.shape[1], dim=1)
    covariance = product - mean1 * mean2
    variances = square1 - mean1.square() + square2 - mean2.square()
    structure = (2 * covariance + SSIM_C2) / (variances + SSIM_C2)
    luminance = (2 * mean1 * mean2 + SSIM_C1) / (mean1.square() + mean2.square() + SSIM_C1)
    return structure, luminance


def blurred(pictures: Float[Tensor, "B C H W"], window: Float[Tensor, " K"]) -> Float[Tensor, "B C h w"]:
    """Means of pixels that a window weighs along both axes, where it lies inside; channel by channel."""
    if pictures.is_cuda:
        # cuDNN runs such convolutions channel after channel, and rounds to TF32, which is too coarse for variances.
        down, across = (_banded(window, side) for side in pictures.shape[-2:])
        return down.mT @ (pictures @ across)
    channels = pictures.shape[1]
    kernel = window.expand(channels, 1, 1, -1)
    return functional.conv2d(functional.conv2d(pictures, kernel, groups=channels), kernel.mT, groups=channels)


def _banded(window: Float[Tensor, " K"], side: int) -> Float[Tensor, "s t"]:
    """The matrix that weighs the pixels of a row by a window at each of its places."""
    places = torch.arange(side, device=window.device)
    inside = places[:, None] - places[None, : side - len(window) + 1]
    return torch.where((inside >= 0) & (inside < len(window)), window[inside.clamp(0, len(window) - 1)], 0.0)


def below_black(heads: Gaussians, cameras: Cameras) -> Float[Tensor, ""]:
    """How far colours are below zero, which is drawn as black: the mean over Gaussians and cameras.

    A picture has no gradient for what it shows as black, so that a Gaussian which began there would stay there.

    Args:
        heads: batch [] or [B].
        cameras: batch [B]; they all see a single head.
    """
    towards = functional.normalize(heads.means - cameras.centers()[:, None], dim=-1)
    weights = basis(towards, degree_of(heads.sh.shape[-2]))
    return (-0.5 - torch.einsum("bnk,bnkc->bnc", weights, heads.sh.expand(*weights.shape, 3))).relu().mean()


def dimmed_to_white(
    rgb: Float[Tensor, "B H W 3"], alpha: Float[Tensor, "B H W 1"], pixels: Float[Tensor, "B H W 4"]
) -> Float[Tensor, "B H W 3"]:
    """Colours as a picture shows them that has nothing brighter than white: cut where its person is white, only there.

    What is brighter is as right as white there; elsewhere it is wrong, and has a gradient.

    Args:
        rgb: premultiplied colours that are compared with the picture, not bounded above.
        alpha: of these.
        pixels: of the picture, premultiplied, and its alpha, 0 to 1.
    """
    seen = pixels[..., 3:]
    return torch.where((pixels[..., :3] >= seen) & (seen > 0), rgb.minimum(alpha), rgb)


def feature_maps(network: EfficientNetLite, pictures: Float[Tensor, "B 3 H W"]) -> list[Float[Tensor, "B _ _ _"]]:
    """Maps of a network for pictures in [0, 1], each pixel's channels scaled to unit length."""
    return [functional.normalize(found, dim=1, eps=MIN_MAP) for found in network.maps(pictures * 255)]


def feature_difference(first: Sequence[Tensor], second: Sequence[Tensor]) -> Float[Tensor, " B"]:
    """What `metrics.efficientnet.feature_distance` computes, of maps that `feature_maps` made."""
    return torch.stack([(a - b).square().sum(dim=1).mean(dim=(1, 2)) for a, b in zip(first, second, strict=True)]).sum(
        dim=0
    )

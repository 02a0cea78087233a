"""Random changes of pictures before the discriminator sees them, so that it can't learn a small dataset by heart.

Real and generated pictures are changed alike, and gradients reach the generator through the changes. Nothing of them
gets into the heads, as long as some pictures stay as they are.
"""

import torch
from jaxtyping import Float
from torch import Tensor

LARGEST_ZOOM = 1.25
"""A part of the picture is shown, at least 1 / 1.25 of its side, and as large as the whole."""
BRIGHTNESS = 0.5
"""Largest number, of colours in [-1, 1], that is added to all."""
SATURATION, CONTRAST = (0.0, 2.0), (0.5, 1.5)
"""Bounds of the factors of differences from a pixel's grey, and from the picture's mean."""
CUT = 0.5
"""Side of the square that is grey, in sides of the picture; parts of it may lie outside."""
NUMBERS = 9
"""Random numbers that a picture's change is made of."""


def augment(
    pictures: Float[Tensor, "B 3 R R"],
    labels: Float[Tensor, "B 25"],
    numbers: Float[Tensor, "B 9"] | None,
    probability: float,
) -> tuple[Float[Tensor, "B 3 R R"], Float[Tensor, "B 25"]]:
    """Pictures of which some are a part of themselves, in other colours, and with a grey square; and their cameras.

    Args:
        pictures: colours in [-1, 1].
        labels: of their cameras.
        numbers: random, uniform in [0, 1); None leaves all as they are.
        probability: that a picture is changed.

    Source: Zhao et al. 2020, "Differentiable Augmentation for Data-Efficient GAN Training", section 3.3 and appendix;
    Karras et al. 2020, "Training Generative Adversarial Networks with Limited Data", for the probability.
    """
    if numbers is None:
        return pictures, labels
    changed, zoom, left, top, *rest = numbers.unbind(dim=1)
    changed = (changed < probability).to(pictures.dtype)
    share = 1 / (1 + (LARGEST_ZOOM - 1) * zoom * changed)
    left, top = left * (1 - share), top * (1 - share)
    pictures = _cropped(pictures, left, top, share)
    return _recolored(pictures, changed, *rest), _labels_of_parts(labels, left, top, share)


def _cropped(
    pictures: Float[Tensor, "B 3 R R"], left: Float[Tensor, " B"], top: Float[Tensor, " B"], share: Float[Tensor, " B"]
) -> Float[Tensor, "B 3 R R"]:
    """Parts as large as the whole, as products with matrices: so gradients are the same bits on a GPU, too."""
    side = pictures.shape[-1]
    return _resampling(top, share, side)[:, None] @ pictures @ _resampling(left, share, side)[:, None].mT


def _resampling(start: Float[Tensor, " B"], share: Float[Tensor, " B"], side: int) -> Float[Tensor, "B R R"]:
    """Linear interpolation of a row of pixels, borders repeated; start and share in units of the side."""
    pixels = torch.arange(side, device=start.device, dtype=start.dtype)
    places = start[:, None] * side + (pixels + 0.5) * share[:, None] - 0.5
    places = places.clamp(0, side - 1)
    return (1 - (places[..., None] - pixels).abs()).relu()


def _recolored(
    pictures: Float[Tensor, "B 3 R R"],
    changed: Float[Tensor, " B"],
    brightness: Float[Tensor, " B"],
    saturation: Float[Tensor, " B"],
    contrast: Float[Tensor, " B"],
    column: Float[Tensor, " B"],
    row: Float[Tensor, " B"],
) -> Float[Tensor, "B 3 R R"]:
    def factor(number: Tensor, bounds: tuple[float, float]) -> Float[Tensor, "B 1 1 1"]:
        low, high = bounds
        return (1 + changed * (low + (high - low) * number - 1))[:, None, None, None]

    pictures = pictures + (changed * BRIGHTNESS * (2 * brightness - 1))[:, None, None, None]
    grey = pictures.mean(dim=1, keepdim=True)
    pictures = grey + factor(saturation, SATURATION) * (pictures - grey)
    mean = pictures.mean(dim=(1, 2, 3), keepdim=True)
    pictures = mean + factor(contrast, CONTRAST) * (pictures - mean)
    pixels = (torch.arange(pictures.shape[-1], device=pictures.device) + 0.5) / pictures.shape[-1]
    inside = [((pixels - centre[:, None]).abs() < CUT / 2).to(pictures.dtype) for centre in (row, column)]
    hidden = changed[:, None, None] * inside[0][:, :, None] * inside[1][:, None, :]
    return pictures * (1 - hidden[:, None])


def _labels_of_parts(
    labels: Float[Tensor, "B 25"], left: Float[Tensor, " B"], top: Float[Tensor, " B"], share: Float[Tensor, " B"]
) -> Float[Tensor, "B 25"]:
    """The cameras that see these parts, whose focal lengths and principal points are in units of the side."""
    Ks = labels[:, 16:].unflatten(1, (3, 3))
    corner = torch.stack([left, top], dim=1)[..., None] * Ks[:, 2:]
    rows = (Ks[:, :2] - corner) / share[:, None, None]
    return torch.cat([labels[:, :16], rows.flatten(1), Ks[:, 2]], dim=1)

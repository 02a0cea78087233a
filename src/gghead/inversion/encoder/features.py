"""Pictures as numbers from which the styles of their heads follow: maps of a known network, and the camera."""

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from gghead.metrics.efficientnet import SIDE, EfficientNetLite

CELLS = 7
"""Cells a side into which maps are averaged: an eye has one of its own."""
MAPS = (2, 3)
"""Maps of the network: 40 channels of 28 x 28, and 80 of 14 x 14."""
CHANNELS = 40 + 80 + 4
"""Of those maps, and of colours and alpha."""
POSE = 12
"""Numbers of a label that say where the camera is: rotation and place."""
BACKGROUND = 0.5
"""Grey behind the head."""


class PictureFeatures(nn.Module):
    """Pictures and cameras -> features.

    Args:
        network: EfficientNet-Lite0, frozen.

    Attributes:
        count: of the features of a picture.
    """

    count = CHANNELS * CELLS**2 + POSE

    def __init__(self, network: EfficientNetLite) -> None:
        super().__init__()
        self.network = network

    @torch.no_grad()
    def forward(self, pixels: Float[Tensor, "B S S 4"], labels: Float[Tensor, "B 25"]) -> Float[Tensor, "B F"]:
        """Features of each picture.

        Args:
            pixels: premultiplied foreground and alpha, 0 to 1.
            labels: of the cameras, see `Cameras.from_labels`.
        """
        planes = pixels.permute(0, 3, 1, 2)
        maps = self.network.maps(255 * (planes[:, :3] + (1 - planes[:, 3:]) * BACKGROUND))
        maps = [functional.adaptive_avg_pool2d(found, CELLS) for found in (*(maps[k] for k in MAPS), planes)]
        return torch.cat([*(found.flatten(1) for found in maps), labels[:, :POSE]], dim=1)


def scaled_pixels(pixels: Float[Tensor, "B R R 4"], side: int = SIDE) -> Float[Tensor, "B S S 4"]:
    """Pictures of another side, by default that of the network's."""
    if pixels.shape[1] == side:
        return pixels
    planes = pixels.permute(0, 3, 1, 2)
    return functional.interpolate(planes, (side, side), mode="bilinear", antialias=True).permute(0, 2, 3, 1)

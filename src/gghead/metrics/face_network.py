"""dlib's face-recognition network in torch: a residual network of 29 convolutions, from a face to 128 numbers.

Source: King 2017, "High Quality Face Recognition with Deep Metric Learning", and dlib's published example
`dnn_face_recognition_ex`; He et al. 2016, "Deep Residual Learning for Image Recognition", of which it is the network of
34 layers with fewer layers and half of the filters.
"""

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

CHIP_SIDE = 150
"""Side of the pictures that the network knows, pixels."""
MEAN_COLOR = (122.782, 117.001, 104.298)
"""Of the pictures that it learned from, levels of 255; taken off, and the rest divided by 256."""
EMBEDDING = 128
STEM_FILTERS, STEM_SIDE, STEM_STRIDE = 32, 7, 2
"""Of the first convolution."""
BLOCKS = (
    *((32, False),) * 3,
    *((64, True), *((64, False),) * 3),
    *((128, True), *((128, False),) * 2),
    *((256, True), *((256, False),) * 2),
    (256, True),
)
"""Filters of the residual blocks, and whether they halve the picture's side."""


class FaceNetwork(nn.Module):
    """The network; `gghead.metrics.dlib_weights` reads its weights."""

    mean_color: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("mean_color", torch.tensor(MEAN_COLOR)[:, None, None])
        self.stem = nn.Conv2d(3, STEM_FILTERS, STEM_SIDE, STEM_STRIDE)
        widths = (STEM_FILTERS, *(filters for filters, _ in BLOCKS))
        self.blocks = nn.Sequential(*(Block(inputs, *block) for inputs, block in zip(widths, BLOCKS, strict=False)))
        self.head = nn.Linear(widths[-1], EMBEDDING, bias=False)

    def forward(self, chips: Float[Tensor, "B 3 150 150"]) -> Float[Tensor, "B 128"]:
        """Vectors of aligned faces, RGB in [0, 1]."""
        x = functional.relu(self.stem((chips * 255 - self.mean_color) / 256))
        return self.head(self.blocks(functional.max_pool2d(x, 3, 2)).mean(dim=(2, 3)))


class Block(nn.Module):
    """Two convolutions beside a shortcut.

    Args:
        inputs: channels.
        filters: of both convolutions.
        halves: whether the first, which then has no padding, and the shortcut halve the side.
    """

    def __init__(self, inputs: int, filters: int, halves: bool) -> None:
        super().__init__()
        self.first = nn.Conv2d(inputs, filters, 3, stride=2 if halves else 1, padding=0 if halves else 1)
        self.second = nn.Conv2d(filters, filters, 3, padding=1)
        self._halves = halves

    def forward(self, x: Float[Tensor, "B I h w"]) -> Float[Tensor, "B F _ _"]:
        """The sum; where one of the two has fewer channels, rows or columns, zeros are appended."""
        found = self.second(functional.relu(self.first(x)))
        x = functional.avg_pool2d(x, 2) if self._halves else x
        size = torch.Size(map(max, zip(x.shape, found.shape, strict=True)))
        return functional.relu(_padded(found, size) + _padded(x, size))


def _padded(x: Tensor, size: torch.Size) -> Tensor:
    if x.shape == size:
        return x
    missing = [wanted - there for wanted, there in zip(size, x.shape, strict=True)]
    return functional.pad(x, (0, missing[3], 0, missing[2], 0, missing[1]))

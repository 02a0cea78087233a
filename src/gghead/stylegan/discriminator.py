"""Picture and label -> logit, the residual discriminator of StyleGAN2 with projection of the label."""

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import cast

import torch
from jaxtyping import Float
from torch import Tensor, nn

from gghead.stylegan.activations import bias_activation, smoothed_activation
from gghead.stylegan.convolution import conv2d
from gghead.stylegan.cuda_layers import channels_last
from gghead.stylegan.layers import EqualizedConv, EqualizedLinear, block_channels, half_or
from gghead.stylegan.mapping import LabelMapping
from gghead.stylegan.pictures import read_pictures
from gghead.stylegan.precision import in_own_precision
from gghead.stylegan.resampling import downsample, with_downsampled

LAST_RESOLUTION = 4
"""Side of the features that the head of the discriminator reads."""


class DiscriminatorBlock(nn.Module):
    """Residual block that halves the picture: two 3 x 3 convolutions beside one 1 x 1 convolution."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        half = math.sqrt(0.5)  # keeps the sum of the two paths at unit variance
        self.conv0 = EqualizedConv(inputs, inputs, kernel=3)
        self.conv1 = EqualizedConv(inputs, outputs, kernel=3, gain=half)
        self.skip = EqualizedConv(inputs, outputs, kernel=1, biased=False, gain=half)

    def forward(self, x: Float[Tensor, "B I R R"]) -> Float[Tensor, "B O R//2 R//2"]:
        """Applies the block."""
        x, small = with_downsampled(x)
        y = smoothed_activation(self.conv0.convolve(x), self.conv0.scaled_bias())
        y = conv2d(y, self.conv1.scaled_weight(x.dtype), stride=2)
        return bias_activation(y, self.conv1.scaled_bias(), self.skip.convolve(small))


class PictureReader(EqualizedConv):
    """1 x 1 convolution from colours to features, with bias and leaky ReLU."""

    def __init__(self, colors: int, outputs: int) -> None:
        super().__init__(colors, outputs, kernel=1)

    def forward(self, pictures: Float[Tensor, "B I H W"]) -> Float[Tensor, "B O H W"]:
        """Features of every pixel."""
        return read_pictures(pictures, self.scaled_weight(self.weight.dtype)[..., 0, 0], self.scaled_bias())


class DiscriminatorNetwork(nn.Module):
    """Picture and label -> logit. At the sides of the discriminators that it was grown from, it goes on reading the
    downsampled picture, beside the features of the blocks above.

    Attributes:
        bf16_blocks: number of blocks, from the finest on, that compute in bfloat16; no part of the model, who runs the
            network sets it.
        fade: of a discriminator that was grown, the factor of the features of its newest blocks, 0 to 1.
    """

    fade: Tensor

    def __init__(
        self,
        resolution: int,
        picture_channels: int,
        label_size: int,
        channel_base: int,
        channel_max: int,
        mapping_layers: int,
        group_size: int,
        grown_from: tuple[int, ...] = (),
    ) -> None:
        super().__init__()
        self.bf16_blocks = 0
        sizes = [resolution >> i for i in range(int(math.log2(resolution // LAST_RESOLUTION)) + 1)]
        widths = [block_channels(size, channel_base, channel_max) for size in sizes]
        last = widths[-1]
        self.from_picture = PictureReader(picture_channels, widths[0])
        blocks = nn.Sequential(*[DiscriminatorBlock(a, b) for a, b in pairwise(widths)])
        self.blocks = cast(Sequence[DiscriminatorBlock], blocks)
        self.conv = EqualizedConv(last + 1, last, kernel=3)
        self.hidden = EqualizedLinear(last * LAST_RESOLUTION**2, last, activated=True)
        self.features = EqualizedLinear(last, last)
        self.mapping = LabelMapping(label_size, last, mapping_layers)
        self.group_size = group_size
        self.grown_from = grown_from
        self.from_smaller = nn.ModuleDict(
            {
                str(size): PictureReader(picture_channels, width)
                for size, width in zip(sizes, widths, strict=True)
                if size in grown_from
            }
        )
        if grown_from:
            self.register_buffer("fade", torch.ones(()))

    @in_own_precision
    def forward(self, pictures: Float[Tensor, "B C R R"], labels: Float[Tensor, "B L"]) -> Float[Tensor, " B"]:
        """Evaluates pictures; high logits mean real.

        Raises:
            ValueError: the batch does not split into groups of group_size pictures.
        """
        full = self.conv.weight.dtype
        pictures = channels_last(pictures)
        x = self.from_picture(pictures.to(half_or(full, 1, self.bf16_blocks)))
        for i, block in enumerate(self.blocks):
            x = block(x.to(half_or(full, i + 1, self.bf16_blocks)))
            if self.grown_from:
                x, pictures = self._read_smaller(x, pictures)
        x = self.conv(append_deviation(x.to(full), self.group_size))
        x = self.features(self.hidden(x.flatten(1)))
        return (x * self.mapping(labels)).sum(dim=1) / math.sqrt(x.shape[1])

    def _read_smaller(
        self, x: Float[Tensor, "B F r r"], pictures: Float[Tensor, "B C R R"]
    ) -> tuple[Float[Tensor, "B F r r"], Tensor]:
        """Adds what an earlier discriminator read at the features' side; returns the sum and the pictures there."""
        size = x.shape[-1]
        if size < min(self.grown_from):
            return x, pictures
        pictures = downsample(pictures)
        if size == max(self.grown_from):
            x = x * self.fade.to(x.dtype)
        if size in self.grown_from:
            x = x + self.from_smaller[str(size)](pictures.to(x.dtype))
        return x, pictures


def append_deviation(x: Float[Tensor, "B C h w"], group_size: int) -> Float[Tensor, "B C+1 h w"]:
    """Appends a channel that tells how much the pictures of a group differ: their features' mean standard deviation.

    Picture i belongs to group i mod (B / group size), as in StyleGAN2; a batch below group_size is one group.

    Raises:
        ValueError: the batch does not split into groups.

    Source: Karras et al. 2018, "Progressive Growing of GANs", section 3.
    """
    batch = len(x)
    size = min(group_size, batch)
    if batch % size:
        raise ValueError(
            f"a batch of {batch} pictures; the discriminator compares groups of {size}: use a multiple of {size}"
        )
    groups = x.unflatten(0, (size, batch // size))
    deviation = (groups.var(dim=0, correction=0) + 1e-8).sqrt().mean(dim=(1, 2, 3))  # [groups]
    channel = deviation.repeat(size).view(batch, 1, 1, 1).expand(-1, 1, *x.shape[2:])
    return torch.cat([x, channel], dim=1)

"""Synthesis network: style vectors -> an image of any number of channels, in the skip architecture of StyleGAN2."""

from collections.abc import Sequence
from typing import Any, Literal, cast

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from gghead.stylegan.cuda_layers import channels_last
from gghead.stylegan.layers import block_channels, half_or
from gghead.stylegan.modulation import Modulator, StyledConv, ToOutput
from gghead.stylegan.precision import in_own_precision
from gghead.stylegan.resampling import add_upsampled

Noise = Literal["const", "none"] | Sequence[Float[Tensor, "N 1 _ _"]]
"""Noise added in the synthesis layers: fixed with the network, none, or given for each layer (see `draw_noise`)."""
FIRST_RESOLUTION = 4
"""Side of the learned constant that the first block starts from."""


class SynthesisBlock(nn.Module):
    """The layers that work at one resolution: one or two styled convolutions and the layer to the output.

    Args:
        inputs: channels of the previous block; 0 for the first block, which starts from a learned constant.
        width: channels of this block.
        outputs: channels of the network's output.
        style_size: floats of a style vector.
        resolution: side of the block's features.
    """

    def __init__(self, inputs: int, width: int, outputs: int, style_size: int, resolution: int) -> None:
        super().__init__()
        self.const = None if inputs else nn.Parameter(torch.empty(width, resolution, resolution))
        self.conv0 = StyledConv(inputs, width, style_size, resolution, upsampled=True) if inputs else None
        self.conv1 = StyledConv(width, width, style_size, resolution, upsampled=False)
        self.to_output = ToOutput(width, outputs, style_size)

    def initialize(self, generator: torch.Generator) -> None:
        """Draws the constant of the first block anew."""
        if self.const is not None:
            with torch.no_grad():
                self.const.normal_(generator=generator)

    @property
    def convs(self) -> tuple[StyledConv, ...]:
        """The styled convolutions in their order."""
        return (self.conv1,) if self.conv0 is None else (self.conv0, self.conv1)


class SynthesisNetwork(nn.Module):
    """Style vectors -> image. Blocks at 4, 8, ... resolution; each adds to the upsampled output of those before it.

    Attributes:
        bf16_blocks: number of blocks, from the finest on, that compute in bfloat16; no part of the model, who runs the
            network sets it.
    """

    def __init__(self, style_size: int, resolution: int, outputs: int, channel_base: int, channel_max: int) -> None:
        super().__init__()
        self.bf16_blocks = 0
        self.modulator = Modulator()
        blocks = []
        size, inputs = FIRST_RESOLUTION, 0
        while size <= resolution:
            width = block_channels(size, channel_base, channel_max)
            blocks.append(SynthesisBlock(inputs, width, outputs, style_size, size))
            size, inputs = size * 2, width
        self.blocks = cast(Sequence[SynthesisBlock], nn.ModuleList(blocks))

    def block_dtype(self, index: int) -> torch.dtype:
        """Type in which a block computes."""
        return half_or(self.blocks[0].conv1.weight.dtype, len(self.blocks) - index, self.bf16_blocks)

    @property
    def convs(self) -> list[StyledConv]:
        """The styled convolutions in their order."""
        return [conv for block in self.blocks for conv in block.convs]

    @property
    def num_styles(self) -> int:
        """Style vectors that the network takes: one for each convolution and one for the last layer to the output."""
        return 2 * len(self.blocks)

    def draw_noise(self, batch: int, generator: torch.Generator) -> list[Float[Tensor, "B 1 _ _"]]:
        """Random noise for every layer, from a generator on the network's device."""
        return [
            torch.randn(batch, 1, *conv.fixed_noise.shape, generator=generator, device=conv.fixed_noise.device)
            for conv in self.convs
        ]

    @in_own_precision
    def forward(self, styles: Float[Tensor, "B L W"], noise: Noise = "const") -> Float[Tensor, "B C R R"]:
        """Draws images.

        Args:
            styles: one vector for each layer; the layer to the output of a block takes the vector that the next block's
                first convolution takes too.
            noise: see `Noise`.

        Raises:
            ValueError: the number of style vectors or of noises is wrong.
        """
        convs = self.convs
        if styles.shape[1] != self.num_styles:
            raise ValueError(f"got {styles.shape[1]} style vectors a picture; this network takes {self.num_styles}")
        vectors = torch.cat([styles[:, :-1], styles[:, 1::2]], dim=1).transpose(0, 1)
        scales, norms, output_weights = self.modulator(convs, [block.to_output for block in self.blocks], vectors)
        grains = layer_noises(convs, noise)
        const = self.blocks[0].const
        assert const is not None, "the first block starts from it"
        x, image, layer = channels_last(const * scales[0][..., None, None]), None, 0
        for i, block in enumerate(self.blocks):
            x = x.to(self.block_dtype(i))
            for conv in block.convs:
                next_scale = scales[layer + 1] if layer + 1 < len(convs) else None
                features, x = conv(x, norms[layer], grains[layer], next_scale, is_kept=conv is block.conv1)
                layer += 1
            output = block.to_output(features, output_weights[i])
            image = output if image is None else add_upsampled(output, image)
        assert image is not None, "there is a block"
        return _FirstChannels.apply(image, block.to_output.weight.shape[0])


class _FirstChannels(torch.autograd.Function):
    """The first channels, of which the gradient w.r.t. all stays channels last."""

    @staticmethod
    def forward(ctx: Any, image: Float[Tensor, "B F R R"], count: int) -> Float[Tensor, "B C R R"]:
        ctx.others = image.shape[1] - count
        return image[:, :count]

    @staticmethod
    def backward(ctx: Any, gradient: Float[Tensor, "B C R R"]) -> tuple[Float[Tensor, "B F R R"], None]:
        return functional.pad(gradient, (0, 0, 0, 0, 0, ctx.others)), None


def layer_noises(convs: Sequence[StyledConv], noise: Noise) -> list[Float[Tensor, "N 1 _ _"] | None]:
    """The noise of each layer, or None for none.

    Raises:
        ValueError: another number of noises than of layers is given.
    """
    if noise == "none":
        return [None] * len(convs)
    if noise == "const":
        return [conv.fixed_noise[None, None] for conv in convs]
    if len(noise) != len(convs):
        raise ValueError(f"got noise for {len(noise)} layers; this network has {len(convs)}, draw_noise makes it")
    return list(noise)

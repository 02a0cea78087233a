"""The encoder: a residual network over the picture, asked for each style vector and for patches of the UV map."""

import math
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from gghead.config.model import LABEL_SIZE
from gghead.config.numbers import require_power_of_two, require_whole
from gghead.geometry.cameras import Cameras

MAX_SIDE = 256
"""Side of the pictures that an encoder looks at, pixels, at most."""
WIDTHS = (48, 96, 160, 224)
"""Channels of the stages, whose features have a 4th, 8th, 16th and 32nd of the picture's side."""
BLOCKS = 2
"""Residual blocks of a stage."""
PATCH = 2
"""Side of the part of the residual that a query answers for, texels."""
TOKEN_STAGES = 2
"""Stages, the last, whose pixels the queries look at."""
GROUPS = 8
"""Of channels that are normalised together."""
QUERY_SIZE, HEADS, LAYERS = 256, 8, 2
"""Numbers of a query, attention heads, and layers of the decoder that answers queries."""
LABEL_SCALE = 3.0
"""Brings differences of camera labels, a radian and less, to the size of what they are added to."""


@dataclass(frozen=True)
class EncoderConfig:
    """Sizes of an encoder.

    Attributes:
        side: of the pictures, pixels; a power of two from 16.
        num_styles: style vectors of the generator.
        style_size: numbers of each.
        map_channels: of the generator's UV maps.
        residual_side: of the coarse residual, texels; a power of two from 8.
    """

    side: int
    num_styles: int
    style_size: int
    map_channels: int
    residual_side: int

    def __post_init__(self) -> None:
        require_power_of_two("side", self.side, 16)
        require_whole("num_styles", self.num_styles, 2, 64)
        require_whole("style_size", self.style_size, 1, 2**16)
        require_whole("map_channels", self.map_channels, 1, 2**10)
        require_power_of_two("residual_side", self.residual_side, 8)


@dataclass(frozen=True)
class HeadEstimate:
    """What heads are: styles in whitened coordinates, see `StyleSpace`, and a coarse residual of the UV maps.

    Attributes:
        shared: coordinates of all layers together.
        layers: what each layer adds.
        residual: what is added to the maps, enlarged.
    """

    shared: Float[Tensor, "B W"]
    layers: Float[Tensor, "B L W"]
    residual: Float[Tensor, "B C r r"]

    def __getitem__(self, piece: slice) -> "HeadEstimate":
        """Those of some heads."""
        return HeadEstimate(self.shared[piece], self.layers[piece], self.residual[piece])

    def of_layers(self) -> Float[Tensor, "B L W"]:
        """Coordinates of each layer."""
        return self.shared[:, None] + self.layers


class _Block(nn.Module):
    """Pre-activation residual block, He et al. 2016, with group normalisation."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.norm0, self.norm1 = nn.GroupNorm(GROUPS, channels), nn.GroupNorm(GROUPS, channels)
        self.conv0 = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        self.conv1 = nn.Conv2d(channels, channels, 3, padding=1)
        nn.init.zeros_(self.conv1.weight)  # a new network is shallow, and learns from the first step on

    def forward(self, x: Float[Tensor, "B C H W"]) -> Float[Tensor, "B C H W"]:
        y = self.conv0(functional.silu(self.norm0(x)))
        return x + self.conv1(functional.silu(self.norm1(y)))


class EncoderNetwork(nn.Module):
    """Pictures and cameras -> whitened coordinates of styles, those that all layers share and what each adds, and a
    coarse residual of the UV maps.

    Pixels of the two coarsest feature maps are tokens. A transformer decoder answers one query for the shared
    coordinates, one for each layer and one for each patch of the residual; the camera is added to all. Untrained it
    says 0, the mean head.

    Args:
        config: sizes.

    Source: Richardson et al. 2021, "Encoding in Style", and Hu et al. 2022, "Style Transformer for Image Inversion and
    Editing", whose queries it has.
    """

    def __init__(self, config: EncoderConfig) -> None:
        super().__init__()
        self.config = config
        self.stem = nn.Conv2d(4, WIDTHS[0] // 2, 5, stride=2, padding=2)
        stages, inputs = [], WIDTHS[0] // 2
        for width in WIDTHS:
            enter = nn.Conv2d(inputs, width, 3, stride=2, padding=1)
            stages.append(nn.Sequential(enter, *(_Block(width) for _ in range(BLOCKS))))
            inputs = width
        self.stages = nn.ModuleList(stages)
        kept, sides = WIDTHS[-TOKEN_STAGES:], self._token_sides()
        self.to_tokens = nn.ModuleList(
            nn.Sequential(nn.GroupNorm(GROUPS, width), nn.Conv2d(width, QUERY_SIZE, 1)) for width in kept
        )
        self.places = nn.ParameterList(nn.Parameter(0.02 * torch.randn(QUERY_SIZE, side, side)) for side in sides)
        self._patches = config.residual_side // PATCH
        count = 1 + config.num_styles + self._patches**2
        self.queries = nn.Parameter(torch.randn(count, QUERY_SIZE) / math.sqrt(QUERY_SIZE))
        self.camera = nn.Sequential(nn.Linear(LABEL_SIZE, QUERY_SIZE), nn.SiLU(), nn.Linear(QUERY_SIZE, QUERY_SIZE))
        layer = nn.TransformerDecoderLayer(
            QUERY_SIZE, HEADS, 2 * QUERY_SIZE, dropout=0.0, batch_first=True, norm_first=True
        )
        self.decoder = nn.TransformerDecoder(layer, LAYERS, nn.LayerNorm(QUERY_SIZE))
        self.to_shared = nn.Linear(QUERY_SIZE, config.style_size)
        self.to_layers = nn.Linear(QUERY_SIZE, config.style_size)
        self.to_residual = nn.Linear(QUERY_SIZE, config.map_channels * PATCH**2)
        for output in (self.to_shared, self.to_layers, self.to_residual):
            nn.init.zeros_(output.weight)
            nn.init.zeros_(output.bias)
        self.register_buffer("_frontal", Cameras.frontal(1).labels()[0], persistent=False)

    _frontal: Float[Tensor, "25"]

    def forward(self, pixels: Float[Tensor, "B S S 4"], labels: Float[Tensor, "B 25"]) -> HeadEstimate:
        """Estimates of the heads in pictures.

        Args:
            pixels: premultiplied foreground and alpha, 0 to 1.
            labels: of the cameras, see `Cameras.from_labels`.
        """
        # Channels lie last in memory, and so do those of all that follows.
        x = self.stem(2 * pixels.permute(0, 3, 1, 2) - 1)
        tokens = []
        first = len(self.stages) - TOKEN_STAGES
        for number, stage in enumerate(self.stages):
            x = stage(x)
            if number >= first:
                kept = self.to_tokens[number - first](x) + self.places[number - first]
                tokens.append(kept.flatten(2).mT)  # [B, S S, C]
        camera = self.camera(LABEL_SCALE * (labels - self._frontal))
        answers = self.decoder(self.queries + camera[:, None], torch.cat(tokens, dim=1))
        first, layers, patches = answers.split([1, self.config.num_styles, self._patches**2], dim=1)
        residual = self.to_residual(patches).mT.unflatten(2, (self._patches, self._patches))
        return HeadEstimate(
            self.to_shared(first[:, 0]).float(),
            self.to_layers(layers).float(),
            functional.pixel_shuffle(residual, PATCH).float(),
        )

    def _token_sides(self) -> list[int]:
        """Sides of the maps whose pixels are tokens."""
        halvings = range(1 + len(WIDTHS) - TOKEN_STAGES + 1, 1 + len(WIDTHS) + 1)
        return [max(1, self.config.side >> count) for count in halvings]

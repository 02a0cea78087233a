"""A discriminator that looks at what a published network sees in a picture, and learns in minutes what to make of it.

A finished model comes without its discriminator, and a fresh one of its own spoils the generator before it knows
anything (docs/experiments.md). Features of a network that has learned from millions of photographs tell real pictures
from generated ones after a few hundred steps.
"""

import math

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.utils.parametrizations import spectral_norm

from gghead.config.model import LABEL_SIZE, DiscriminatorConfig
from gghead.metrics.efficientnet import LITE1, STAGES, STAGES_OF_MAPS, EfficientNetLite, load_efficientnet
from gghead.stylegan.layers import initialize
from gghead.stylegan.mapping import LabelMapping

SMALLEST_SIDE, LARGEST_SIDE = 128, 256
"""Between these the network sees pictures as large as they are. With maps twice as large training at 512 diverged."""
WIDTHS = (64, 64, 128, 256)
"""Channels of the mixed maps, strides 4, 8, 16 and 32."""
COLOR_STRIDE = 4
"""Of the small pictures, which have as many channels, mixed likewise, as the first map."""
LARGEST_WIDTH = 256
EMBEDDING = 64
"""Numbers that a head makes of a picture, and of a label."""
LAST_SIDE = 4
MIXING_SEED = 0
"""Of the mixing, which is the same in every run."""


class FeatureDiscriminator(nn.Module):
    """Tells real pictures from generated ones by maps of EfficientNet-Lite1, which learns nothing: they are mixed at
    random across channels and sizes, and each of four heads judges one of the mixed maps. A fifth sees small pictures,
    whose colours the network hardly minds.

    Args:
        config: of which only the resolution and the group size count.
        seed: the initial weights follow from it alone; None leaves them unset.

    Raises:
        FileNotFoundError: the extra `features` is not installed.
        ValueError: the weights of the network are not those that gghead knows.

    Source: Sauer et al. 2021, "Projected GANs Converge Faster", sections 3 and 4; labels by Miyato and Koyama 2018,
    "cGANs with Projection Discriminator".
    """

    def __init__(self, config: DiscriminatorConfig, seed: int | None) -> None:
        super().__init__()
        self.config = config
        self.side = min(max(config.resolution, SMALLEST_SIDE), LARGEST_SIDE)
        self.mixed_precision = False
        self._frozen = [load_efficientnet(LITE1)]  # in a list, so that it is no part of the state that a run keeps
        draw = torch.Generator().manual_seed(MIXING_SEED)
        for level, (stage, width) in enumerate(zip(STAGES_OF_MAPS, WIDTHS, strict=True)):
            _, _, _, depth, _ = STAGES[stage]
            self._mix(f"channels{level}", (width, depth, 1, 1), draw)
        for level, width in enumerate(WIDTHS[:-1]):
            self._mix(f"coarser{level}", (width, WIDTHS[level + 1], 1, 1), draw)
            self._mix(f"sizes{level}", (width, width, 3, 3), draw)
        self._mix("colors", (WIDTHS[0], 3, 1, 1), draw)
        sides = [self.side // COLOR_STRIDE, *(self.side >> 2 + level for level in range(len(WIDTHS)))]
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed or 0)
            self.heads = nn.ModuleList(
                _Head(width, side) for width, side in zip((WIDTHS[0], *WIDTHS), sides, strict=True)
            )
        if seed is not None:
            initialize(self, seed)

    def forward(self, pictures: Float[Tensor, "B 3 R R"], labels: Float[Tensor, "B 25"]) -> Float[Tensor, "B 5"]:
        """Evaluates pictures, colours in [-1, 1]; each head's logit, high where it takes a picture for real."""
        return self.judge(self.maps(pictures), labels)

    def maps(self, pictures: Float[Tensor, "B 3 R R"]) -> list[Float[Tensor, "B _ _ _"]]:
        """The small pictures, and mixed maps of the network, finest first."""
        resolution = pictures.shape[-1]
        if resolution > self.side:
            pictures = functional.avg_pool2d(pictures, resolution // self.side)
        elif resolution < self.side:
            pictures = functional.interpolate(pictures, (self.side, self.side), mode="bilinear")
        network = self._network(pictures)
        weights = network._conv_stem.weight
        found = network.last_maps(pictures.to(weights.dtype, memory_format=torch.channels_last))
        mixed = [functional.conv2d(x, self._mixing(f"channels{level}", x)) for level, x in enumerate(found)]
        for level in reversed(range(len(mixed) - 1)):
            coarser = functional.conv2d(mixed[level + 1], self._mixing(f"coarser{level}", mixed[level]))
            x = mixed[level] + functional.interpolate(coarser, scale_factor=2, mode="bilinear")
            mixed[level] = functional.conv2d(x, self._mixing(f"sizes{level}", x), padding=1)
        colors = functional.conv2d(functional.avg_pool2d(pictures, COLOR_STRIDE), self.get_buffer("colors"))
        return [colors.float(), *(x.float() for x in mixed)]

    def judge(self, maps: list[Float[Tensor, "B _ _ _"]], labels: Float[Tensor, "B 25"]) -> Float[Tensor, "B 5"]:
        """Each head's logit for mixed maps."""
        return torch.stack([head(x, labels) for head, x in zip(self.heads, maps, strict=True)], dim=1)

    def fade_in(self, share: float) -> None:
        """No block of it is new; see `Discriminator.fade_in`."""

    def _mix(self, name: str, shape: tuple[int, ...], draw: torch.Generator) -> None:
        self.register_buffer(name, torch.randn(shape, generator=draw, device="cpu") / math.sqrt(math.prod(shape[1:])))

    def _mixing(self, name: str, like: Tensor) -> Tensor:
        return self.get_buffer(name).to(like.dtype)

    def _network(self, pictures: Tensor) -> EfficientNetLite:
        """The frozen network, where the pictures are."""
        (network,) = self._frozen
        wanted = pictures.device, torch.bfloat16 if self.mixed_precision else torch.float32
        if (network._conv_stem.weight.device, network._conv_stem.weight.dtype) != wanted:
            network.to(*wanted, memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue] - not in the stubs
        return network


class _Head(nn.Module):
    """Mixed maps and label -> logit; the convolutions can't stretch differences (spectral normalisation)."""

    def __init__(self, width: int, side: int) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        while side > LAST_SIDE:
            wider = min(2 * width, LARGEST_WIDTH)
            layers += [spectral_norm(nn.Conv2d(width, wider, 4, stride=2, padding=1)), nn.LeakyReLU(0.2)]
            width, side = wider, side // 2
        self.layers = nn.Sequential(*layers, spectral_norm(nn.Conv2d(width, EMBEDDING, LAST_SIDE)))
        self.mapping = LabelMapping(LABEL_SIZE, EMBEDDING, layers=2)

    def forward(self, x: Float[Tensor, "B F r r"], labels: Float[Tensor, "B 25"]) -> Float[Tensor, " B"]:
        """Evaluates maps."""
        return (self.layers(x).flatten(1) * self.mapping(labels)).sum(dim=1) / math.sqrt(EMBEDDING)

